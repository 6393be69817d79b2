//! A second replica for Deployments of one whose budget lets nothing go, for as long as the drain lasts.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::facts::{Budget, Facts, Pod};
use crate::k8s::deployments;
use crate::walk::Walk;

use super::budgets::{covers, most_allowed};

/// Whether a second replica would let this pod go: it is the only one, and of two its budget spares one.
fn helps(budget: &Budget, pod: &Pod) -> bool {
    let of_deployment = pod.controller.as_ref().is_some_and(|controller| controller.kind == "ReplicaSet");
    let spares_one = most_allowed(&budget.least, 2).unwrap_or_default() > 0;
    budget.expected == 1 && budget.desired_healthy == 1 && spares_one && of_deployment
}

/// Pods on the nodes to be drained that a second replica would free.
fn singletons<'a>(facts: &'a Facts, nodes: &BTreeSet<String>) -> Vec<&'a Pod> {
    let on_them = facts.pods.iter().filter(|pod| nodes.contains(&pod.node) && !pod.deleting);
    on_them
        .filter(|pod| {
            let mut covering = facts.budgets.iter().filter(|budget| covers(budget, pod));
            matches!((covering.next(), covering.next()), (Some(budget), None) if helps(budget, pod))
        })
        .collect()
}

/// Scales them to two. The old nodes are cordoned by now, so the second replica starts on a new one.
pub async fn up(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    if !walk.settings.surge_singletons {
        return Ok(());
    }
    let client = walk.clients.kube.client.clone();
    let mut found: BTreeMap<String, i32> = BTreeMap::new();
    for pod in singletons(&walk.facts, nodes) {
        let Some(set) = &pod.controller else { continue };
        let Some(name) = deployments::of_replica_set(&client, &pod.namespace, &set.name).await? else {
            continue;
        };
        if deployments::replicas(&client, &pod.namespace, &name).await? == Some(1) {
            found.insert(format!("{}/{name}", pod.namespace), 1);
        }
    }
    walk.remember(|record| record.surged.extend(found.clone())).await?;
    for deployment in found.keys() {
        let Some((namespace, name)) = deployment.split_once('/') else { continue };
        walk.events.note(format!("Deployment {deployment} gets a second replica for the drain"));
        deployments::set_replicas(&client, namespace, name, 2).await?;
    }
    Ok(())
}

/// Scales them back, but for those that somebody else has scaled meanwhile.
pub async fn down(walk: &mut Walk) -> Result<()> {
    let client = walk.clients.kube.client.clone();
    for (deployment, before) in walk.facts.record.surged.clone() {
        let Some((namespace, name)) = deployment.split_once('/') else { continue };
        if deployments::replicas(&client, namespace, name).await? == Some(before + 1) {
            deployments::set_replicas(&client, namespace, name, before).await?;
        }
    }
    walk.remember(|record| record.surged.clear()).await
}
