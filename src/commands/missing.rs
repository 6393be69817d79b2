//! What a run would have to ask for if there were a terminal, all at once: a CI job is not run again for each answer.

use crate::error::Error;
use crate::goal::Goal;
use crate::run;
use crate::settings::Settings;
use crate::text::subject;

/// Why a run that must ask can't start.
pub(super) async fn refusal(settings: &Settings, goal: Goal) -> Error {
    let target = run::missing_target(settings).await;
    refused(settings, goal, target)
}

/// `target`: the flags that name the cluster and are missing.
fn refused(settings: &Settings, goal: Goal, target: Vec<&'static str>) -> Error {
    let mut complete = settings.clone();
    let name = complete.target.cluster.get_or_insert_with(|| "NAME".into()).clone();
    if target.contains(&"--region") {
        complete.target.region = Some("REGION".into());
    }
    let mut missing = target;
    let needs_name = goal.is_undo() || settings.drain.disable_eviction;
    if needs_name && settings.run.confirm_cluster.is_none() {
        missing.push("--confirm-cluster");
        complete = complete.confirmed(name);
    }
    missing.push("--yes");
    let count = missing.len();
    Error::refused(format!(
        "{} missing, and there is no terminal to ask for {}; nothing was changed",
        subject(count, "flag", "is", "are"),
        if count == 1 { "it" } else { "them" },
    ))
    .at(missing.join(", "))
    .because("stdin or stderr is not a terminal")
    .fix(complete.command_line(goal))
}

#[cfg(test)]
mod tests {
    use crate::goal::Undo;
    use crate::sample::settings;

    use super::*;

    fn said(settings: &Settings, goal: Goal, target: Vec<&'static str>) -> [String; 3] {
        let error = refused(settings, goal, target);
        [error.what(), error.place().unwrap(), error.fix_command().unwrap()].map(ToString::to_string)
    }

    #[test]
    fn all_missing_flags_are_named_at_once() {
        let mut none = settings(&["--disable-eviction"]);
        none.target.cluster = None;
        assert_eq!(
            said(&none, Goal::Setup, vec!["--cluster", "--region"]),
            [
                "4 flags are missing, and there is no terminal to ask for them; nothing was changed",
                "--cluster, --region, --confirm-cluster, --yes",
                "eni-custom setup --cluster NAME --region REGION --disable-eviction --confirm-cluster NAME --yes"
            ]
        );
        let given = settings(&["--cluster", "shop", "--region", "r"]);
        assert_eq!(
            said(&given, Goal::Setup, Vec::new()),
            [
                "1 flag is missing, and there is no terminal to ask for it; nothing was changed",
                "--yes",
                "eni-custom setup --cluster shop --region r --yes"
            ]
        );
        let undo = said(&given, Goal::Undo(Undo::WHOLE), Vec::new());
        assert_eq!(
            undo[1..],
            [
                "--confirm-cluster, --yes",
                "eni-custom undo --cluster shop --region r --confirm-cluster shop --yes"
            ]
        );
    }
}
