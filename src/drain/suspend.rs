//! Keeps node groups as they are while their nodes are drained, and lets them go on afterwards.
//!
//! Auto Scaling's answers lag behind what was changed ("eventually consistent"), so nothing is left out because of one
//! answer: what the record says was suspended is resumed whether or not it shows, bounds are always written, and the
//! record is cleared only when an answer shows what was written.

mod managed;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::events::Interrupt;
use crate::facts::{
    AutoScalingGroup, Facts, LAUNCH, ManagedNodeGroup, Node, Owner, REBALANCE, Record, SUSPENDED, Shape,
    Sizes, chosen, group, owner,
};
use crate::session::{CONSISTENCY, Seen, Session, until};

pub use managed::restore as restore_managed;

type Groups = BTreeMap<String, AutoScalingGroup>;

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All nodes that it was about are gone.
    Done,
    /// It stopped half-way, or an earlier run did.
    GivenUp,
}

/// All Auto Scaling groups of the cluster as AWS shows them now.
pub async fn read_groups(session: &Session) -> Result<Groups> {
    let facts = &session.facts;
    let names = facts.group_names().chain(facts.node_groups.groups.keys().cloned()).collect();
    session.clients.aws.autoscaling.groups(&facts.cluster.name, &names).await
}

/// Keeps the owners of these nodes from starting others, and lets them shrink. What they were is recorded first.
pub async fn suspend(session: &mut Session, nodes: &BTreeSet<String>) -> Result<()> {
    let Owners { groups, managed } = Owners::of(&session.facts, nodes);
    if groups.is_empty() {
        return Ok(());
    }
    let theirs = suspended_by_others(session, &groups).await?;
    let shapes = shapes(&session.facts, nodes);
    let sizes = sizes(&session.facts, &groups);
    session.remember(|record| remember(record, sizes, shapes, &theirs, &managed)).await?;
    for (name, processes) in session.facts.record.held.clone() {
        if groups.contains(&name) && !processes.is_empty() {
            session.clients.aws.autoscaling.suspend(&name, &processes).await?;
        }
    }
    // Only from here on a group's instances are all that it can have.
    let held = session.facts.record.held.clone();
    let shown = session.until("node groups suspended", async || {
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
    /// Auto Scaling groups, those of managed node groups among them.
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
                Owner::NodeClaim(_) | Owner::Nobody => continue,
            }
            owners.groups.extend(group(facts, node).map(ToString::to_string));
        }
        owners
    }
}

/// Processes that somebody else has suspended. An earlier drain resumed what it had suspended, and an answer may still
/// show that: such a group is asked about again until it shows otherwise, or for as long as an answer may lag.
async fn suspended_by_others(
    session: &Session,
    groups: &BTreeSet<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let record = &session.facts.record;
    let theirs = |name: &String, group: &AutoScalingGroup| -> BTreeSet<String> {
        let ours = record.suspended_by_us(name);
        let suspended = SUSPENDED.iter().filter(|process| group.suspended.contains(**process));
        suspended.map(ToString::to_string).filter(|process| !ours.contains(process)).collect()
    };
    let all = |found: &Groups| -> BTreeMap<String, BTreeSet<String>> {
        let named = groups.iter().filter_map(|name| Some((name, found.get(name)?)));
        named.map(|(name, group)| (name.clone(), theirs(name, group))).collect()
    };
    let first = all(&session.facts.node_groups.groups);
    let may_lag = |theirs: &BTreeMap<String, BTreeSet<String>>| {
        theirs.iter().any(|(name, processes)| {
            record.suspended_before.get(name).is_some_and(|before| !processes.is_subset(before))
        })
    };
    if !may_lag(&first) {
        return Ok(first);
    }
    let mut last = first;
    let settled =
        until(&session.events, &session.interrupt, CONSISTENCY, "what others suspended", async || {
            last = all(&read_groups(session).await?);
            Ok(if may_lag(&last) {
                Seen::NotYet("Launch or AZRebalance is suspended".into())
            } else {
                Seen::Yes(())
            })
        });
    match settled.await {
        Err(error) if error.exit() == crate::exit::Exit::Interrupted || !error.code().is_empty() => {
            Err(error)
        }
        _ => Ok(last),
    }
}

/// What a drain writes down before it changes a group.
fn remember(
    record: &mut Record,
    sizes: (BTreeMap<String, Sizes>, BTreeMap<String, Sizes>),
    shapes: BTreeMap<String, Vec<Shape>>,
    theirs: &BTreeMap<String, BTreeSet<String>>,
    managed: &BTreeSet<String>,
) {
    for (group, shapes) in shapes {
        record.shapes.entry(group).or_insert(shapes);
    }
    for (name, sizes) in sizes.0 {
        record.groups.entry(name).or_insert(sizes);
    }
    for (name, sizes) in sizes.1.into_iter().filter(|(name, _)| managed.contains(name)) {
        record.held_managed.insert(name.clone());
        record.managed.entry(name).or_insert(sizes);
    }
    let all: BTreeSet<String> = SUSPENDED.iter().map(ToString::to_string).collect();
    for (name, theirs) in theirs {
        let ours = all.difference(theirs).cloned();
        record.held.entry(name.clone()).or_default().extend(ours);
        record.rebalance_suspended.remove(name);
        record.suspended_before.entry(name.clone()).or_insert_with(|| theirs.clone());
    }
}

/// Sizes of these Auto Scaling groups, and of managed node groups, as they are now.
fn sizes(facts: &Facts, groups: &BTreeSet<String>) -> (BTreeMap<String, Sizes>, BTreeMap<String, Sizes>) {
    let there = &facts.node_groups;
    // A group that we made is deleted with its stack, and never restored.
    let own = groups
        .iter()
        .filter_map(|name| there.groups.get(name))
        .filter(|group| !group.is_ours() && there.manager(&group.name).is_none())
        .map(|group| (group.name.clone(), group.sizes()));
    let managed = there.managed.iter().map(|one| (one.name.clone(), there.sizes_of(one)));
    (own.collect(), managed.collect())
}

/// What the nodes of each owner with a name are like.
fn shapes(facts: &Facts, nodes: &BTreeSet<String>) -> BTreeMap<String, Vec<Shape>> {
    let mut of: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    for node in chosen(facts, nodes) {
        let name = match owner(facts, node) {
            Owner::Group(name) | Owner::Managed(name) => name,
            _ => continue,
        };
        if !facts.node_groups.groups.get(&name).is_some_and(AutoScalingGroup::is_ours) {
            of.entry(name).or_default().push(node);
        }
    }
    of.into_iter().map(|(name, nodes)| (name, Shape::of_all(nodes))).collect()
}

/// Capacity units of a group's instances that are not drained.
fn staying(facts: &Facts, group: &AutoScalingGroup, drained: &BTreeSet<String>) -> i32 {
    let leaves = |id: &str| chosen(facts, drained).any(|node| node.instance_id.as_deref() == Some(id));
    group.capacity(|instance| !leaves(&instance.id))
}

/// Bounds of a suspended group while it is drained: Auto Scaling refuses to go below its minimum, and an autoscaler that
/// finds it at its maximum asks other groups for nodes. The maximum never goes below what there is, because Auto Scaling
/// would terminate the rest.
fn while_drained(facts: &Facts, group: &AutoScalingGroup, drained: &BTreeSet<String>) -> (i32, i32) {
    let min = staying(facts, group, drained).min(group.min);
    let there = group.capacity(|_| true).max(1);
    (min, if group.is_ours() { group.max } else { group.max.min(there) })
}

/// After a drain: groups that were emptied stay so, whatever an autoscaler asks for. After one that was given up: every
/// group has its bounds again, and keeps the nodes that it has. What was suspended is resumed, but for AZRebalance in a
/// group that would terminate nodes to even out its zones.
pub async fn resume(session: &mut Session, drained: &BTreeSet<String>, ended: Ended) -> Result<()> {
    let held = session.facts.record.held.clone();
    let held_managed = session.facts.record.held_managed.clone();
    if held.is_empty() && held_managed.is_empty() {
        return Ok(());
    }
    // Asked before the groups are read again: by then they hold these nodes no more.
    let owners = Owners::of(&session.facts, drained);
    let mut resumed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if ended == Ended::GivenUp {
        // An answer that shows it is newer than all that the drain did. After a drain that is done, a group that may
        // launch before its bounds are set would start nodes again.
        for (name, processes) in &held {
            let launch = processes.iter().filter(|process| *process == LAUNCH).cloned().collect();
            resume_processes(session, name, launch, &mut resumed).await?;
        }
    }
    let gone = |groups: &Groups| ended == Ended::GivenUp || !any_left(&session.facts, groups, drained);
    let up_to_date = |groups: &Groups| are_resumed(groups, &resumed) && gone(groups);
    let (groups, _) = shown(session, "node groups up to date", up_to_date).await?;
    session.facts.node_groups.groups = groups;
    // A group that an interrupted run left suspended, and that this one did not drain, keeps its nodes.
    let ended_of = |group: &AutoScalingGroup| match owners.groups.contains(&group.name) {
        false if group.capacity(|_| true) > 0 => Ended::GivenUp,
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
    for managed in there(&session.facts, &held_managed) {
        let groups = managed.groups.iter().filter_map(|name| session.facts.node_groups.groups.get(name));
        let ended = match groups.map(ended_of).any(|one| one == Ended::GivenUp) {
            true => Ended::GivenUp,
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
    let (groups, so) = shown(session, "node groups resumed", confirmed).await?;
    session.facts.node_groups.groups = groups;
    if !so {
        session
            .events
            .note("Auto Scaling does not show yet that node groups are resumed: the next run looks again");
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

/// Resumes AZRebalance where it was kept suspended and terminates nothing any more.
pub async fn resume_rebalance(session: &mut Session, groups: &BTreeSet<String>) -> Result<()> {
    let mut resumed = BTreeMap::new();
    for name in groups {
        resume_processes(session, name, [REBALANCE.to_string()].into(), &mut resumed).await?;
    }
    let (found, so) = shown(session, "AZRebalance resumed", |groups| are_resumed(groups, &resumed)).await?;
    session.facts.node_groups.groups = found;
    if so {
        session.remember(|record| record.rebalance_suspended.retain(|name| !groups.contains(name))).await?;
    }
    Ok(())
}

/// Groups whose AZRebalance is kept suspended and that have no instance any more, or are gone.
pub fn emptied(facts: &Facts) -> BTreeSet<String> {
    let empty = |name: &&String| {
        facts.node_groups.groups.get(*name).is_none_or(|group| group.capacity(|_| true) == 0)
    };
    facts.record.rebalance_suspended.iter().filter(empty).cloned().collect()
}

fn there(facts: &Facts, names: &BTreeSet<String>) -> Vec<ManagedNodeGroup> {
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

/// Reads the groups until they are so, as long as an answer may lag; the last answer, and whether it was so. After
/// Ctrl-C too.
async fn shown(session: &Session, what: &str, so: impl Fn(&Groups) -> bool) -> Result<(Groups, bool)> {
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

/// A group's bounds when its drain is over.
fn afterwards(
    facts: &Facts,
    group: &AutoScalingGroup,
    drained: &BTreeSet<String>,
    ended: Ended,
) -> (i32, i32) {
    let before = bounds_before(facts, group);
    match ended {
        // A minimum above the desired capacity would start nodes.
        Ended::GivenUp => (before.0.min(group.desired), before.1.max(group.desired)),
        Ended::Done => {
            let stay = staying(facts, group, drained);
            (before.0.min(stay), stay)
        }
    }
}

/// As recorded; of a group of ours, which is not, as its stack has them.
fn bounds_before(facts: &Facts, group: &AutoScalingGroup) -> (i32, i32) {
    if let Some(before) = facts.record.groups.get(&group.name) {
        return (before.min, before.max);
    }
    let stack = group.stack().and_then(|name| facts.node_groups.stacks.get(name));
    let parameter = |key: &str| stack?.parameters.get(key)?.parse::<i32>().ok();
    (parameter("MinSize").unwrap_or(group.min), parameter("MaxSize").unwrap_or(group.max))
}

/// Whether AZRebalance would terminate nodes because of what the drain terminated.
fn would_terminate(facts: &Facts, group: &AutoScalingGroup, ended: Ended) -> bool {
    let record = &facts.record;
    let before = match facts.node_groups.manager(&group.name) {
        Some(managed) => record.managed.get(&managed.name),
        None => record.groups.get(&group.name),
    };
    let left = group.capacity(|_| true);
    let smaller = ended == Ended::Done || before.is_some_and(|before| left < before.desired);
    left > 0 && smaller && group.is_lopsided()
}

#[cfg(test)]
mod tests;
