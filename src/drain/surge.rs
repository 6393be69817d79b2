//! A temporary second replica for single-replica Deployments whose budget allows no disruption.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::eviction::surge::singletons;
use crate::k8s::deployments;
use crate::session::Session;

/// A Deployment that was given a second replica.
#[derive(Debug, Clone)]
pub(crate) struct Surged {
    /// `namespace/name`
    pub deployment: String,
    pub replicas: i32,
    /// UIDs of its pods on old nodes.
    pub pods: Vec<String>,
}

/// Scales them to two replicas. The old nodes are cordoned by now, so the second replica starts on a new node.
pub(crate) async fn up(session: &mut Session, nodes: &BTreeSet<String>) -> Result<Vec<Surged>> {
    if !session.settings.drain.surge_singletons {
        return Ok(Vec::new());
    }
    let client = session.clients.kube.client.clone();
    let mut found: BTreeMap<String, i32> = BTreeMap::new();
    let mut pods: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pod in singletons(&session.facts, nodes) {
        let Some(set) = &pod.controller else { continue };
        let Some(name) = deployments::of_replica_set(&client, &pod.namespace, &set.name).await? else {
            continue;
        };
        if deployments::replicas(&client, &pod.namespace, &name).await? == Some(1) {
            let name = format!("{}/{name}", pod.namespace);
            pods.entry(name.clone()).or_default().push(pod.uid.clone());
            found.insert(name, 1);
        }
    }
    session.remember(|record| record.surged.extend(found.clone())).await?;
    for deployment in found.keys() {
        let Some((namespace, name)) = deployment.split_once('/') else { continue };
        session.events.note(format!("Deployment {deployment} gets a second replica for the drain"));
        deployments::set_replicas(&client, namespace, name, 2).await?;
    }
    Ok(pods.into_iter().map(|(deployment, pods)| Surged { deployment, replicas: 2, pods }).collect())
}

/// Scales them back to one replica, except those that somebody else has scaled in the meantime.
pub(crate) async fn down(session: &mut Session) -> Result<()> {
    let client = session.clients.kube.client.clone();
    for (deployment, before) in session.facts.record.surged.clone() {
        let Some((namespace, name)) = deployment.split_once('/') else { continue };
        if deployments::replicas(&client, namespace, name).await? == Some(before + 1) {
            deployments::set_replicas(&client, namespace, name, before).await?;
        }
    }
    session.remember(|record| record.surged.clear()).await
}
