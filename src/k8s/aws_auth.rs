//! ConfigMap kube-system/aws-auth: which roles' nodes may join, if the cluster's authentication mode uses it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::json;

use crate::error::{Error, Result};
use crate::nodes::aws_auth::{AwsAuthError, add_node_role, remove_node_role};
use crate::ownership::{Holder, holder};
use crate::tags::{FIELD_MANAGER, NAMESPACE};

use super::{failure, found};

const NAME: &str = "aws-auth";

/// The text of mapRoles, `None` if there is no ConfigMap; and another manager that owns the ConfigMap.
pub async fn map_roles(client: &Client) -> Result<(Option<String>, Option<Holder>)> {
    let map = found(api(client).get(NAME).await, "read ConfigMap kube-system/aws-auth")?;
    let holder = map.as_ref().and_then(|map| holder(&map.metadata, "f:data"));
    Ok((map.map(|map| map.data.and_then(|mut data| data.remove("mapRoles")).unwrap_or_default()), holder))
}

/// Adds an entry that lets nodes of a role join; all other entries stay unchanged to the byte.
pub async fn allow_nodes(client: &Client, role_arn: &str) -> Result<()> {
    let what = "add the node role to ConfigMap kube-system/aws-auth";
    edit(client, what, |roles| add_node_role(roles.unwrap_or_default(), role_arn).map(Some)).await
}

/// Removes the entry that eni-custom added; all other entries stay unchanged to the byte. `before`: mapRoles before that
/// entry, if known. If there was no ConfigMap before, it is deleted with its last entry.
pub async fn refuse_nodes(client: &Client, role_arn: &str, before: Option<&Option<String>>) -> Result<()> {
    let what = "remove the node role from ConfigMap kube-system/aws-auth";
    edit(client, what, |roles| {
        let Some(roles) = roles else { return Ok(None) };
        let text = before.and_then(Option::as_deref);
        let left = remove_node_role(roles, role_arn, text)?;
        let was_none = matches!(before, Some(None));
        Ok((!was_none || !left.trim().is_empty()).then_some(left))
    })
    .await
}

/// Changes mapRoles. If `change` returns `None`, the ConfigMap is deleted.
///
/// The resourceVersion is sent along, so a concurrent edit is not lost: the API server answers 409, and the edit is
/// repeated on the new text.
async fn edit(
    client: &Client,
    what: &str,
    change: impl Fn(Option<&str>) -> std::result::Result<Option<String>, AwsAuthError>,
) -> Result<()> {
    let api = api(client);
    let unreadable = |error: &dyn std::fmt::Display| Error::failed(what).because(error);
    let manager = || Some(FIELD_MANAGER.to_string());
    for _ in 0..5 {
        let map = found(api.get(NAME).await, "read ConfigMap kube-system/aws-auth")?;
        let current = map
            .as_ref()
            .map(|map| map.data.as_ref().and_then(|data| data.get("mapRoles")).cloned().unwrap_or_default());
        let roles = change(current.as_deref()).map_err(|error| unreadable(&error))?;
        if roles == current {
            return Ok(());
        }
        let written = match (map, roles) {
            (Some(map), Some(roles)) => {
                let patch = json!({
                    "metadata": { "resourceVersion": map.metadata.resource_version },
                    "data": { "mapRoles": roles },
                });
                let params = PatchParams { field_manager: manager(), ..PatchParams::default() };
                api.patch(NAME, &params, &Patch::Merge(patch)).await.map(drop)
            }
            (None, Some(roles)) => {
                let mut map = ConfigMap::default();
                map.metadata.name = Some(NAME.into());
                map.data = Some([("mapRoles".to_string(), roles)].into());
                let params = PostParams { field_manager: manager(), ..PostParams::default() };
                api.create(&params, &map).await.map(drop)
            }
            (Some(map), None) => {
                let ours =
                    Preconditions { uid: map.metadata.uid, resource_version: map.metadata.resource_version };
                api.delete(NAME, &DeleteParams::default().preconditions(ours)).await.map(drop)
            }
            (None, None) => Ok(()),
        };
        match written {
            Ok(()) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => continue,
            Err(error) => return Err(failure("write ConfigMap kube-system/aws-auth", &error)),
        }
    }
    Err(unreadable(&"another client keeps changing it"))
}

fn api(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}
