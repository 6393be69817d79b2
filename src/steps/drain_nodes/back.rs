//! The way back of step 9: the old node groups at their recorded sizes again, or others in the place of those that are
//! gone, and their nodes Ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::design::Design;
use crate::discover::Section;
use crate::drain;
use crate::drain::suspend::{REBALANCE, read_groups, restore_managed, resume_rebalance};
use crate::error::Result;
use crate::facts::{AutoScalingGroup, Facts, Node};
use crate::k8s::nodes;
use crate::k8s::record::Sizes;
use crate::settings::Settings;
use crate::steps::{Change, Rules, Sign, Step};
use crate::walk::{CONSISTENCY, Seen, Walk};

use super::stand_in::{self, Launch};
use crate::steps::patch_security_groups::Launches;

pub struct Back;

#[derive(Debug, Clone)]
pub enum Return {
    /// What an interrupted drain has left behind: suspended processes, cordons, sizes of Deployments.
    PutBack,
    Group {
        name: String,
        now: Sizes,
        before: Sizes,
    },
    Managed {
        name: String,
        now: Sizes,
        before: Sizes,
    },
    /// Something of the groups that stand in for those that are gone.
    StandIn(Launch),
    /// AZRebalance of groups that were drained in part, once they have their nodes again.
    Rebalance,
}

impl Rules for Back {
    type Change = Return;
    const STEP: Step = Step::DrainNodes;
    const READS: &'static [Section] = &[Section::NodeGroups, Section::Nodes];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<Return> {
        let record = &facts.record;
        let mut returns = Vec::new();
        if record.is_holding() {
            returns.push(Return::PutBack);
        }
        // An answer about a group that an interrupted drain has just changed may be from before that.
        for (name, before) in &record.groups {
            let Some(group) = facts.node_groups.groups.get(name) else { continue };
            let now = group.sizes();
            if lacks(now, *before) || record.held.contains_key(name) {
                returns.push(Return::Group { name: name.clone(), now, before: *before });
            }
        }
        for group in &facts.node_groups.managed {
            let Some(before) = record.managed.get(&group.name).copied() else { continue };
            let now = facts.node_groups.sizes_of(group);
            if lacks(now, before) || record.held_managed.contains(&group.name) {
                returns.push(Return::Managed { name: group.name.clone(), now, before });
            }
        }
        returns.extend(stand_in::changes(design, facts).into_iter().map(Return::StandIn));
        if !record.rebalance_suspended.is_empty() || !record.held.is_empty() {
            returns.push(Return::Rebalance);
        }
        returns
    }

    fn describe(change: &Return) -> Change {
        let sized = |resource: String, now: &Sizes, before: &Sizes| {
            Change::new(Sign::Change, resource)
                .from_to("nodes", Some(now.desired.to_string()), before.desired.to_string())
                .from_to("at least", Some(now.min.to_string()), before.min.to_string())
                .from_to("at most", Some(now.max.to_string()), before.max.to_string())
        };
        match change {
            Return::PutBack => super::interrupted(),
            Return::Rebalance => Change::new(Sign::Change, "Auto Scaling groups that were drained in part")
                .from_to(REBALANCE, Some("suspended"), "resumed"),
            Return::Group { name, now, before } => sized(format!("Auto Scaling group {name}"), now, before),
            Return::Managed { name, now, before } => sized(format!("managed node group {name}"), now, before),
            Return::StandIn(launch) => stand_in::describe(launch),
        }
    }

    async fn apply(walk: &mut Walk, change: Return) -> Result<()> {
        match change {
            Return::PutBack => drain::put_back(walk, &Default::default(), &Default::default()).await,
            Return::Group { name, before, .. } => restore(walk, &name, before).await,
            Return::Managed { name, before, .. } => restore_managed(walk, &name, before).await,
            Return::StandIn(launch) => stand_in::launch(walk, launch).await,
            Return::Rebalance => {
                // Before, AZRebalance would even out the zones that the drain has left lopsided.
                old_nodes_ready(walk).await?;
                let kept = walk.facts.record.rebalance_suspended.clone();
                if kept.is_empty() { Ok(()) } else { resume_rebalance(walk, &kept).await }
            }
        }
    }

    /// All that the groups are to have is Ready: only then can pods move there.
    async fn settle(walk: &mut Walk) -> Result<()> {
        stand_in::settle(walk).await?;
        old_nodes_ready(walk).await
    }
}

/// Gives a group the sizes that it had; nodes that an autoscaler started beyond them stay.
async fn restore(walk: &Walk, name: &str, before: Sizes) -> Result<()> {
    let now = read_groups(walk).await?.get(name).map_or(0, |group| group.desired);
    let desired = now.clamp(before.desired, before.max.max(before.desired));
    walk.clients.aws.autoscaling.set_sizes(name, Sizes { desired, ..before }).await
}

/// Waits until all old groups have the nodes that they had, Ready.
async fn old_nodes_ready(walk: &Walk) -> Result<()> {
    let there = &walk.facts.node_groups;
    let stacks: BTreeSet<String> =
        stand_in::stand_ins(&walk.design, &walk.facts).into_iter().map(|one| one.stack).collect();
    let managed = there.managed.iter().flat_map(|group| group.groups.clone());
    let names: BTreeSet<String> = walk.facts.record.groups.keys().cloned().chain(managed).collect();
    if names.is_empty() && stacks.is_empty() {
        return Ok(());
    }
    let mut launches = Launches::default();
    let started = Instant::now();
    let mut written = false;
    walk.until("old nodes Ready", async || {
        let groups = read_groups(walk).await?;
        // The answer that the changes were planned from may have been from before an earlier run's writes.
        if !written && started.elapsed() > CONSISTENCY {
            written = true;
            write_again(walk, &groups).await?;
        }
        let nodes = nodes::list(&walk.clients.kube.client).await?;
        let of_stack = |stack: &String| groups.values().find(|group| group.stack() == Some(stack));
        let unseen = stacks.iter().filter(|stack| of_stack(stack).is_none());
        let mut waiting: Vec<String> =
            unseen.map(|stack| format!("{stack}: group not yet visible")).collect();
        let returning = groups.values().filter(|group| {
            names.contains(&group.name) || group.stack().is_some_and(|stack| stacks.contains(stack))
        });
        for group in returning {
            let capacity = |counts: &dyn Fn(&Node) -> bool| {
                let ids =
                    nodes.iter().filter(|node| counts(node)).filter_map(|node| node.instance_id.as_deref());
                let ids: BTreeSet<&str> = ids.collect();
                group.capacity(|instance| ids.contains(instance.id.as_str()))
            };
            let ready = capacity(&|node| node.ready);
            // One that has stopped to report does not come back by being waited for; the checks name it.
            let silent = capacity(&Node::is_unreachable);
            // An answer may still show the desired capacity from before it was restored.
            let before = before(&walk.facts, group).map_or(0, |before| before.desired);
            let wanted = group.desired.max(before).saturating_sub(silent);
            if ready >= wanted {
                continue;
            }
            let next = "the group keeps trying: run this again when there is capacity";
            let failure = launches.failure(walk, group, "an old group", next).await?;
            let told = failure.unwrap_or_else(|| format!("{ready} of {wanted} Ready"));
            waiting.push(format!("{}: {told}", group.name));
        }
        Ok(if waiting.is_empty() { Seen::Yes(()) } else { Seen::NotYet(waiting.join("; ")) })
    })
    .await
}

/// Restores groups that lack sizes for longer than answers may lag.
async fn write_again(walk: &Walk, groups: &BTreeMap<String, AutoScalingGroup>) -> Result<()> {
    for group in groups.values() {
        let Some(before) = before(&walk.facts, group).filter(|before| lacks(group.sizes(), *before)) else {
            continue;
        };
        match walk.facts.node_groups.manager(&group.name) {
            Some(managed) => restore_managed(walk, &managed.name, before).await?,
            None => restore(walk, &group.name, before).await?,
        }
    }
    Ok(())
}

/// The sizes that a group had before it was drained; of a managed node group's, where it is the only one of it.
fn before(facts: &Facts, group: &AutoScalingGroup) -> Option<Sizes> {
    let record = &facts.record;
    match facts.node_groups.manager(&group.name) {
        Some(managed) if managed.groups.len() == 1 => record.managed.get(&managed.name).copied(),
        Some(_) => None,
        None => record.groups.get(&group.name).copied(),
    }
}

/// Other bounds, or fewer nodes. More than before are the autoscaler's.
fn lacks(now: Sizes, before: Sizes) -> bool {
    (now.min, now.max) != (before.min, before.max) || now.desired < before.desired
}

/// Auto Scaling groups that are to start nodes again; a managed node group's by its own.
pub fn returning(facts: &Facts) -> Vec<String> {
    let (record, there) = (&facts.record, &facts.node_groups);
    let fewer = |desired: i32, before: Option<&Sizes>| before.is_some_and(|before| desired < before.desired);
    let groups = there.groups.values().filter(|group| fewer(group.desired, record.groups.get(&group.name)));
    let managed = there
        .managed
        .iter()
        .filter(|group| fewer(there.sizes_of(group).desired, record.managed.get(&group.name)));
    let of_managed = managed.flat_map(|group| group.groups.iter().cloned());
    groups.map(|group| group.name.clone()).chain(of_managed).collect()
}

/// Old groups that were recorded and are gone by now.
pub fn missing(facts: &Facts) -> Vec<&str> {
    let there = &facts.node_groups;
    let groups = facts.record.groups.keys().filter(|name| !there.groups.contains_key(*name));
    let managed =
        facts.record.managed.keys().filter(|name| !there.managed.iter().any(|group| group.name == **name));
    groups.chain(managed).map(String::as_str).collect()
}
