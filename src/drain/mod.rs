//! Empties nodes within their pods' PodDisruptionBudgets and ends their instances through their owner.
//!
//! The seam to the rest is `drain`: it is given the nodes, and comes back when they are gone, or says why not.

pub mod end;
mod gone;
mod moved;
mod run;
pub mod surge;
pub mod suspend;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use run::Run;
use suspend::Ended;

use crate::error::{Error, Result};
use crate::eviction::load_balancers;
use crate::eviction::local::LocalData;
use crate::eviction::schedule::{self, NotRunning};
use crate::facts::LocalClaim;
use crate::k8s::{nodes as kube_nodes, volumes};
use crate::session::Session;
use crate::words::{few, part, subject};

/// How many calls that change something are under way at once.
const AT_ONCE: usize = 32;

/// Drains and terminates these nodes. On failure, at the deadline and at Ctrl-C the nodes that this run cordoned
/// and that are still there take pods again, and their owners get back what was held.
pub async fn drain(session: &mut Session, nodes: &BTreeSet<String>) -> Result<()> {
    let ours: BTreeSet<String> = session
        .facts
        .ec2_nodes()
        .filter(|node| nodes.contains(&node.name) && !node.unschedulable)
        .map(|node| node.name.clone())
        .collect();
    let claims = local_claims(session, nodes);
    let excluded = to_exclude(session, nodes);
    session
        .remember(|record| {
            record.cordoned.extend(ours.iter().cloned());
            record.claims.extend(claims);
            record.excluded.extend(excluded);
        })
        .await?;
    let mut ending = BTreeSet::new();
    let worked = work(session, nodes, &ours, &mut ending).await;
    let not_running = worked.as_ref().ok().cloned().unwrap_or_default();
    if let Err(error) = worked {
        if session.lock_lost.load(std::sync::atomic::Ordering::Relaxed) {
            // Another run may be at work on what would be put back.
            return Err(error);
        }
        // What went wrong first is what is reported; the record keeps what could not be put back for the next run.
        if let Err(second) = put_back(session, nodes, &ending).await {
            session.events.note(format!("not all is put back, the next run does it: {second}"));
        }
        return Err(error);
    }
    if nodes.is_empty() && !session.design.old_nodes.is_empty() {
        // A run was cut, and its drain is not wanted any more.
        return put_back(session, nodes, &ending).await;
    }
    delete_claims(session, |node| nodes.contains(node)).await?;
    let others: BTreeSet<String> = session.facts.record.excluded.difference(nodes).cloned().collect();
    let_in(session, &others).await?;
    surge::down(session).await?;
    suspend::resume(session, nodes, Ended::Done).await?;
    // Others that an interrupted run has cordoned and that this one was not asked to drain.
    uncordon(session, nodes).await?;
    session
        .remember(|record| {
            record.cordoned.clear();
            record.excluded.clear();
        })
        .await?;
    // The nodes are gone and nothing is held any more: there is no way to put back what does not run.
    moved::check(&moved::still_wanted(session, not_running).await)
}

/// Answers what was moved and does not run again.
async fn work(
    session: &mut Session,
    nodes: &BTreeSet<String>,
    ours: &BTreeSet<String>,
    ending: &mut BTreeSet<String>,
) -> Result<Vec<NotRunning>> {
    let seen = watch::watch(&session.clients.kube.client);
    suspend::suspend(session, nodes).await?;
    cordon(session, ours, true).await?;
    let surged = surge::up(session, nodes).await?;
    let not_running = Run::new(session, nodes, seen, ending, surged).carry_out().await?;
    gone::gone(session, nodes).await?;
    Ok(not_running)
}

/// Nodes that get the label which keeps them out of load balancers, when they are empty. One that has it already has it
/// from somebody else.
fn to_exclude(session: &Session, nodes: &BTreeSet<String>) -> Vec<String> {
    if load_balancers::wait(&session.facts, &session.settings).is_none() {
        return Vec::new();
    }
    let leaving = session.facts.nodes.iter().filter(|node| nodes.contains(&node.name));
    let unlabelled =
        leaving.filter(|node| !node.labels.contains_key(kube_nodes::EXCLUDE_FROM_LOAD_BALANCERS));
    unlabelled.map(|node| node.name.clone()).collect()
}

/// Lets nodes into their load balancers again.
async fn let_in(session: &Session, nodes: &BTreeSet<String>) -> Result<()> {
    let client = &session.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_excluded(client, node, false))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Claims that are to be deleted with their pods, because no other node can have their volumes.
fn local_claims(session: &Session, nodes: &BTreeSet<String>) -> BTreeMap<String, LocalClaim> {
    let local = LocalData::of(&session.facts, nodes);
    let leaving = session.facts.pods.iter().filter(|pod| {
        session.settings.delete_local_volumes && nodes.contains(&pod.node) && !pod.is_of_daemon_set()
    });
    let claims = leaving.flat_map(|pod| {
        let claim = |(name, uid)| (name, LocalClaim { uid, node: pod.node.clone() });
        local.replaceable(pod).into_iter().map(claim).collect::<Vec<_>>()
    });
    claims.collect()
}

/// Deletes the recorded claims of nodes that are gone: a run that was interrupted between an eviction and the deletion
/// of the pod's claims left them, and their StatefulSets' new pods wait for the nodes.
async fn delete_claims(session: &mut Session, is_gone: impl Fn(&str) -> bool) -> Result<()> {
    let recorded = session.facts.record.claims.clone();
    let gone: BTreeMap<String, LocalClaim> =
        recorded.into_iter().filter(|(_, claim)| is_gone(&claim.node)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    for (name, claim) in &gone {
        volumes::delete_claim(&session.clients.kube.client, name, &claim.uid).await?;
    }
    session.remember(|record| record.claims.retain(|name, _| !gone.contains_key(name))).await
}

/// All of them before the first pod moves, so that none moves from one old node to another.
async fn cordon(session: &Session, nodes: &BTreeSet<String>, unschedulable: bool) -> Result<()> {
    let client = &session.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_unschedulable(client, node, unschedulable))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Uncordons what the record says we cordoned and what is still there, but for these nodes.
async fn uncordon(session: &Session, but: &BTreeSet<String>) -> Result<()> {
    let recorded = &session.facts.record.cordoned;
    if recorded.is_subset(but) {
        return Ok(());
    }
    let there = kube_nodes::list(&session.clients.kube.client).await?.into_iter().map(|node| node.name);
    let cordoned = there.filter(|name| recorded.contains(name) && !but.contains(name)).collect();
    cordon(session, &cordoned, false).await
}

/// Nodes that stay are targets of their load balancers again, and claims on the disk of those that don't are deleted.
async fn let_in_and_delete_claims(session: &mut Session, ending: &BTreeSet<String>) -> Result<()> {
    let record = &session.facts.record;
    if record.excluded.is_empty() && record.claims.is_empty() {
        return Ok(());
    }
    let there = kube_nodes::list(&session.clients.kube.client).await?.into_iter().map(|node| node.name);
    let stay: BTreeSet<String> = there.filter(|name| !ending.contains(name)).collect();
    let excluded = session.facts.record.excluded.intersection(&stay).cloned().collect();
    delete_claims(session, |node| !stay.contains(node)).await?;
    let_in(session, &excluded).await
}

/// Takes back the cordons of this run and of those before it that were cut. It also runs after Ctrl-C, so it waits for
/// no pod.
pub async fn put_back(
    session: &mut Session,
    nodes: &BTreeSet<String>,
    ending: &BTreeSet<String>,
) -> Result<()> {
    let_in_and_delete_claims(session, ending).await?;
    uncordon(session, ending).await?;
    surge::down(session).await?;
    suspend::resume(session, nodes, Ended::GivenUp).await?;
    let emptied = suspend::emptied(&session.facts);
    if !emptied.is_empty() {
        suspend::resume_rebalance(session, &emptied).await?;
    }
    // What is on nodes that take pods again stays.
    session
        .remember(|record| {
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
        .fix("run the same command again to go on; nodes that are not empty take pods again meanwhile")
}
