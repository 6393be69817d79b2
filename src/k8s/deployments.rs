//! Deployments and how many replicas they have.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::error::Result;

use super::{FIELD_MANAGER, failure, found};

/// The Deployment that a ReplicaSet belongs to, where one does.
pub async fn of_replica_set(client: &Client, namespace: &str, name: &str) -> Result<Option<String>> {
    let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
    let Some(set) = found(sets.get(name).await, "read a pod's ReplicaSet")? else { return Ok(None) };
    let owners = set.metadata.owner_references.unwrap_or_default();
    Ok(owners.into_iter().find(|owner| owner.kind == "Deployment").map(|owner| owner.name))
}

/// How many replicas it is to have; nothing where there is no such Deployment.
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
