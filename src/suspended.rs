//! Auto Scaling groups whose processes eni-custom has left suspended, and the command that resumes them. Pure.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::facts::{Facts, SUSPENDED};
use crate::goal::Goal;
use crate::settings::{DrainSettings, Settings};
use crate::step::Step;

/// Why processes are suspended while no run is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuspendedBy {
    /// A drain was interrupted.
    Interrupted,
    /// A partial drain has left unequal zones, which AZRebalance would even out without regard to PodDisruptionBudgets.
    Rebalance,
    /// A drain of eni-custom changed the group, but there is no longer a record of it.
    Unrecorded,
}

/// One Auto Scaling group with suspended processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Suspended {
    pub group: String,
    /// `AZRebalance`, `Launch`
    pub processes: Vec<String>,
    pub cause: SuspendedBy,
    /// The cause as text.
    pub why: &'static str,
    /// The command that resumes them.
    pub command: String,
}

/// All such groups. The record counts even if Auto Scaling does not show the processes as suspended.
pub(crate) fn suspended(facts: &Facts, settings: &Settings) -> Vec<Suspended> {
    let record = &facts.record;
    let recorded: BTreeSet<&String> = record.held.keys().chain(&record.rebalance_suspended).collect();
    let mut found: Vec<Suspended> = recorded
        .iter()
        .filter_map(|name| {
            let processes: Vec<String> = record.suspended_by_us(name).into_iter().collect();
            let interrupted = record.held.contains_key(*name);
            let (cause, why, command) = match interrupted {
                true => (SuspendedBy::Interrupted, "because a drain was interrupted", undo_interrupted_drain(settings)),
                false => (
                    SuspendedBy::Rebalance,
                    "because AZRebalance would terminate nodes to even out the zones of a partly drained group",
                    settings.command_line(Goal::Step(Step::DrainNodes)),
                ),
            };
            (!processes.is_empty()).then(|| Suspended {
                group: (*name).clone(),
                processes,
                cause,
                why,
                command,
            })
        })
        .collect();
    // A group that was not drained yet may be suspended by its owner, so compare with the state before the drain.
    for (name, before) in record.suspended_before.iter().filter(|(name, _)| !recorded.contains(name)) {
        let now = facts.node_groups.groups.get(name).map(|group| group.suspended.clone()).unwrap_or_default();
        let left = SUSPENDED.iter().filter(|process| now.contains(**process) && !before.contains(**process));
        let processes: Vec<String> = left.map(ToString::to_string).collect();
        if processes.is_empty() {
            continue;
        }
        let command = format!(
            "aws autoscaling resume-processes --auto-scaling-group-name {name} --scaling-processes {}",
            processes.join(" ")
        );
        let why = "which they were not before eni-custom drained it";
        found.push(Suspended {
            group: name.clone(),
            processes,
            cause: SuspendedBy::Unrecorded,
            why,
            command,
        });
    }
    found
}

/// The command that undoes the temporary changes of an interrupted drain; without `--keep-old-nodes` it would continue
/// the drain.
pub(crate) fn undo_interrupted_drain(settings: &Settings) -> String {
    let drain = DrainSettings { keep_old_nodes: true, ..settings.drain.clone() };
    Settings { drain, ..settings.clone() }.command_line(Goal::Step(Step::DrainNodes))
}

#[cfg(test)]
mod tests {
    use crate::sample::{set_up, settings};

    use super::*;

    fn found(facts: &Facts) -> Vec<(SuspendedBy, String, String)> {
        let all = suspended(facts, &settings(&[])).into_iter();
        all.map(|one| (one.cause, one.processes.join(","), one.command)).collect()
    }

    #[test]
    fn recorded_processes_count_even_if_auto_scaling_does_not_show_them() {
        let mut facts = set_up();
        assert_eq!(found(&facts), []);
        facts.record.held.insert("old".into(), ["Launch".to_string()].into());
        facts.record.rebalance_suspended.insert("half".into());
        let found = found(&facts);
        assert_eq!((found[0].0, found[0].1.as_str()), (SuspendedBy::Rebalance, "AZRebalance"));
        assert!(found[0].2.starts_with("eni-custom drain-nodes"), "{found:?}");
        assert_eq!((found[1].0, found[1].1.as_str()), (SuspendedBy::Interrupted, "Launch"));
        assert!(found[1].2.contains("--keep-old-nodes"), "{found:?}");
    }

    #[test]
    fn processes_that_were_not_suspended_before_the_drain_are_reported_too() {
        let mut facts = set_up();
        let both = || SUSPENDED.iter().map(ToString::to_string).collect();
        facts.node_groups.groups.get_mut("old").unwrap().suspended = both();
        assert_eq!(found(&facts), [], "no drain has changed it");
        facts.record.suspended_before.insert("old".into(), ["AZRebalance".to_string()].into());
        let command =
            "aws autoscaling resume-processes --auto-scaling-group-name old --scaling-processes Launch";
        assert_eq!(found(&facts), [(SuspendedBy::Unrecorded, "Launch".into(), command.into())]);
        facts.record.suspended_before.insert("old".into(), both());
        assert_eq!(found(&facts), [], "its owner suspended them");
    }
}
