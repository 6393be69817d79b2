//! Auto Scaling groups whose processes this program has left suspended, and the command that ends it. Pure.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::facts::{Facts, SUSPENDED};
use crate::settings::Settings;

/// Why processes are suspended while no run is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A drain was interrupted.
    Interrupted,
    /// A drain that ended half-way left zones that AZRebalance would even out, past every PodDisruptionBudget.
    Rebalance,
    /// A drain of this program touched the group, and nothing is recorded any more.
    Unrecorded,
}

/// One Auto Scaling group with suspended processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suspended {
    pub group: String,
    /// `AZRebalance`, `Launch`
    pub processes: Vec<String>,
    pub cause: Cause,
    /// The cause in words.
    pub why: &'static str,
    /// What resumes them.
    pub command: String,
}

/// All of them. What the record says counts, whether or not an answer of Auto Scaling shows it.
pub fn suspended(facts: &Facts, settings: &Settings) -> Vec<Suspended> {
    let record = &facts.record;
    let recorded: BTreeSet<&String> = record.held.keys().chain(&record.rebalance_suspended).collect();
    let mut found: Vec<Suspended> = recorded
        .iter()
        .filter_map(|name| {
            let processes: Vec<String> = record.suspended_by_us(name).into_iter().collect();
            let interrupted = record.held.contains_key(*name);
            let (cause, why, command) = match interrupted {
                true => (Cause::Interrupted, "because a drain was interrupted", put_back(settings)),
                false => (
                    Cause::Rebalance,
                    "because AZRebalance would terminate nodes to even out the zones of a group that was drained in part",
                    settings.command_line("drain-nodes"),
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
    // A group that is still to be drained may well be suspended by its owner; one that we drained was not, before.
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
        let why = "which they were not before this program drained it";
        found.push(Suspended { group: name.clone(), processes, cause: Cause::Unrecorded, why, command });
    }
    found
}

/// The command that puts back what an interrupted drain changed; without `--keep-old-nodes` it goes on with the drain.
pub fn put_back(settings: &Settings) -> String {
    let mut settings = settings.clone();
    settings.keep_old_nodes = true;
    settings.command_line("drain-nodes")
}

#[cfg(test)]
mod tests {
    use crate::sample::{set_up, settings};

    use super::*;

    fn told(facts: &Facts) -> Vec<(Cause, String, String)> {
        let all = suspended(facts, &settings(&[])).into_iter();
        all.map(|one| (one.cause, one.processes.join(","), one.command)).collect()
    }

    #[test]
    fn what_the_record_says_is_suspended_counts_whatever_shows() {
        let mut facts = set_up();
        assert_eq!(told(&facts), []);
        facts.record.held.insert("old".into(), ["Launch".to_string()].into());
        facts.record.rebalance_suspended.insert("half".into());
        let told = told(&facts);
        assert_eq!((told[0].0, told[0].1.as_str()), (Cause::Rebalance, "AZRebalance"));
        assert!(told[0].2.starts_with("eni-custom drain-nodes"), "{told:?}");
        assert_eq!((told[1].0, told[1].1.as_str()), (Cause::Interrupted, "Launch"));
        assert!(told[1].2.contains("--keep-old-nodes"), "{told:?}");
    }

    #[test]
    fn what_shows_and_was_not_so_before_the_drain_is_told_too() {
        let mut facts = set_up();
        let both = || SUSPENDED.iter().map(ToString::to_string).collect();
        facts.node_groups.groups.get_mut("old").unwrap().suspended = both();
        assert_eq!(told(&facts), [], "no drain has touched it");
        facts.record.suspended_before.insert("old".into(), ["AZRebalance".to_string()].into());
        let command =
            "aws autoscaling resume-processes --auto-scaling-group-name old --scaling-processes Launch";
        assert_eq!(told(&facts), [(Cause::Unrecorded, "Launch".into(), command.into())]);
        facts.record.suspended_before.insert("old".into(), both());
        assert_eq!(told(&facts), [], "it is somebody else's");
    }
}
