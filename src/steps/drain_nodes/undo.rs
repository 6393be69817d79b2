//! Undo of step 9: restores the recorded sizes of the old node groups, launches replacement node groups for those that
//! are gone, and waits until their nodes are Ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::design::replacement::replacements;
use crate::discover::Section;
use crate::drain;
use crate::drain::suspend::{read_groups, restore_managed, resume_rebalance};
use crate::error::Result;
use crate::events::Part;
use crate::facts::{AutoScalingGroup, Facts, Node, REBALANCE, Sizes};
use crate::k8s::nodes;
use crate::scene::Scene;
use crate::session::{CONSISTENCY, Seen, Session};
use crate::step::{Change, Sign, Step};
use crate::steps::Rules;
use crate::steps::patch_security_groups::Launches;

use super::drift::{self, DriftBack};
use super::replacement::{self, Launch};

pub(crate) struct UndoDrainNodes;

#[derive(Debug, Clone)]
pub(crate) enum DrainUndo {
    /// What an interrupted drain left behind: suspended processes, cordons, sizes of Deployments.
    CleanUp,
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
    /// A resource of the node groups that replace those that are gone.
    Replacement(Launch),
    Karpenter(DriftBack),
    /// Resumes AZRebalance of partly drained groups, once they have their nodes again.
    Rebalance,
}

impl Rules for UndoDrainNodes {
    type Change = DrainUndo;
    const STEP: Step = Step::DrainNodes;
    const READS: &'static [Section] = &[Section::NodeGroups, Section::Nodes, Section::Karpenter];

    fn changes(scene: &Scene<'_>) -> Vec<DrainUndo> {
        let Scene { design, facts, .. } = *scene;
        let record = &facts.record;
        let mut changes = Vec::new();
        if record.drain_is_open() {
            changes.push(DrainUndo::CleanUp);
        }
        // Auto Scaling may still show the sizes from before an interrupted drain changed them.
        for (name, before) in &record.groups {
            let Some(group) = facts.node_groups.groups.get(name) else { continue };
            let now = group.sizes();
            if lacks(now, *before) || record.held.contains_key(name) {
                changes.push(DrainUndo::Group { name: name.clone(), now, before: *before });
            }
        }
        for group in &facts.node_groups.managed {
            let Some(before) = record.managed.get(&group.name).copied() else { continue };
            let now = facts.node_groups.sizes_of(group);
            if lacks(now, before) || record.held_managed.contains(&group.name) {
                changes.push(DrainUndo::Managed { name: group.name.clone(), now, before });
            }
        }
        changes.extend(replacement::changes(design, facts).into_iter().map(DrainUndo::Replacement));
        changes.extend(drift::undo(scene).into_iter().map(DrainUndo::Karpenter));
        if !record.rebalance_suspended.is_empty() || !record.held.is_empty() {
            changes.push(DrainUndo::Rebalance);
        }
        changes
    }

    fn describe(change: &DrainUndo) -> Change {
        let sized = |resource: String, now: &Sizes, before: &Sizes| {
            Change::new(Sign::Change, resource)
                .before_after("desired size", Some(now.desired.to_string()), before.desired.to_string())
                .before_after("min size", Some(now.min.to_string()), before.min.to_string())
                .before_after("max size", Some(now.max.to_string()), before.max.to_string())
        };
        match change {
            DrainUndo::CleanUp => super::interrupted(),
            DrainUndo::Rebalance => Change::new(Sign::Change, "partly drained Auto Scaling groups")
                .before_after(REBALANCE, Some("suspended"), "resumed"),
            DrainUndo::Group { name, now, before } => {
                sized(format!("Auto Scaling group {name}"), now, before)
            }
            DrainUndo::Managed { name, now, before } => {
                sized(format!("managed node group {name}"), now, before)
            }
            DrainUndo::Replacement(launch) => replacement::describe(launch),
            DrainUndo::Karpenter(back) => back.describe(),
        }
    }

    async fn apply(session: &mut Session, change: DrainUndo) -> Result<()> {
        match change {
            DrainUndo::CleanUp => drain::put_back(session, &Default::default(), &Default::default()).await,
            DrainUndo::Group { name, before, .. } => restore(session, &name, before).await,
            DrainUndo::Managed { name, before, .. } => restore_managed(session, &name, before).await,
            DrainUndo::Replacement(launch) => replacement::launch(session, launch).await,
            DrainUndo::Karpenter(back) => back.start(session).await,
            DrainUndo::Rebalance => {
                // Earlier, AZRebalance would even out the zones that the drain left unbalanced.
                old_nodes_ready(session).await?;
                let kept = session.facts.record.rebalance_suspended.clone();
                if kept.is_empty() { Ok(()) } else { resume_rebalance(session, &kept).await }
            }
        }
    }

    /// Waits until all nodes of the groups are Ready: only then can pods move there.
    async fn settle(session: &mut Session) -> Result<()> {
        replacement::settle(session).await?;
        old_nodes_ready(session).await?;
        drift::returned(session).await
    }
}

/// Restores the sizes of a group; nodes that an autoscaler started beyond them are kept.
async fn restore(session: &Session, name: &str, before: Sizes) -> Result<()> {
    let now = read_groups(session).await?.get(name).map_or(0, |group| group.desired);
    let desired = now.clamp(before.desired, before.max.max(before.desired));
    session.clients.aws.autoscaling.set_sizes(name, Sizes { desired, ..before }).await
}

/// Waits until all old groups have their previous nodes, Ready.
async fn old_nodes_ready(session: &Session) -> Result<()> {
    let there = &session.facts.node_groups;
    let stacks: BTreeSet<String> =
        replacements(&session.design, &session.facts).into_iter().map(|one| one.stack).collect();
    let managed = there.managed.iter().flat_map(|group| group.groups.clone());
    let names: BTreeSet<String> = session.facts.record.groups.keys().cloned().chain(managed).collect();
    if names.is_empty() && stacks.is_empty() {
        return Ok(());
    }
    let mut launches = Launches::default();
    let started = Instant::now();
    let mut written = false;
    session
        .until("old nodes to be Ready", async || {
            let groups = read_groups(session).await?;
            // The sizes that were planned from may have been older than an earlier run's writes.
            if !written && started.elapsed() > CONSISTENCY {
                written = true;
                write_again(session, &groups).await?;
            }
            let nodes = nodes::list(&session.clients.kube.client).await?;
            let of_stack = |stack: &String| groups.values().find(|group| group.stack() == Some(stack));
            let unseen = stacks.iter().filter(|stack| of_stack(stack).is_none());
            let mut waiting: Vec<String> =
                unseen.map(|stack| format!("{stack}: group not visible yet")).collect();
            let returning = groups.values().filter(|group| {
                names.contains(&group.name) || group.stack().is_some_and(|stack| stacks.contains(stack))
            });
            let (mut there, mut all) = (0, 0);
            for group in returning {
                let capacity = |counts: &dyn Fn(&Node) -> bool| {
                    let ids = nodes
                        .iter()
                        .filter(|node| counts(node))
                        .filter_map(|node| node.instance_id.as_deref());
                    let ids: BTreeSet<&str> = ids.collect();
                    group.capacity(|instance| ids.contains(instance.id.as_str()))
                };
                let ready = capacity(&|node| node.ready);
                // Waiting does not bring back a node that has stopped reporting; the checks name it.
                let silent = capacity(&Node::is_unreachable);
                // Auto Scaling may still show the desired capacity from before it was restored.
                let before = before(&session.facts, group).map_or(0, |before| before.desired);
                let wanted = group.desired.max(before).saturating_sub(silent);
                there += usize::try_from(ready.min(wanted)).unwrap_or_default();
                all += usize::try_from(wanted).unwrap_or_default();
                if ready >= wanted {
                    continue;
                }
                let next = "the group keeps trying: run the same command again when there is capacity";
                let failure = launches.failure(session, group, "an old group", next).await?;
                let progress = failure.unwrap_or_else(|| format!("{ready} of {wanted} Ready"));
                waiting.push(format!("{}: {progress}", group.name));
            }
            let part = Part { done: there, of: all, noun: "node" };
            Ok(if waiting.is_empty() { Seen::Yes(()) } else { Seen::Partly(part, waiting.join("; ")) })
        })
        .await
}

/// Restores the sizes again where they are still wrong after `CONSISTENCY`.
async fn write_again(session: &Session, groups: &BTreeMap<String, AutoScalingGroup>) -> Result<()> {
    for group in groups.values() {
        let Some(before) = before(&session.facts, group).filter(|before| lacks(group.sizes(), *before))
        else {
            continue;
        };
        match session.facts.node_groups.manager(&group.name) {
            Some(managed) => restore_managed(session, &managed.name, before).await?,
            None => restore(session, &group.name, before).await?,
        }
    }
    Ok(())
}

/// The sizes of a group before the drain; of a managed node group only if this is its only Auto Scaling group.
fn before(facts: &Facts, group: &AutoScalingGroup) -> Option<Sizes> {
    let record = &facts.record;
    match facts.node_groups.manager(&group.name) {
        Some(managed) if managed.groups.len() == 1 => record.managed.get(&managed.name).copied(),
        Some(_) => None,
        None => record.groups.get(&group.name).copied(),
    }
}

/// Other bounds, or fewer nodes. Additional nodes were started by the autoscaler.
fn lacks(now: Sizes, before: Sizes) -> bool {
    (now.min, now.max) != (before.min, before.max) || now.desired < before.desired
}
