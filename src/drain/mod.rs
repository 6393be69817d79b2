//! Drains nodes within their pods' PodDisruptionBudgets and terminates their instances through their owners.
//!
//! The entry point is `drain`: it returns when the nodes are gone, or an error that says why they are not.

pub(crate) mod end;
mod replaced;
mod run;
pub(crate) mod surge;
pub(crate) mod suspend;
mod terminated;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use run::Run;
use suspend::DrainEnd;

use crate::error::{Error, Result};
use crate::eviction::load_balancers;
use crate::eviction::local::LocalData;
use crate::eviction::schedule::{self, NotRunning};
use crate::facts::LocalClaim;
use crate::fixes;
use crate::k8s::{nodes as kube_nodes, volumes};
use crate::session::Session;
use crate::text::{counted, few, part, subject};

/// Concurrent calls that change something.
const AT_ONCE: usize = 32;

/// Drains and terminates these nodes. After an error, the deadline or Ctrl-C, the remaining nodes that this run cordoned
/// are uncordoned, and their node groups are resumed.
pub(crate) async fn drain(session: &mut Session, nodes: &BTreeSet<String>) -> Result<()> {
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
            // Another run may be changing the same objects.
            return Err(error);
        }
        // Report the first error. The record keeps what could not be undone for the next run.
        if let Err(second) = put_back(session, nodes, &ending).await {
            session.events.note(format!(
                "could not undo every change of this drain; the next run tries again: {second}"
            ));
        }
        return Err(error);
    }
    if nodes.is_empty() && !session.design.old_nodes.is_empty() {
        // The drain of an interrupted run is no longer wanted.
        return put_back(session, nodes, &ending).await;
    }
    delete_claims(session, |node| nodes.contains(node)).await?;
    let others: BTreeSet<String> = session.facts.record.excluded.difference(nodes).cloned().collect();
    include_in_load_balancers(session, &others).await?;
    surge::down(session).await?;
    suspend::resume(session, nodes, DrainEnd::Done).await?;
    // Nodes that an interrupted run cordoned and that this run does not drain.
    uncordon(session, nodes).await?;
    session
        .remember(|record| {
            record.cordoned.clear();
            record.excluded.clear();
        })
        .await?;
    // The nodes are gone and the groups are resumed, so this error undoes nothing.
    let verify = fixes::command(&session.facts, "verify");
    replaced::check(&replaced::still_wanted(session, not_running).await, &verify)
}

/// Returns controllers whose pods were evicted and do not run again.
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
    let not_running = Run::new(session, nodes, seen, ending, surged).run_to_end().await?;
    terminated::gone(session, nodes).await?;
    Ok(not_running)
}

/// Nodes that get the label that excludes them from load balancers once they are empty. Nodes that somebody else has
/// labelled are left alone.
fn to_exclude(session: &Session, nodes: &BTreeSet<String>) -> Vec<String> {
    if load_balancers::wait(&session.facts, &session.settings).is_none() {
        return Vec::new();
    }
    let leaving = session.facts.nodes.iter().filter(|node| nodes.contains(&node.name));
    let unlabelled =
        leaving.filter(|node| !node.labels.contains_key(kube_nodes::EXCLUDE_FROM_LOAD_BALANCERS));
    unlabelled.map(|node| node.name.clone()).collect()
}

/// Removes the label that excludes nodes from load balancers.
async fn include_in_load_balancers(session: &Session, nodes: &BTreeSet<String>) -> Result<()> {
    let client = &session.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_excluded(client, node, false))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Claims that are deleted with their pods, because no other node can attach their volumes.
fn local_claims(session: &Session, nodes: &BTreeSet<String>) -> BTreeMap<String, LocalClaim> {
    let local = LocalData::of(&session.facts, nodes);
    let leaving = session.facts.pods.iter().filter(|pod| {
        session.settings.drain.delete_local_volumes && nodes.contains(&pod.node) && !pod.is_of_daemon_set()
    });
    let claims = leaving.flat_map(|pod| {
        let claim = |(name, uid)| (name, LocalClaim { uid, node: pod.node.clone() });
        local.replaceable(pod).into_iter().map(claim).collect::<Vec<_>>()
    });
    claims.collect()
}

/// Deletes the recorded claims of nodes that are gone. A run interrupted between an eviction and the deletion of the
/// pod's claims leaves them, and the StatefulSet's new pod would wait for the old node.
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

/// Cordons or uncordons nodes. All are cordoned before the first eviction, so that no pod moves to another old node.
async fn cordon(session: &Session, nodes: &BTreeSet<String>, unschedulable: bool) -> Result<()> {
    let client = &session.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_unschedulable(client, node, unschedulable))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Uncordons the nodes that the record lists and that still exist, except these.
async fn uncordon(session: &Session, but: &BTreeSet<String>) -> Result<()> {
    let recorded = &session.facts.record.cordoned;
    if recorded.is_subset(but) {
        return Ok(());
    }
    let there = kube_nodes::list(&session.clients.kube.client).await?.into_iter().map(|node| node.name);
    let cordoned = there.filter(|name| recorded.contains(name) && !but.contains(name)).collect();
    cordon(session, &cordoned, false).await
}

/// Removes the exclusion label from nodes that stay, and deletes the claims whose volumes are on nodes that do not.
async fn include_and_delete_claims(session: &mut Session, ending: &BTreeSet<String>) -> Result<()> {
    let record = &session.facts.record;
    if record.excluded.is_empty() && record.claims.is_empty() {
        return Ok(());
    }
    let there = kube_nodes::list(&session.clients.kube.client).await?.into_iter().map(|node| node.name);
    let stay: BTreeSet<String> = there.filter(|name| !ending.contains(name)).collect();
    let excluded = session.facts.record.excluded.intersection(&stay).cloned().collect();
    delete_claims(session, |node| !stay.contains(node)).await?;
    include_in_load_balancers(session, &excluded).await
}

/// Undoes the cordons of this run and of interrupted runs before it. It also runs after Ctrl-C, so it does not wait for
/// pods.
pub(crate) async fn put_back(
    session: &mut Session,
    nodes: &BTreeSet<String>,
    ending: &BTreeSet<String>,
) -> Result<()> {
    include_and_delete_claims(session, ending).await?;
    uncordon(session, ending).await?;
    surge::down(session).await?;
    suspend::resume(session, nodes, DrainEnd::GivenUp).await?;
    let emptied = suspend::emptied(&session.facts);
    if !emptied.is_empty() {
        suspend::resume_rebalance(session, &emptied).await?;
    }
    // Claims on nodes that are uncordoned stay.
    session
        .remember(|record| {
            record.cordoned.clear();
            record.claims.clear();
            record.excluded.clear();
        })
        .await
}

/// The error for a drain that reached its deadline, or whose remaining pods can never be evicted.
fn left_over(progress: &schedule::DrainProgress, seconds: u64, stuck: bool) -> Error {
    let lines: Vec<String> =
        progress.waiting.iter().map(|each| format!("{}: {}", few(&each.pods), each.why)).collect();
    let left = progress.pods - progress.moved;
    let what = match stuck {
        true => format!("{} on old nodes can't be evicted", counted(left, "pod")),
        false => format!("{} on old nodes after {seconds} s", subject(left, "pod", "is still", "are still")),
    };
    Error::unproven(what)
        .at(part(progress.nodes - progress.empty, progress.nodes, "node"))
        .because(lines.join("\n         "))
        .fix("run the same command again to continue; the nodes that are not empty are uncordoned until then")
}
