//! DaemonSet kube-system/aws-node.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::error::Result;
use crate::facts::{Cni, Pod, Rollout, UpdateStrategy};
use crate::ownership::Manager;
use crate::tags::{FIELD_MANAGER, NAMESPACE};

use super::{failure, found, pods, slim};

/// The DaemonSet, and its container of the same name.
pub const AWS_NODE: &str = "aws-node";

/// Reads the DaemonSet, without the add-on, which EKS reports.
pub async fn read(client: &Client) -> Result<Cni> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let Some(set) = found(api.get(AWS_NODE).await, "read DaemonSet kube-system/aws-node")? else {
        return Ok(Cni { missing: true, ..Cni::default() });
    };
    let rollout = Rollout { revision: revision(client, &set).await?, ..rollout(&set) };
    let containers = set.spec.template.spec.map(|spec| spec.containers).unwrap_or_default();
    let container = containers.into_iter().find(|container| container.name == AWS_NODE).unwrap_or_default();
    let env = container.env.unwrap_or_default();
    Ok(Cni {
        missing: false,
        image: container.image.unwrap_or_default(),
        env: env.into_iter().filter_map(|variable| Some((variable.name, variable.value?))).collect(),
        env_managers: env_managers(set.metadata.managed_fields.as_deref().unwrap_or_default()),
        labels: set.metadata.labels.unwrap_or_default(),
        annotations: set.metadata.annotations.unwrap_or_default(),
        rollout,
        addon: None,
    })
}

/// The pods of aws-node.
pub async fn pods(client: &Client) -> Result<Vec<Pod>> {
    // Selected by owner: AWS's manifest and its chart use different labels.
    let api: Api<slim::Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let found = api.list(&ListParams::default().fields("spec.nodeName!=")).await;
    let found = found.map_err(|error| failure("list pods in kube-system", &error))?;
    Ok(found.items.into_iter().map(pods::pod).filter(Pod::is_of_daemon_set).collect())
}

/// The hash label of pods with the newest template: the controller numbers its ControllerRevisions, and renumbers an old
/// one to the highest number if its template is used again. `None` if the permission to list them is missing.
async fn revision(client: &Client, set: &DaemonSet) -> Result<String> {
    let api: Api<ControllerRevision> = Api::namespaced(client.clone(), NAMESPACE);
    let labels = set.spec.selector.match_labels.iter().flatten();
    let selector: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let found = match api.list(&ListParams::default().labels(&selector.join(","))).await {
        Err(kube::Error::Api(status)) if status.code == 403 => return Ok(String::new()),
        found => found.map_err(|error| failure("list ControllerRevisions of DaemonSet aws-node", &error))?,
    };
    let owned = found.items.into_iter().filter(|revision| {
        let owners = revision.metadata.owner_references.iter().flatten();
        owners.into_iter().any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref())
    });
    let newest = owned.max_by_key(|revision| revision.revision);
    Ok(newest
        .and_then(|revision| revision.metadata.labels?.remove("controller-revision-hash"))
        .unwrap_or_default())
}

fn rollout(set: &DaemonSet) -> Rollout {
    let strategy = set.spec.update_strategy.clone().unwrap_or_default();
    let most = strategy.rolling_update.and_then(|rolling| rolling.max_unavailable);
    let strategy = match (strategy.type_.as_deref(), most) {
        (Some("OnDelete"), _) => UpdateStrategy::OnDelete,
        (_, Some(IntOrString::Int(most))) => UpdateStrategy::Rolling(most.to_string()),
        (_, Some(IntOrString::String(most))) => UpdateStrategy::Rolling(most),
        (_, None) => UpdateStrategy::default(),
    };
    let Some(status) = &set.status else { return Rollout { strategy, ..Rollout::default() } };
    Rollout {
        observed: status.observed_generation >= set.metadata.generation,
        strategy,
        revision: String::new(),
        desired: status.desired_number_scheduled,
        updated: status.updated_number_scheduled.unwrap_or_default(),
        available: status.number_available.unwrap_or_default(),
    }
}

/// The field manager of each variable of container aws-node, from managedFields.
fn env_managers(entries: &[ManagedFieldsEntry]) -> BTreeMap<String, Vec<Manager>> {
    let mut managers: BTreeMap<String, Vec<Manager>> = BTreeMap::new();
    for entry in entries {
        let Some(manager) = Manager::of(entry) else { continue };
        let Some(fields) = &entry.fields_v1 else { continue };
        let path = ["f:spec", "f:template", "f:spec", "f:containers", "k:{\"name\":\"aws-node\"}", "f:env"];
        let Some(env) = path.iter().try_fold(&fields.0, |fields, key| fields.get(key)) else { continue };
        for key in env.as_object().into_iter().flat_map(|env| env.keys()) {
            let name =
                key.strip_prefix("k:").and_then(|key| serde_json::from_str::<serde_json::Value>(key).ok());
            if let Some(name) = name.as_ref().and_then(|key| key.get("name")?.as_str()) {
                managers.entry(name.to_string()).or_default().push(manager.clone());
            }
        }
    }
    managers
}

/// Sets variables by server-side apply, as fields of field manager `eni-custom`.
///
/// `take_over` also takes fields that another manager owns; the caller has asked the user.
pub async fn apply_env(client: &Client, env: &BTreeMap<String, String>, take_over: bool) -> Result<()> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let variables: Vec<_> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let patch = json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": AWS_NODE, "namespace": NAMESPACE },
        "spec": { "template": { "spec": { "containers": [{ "name": AWS_NODE, "env": variables }] } } },
    });
    let mut params = PatchParams::apply(FIELD_MANAGER);
    params.force = take_over;
    api.patch(AWS_NODE, &params, &Patch::Apply(patch))
        .await
        .map_err(|error| failure("set the environment of DaemonSet kube-system/aws-node", &error))?;
    Ok(())
}

/// Restores variables to their values before eni-custom changed them. Server-side apply would keep eni-custom as their
/// owner, and remove its variables that are not named.
pub async fn set_env(client: &Client, env: &BTreeMap<String, String>) -> Result<()> {
    let variables: Vec<_> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    patch_env(client, &variables, "set the environment of DaemonSet kube-system/aws-node").await
}

/// Removes variables, whoever set them: server-side apply can remove only its own fields.
pub async fn remove_env(client: &Client, names: &[String]) -> Result<()> {
    let variables: Vec<_> = names.iter().map(|name| json!({ "name": name, "$patch": "delete" })).collect();
    patch_env(client, &variables, "remove from the environment of DaemonSet kube-system/aws-node").await
}

async fn patch_env(client: &Client, variables: &[Value], what: &str) -> Result<()> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let patch = json!({
        "spec": { "template": { "spec": { "containers": [{ "name": AWS_NODE, "env": variables }] } } },
    });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    api.patch(AWS_NODE, &params, &Patch::Strategic(patch)).await.map_err(|error| failure(what, &error))?;
    Ok(())
}
