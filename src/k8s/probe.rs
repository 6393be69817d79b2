//! The probe's pods: creates, reads and deletes them.

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::core::Selector;
use kube::{Api, Client};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tags::FIELD_MANAGER;

use super::{failure, lock};

/// Label: the purpose of a probe pod.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Label: the zone that it tests.
pub const ZONE: &str = "eni-custom/zone";
/// Annotation: the process that created it.
pub const RUN: &str = "eni-custom/run";

/// The probe's pods in one namespace.
pub struct Probe {
    api: Api<Pod>,
    policies: Api<NetworkPolicy>,
    namespace: String,
}

/// The current state of a probe pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSeen {
    pub zone: String,
    pub address: Option<String>,
    pub phase: String,
    /// Exit code and termination message of its container, if it has terminated.
    pub exit: Option<(i32, String)>,
    /// Why it has not terminated, if known.
    pub delayed_by: String,
}

impl Probe {
    pub fn new(client: Client, namespace: &str) -> Self {
        Probe {
            api: Api::namespaced(client.clone(), namespace),
            policies: Api::namespaced(client, namespace),
            namespace: namespace.into(),
        }
    }

    pub async fn create(&self, pod: &Value) -> Result<()> {
        let pod: Pod = serde_json::from_value(pod.clone())
            .map_err(|error| Error::failed("build the probe pod").because(error))?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let made = self.api.create(&params, &pod).await;
        made.map(drop).map_err(|error| failure("create a probe pod", &error).at(&self.namespace))
    }

    /// The pods of a run with this purpose.
    pub async fn list(&self, run: &str, component: &str) -> Result<Vec<PodSeen>> {
        let pods = self.all().await?;
        let wanted = |pod: &&Pod| of_run(pod, run) && label(pod, COMPONENT) == component;
        Ok(pods.iter().filter(wanted).map(seen).collect())
    }

    /// NetworkPolicies of the namespace, as `namespace/name`, with the pods that each selects.
    pub async fn policies(&self) -> Result<Vec<(String, Selector)>> {
        let found = self.policies.list(&ListParams::default()).await;
        let found = found.map_err(|error| failure("list NetworkPolicies", &error).at(&self.namespace))?;
        let named = |policy: NetworkPolicy| {
            // Without a selector it selects all pods.
            let selector = policy.spec?.pod_selector.unwrap_or_default();
            Some((format!("{}/{}", self.namespace, policy.metadata.name?), selector.try_into().ok()?))
        };
        Ok(found.items.into_iter().filter_map(named).collect())
    }

    /// Deletes the pods of this run; those of other runs stay.
    pub async fn remove(&self, run: &str) -> Result<()> {
        self.remove_those(|pod| of_run(pod, run)).await
    }

    /// Deletes what a killed run left behind: its process is gone, or its pods have passed their deadline.
    pub async fn remove_left(&self) -> Result<()> {
        self.remove_those(|pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let over = matches!(phase, Some("Succeeded" | "Failed"));
            over || run_of(pod).is_some_and(lock::is_dead_here)
        })
        .await
    }

    async fn remove_those(&self, is_one: impl Fn(&Pod) -> bool) -> Result<()> {
        for pod in self.all().await?.iter().filter(|pod| is_one(pod)) {
            let name = pod.metadata.name.clone().unwrap_or_default();
            let exactly = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
            let params = DeleteParams::default().grace_period(0).preconditions(exactly);
            match self.api.delete(&name, &params).await {
                Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
                Err(error) => {
                    return Err(failure("delete a probe pod", &error)
                        .at(format!("{}/{name}", self.namespace))
                        .fix(format!(
                            "kubectl -n {} delete pod -l app.kubernetes.io/name=eni-custom-probe",
                            self.namespace
                        )));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Pod>> {
        let ours =
            format!("app.kubernetes.io/name=eni-custom-probe,app.kubernetes.io/managed-by={FIELD_MANAGER}");
        let found = self.api.list(&ListParams::default().labels(&ours)).await;
        found.map(|list| list.items).map_err(|error| failure("list probe pods", &error).at(&self.namespace))
    }
}

fn label<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map_or("", String::as_str)
}

fn run_of(pod: &Pod) -> Option<&str> {
    pod.metadata.annotations.as_ref()?.get(RUN).map(String::as_str)
}

fn of_run(pod: &Pod, run: &str) -> bool {
    run_of(pod) == Some(run)
}

fn seen(pod: &Pod) -> PodSeen {
    let status = pod.status.clone().unwrap_or_default();
    let phase = status.phase.unwrap_or_default();
    let container = status.container_statuses.unwrap_or_default().into_iter().next();
    let state = container.and_then(|container| container.state).unwrap_or_default();
    let ContainerState { terminated, waiting, .. } = state;
    let unscheduled = status
        .conditions
        .unwrap_or_default()
        .into_iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let delayed_by = waiting
        .map(|waiting| [waiting.reason, waiting.message].into_iter().flatten().collect::<Vec<_>>().join(": "))
        .or(unscheduled.and_then(|condition| condition.message))
        // activeDeadlineSeconds, an eviction.
        .or(status.reason)
        .unwrap_or_else(|| format!("its phase is {phase}"));
    PodSeen {
        zone: label(pod, ZONE).into(),
        address: status.pod_ip,
        exit: terminated.map(|ended| (ended.exit_code, ended.message.or(ended.reason).unwrap_or_default())),
        phase,
        delayed_by,
    }
}
