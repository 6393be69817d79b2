//! Deployments and StatefulSets: how many pods they want, and how many are Ready.

use std::fmt::Debug;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::ListParams;
use kube::{Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::facts::{Running, Workload};

use super::slim::Slim;
use super::{failure, pages, symptoms};

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    replicas: Option<i32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    ready_replicas: Option<i32>,
}

/// Workloads and Pending pods. If a permission is missing they are unknown, because no change needs them.
pub async fn running(client: &Client) -> Running {
    let found = tokio::try_join!(
        workloads::<Deployment>(client, "Deployment"),
        workloads::<StatefulSet>(client, "StatefulSet"),
        symptoms::pods(client),
    );
    match found {
        Ok((deployments, stateful_sets, waiting)) => Running {
            workloads: deployments.into_iter().chain(stateful_sets).collect(),
            waiting,
            unknown: None,
        },
        Err(error) => Running { unknown: Some(error.in_short()), ..Running::default() },
    }
}

async fn workloads<K>(client: &Client, kind: &'static str) -> Result<Vec<Workload>>
where
    K: Resource<DynamicType = ()> + Send + 'static,
    Slim<K, Spec, Status>: DeserializeOwned + Resource<DynamicType = ()>,
{
    let found = pages::all(client, ListParams::default(), |object: Slim<K, Spec, Status>| {
        Some(Workload {
            kind,
            namespace: object.metadata.namespace?,
            name: object.metadata.name?,
            // The default is 1 (API reference, DeploymentSpec and StatefulSetSpec).
            wanted: object.spec.and_then(|spec| spec.replicas).unwrap_or(1),
            ready: object.status.and_then(|status| status.ready_replicas).unwrap_or_default(),
        })
    });
    found.await.map_err(|error| failure(format!("list {kind}s"), &error))
}
