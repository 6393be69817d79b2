//! ConfigMap kube-system/aws-auth: which roles' nodes may join, where the cluster reads it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::error::{Error, Result};
use crate::nodes::aws_auth::add_node_role;

use super::{FIELD_MANAGER, NAMESPACE, failure, found};

const NAME: &str = "aws-auth";

/// mapRoles as it stands there; nothing where there is no ConfigMap.
pub async fn map_roles(client: &Client) -> Result<Option<String>> {
    let map = found(api(client).get(NAME).await, "read ConfigMap kube-system/aws-auth")?;
    Ok(map.map(|map| map.data.and_then(|mut data| data.remove("mapRoles")).unwrap_or_default()))
}

/// Lets nodes of a role join; every other entry keeps its bytes.
///
/// The resourceVersion is sent along, so an edit by somebody else in between is not lost: the API server answers
/// 409, and the edit starts from what is there then.
pub async fn allow_nodes(client: &Client, role_arn: &str) -> Result<()> {
    let api = api(client);
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::failed("add the node role to ConfigMap kube-system/aws-auth").because(error)
    };
    for _ in 0..5 {
        let written = match found(api.get(NAME).await, "read ConfigMap kube-system/aws-auth")? {
            Some(map) => {
                let current =
                    map.data.as_ref().and_then(|data| data.get("mapRoles")).cloned().unwrap_or_default();
                let roles = add_node_role(&current, role_arn).map_err(|error| unreadable(&error))?;
                if roles == current {
                    return Ok(());
                }
                let patch = json!({
                    "metadata": { "resourceVersion": map.metadata.resource_version },
                    "data": { "mapRoles": roles },
                });
                let params =
                    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
                api.patch(NAME, &params, &Patch::Merge(patch)).await
            }
            None => {
                let roles = add_node_role("", role_arn).map_err(|error| unreadable(&error))?;
                let mut map = ConfigMap::default();
                map.metadata.name = Some(NAME.into());
                map.data = Some([("mapRoles".to_string(), roles)].into());
                let params =
                    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
                api.create(&params, &map).await
            }
        };
        match written {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => continue,
            Err(error) => return Err(failure("write ConfigMap kube-system/aws-auth", &error)),
        }
    }
    Err(unreadable(&"somebody else keeps changing it"))
}

fn api(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}
