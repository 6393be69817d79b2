//! ENIConfigs and their CustomResourceDefinition.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::facts::{Crd, EniConfig, EniConfigs};
use crate::ownership::{holder, managers};
use crate::tags::FIELD_MANAGER;

use super::{failure, found};

/// The CustomResourceDefinition that `install-crd` writes.
pub const CRD_YAML: &str = include_str!("eniconfig-crd.yaml");
const CRD_NAME: &str = "eniconfigs.crd.k8s.amazonaws.com";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The state of the CustomResourceDefinition and, if it exists, all ENIConfigs.
pub async fn read(client: &Client) -> Result<EniConfigs> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let Some(crd) = found(crds.get(CRD_NAME).await, "read the ENIConfig CustomResourceDefinition")? else {
        return Ok(EniConfigs::default());
    };
    let objects = match api(client).list(&ListParams::default()).await {
        Ok(list) => list.items,
        // Defined but not served yet.
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(failure("list ENIConfigs", &error)),
    };
    let name = |object: &DynamicObject| object.metadata.name.clone().unwrap_or_default();
    let held = objects.iter().filter_map(|object| Some((name(object), holder(&object.metadata, "f:spec")?)));
    let applied = |object: &&DynamicObject| {
        managers(&object.metadata, "f:spec").iter().any(|manager| manager.is_eks() && manager.applies)
    };
    Ok(EniConfigs {
        crd: state(&crd),
        crd_holder: crd_holder(&crd),
        holders: held.collect(),
        by_eks: objects.iter().filter(applied).map(name).collect(),
        items: objects.iter().map(eniconfig).collect(),
        malformed: objects.iter().filter_map(|object| Some((name(object), malformed(object)?))).collect(),
    })
}

fn state(crd: &CustomResourceDefinition) -> Crd {
    let served = crd.spec.versions.iter().find(|version| version.name == "v1alpha1");
    let schema = served.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    let spec = schema.and_then(|schema| schema.properties.as_ref()?.get("spec"));
    let groups = spec.and_then(|spec| spec.properties.as_ref()?.get("securityGroups"));
    if groups.and_then(|groups| groups.type_.as_deref()) != Some("array") {
        return Crd::Untyped;
    }
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let established =
        conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True");
    Crd::Typed { established }
}

/// Who applies the definition, and so owns its versions as one field: EKS with the add-on, or another manager.
fn crd_holder(crd: &CustomResourceDefinition) -> Option<String> {
    let managers = managers(&crd.metadata, "f:spec");
    let eks = managers
        .iter()
        .find(|manager| manager.is_eks() && manager.applies)
        .map(|manager| manager.name.clone());
    eks.or_else(|| holder(&crd.metadata, "f:spec").map(|holder| holder.to_string()))
}

fn eniconfig(object: &DynamicObject) -> EniConfig {
    let spec = object.data.get("spec");
    let groups = spec.and_then(|spec| spec.get("securityGroups")).and_then(Value::as_array);
    EniConfig {
        name: object.metadata.name.clone().unwrap_or_default(),
        subnet: spec.and_then(|spec| spec.get("subnet")?.as_str()).unwrap_or_default().to_string(),
        security_groups: groups
            .into_iter()
            .flatten()
            .filter_map(|group| group.as_str().map(ToString::to_string))
            .collect(),
        ours: object.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).map(String::as_str)
            == Some(FIELD_MANAGER),
    }
}

/// Why the CNI can't read the spec: it expects a string and a list of strings.
fn malformed(object: &DynamicObject) -> Option<String> {
    let spec = object.data.get("spec")?;
    if spec.get("subnet").is_some_and(|subnet| !subnet.is_string()) {
        return Some("spec.subnet is not a string".into());
    }
    match spec.get("securityGroups") {
        None | Some(Value::Null) => None,
        Some(Value::Array(groups)) => {
            let wrong =
                groups.iter().find(|group| !group.as_str().is_some_and(|id| id.starts_with("sg-")))?;
            Some(format!("spec.securityGroups has {wrong}, which is not a security group id"))
        }
        Some(other) => Some(format!("spec.securityGroups is {other}, and not a list")),
    }
}

/// The definition's spec, labels and annotations; `None` if there is no definition.
pub async fn definition(client: &Client) -> Result<Option<Value>> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let Some(crd) = found(crds.get(CRD_NAME).await, "read the ENIConfig CustomResourceDefinition")? else {
        return Ok(None);
    };
    let mut annotations = crd.metadata.annotations.unwrap_or_default();
    // kubectl's copy of the whole object: it would be wrong after any other change.
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    Ok(Some(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": CRD_NAME, "labels": crd.metadata.labels, "annotations": annotations },
        "spec": crd.spec,
    })))
}

/// Writes the typed definition, replacing an existing one.
pub async fn install_crd(client: &Client) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd: Value = serde_saphyr::from_str(CRD_YAML)
        .map_err(|error| Error::failed("read the built-in ENIConfig CRD").because(error))?;
    // Older CNIs' manifests own the schema; it is this step's purpose to replace it.
    crds.patch(CRD_NAME, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(crd))
        .await
        .map_err(|error| failure("install the ENIConfig CustomResourceDefinition", &error))?;
    Ok(())
}

/// Writes an ENIConfig as fields of field manager `eni-custom`. With `dry_run` the API server only validates it.
///
/// A field of another manager is overwritten only with `take_over`; otherwise it is a conflict, and an error.
pub async fn apply(client: &Client, config: &EniConfig, take_over: bool, dry_run: bool) -> Result<()> {
    let object = json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": { "name": config.name, "labels": { MANAGED_BY: FIELD_MANAGER } },
        "spec": { "subnet": config.subnet, "securityGroups": config.security_groups },
    });
    let mut params = PatchParams::apply(FIELD_MANAGER);
    params.force = take_over;
    params.dry_run = dry_run;
    api(client)
        .patch(&config.name, &params, &Patch::Apply(object))
        .await
        .map_err(|error| failure("write ENIConfig", &error).at(&config.name))?;
    Ok(())
}

/// Deletes an ENIConfig.
pub async fn delete(client: &Client, name: &str) -> Result<()> {
    found(api(client).delete(name, &DeleteParams::default()).await, "delete ENIConfig")
        .map_err(|error| error.at(name))?;
    Ok(())
}

/// Restores the subnet and groups of an ENIConfig that eni-custom overwrote, and removes its label.
pub async fn put_back(client: &Client, before: &EniConfig) -> Result<()> {
    let patch = json!({
        "metadata": { "labels": { MANAGED_BY: null } },
        "spec": { "subnet": before.subnet, "securityGroups": before.security_groups },
    });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    api(client)
        .patch(&before.name, &params, &Patch::Merge(patch))
        .await
        .map_err(|error| failure("restore ENIConfig", &error).at(&before.name))?;
    Ok(())
}

/// Deletes the definition, and with it all ENIConfigs.
pub async fn delete_crd(client: &Client) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let what = "delete the ENIConfig CustomResourceDefinition";
    found(crds.delete(CRD_NAME, &DeleteParams::default()).await, what)?;
    Ok(())
}

/// Restores the definition that eni-custom overwrote.
pub async fn put_crd_back(client: &Client, before: &Value) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let what = "restore the ENIConfig CustomResourceDefinition";
    let Some(now) = found(crds.get(CRD_NAME).await, what)? else { return Ok(()) };
    let mut crd: CustomResourceDefinition = serde_json::from_value(before.clone())
        .map_err(|error| Error::failed(what).at("ConfigMap kube-system/eni-custom").because(error))?;
    crd.metadata.resource_version = now.metadata.resource_version;
    crds.replace(CRD_NAME, &PostParams::default(), &crd).await.map_err(|error| failure(what, &error))?;
    Ok(())
}

fn api(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("crd.k8s.amazonaws.com", "v1alpha1", "ENIConfig");
    Api::all_with(client.clone(), &ApiResource::from_gvk_with_plural(&kind, "eniconfigs"))
}
