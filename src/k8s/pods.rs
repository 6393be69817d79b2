//! Pods, PodDisruptionBudgets and evictions.

use k8s_openapi::api::core::v1::Pod as KubePod;
use k8s_openapi::api::policy::v1::{Eviction, PodDisruptionBudget};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

use crate::error::Result;
use crate::facts::{Budget, Pod};

use super::failure;
use super::nodes::PAGE;

/// What the API server answers to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// It ends after its grace period.
    Accepted,
    /// It is gone, or another pod has its name by now.
    Gone,
    /// 429: a budget allows no disruption now; in the API server's words.
    NotNow(String),
    /// 500: more than one budget covers it, so it can never be evicted.
    TooManyBudgets(String),
}

/// All pods that stand on a node.
pub async fn list(client: &Client) -> Result<Vec<Pod>> {
    let api: Api<KubePod> = Api::all(client.clone());
    // A pod on no node needs nothing from us.
    let query = || ListParams::default().fields("spec.nodeName!=").limit(PAGE);
    let mut pods = Vec::new();
    let mut params = query();
    loop {
        let page = api.list(&params).await.map_err(|error| failure("list pods", &error))?;
        pods.extend(page.items.into_iter().map(pod));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = query().continue_token(&token),
            None => break,
        }
    }
    Ok(pods)
}

/// Only what is needed is kept: a cluster has a hundred thousand of them.
pub fn pod(pod: KubePod) -> Pod {
    let meta = pod.metadata;
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let owners = meta.owner_references.unwrap_or_default();
    let controller = owners.into_iter().find(|owner| owner.controller.unwrap_or_default());
    let conditions = status.conditions.unwrap_or_default();
    Pod {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        uid: meta.uid.unwrap_or_default(),
        node: spec.node_name.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default(),
        phase: status.phase.unwrap_or_default(),
        ready: conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        host_network: spec.host_network.unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        address: status.pod_ip,
        controller: controller.map(|owner| (owner.kind, owner.name)),
        mirror: meta
            .annotations
            .is_some_and(|annotations| annotations.contains_key("kubernetes.io/config.mirror")),
        empty_dir: spec.volumes.unwrap_or_default().iter().any(|volume| volume.empty_dir.is_some()),
        grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
    }
}

pub async fn budgets(client: &Client) -> Result<Vec<Budget>> {
    let api: Api<PodDisruptionBudget> = Api::all(client.clone());
    let list = api
        .list(&ListParams::default())
        .await
        .map_err(|error| failure("list PodDisruptionBudgets", &error))?;
    Ok(list.items.into_iter().map(budget).collect())
}

fn budget(budget: PodDisruptionBudget) -> Budget {
    let status = budget.status.unwrap_or_default();
    Budget {
        namespace: budget.metadata.namespace.unwrap_or_default(),
        name: budget.metadata.name.unwrap_or_default(),
        selector: budget.spec.and_then(|spec| spec.selector),
        disruptions_allowed: status.disruptions_allowed.unwrap_or_default(),
        current_healthy: status.current_healthy.unwrap_or_default(),
        desired_healthy: status.desired_healthy.unwrap_or_default(),
        expected: status.expected_pods.unwrap_or_default(),
    }
}

/// Evicts exactly this pod: the UID goes along, so a new pod of the same name is never hit.
///
/// `Api::evict` of kube 5.0 writes the options under a key that the API server doesn't know, and they are lost;
/// so the Eviction is posted as the subresource that it is.
pub async fn evict(evictor: &Client, pod: &Pod, grace_seconds: Option<i64>) -> Result<Evicted> {
    let api: Api<KubePod> = Api::namespaced(evictor.clone(), &pod.namespace);
    let mut eviction = Eviction::default();
    eviction.metadata.name = Some(pod.name.clone());
    eviction.metadata.namespace = Some(pod.namespace.clone());
    eviction.delete_options = Some(DeleteOptions {
        grace_period_seconds: grace_seconds,
        preconditions: Some(Preconditions { uid: Some(pod.uid.clone()), resource_version: None }),
        ..DeleteOptions::default()
    });
    let reply = api
        .create_subresource::<Eviction, serde_json::Value>(
            "eviction",
            &pod.name,
            &PostParams::default(),
            &eviction,
        )
        .await;
    match reply {
        Ok(_) => Ok(Evicted::Accepted),
        Err(kube::Error::Api(status)) => match status.code {
            404 | 409 => Ok(Evicted::Gone),
            429 => Ok(Evicted::NotNow(budget_says(&status))),
            500 if status.message.contains("more than one PodDisruptionBudget") => {
                Ok(Evicted::TooManyBudgets(status.message.clone()))
            }
            _ => Err(failure("evict pod", &kube::Error::Api(status)).at(pod.full_name())),
        },
        Err(error) => Err(failure("evict pod", &error).at(pod.full_name())),
    }
}

/// The cause names the budget and how far it is from enough; the message alone says only that there is one.
fn budget_says(status: &kube::core::Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let told: Vec<&str> = causes
        .filter(|cause| cause.reason == "DisruptionBudget")
        .map(|cause| cause.message.as_str())
        .collect();
    if told.is_empty() { status.message.clone() } else { told.join("; ") }
}
