//! Suspends node groups while their nodes are drained, and resumes them afterwards.
//!
//! Auto Scaling is eventually consistent, so a single answer is never trusted: every recorded suspension is resumed,
//! bounds are always written, and the record is cleared only when an answer shows the change.

mod before;
mod managed;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::events::Interrupt;
use crate::facts::{
    AutoScalingGroup, Facts, LAUNCH, ManagedNodeGroup, Owner, REBALANCE, SUSPENDED, chosen, group, owner,
};
use crate::session::{CONSISTENCY, Seen, Session, until};

use before::{record_state, shapes, sizes};

pub(crate) use managed::restore as restore_managed;

type Groups = BTreeMap<String, AutoScalingGroup>;

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrainEnd {
    /// All drained nodes are gone.
    Done,
    /// It stopped early, or an earlier run did.
    GivenUp,
}

/// Reads all Auto Scaling groups of the cluster.
pub(crate) async fn read_groups(session: &Session) -> Result<Groups> {
    let facts = &session.facts;
    let names = facts.group_names().chain(facts.node_groups.groups.keys().cloned()).collect();
    session.clients.aws.autoscaling.groups(&facts.cluster.name, &names).await
}

/// Stops the node groups of these nodes from launching instances, and lets them shrink. Records their state first.
pub(crate) async fn suspend(session: &mut Session, nodes: &BTreeSet<String>) -> Result<()> {
    let Owners { groups, managed } = Owners::of(&session.facts, nodes);
    if groups.is_empty() {
        return Ok(());
    }
    let by_others = suspended_by_others(session, &groups).await?;
    let shapes = shapes(&session.facts, nodes);
    let sizes = sizes(&session.facts, &groups);
    session.remember(|record| record_state(record, sizes, shapes, &by_others, &managed)).await?;
    for (name, processes) in session.facts.record.held.clone() {
        if groups.contains(&name) && !processes.is_empty() {
            session.clients.aws.autoscaling.suspend(&name, &processes).await?;
        }
    }
    // Only from here on can a group get no more instances.
    let held = session.facts.record.held.clone();
    let shown = session.until("Auto Scaling to report the suspended processes", async || {
        let found = read_groups(session).await?;
        let suspended = |name: &String| {
            let processes = held.get(name).cloned().unwrap_or_default();
            found.get(name).is_none_or(|group| processes.is_subset(&group.suspended))
        };
        let waiting: Vec<&str> = groups.iter().filter(|name| !suspended(name)).map(String::as_str).collect();
        Ok(if waiting.is_empty() { Seen::Yes(found) } else { Seen::NotYet(waiting.join(", ")) })
    });
    session.facts.node_groups.groups = shown.await?;
    for name in &groups {
        let Some(group) = session.facts.node_groups.groups.get(name).cloned() else { continue };
        if session.facts.node_groups.manager(name).is_some() {
            continue;
        }
        let (min, max) = while_drained(&session.facts, &group, nodes);
        if (min, max) != (group.min, group.max) {
            session.clients.aws.autoscaling.set_bounds(name, min, max).await?;
        }
    }
    for name in &managed {
        managed::suspend(session, name, nodes).await?;
    }
    Ok(())
}

/// The groups whose nodes are drained.
struct Owners {
    /// Auto Scaling groups, including those of managed node groups.
    groups: BTreeSet<String>,
    managed: BTreeSet<String>,
}

impl Owners {
    fn of(facts: &Facts, nodes: &BTreeSet<String>) -> Self {
        let mut owners = Owners { groups: BTreeSet::new(), managed: BTreeSet::new() };
        for node in chosen(facts, nodes) {
            match owner(facts, node) {
                Owner::Managed(name) => drop(owners.managed.insert(name)),
                Owner::Group(_) => {}
                Owner::NodeClaim(_) | Owner::Unowned => continue,
            }
            owners.groups.extend(group(facts, node).map(ToString::to_string));
        }
        owners
    }
}

/// Processes that somebody else has suspended. An answer may still show processes that an earlier drain has resumed, so
/// such a group is read again until they are gone, or until an answer can no longer be stale.
async fn suspended_by_others(
    session: &Session,
    groups: &BTreeSet<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let record = &session.facts.record;
    let by_others = |name: &String, group: &AutoScalingGroup| -> BTreeSet<String> {
        let by_us = record.suspended_by_us(name);
        let suspended = SUSPENDED.iter().filter(|process| group.suspended.contains(**process));
        suspended.map(ToString::to_string).filter(|process| !by_us.contains(process)).collect()
    };
    let all = |found: &Groups| -> BTreeMap<String, BTreeSet<String>> {
        let named = groups.iter().filter_map(|name| Some((name, found.get(name)?)));
        named.map(|(name, group)| (name.clone(), by_others(name, group))).collect()
    };
    let first = all(&session.facts.node_groups.groups);
    let may_lag = |by_others: &BTreeMap<String, BTreeSet<String>>| {
        by_others.iter().any(|(name, processes)| {
            record.suspended_before.get(name).is_some_and(|before| !processes.is_subset(before))
        })
    };
    if !may_lag(&first) {
        return Ok(first);
    }
    let mut last = first;
    let settled = until(
        &session.events,
        &session.interrupt,
        CONSISTENCY,
        "Auto Scaling to report the current suspended processes",
        async || {
            last = all(&read_groups(session).await?);
            Ok(if may_lag(&last) {
                Seen::NotYet("Launch or AZRebalance is suspended".into())
            } else {
                Seen::Yes(())
            })
        },
    );
    match settled.await {
        Err(error) if error.exit() == crate::exit::Exit::Interrupted || !error.code().is_empty() => {
            Err(error)
        }
        _ => Ok(last),
    }
}

/// Capacity units of the group's instances that are not drained.
fn staying(facts: &Facts, group: &AutoScalingGroup, drained: &BTreeSet<String>) -> i32 {
    let leaves = |id: &str| chosen(facts, drained).any(|node| node.instance_id.as_deref() == Some(id));
    group.capacity(|instance| !leaves(&instance.id))
}

/// Bounds (min, max) of a group while it is drained. Auto Scaling does not go below the minimum, and an autoscaler that
/// finds a group at its maximum scales up others. The maximum is never below the current capacity, because Auto Scaling
/// would terminate the excess.
fn while_drained(facts: &Facts, group: &AutoScalingGroup, drained: &BTreeSet<String>) -> (i32, i32) {
    let min = staying(facts, group, drained).min(group.min);
    let there = group.capacity(|_| true).max(1);
    (min, if facts.node_groups.is_ours(group) { group.max } else { group.max.min(there) })
}

/// Resumes the groups after a drain. After a finished drain, emptied groups stay empty. After an unfinished one, each
/// group gets its bounds back and keeps its nodes. AZRebalance stays suspended where it would terminate nodes to balance
/// the zones.
pub(crate) async fn resume(session: &mut Session, drained: &BTreeSet<String>, ended: DrainEnd) -> Result<()> {
    let held = session.facts.record.held.clone();
    let held_managed = session.facts.record.held_managed.clone();
    if held.is_empty() && held_managed.is_empty() {
        return Ok(());
    }
    // Before the groups are read again: then they no longer contain these nodes.
    let owners = Owners::of(&session.facts, drained);
    let mut resumed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if ended == DrainEnd::GivenUp {
        // An answer that shows this is newer than all changes of the drain. After a finished drain, a group that could
        // launch before its bounds are set would start nodes.
        for (name, processes) in &held {
            let launch = processes.iter().filter(|process| *process == LAUNCH).cloned().collect();
            resume_processes(session, name, launch, &mut resumed).await?;
        }
    }
    let gone = |groups: &Groups| ended == DrainEnd::GivenUp || !any_left(&session.facts, groups, drained);
    let up_to_date = |groups: &Groups| are_resumed(groups, &resumed) && gone(groups);
    let (groups, _) = read_until(session, "Auto Scaling to report the resumed processes", up_to_date).await?;
    session.facts.node_groups.groups = groups;
    // A group that an interrupted run suspended and this run did not drain keeps its nodes.
    let ended_of = |group: &AutoScalingGroup| match owners.groups.contains(&group.name) {
        false if group.capacity(|_| true) > 0 => DrainEnd::GivenUp,
        _ => ended,
    };

    let mut bounds: BTreeMap<String, (i32, i32)> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    for (name, processes) in &held {
        let Some(group) = session.facts.node_groups.groups.get(name).cloned() else { continue };
        if session.facts.node_groups.manager(name).is_none() {
            let (min, max) = afterwards(&session.facts, &group, drained, ended_of(&group));
            session.clients.aws.autoscaling.set_bounds(name, min, max).await?;
            bounds.insert(name.clone(), (min, max));
        }
        if processes.contains(REBALANCE) && would_terminate(&session.facts, &group, ended_of(&group)) {
            kept.insert(name.clone());
        }
    }
    for managed in managed_groups(&session.facts, &held_managed) {
        let groups = managed.groups.iter().filter_map(|name| session.facts.node_groups.groups.get(name));
        let ended = match groups.map(ended_of).any(|one| one == DrainEnd::GivenUp) {
            true => DrainEnd::GivenUp,
            false => ended,
        };
        managed::afterwards(session, &managed, drained, ended).await?;
    }
    for (name, processes) in &held {
        let mut left = processes.clone();
        left.retain(|process| process != REBALANCE || !kept.contains(name));
        resume_processes(session, name, left, &mut resumed).await?;
    }
    let confirmed = |groups: &Groups| {
        let bound = |(name, bounds): (&String, &(i32, i32))| {
            groups.get(name).is_none_or(|group| (group.min, group.max) == *bounds)
        };
        are_resumed(groups, &resumed) && bounds.iter().all(bound)
    };
    let (groups, so) =
        read_until(session, "Auto Scaling to report the resumed node groups", confirmed).await?;
    session.facts.node_groups.groups = groups;
    if !so {
        session
            .events
            .note("Auto Scaling does not report the node groups as resumed yet; the next run checks again");
        return Ok(());
    }
    session
        .remember(|record| {
            record.held.clear();
            record.held_managed.clear();
            record.rebalance_suspended.extend(kept);
        })
        .await
}

/// Resumes AZRebalance in groups where it no longer terminates nodes.
pub(crate) async fn resume_rebalance(session: &mut Session, groups: &BTreeSet<String>) -> Result<()> {
    let mut resumed = BTreeMap::new();
    for name in groups {
        resume_processes(session, name, [REBALANCE.to_string()].into(), &mut resumed).await?;
    }
    let (found, so) = read_until(session, "Auto Scaling to report the resumed AZRebalance", |groups| {
        are_resumed(groups, &resumed)
    })
    .await?;
    session.facts.node_groups.groups = found;
    if so {
        session.remember(|record| record.rebalance_suspended.retain(|name| !groups.contains(name))).await?;
    }
    Ok(())
}

/// Groups whose AZRebalance is still suspended, and that are empty or deleted.
pub(crate) fn emptied(facts: &Facts) -> BTreeSet<String> {
    let empty = |name: &&String| {
        facts.node_groups.groups.get(*name).is_none_or(|group| group.capacity(|_| true) == 0)
    };
    facts.record.rebalance_suspended.iter().filter(empty).cloned().collect()
}

fn managed_groups(facts: &Facts, names: &BTreeSet<String>) -> Vec<ManagedNodeGroup> {
    facts.node_groups.managed.iter().filter(|group| names.contains(&group.name)).cloned().collect()
}

async fn resume_processes(
    session: &Session,
    name: &str,
    processes: BTreeSet<String>,
    resumed: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<()> {
    let done = resumed.entry(name.to_string()).or_default();
    let left: BTreeSet<String> = processes.difference(done).cloned().collect();
    if !left.is_empty() {
        session.clients.aws.autoscaling.resume(name, &left).await?;
        done.extend(left);
    }
    Ok(())
}

fn are_resumed(groups: &Groups, resumed: &BTreeMap<String, BTreeSet<String>>) -> bool {
    resumed
        .iter()
        .all(|(name, processes)| groups.get(name).is_none_or(|group| processes.is_disjoint(&group.suspended)))
}

fn any_left(facts: &Facts, groups: &Groups, drained: &BTreeSet<String>) -> bool {
    let ids: BTreeSet<&str> = chosen(facts, drained).filter_map(|node| node.instance_id.as_deref()).collect();
    groups.values().flat_map(|group| &group.instances).any(|instance| ids.contains(instance.id.as_str()))
}

/// Reads the groups until `so` holds, or until an answer can no longer be stale. Returns the last answer and whether it
/// holds. It runs after Ctrl-C too.
async fn read_until(session: &Session, what: &str, so: impl Fn(&Groups) -> bool) -> Result<(Groups, bool)> {
    let mut last = Groups::new();
    let uninterrupted = Interrupt::default();
    let seen = until(&session.events, &uninterrupted, CONSISTENCY, what, async || {
        last = read_groups(session).await?;
        Ok(if so(&last) { Seen::Yes(()) } else { Seen::NotYet("not yet visible".into()) })
    });
    match seen.await {
        Ok(()) => Ok((last, true)),
        Err(error) if !error.code().is_empty() => Err(error),
        Err(_) => Ok((last, false)),
    }
}

/// A group's bounds (min, max) after its drain.
fn afterwards(
    facts: &Facts,
    group: &AutoScalingGroup,
    drained: &BTreeSet<String>,
    ended: DrainEnd,
) -> (i32, i32) {
    let before = bounds_before(facts, group);
    match ended {
        // A minimum above the desired capacity would start nodes.
        DrainEnd::GivenUp => (before.0.min(group.desired), before.1.max(group.desired)),
        DrainEnd::Done => {
            let stay = staying(facts, group, drained);
            (before.0.min(stay), stay)
        }
    }
}

/// A group's bounds before the drain: as recorded, or for a group managed by eni-custom the parameters of its stack.
fn bounds_before(facts: &Facts, group: &AutoScalingGroup) -> (i32, i32) {
    if let Some(before) = facts.record.groups.get(&group.name) {
        return (before.min, before.max);
    }
    let stack = facts.node_groups.stacks.values().find(|stack| group.is_of(&stack.name));
    let parameter = |key: &str| stack?.parameters.get(key)?.parse::<i32>().ok();
    (parameter("MinSize").unwrap_or(group.min), parameter("MaxSize").unwrap_or(group.max))
}

/// Whether AZRebalance would terminate nodes because the drain made the zones uneven.
fn would_terminate(facts: &Facts, group: &AutoScalingGroup, ended: DrainEnd) -> bool {
    let record = &facts.record;
    let before = match facts.node_groups.manager(&group.name) {
        Some(managed) => record.managed.get(&managed.name),
        None => record.groups.get(&group.name),
    };
    let left = group.capacity(|_| true);
    let smaller = ended == DrainEnd::Done || before.is_some_and(|before| left < before.desired);
    left > 0 && smaller && group.is_lopsided()
}

#[cfg(test)]
mod tests;
