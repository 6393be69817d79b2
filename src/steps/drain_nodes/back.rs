//! The way back of step 9: the old node groups at their recorded sizes again, or others in the place of those that are
//! gone, and their nodes Ready.

use std::collections::BTreeSet;

use crate::design::Design;
use crate::discover::Section;
use crate::drain;
use crate::drain::owner::restore_managed;
use crate::error::Result;
use crate::facts::Facts;
use crate::k8s::nodes;
use crate::k8s::record::Sizes;
use crate::settings::Settings;
use crate::steps::{Change, Rules, Sign, Step};
use crate::walk::{Seen, Walk};

use super::stand_in::{self, Launch};
use crate::steps::patch_security_groups::Launches;

pub struct Back;

#[derive(Debug, Clone)]
pub enum Return {
    /// What a drain that was cut holds back: processes, cordons, sizes of Deployments.
    LetGo,
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
}

impl Rules for Back {
    type Change = Return;
    const STEP: Step = Step::DrainNodes;
    const READS: &'static [Section] = &[Section::NodeGroups, Section::Nodes];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<Return> {
        let record = &facts.record;
        let mut returns = Vec::new();
        if record.is_holding() {
            returns.push(Return::LetGo);
        }
        for (name, before) in &record.groups {
            let Some(group) = facts.node_groups.groups.get(name) else { continue };
            let now = Sizes { min: group.min, desired: group.desired, max: group.max };
            if lacks(now, *before) {
                returns.push(Return::Group { name: name.clone(), now, before: *before });
            }
        }
        for group in &facts.node_groups.managed {
            let Some(before) = record.managed.get(&group.name).copied() else { continue };
            let now = Sizes { min: group.min, desired: group.desired, max: group.max };
            if lacks(now, before) {
                returns.push(Return::Managed { name: group.name.clone(), now, before });
            }
        }
        returns.extend(stand_in::changes(design, facts).into_iter().map(Return::StandIn));
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
            Return::LetGo => {
                Change::new(Sign::Change, "what a drain that was cut holds back: node groups, cordons")
                    .from_to("held", Some("yes"), "no")
            }
            Return::Group { name, now, before } => sized(format!("Auto Scaling group {name}"), now, before),
            Return::Managed { name, now, before } => sized(format!("managed node group {name}"), now, before),
            Return::StandIn(launch) => stand_in::describe(launch),
        }
    }

    async fn apply(walk: &mut Walk, change: Return) -> Result<()> {
        match change {
            Return::LetGo => drain::put_back(walk, &Default::default(), &Default::default()).await,
            Return::Group { name, before, .. } => walk.clients.aws.autoscaling.set_sizes(&name, before).await,
            Return::Managed { name, before, .. } => restore_managed(walk, &name, before).await,
            Return::StandIn(launch) => stand_in::launch(walk, launch).await,
        }
    }

    /// All that the groups are to have is Ready: only then can pods move there.
    async fn settle(walk: &mut Walk) -> Result<()> {
        stand_in::settle(walk).await?;
        let stacks: BTreeSet<String> =
            stand_in::stand_ins(&walk.design, &walk.facts).into_iter().map(|one| one.stack).collect();
        let managed = walk.facts.node_groups.managed.iter().flat_map(|group| group.groups.clone());
        let names: BTreeSet<String> = walk.facts.record.groups.keys().cloned().chain(managed).collect();
        if names.is_empty() && stacks.is_empty() {
            return Ok(());
        }
        let mut launches = Launches::default();
        walk.until("old nodes Ready", async || {
            let groups = walk.clients.aws.autoscaling.groups_of_cluster(&walk.facts.cluster.name).await?;
            let nodes = nodes::list(&walk.clients.kube.client).await?;
            let of_stack = |stack: &String| groups.values().find(|group| group.stack() == Some(stack));
            let unseen = stacks.iter().filter(|stack| of_stack(stack).is_none());
            let mut waiting: Vec<String> =
                unseen.map(|stack| format!("{stack}: group not yet visible")).collect();
            let returning = groups.values().filter(|group| {
                names.contains(&group.name) || group.stack().is_some_and(|stack| stacks.contains(stack))
            });
            for group in returning {
                let ready = nodes.iter().filter(|node| node.ready && group.holds(node)).count();
                // One that has stopped to report does not come back by being waited for; the checks name it.
                let silent = nodes.iter().filter(|node| node.is_unreachable() && group.holds(node)).count();
                let wanted = usize::try_from(group.desired).unwrap_or_default().saturating_sub(silent);
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
    let managed = there.managed.iter().filter(|group| fewer(group.desired, record.managed.get(&group.name)));
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
