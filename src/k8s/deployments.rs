//! Deployments and how many replicas they have.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{PodAffinityTerm, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::{Selector, SelectorExt as _};
use kube::{Api, Client};
use serde_json::json;

use crate::error::Result;
use crate::facts::{Autoscaler, Pod, Surge};
use crate::tags::FIELD_MANAGER;

use super::{failure, found, pages};

/// The Deployment that owns a ReplicaSet, if any.
pub async fn of_replica_set(client: &Client, namespace: &str, name: &str) -> Result<Option<String>> {
    let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
    let Some(set) = found(sets.get(name).await, "read a pod's ReplicaSet")? else { return Ok(None) };
    let owners = set.metadata.owner_references.unwrap_or_default();
    Ok(owners.into_iter().find(|owner| owner.kind == "Deployment").map(|owner| owner.name))
}

/// What could prevent the Deployments of these pods from running a second replica.
pub async fn surges(client: &Client, pods: &[&Pod]) -> Result<Vec<Surge>> {
    if pods.is_empty() {
        return Ok(Vec::new());
    }
    let autoscalers = pages::all(client, ListParams::default(), autoscaler).await;
    let autoscalers = autoscalers.map_err(|error| failure("list HorizontalPodAutoscalers", &error))?;
    let mut surges = Vec::new();
    for pod in pods {
        let mut surge = Surge { pod: pod.full_name(), ..Surge::default() };
        let set = pod.controller.as_ref().map(|controller| controller.name.as_str()).unwrap_or_default();
        if let Some(name) = of_replica_set(client, &pod.namespace, set).await? {
            let api: Api<Deployment> = Api::namespaced(client.clone(), &pod.namespace);
            let deployment = found(api.get(&name).await, "read a Deployment")?;
            let template = deployment.map(|deployment| deployment.spec.template);
            surge.apart = template.map(|template| apart(&template)).unwrap_or_default();
            let name = format!("{}/{name}", pod.namespace);
            surge.autoscaler = autoscalers.iter().find(|scaler| scaler.deployment == name).cloned();
            surge.deployment = Some(name);
        }
        surges.push(surge);
    }
    Ok(surges)
}

fn autoscaler(scaler: HorizontalPodAutoscaler) -> Option<Autoscaler> {
    let namespace = scaler.metadata.namespace?;
    let spec = scaler.spec;
    (spec.scale_target_ref.kind == "Deployment").then(|| Autoscaler {
        name: format!("{namespace}/{}", scaler.metadata.name.unwrap_or_default()),
        deployment: format!("{namespace}/{}", spec.scale_target_ref.name),
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
    })
}

/// Topology keys of the template's required anti-affinity to its own pods.
fn apart(template: &PodTemplateSpec) -> BTreeSet<String> {
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    let affinity = template.spec.as_ref().and_then(|spec| spec.affinity.as_ref()?.pod_anti_affinity.as_ref());
    let required =
        affinity.and_then(|anti| anti.required_during_scheduling_ignored_during_execution.as_ref());
    // A term without a selector selects no pods (API reference, PodAffinityTerm).
    let selects_own = |term: &&PodAffinityTerm| {
        let selector = term.label_selector.clone().and_then(|selector| Selector::try_from(selector).ok());
        selector.is_some_and(|selector| selector.matches(&labels))
    };
    let own = required.into_iter().flatten().filter(selects_own);
    own.map(|term| term.topology_key.clone()).collect()
}

/// The field manager that last wrote a Deployment's replicas.
pub async fn scaled_by(client: &Client, namespace: &str, name: &str) -> Result<Option<String>> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let deployment = found(api.get_metadata(name).await, "read a Deployment")?;
    let fields = deployment.and_then(|deployment| deployment.metadata.managed_fields).unwrap_or_default();
    let writes = |entry: &&ManagedFieldsEntry| {
        entry.fields_v1.as_ref().is_some_and(|fields| !fields.0["f:spec"]["f:replicas"].is_null())
    };
    let last = fields.iter().filter(writes).max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    Ok(last.and_then(|entry| entry.manager.clone()))
}

/// A Deployment's spec.replicas; `None` if it does not exist.
pub async fn replicas(client: &Client, namespace: &str, name: &str) -> Result<Option<i32>> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let scale = found(api.get_scale(name).await, "read a Deployment's scale")?;
    Ok(scale.and_then(|scale| scale.spec).map(|spec| spec.replicas.unwrap_or(1)))
}

pub async fn set_replicas(client: &Client, namespace: &str, name: &str, replicas: i32) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let patch = json!({ "spec": { "replicas": replicas } });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    api.patch_scale(name, &params, &Patch::Merge(patch)).await.map_err(|error| {
        failure(format!("scale Deployment to {replicas}"), &error).at(format!("{namespace}/{name}"))
    })?;
    Ok(())
}
