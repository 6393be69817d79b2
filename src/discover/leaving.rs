//! What depends on the nodes that may be drained.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::eviction::surge;
use crate::facts::{ControllerKind, Facts, LoadBalancers, Pod, StatefulSets, Surge, Volume};
use crate::k8s::{Kube, deployments, load_balancers, stateful_sets, volumes};
use crate::settings::Settings;

/// Volumes and StatefulSets of the pods on nodes that will be drained. Makes no call if the pods have neither.
pub(super) async fn bindings(
    kube: &Kube,
    leaving: &BTreeSet<String>,
    facts: &Facts,
) -> Result<(BTreeMap<String, Volume>, StatefulSets)> {
    let moving = || facts.pods.iter().filter(|pod| leaving.contains(&pod.node));
    let claims: BTreeSet<String> = moving().flat_map(Pod::claims).collect();
    let sets: BTreeSet<String> = moving()
        .filter_map(|pod| Some((pod, pod.controlled_by(&ControllerKind::StatefulSet)?)))
        .map(|(pod, owner)| format!("{}/{}", pod.namespace, owner.name))
        .collect();
    tokio::try_join!(volumes::bound(&kube.client, &claims), stateful_sets::read(&kube.client, &sets))
}

/// Load balancers that forward to nodes that will be drained. If they can't be read, they are unknown.
pub(super) async fn load_balancers(kube: &Kube, leaving: &BTreeSet<String>) -> LoadBalancers {
    if leaving.is_empty() {
        return LoadBalancers::default();
    }
    let unknown =
        |error: Error| LoadBalancers { unknown: Some(error.in_short()), ..LoadBalancers::default() };
    load_balancers::read(&kube.client).await.unwrap_or_else(unknown)
}

/// What could keep Deployments from having a second replica. If it can't be read, the drain finds out.
pub(super) async fn surges(
    kube: &Kube,
    settings: &Settings,
    leaving: &BTreeSet<String>,
    facts: &Facts,
) -> Result<Vec<Surge>> {
    if !settings.drain.surge_singletons {
        return Ok(Vec::new());
    }
    match deployments::surges(&kube.client, &surge::singletons(facts, leaving)).await {
        Err(error) if error.code() == "Forbidden" => Ok(Vec::new()),
        surges => surges,
    }
}
