//! Empties nodes within their pods' PodDisruptionBudgets and ends their instances through their owner.
//!
//! The seam to the rest is `drain`: it is given the nodes, and comes back when they are gone, or says why not.

pub mod budgets;
pub mod default_budget;
pub mod filter;
pub mod forecast;
mod gone;
pub mod load_balancers;
pub mod local;
mod moved;
pub mod owner;
pub mod preview;
pub mod room;
mod run;
pub mod schedule;
pub mod selector;
pub mod surge;
pub mod suspend;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::k8s::nodes as kube_nodes;
use crate::k8s::record::LocalClaim;
use crate::k8s::volumes;
use crate::settings::Settings;
use crate::walk::Walk;
use crate::words::{few, part, subject};

use forecast::{Time, forecast};
use local::LocalData;
use run::Run;
use schedule::{Controllers, NotRunning};
use suspend::Ended;

/// What the drain of some nodes comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Pods that it moves.
    pub moving: usize,
    pub time: Time,
    /// Controllers of two or more pods that have no PodDisruptionBudget, and the default budget during the drain.
    pub guarded: usize,
    /// For which empty nodes stay until their load balancers have let them go.
    pub lb_drain: Option<Duration>,
}

/// How many pods the drain of these nodes moves, and how long it may take.
pub fn outlook(facts: &Facts, nodes: &BTreeSet<String>, settings: &Settings) -> Outlook {
    let moving = filter::sort(facts, nodes, settings).evict;
    // A pod that is deleted and not evicted asks no budget.
    let budgets = if settings.disable_eviction { &[][..] } else { &facts.budgets };
    let fail_closed = default_budget::fail_closed(facts);
    let own = (!settings.no_default_budget).then_some(&fail_closed);
    let forecast = forecast(&moving, &facts.pods, budgets, own);
    let mut time = forecast.time;
    // All nodes wait side by side, the last one after the last pod.
    let lb_drain = load_balancers::wait(facts, settings).filter(|_| !nodes.is_empty());
    time.bound += lb_drain.unwrap_or_default();
    time.estimate += lb_drain.unwrap_or_default();
    Outlook { moving: moving.len(), time, guarded: forecast.guarded, lb_drain }
}

/// What the schedule has to know of controllers.
fn controllers(facts: &Facts, settings: &Settings) -> Controllers {
    Controllers {
        ordered: facts.stateful_sets.ordered.clone(),
        fail_closed: default_budget::fail_closed(facts),
        default_budget: !settings.no_default_budget,
    }
}

/// How many calls that change something are under way at once.
const AT_ONCE: usize = 32;

/// Drains and terminates these nodes. On failure, at the deadline and at Ctrl-C the nodes that this run cordoned
/// and that are still there take pods again, and their owners get back what was held.
pub async fn drain(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let ours: BTreeSet<String> = walk
        .facts
        .ec2_nodes()
        .filter(|node| nodes.contains(&node.name) && !node.unschedulable)
        .map(|node| node.name.clone())
        .collect();
    let claims = local_claims(walk, nodes);
    let excluded = to_exclude(walk, nodes);
    walk.remember(|record| {
        record.cordoned.extend(ours.iter().cloned());
        record.claims.extend(claims);
        record.excluded.extend(excluded);
    })
    .await?;
    let mut ending = BTreeSet::new();
    let worked = work(walk, nodes, &ours, &mut ending).await;
    let not_running = worked.as_ref().ok().cloned().unwrap_or_default();
    if let Err(error) = worked {
        if walk.lock_lost.load(std::sync::atomic::Ordering::Relaxed) {
            // Another run may be at work on what would be put back.
            return Err(error);
        }
        // What went wrong first is what is reported; the record keeps what could not be put back for the next run.
        if let Err(second) = put_back(walk, nodes, &ending).await {
            walk.events.note(format!("not all is put back, the next run does it: {second}"));
        }
        return Err(error);
    }
    if nodes.is_empty() && !walk.design.old_nodes.is_empty() {
        // A run was cut, and its drain is not wanted any more.
        return put_back(walk, nodes, &ending).await;
    }
    delete_claims(walk, |node| nodes.contains(node)).await?;
    let others: BTreeSet<String> = walk.facts.record.excluded.difference(nodes).cloned().collect();
    let_in(walk, &others).await?;
    surge::down(walk).await?;
    suspend::resume(walk, nodes, Ended::Done).await?;
    // Others that an interrupted run has cordoned and that this one was not asked to drain.
    uncordon(walk, nodes).await?;
    walk.remember(|record| {
        record.cordoned.clear();
        record.excluded.clear();
    })
    .await?;
    // The nodes are gone and nothing is held any more: there is no way to put back what does not run.
    moved::check(&moved::still_wanted(walk, not_running).await)
}

/// Answers what was moved and does not run again.
async fn work(
    walk: &mut Walk,
    nodes: &BTreeSet<String>,
    ours: &BTreeSet<String>,
    ending: &mut BTreeSet<String>,
) -> Result<Vec<NotRunning>> {
    let seen = watch::watch(&walk.clients.kube.client);
    suspend::suspend(walk, nodes).await?;
    cordon(walk, ours, true).await?;
    let surged = surge::up(walk, nodes).await?;
    let not_running = Run::new(walk, nodes, seen, ending, surged).carry_out().await?;
    gone::gone(walk, nodes).await?;
    Ok(not_running)
}

/// Nodes that get the label which keeps them out of load balancers, when they are empty. One that has it already has it
/// from somebody else.
fn to_exclude(walk: &Walk, nodes: &BTreeSet<String>) -> Vec<String> {
    if load_balancers::wait(&walk.facts, &walk.settings).is_none() {
        return Vec::new();
    }
    let leaving = walk.facts.nodes.iter().filter(|node| nodes.contains(&node.name));
    let unlabelled =
        leaving.filter(|node| !node.labels.contains_key(kube_nodes::EXCLUDE_FROM_LOAD_BALANCERS));
    unlabelled.map(|node| node.name.clone()).collect()
}

/// Lets nodes into their load balancers again.
async fn let_in(walk: &Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let client = &walk.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_excluded(client, node, false))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Claims that are to be deleted with their pods, because no other node can have their volumes.
fn local_claims(walk: &Walk, nodes: &BTreeSet<String>) -> BTreeMap<String, LocalClaim> {
    let local = LocalData::of(&walk.facts, nodes);
    let leaving = walk.facts.pods.iter().filter(|pod| {
        walk.settings.delete_local_volumes && nodes.contains(&pod.node) && !pod.is_of_daemon_set()
    });
    let claims = leaving.flat_map(|pod| {
        let claim = |(name, uid)| (name, LocalClaim { uid, node: pod.node.clone() });
        local.replaceable(pod).into_iter().map(claim).collect::<Vec<_>>()
    });
    claims.collect()
}

/// Deletes the recorded claims of nodes that are gone: a run that was interrupted between an eviction and the deletion
/// of the pod's claims left them, and their StatefulSets' new pods wait for the nodes.
async fn delete_claims(walk: &mut Walk, is_gone: impl Fn(&str) -> bool) -> Result<()> {
    let recorded = walk.facts.record.claims.clone();
    let gone: BTreeMap<String, LocalClaim> =
        recorded.into_iter().filter(|(_, claim)| is_gone(&claim.node)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    for (name, claim) in &gone {
        volumes::delete_claim(&walk.clients.kube.client, name, &claim.uid).await?;
    }
    walk.remember(|record| record.claims.retain(|name, _| !gone.contains_key(name))).await
}

/// All of them before the first pod moves, so that none moves from one old node to another.
async fn cordon(walk: &Walk, nodes: &BTreeSet<String>, unschedulable: bool) -> Result<()> {
    let client = &walk.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_unschedulable(client, node, unschedulable))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Uncordons what the record says we cordoned and what is still there, but for these nodes.
async fn uncordon(walk: &Walk, but: &BTreeSet<String>) -> Result<()> {
    let recorded = &walk.facts.record.cordoned;
    if recorded.is_subset(but) {
        return Ok(());
    }
    let there = kube_nodes::list(&walk.clients.kube.client).await?.into_iter().map(|node| node.name);
    let cordoned = there.filter(|name| recorded.contains(name) && !but.contains(name)).collect();
    cordon(walk, &cordoned, false).await
}

/// Nodes that stay are targets of their load balancers again, and claims on the disk of those that don't are deleted.
async fn let_in_and_delete_claims(walk: &mut Walk, ending: &BTreeSet<String>) -> Result<()> {
    let record = &walk.facts.record;
    if record.excluded.is_empty() && record.claims.is_empty() {
        return Ok(());
    }
    let there = kube_nodes::list(&walk.clients.kube.client).await?.into_iter().map(|node| node.name);
    let stay: BTreeSet<String> = there.filter(|name| !ending.contains(name)).collect();
    let excluded = walk.facts.record.excluded.intersection(&stay).cloned().collect();
    delete_claims(walk, |node| !stay.contains(node)).await?;
    let_in(walk, &excluded).await
}

/// Takes back the cordons of this run and of those before it that were cut. It also runs after Ctrl-C, so it waits for
/// no pod.
pub async fn put_back(walk: &mut Walk, nodes: &BTreeSet<String>, ending: &BTreeSet<String>) -> Result<()> {
    let_in_and_delete_claims(walk, ending).await?;
    uncordon(walk, ending).await?;
    surge::down(walk).await?;
    suspend::resume(walk, nodes, Ended::GivenUp).await?;
    let emptied = suspend::emptied(&walk.facts);
    if !emptied.is_empty() {
        suspend::resume_rebalance(walk, &emptied).await?;
    }
    // What is on nodes that take pods again stays.
    walk.remember(|record| {
        record.cordoned.clear();
        record.claims.clear();
        record.excluded.clear();
    })
    .await
}

/// The deadline is over, or nothing can be done any more.
fn left_over(progress: &schedule::Progress, seconds: u64, stuck: bool) -> Error {
    let lines: Vec<String> =
        progress.waiting.iter().map(|each| format!("{}: {}", few(&each.pods), each.why)).collect();
    let left = progress.pods - progress.moved;
    let what = match stuck {
        true => format!("{} on old nodes and can't be evicted", subject(left, "pod", "is", "are")),
        false => format!("{} on old nodes after {seconds} s", subject(left, "pod", "is still", "are still")),
    };
    Error::unproven(what)
        .at(part(progress.nodes - progress.empty, progress.nodes, "node"))
        .because(lines.join("\n         "))
        .next("run the same command again to go on; nodes that are not empty take pods again meanwhile")
}
