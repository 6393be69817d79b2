//! How many pods a controller should have.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Result;

use super::found;

/// The number of pods that a controller should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// No pod: it is gone, or its Job is done.
    None,
    Pods {
        wanted: i64,
        ready: i64,
    },
    /// The controller can't create its pods, with its reason if it gives one; or its kind is not supported here.
    Unknown(Option<String>),
}

/// The number of pods that a controller should have, by `Pod::workload_name`.
pub async fn wanted(client: &Client, controller: &str) -> Result<Needed> {
    let parts: Vec<&str> = controller.splitn(3, '/').collect();
    let [kind, namespace, name] = parts[..] else { return Ok(Needed::Unknown(None)) };
    let object = match kind {
        "deployment" => read::<Deployment>(client, namespace, name).await?,
        "replicaset" => read::<ReplicaSet>(client, namespace, name).await?,
        "statefulset" => read::<StatefulSet>(client, namespace, name).await?,
        "job" => read::<Job>(client, namespace, name).await?,
        _ => return Ok(Needed::Unknown(None)),
    };
    Ok(object.map_or(Needed::None, |object| of(kind, &object)))
}

async fn read<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<Value>>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let object = found(api.get(name).await, "read a pod's controller")?;
    Ok(object.and_then(|object| serde_json::to_value(object).ok()))
}

fn of(kind: &str, object: &Value) -> Needed {
    let condition = |name: &str| {
        let mut all = object["status"]["conditions"].as_array().into_iter().flatten();
        all.find(|each| each["type"] == name && each["status"] == "True")
    };
    if kind == "job" {
        let failed = condition("Failed").and_then(|failed| failed["message"].as_str());
        return match condition("Complete") {
            Some(_) => Needed::None,
            None => Needed::Unknown(failed.map(ToString::to_string)),
        };
    }
    // Quotas and admission webhooks keep pods from being created (ReplicaSet and Deployment, ReplicaFailure).
    if let Some(failure) = condition("ReplicaFailure") {
        return Needed::Unknown(failure["message"].as_str().map(ToString::to_string));
    }
    Needed::Pods {
        wanted: object["spec"]["replicas"].as_i64().unwrap_or(1),
        ready: object["status"]["readyReplicas"].as_i64().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_controller_reports_its_replicas_and_why_pods_can_t_be_created() {
        let failure = json!({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"});
        let complete = json!({"type": "Complete", "status": "True"});
        for (kind, object, expected) in [
            (
                "deployment",
                json!({"spec": {"replicas": 5}, "status": {"readyReplicas": 5}}),
                Needed::Pods { wanted: 5, ready: 5 },
            ),
            ("statefulset", json!({"spec": {}}), Needed::Pods { wanted: 1, ready: 0 }),
            (
                "replicaset",
                json!({"spec": {"replicas": 2}, "status": {"conditions": [failure]}}),
                Needed::Unknown(Some("exceeded quota".into())),
            ),
            ("job", json!({"status": {"conditions": [complete]}}), Needed::None),
            ("job", json!({"status": {}}), Needed::Unknown(None)),
        ] {
            assert_eq!(of(kind, &object), expected, "{kind} {object}");
        }
    }
}
