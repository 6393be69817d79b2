//! Empties nodes within their pods' PodDisruptionBudgets and ends their instances through their owner.
//!
//! The seam to the rest is `drain`: it is given the nodes, and comes back when they are gone, or says why not.

pub mod filter;
pub mod owner;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::events::Event;
use crate::facts::Pod;
use crate::k8s::nodes as kube_nodes;
use crate::k8s::pods::{self, Evicted};
use crate::walk::{Seen, Walk};

use filter::Sorted;

/// Drains and terminates these nodes. On failure, at the deadline and at Ctrl-C the nodes that this run cordoned
/// and that are still there take pods again.
pub async fn drain(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    walk.observe().await?;
    let ours: BTreeSet<String> = walk
        .facts
        .ec2_nodes()
        .filter(|node| nodes.contains(&node.name) && !node.unschedulable)
        .map(|node| node.name.clone())
        .collect();
    owner::remember_sizes(walk, nodes).await?;
    walk.remember(|record| record.cordoned.extend(ours.iter().cloned())).await?;
    let result = cordon_and_empty(walk, nodes).await;
    if result.is_err() {
        put_back(walk).await?;
    } else {
        walk.remember(|record| record.cordoned.clear()).await?;
    }
    result
}

async fn cordon_and_empty(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    // All first, so that no pod moves from one old node to another.
    for node in walk.facts.nodes.iter().filter(|node| nodes.contains(&node.name) && !node.unschedulable) {
        walk.go_on()?;
        kube_nodes::set_unschedulable(&walk.clients.kube.client, &node.name, true).await?;
    }
    empty(walk, nodes).await?;
    gone(walk, nodes).await
}

/// Evicts until nothing is left to move, and ends each node as soon as it is empty.
async fn empty(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let started = Instant::now();
    let mut standing = nodes.clone();
    let mut total = None;
    let mut refusals: BTreeMap<String, String> = BTreeMap::new();
    loop {
        walk.facts.pods = pods::list(&walk.clients.kube.client).await?;
        let sorted = filter::sort(&walk.facts, &standing, &walk.settings);
        if let Some((pod, reason)) = sorted.refuse.first() {
            return Err(Error::failed(format!("a pod came that may not be evicted: {reason}"))
                .at(pod.full_name())
                .next(format!("add {} to allow it", reason.flag())));
        }
        let busy: BTreeSet<&str> = sorted.evict.iter().map(|pod| pod.node.as_str()).collect();
        let empty: BTreeSet<String> =
            standing.iter().filter(|node| !busy.contains(node.as_str())).cloned().collect();
        owner::terminate(walk, &empty).await?;
        standing.retain(|node| !empty.contains(node));
        if standing.is_empty() {
            return Ok(());
        }
        let total = *total.get_or_insert(sorted.evict.len());
        if started.elapsed() >= walk.settings.drain_timeout {
            return Err(left_over(walk, &sorted, &refusals));
        }
        for pod in sorted.evict.iter().filter(|pod| !pod.deleting) {
            walk.go_on()?;
            match pods::evict(&walk.clients.kube.evictor, pod, None).await? {
                Evicted::Accepted | Evicted::Gone => refusals.remove(&pod.uid),
                Evicted::NotNow(reason) | Evicted::TooManyBudgets(reason) => {
                    refusals.insert(pod.uid.clone(), reason)
                }
            };
        }
        progress(walk, &sorted, total, nodes.len() - standing.len(), nodes.len(), started);
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
            () = walk.interrupt.wait() => return Err(Error::interrupted()),
        }
    }
}

fn progress(walk: &Walk, sorted: &Sorted, total: usize, ended: usize, nodes: usize, started: Instant) {
    let moved = total.saturating_sub(sorted.evict.len());
    walk.events.emit(Event::Waiting {
        what: "old nodes drained".into(),
        detail: format!("{moved}/{total} pods · {ended}/{nodes} nodes"),
        seconds: started.elapsed().as_secs(),
    });
}

/// What is left at the deadline, and why each pod stays.
fn left_over(walk: &Walk, sorted: &Sorted, refusals: &BTreeMap<String, String>) -> Error {
    let reason = |pod: &Pod| match (pod.deleting, refusals.get(&pod.uid)) {
        (true, _) => "is ending, and its grace period or a finalizer holds it".to_string(),
        (false, Some(reason)) => reason.clone(),
        (false, None) => "not yet evicted".to_string(),
    };
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pod in &sorted.evict {
        by_reason.entry(reason(pod)).or_default().push(pod.full_name());
    }
    let lines: Vec<String> =
        by_reason.into_iter().map(|(reason, pods)| format!("{}: {reason}", pods.join(", "))).collect();
    Error::unproven(format!(
        "{} pods still stand on old nodes after {} s",
        sorted.evict.len(),
        walk.settings.drain_timeout.as_secs()
    ))
    .because(lines.join("; "))
    .next("run the same command again to go on; nodes that are not empty take pods again meanwhile")
}

/// Waits until instances and Node objects are gone, as AWS and Kubernetes see it.
async fn gone(walk: &Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let ids: Vec<String> = walk
        .facts
        .nodes
        .iter()
        .filter(|node| nodes.contains(&node.name))
        .filter_map(|node| node.instance_id.clone())
        .collect();
    walk.until("old instances terminated", async || {
        let instances = walk.clients.aws.ec2.instances(&ids).await?;
        let alive = instances.values().filter(|instance| !instance.state.eq("terminated")).count();
        let listed = kube_nodes::list(&walk.clients.kube.client).await?;
        let joined = listed.iter().filter(|node| nodes.contains(&node.name)).count();
        if alive + joined == 0 {
            return Ok(Seen::Yes(()));
        }
        Ok(Seen::NotYet(format!("{alive} instances and {joined} Nodes left")))
    })
    .await
}

/// Takes back the cordons of this run. It also runs after Ctrl-C, so it waits for nothing.
async fn put_back(walk: &mut Walk) -> Result<()> {
    let cordoned = walk.facts.record.cordoned.clone();
    let there = kube_nodes::list(&walk.clients.kube.client).await?;
    for node in there.iter().filter(|node| cordoned.contains(&node.name) && !owner::is_ending(walk, node)) {
        kube_nodes::set_unschedulable(&walk.clients.kube.client, &node.name, false).await?;
    }
    walk.remember(|record| record.cordoned.clear()).await
}
