//! Pods, PodDisruptionBudgets and evictions.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{HostPathVolumeSource, Pod as KubePod, Toleration};
use k8s_openapi::api::policy::v1::{Eviction, PodDisruptionBudget};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition as KubeCondition, DeleteOptions, Preconditions,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::Selector;
use kube::{Api, Client};

use crate::error::Result;
use crate::facts::{Budget, Controller, Least, Placement, Pod, Terminating};

use super::quantity::{effective_others, effective_requests};
use super::slim::{self, Condition, PodSpec};
use super::{failure, pages, protobuf};

/// The API server's answer to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// Accepted: the pod terminates within its grace period.
    Accepted,
    /// The pod is gone, or another pod has its name by now.
    Gone,
    /// 429: a budget allows no disruption right now. Holds the API server's message.
    NotNow(String),
    /// 429 without a budget: the API server is overloaded.
    Busy(String),
    /// Admission denies this eviction right now: a webhook, a policy, a namespace that is being deleted. Holds its message.
    Denied(String),
    /// 500: more than one budget covers the pod, so it can never be evicted.
    TooManyBudgets(String),
}

/// All pods that are assigned to a node.
pub async fn list(client: &Client) -> Result<Vec<Pod>> {
    // A pod without a node has nothing to drain.
    let query = ListParams::default().fields("spec.nodeName!=");
    let mut shared = Shared::default();
    let keep = |found| Some(shared.by(pod(found)));
    pages::packed::<protobuf::Pod, _, _>(client, query, keep)
        .await
        .map_err(|error| failure("list pods", &error))
}

/// Values that the pods of one workload share, kept once to save memory.
#[derive(Default)]
struct Shared {
    labels: HashSet<Arc<BTreeMap<String, String>>>,
    controllers: HashSet<Arc<Controller>>,
    other_requests: HashSet<Arc<BTreeMap<String, u64>>>,
}

impl Shared {
    fn by(&mut self, mut pod: Pod) -> Pod {
        pod.labels = once(&mut self.labels, pod.labels);
        pod.controller = pod.controller.map(|controller| once(&mut self.controllers, controller));
        pod.other_requests = pod.other_requests.map(|requests| once(&mut self.other_requests, requests));
        pod
    }
}

/// The shared copy of a value.
fn once<T: Eq + Hash>(known: &mut HashSet<Arc<T>>, value: Arc<T>) -> Arc<T> {
    if let Some(same) = known.get(&value) {
        return Arc::clone(same);
    }
    known.insert(Arc::clone(&value));
    value
}

/// Keeps only the needed fields: a cluster can have a hundred thousand pods.
pub fn pod(pod: slim::Pod) -> Pod {
    let meta = pod.metadata;
    let mut spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let owners = meta.owner_references.unwrap_or_default();
    let controller = owners.into_iter().find(|owner| owner.controller.unwrap_or_default());
    let volumes = || spec.volumes.iter().flatten();
    let mut conditions = status.conditions.unwrap_or_default();
    let unscheduled =
        conditions.iter().position(|each| each.type_ == "PodScheduled" && each.status == "False");
    let unscheduled = unscheduled.map(|at| conditions.swap_remove(at));
    let readiness = conditions.into_iter().find(|each| each.type_ == "Ready");
    let ready = readiness.as_ref().is_some_and(|readiness| readiness.status == "True");
    let created = meta.creation_timestamp.map(|time| time.0);
    let became =
        readiness.as_ref().filter(|_| ready).and_then(|ready| Some(ready.last_transition_time.as_ref()?.0));
    let annotations = meta.annotations.unwrap_or_default();
    Pod {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        uid: meta.uid.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default().into(),
        phase: status.phase.unwrap_or_default(),
        ready,
        host_network: spec.host_network.unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        terminating: meta.deletion_timestamp.map(|until| {
            // The API server sets it to the end of the grace period (API reference, ObjectMeta).
            let overdue = Timestamp::now().duration_since(until.0).as_secs();
            Box::new(Terminating { overdue, finalizers: meta.finalizers.unwrap_or_default() })
        }),
        address: status.pod_ip,
        controller: controller
            .map(|owner| Controller { kind: owner.kind.as_str().into(), name: owner.name }.into()),
        mirror: annotations.contains_key("kubernetes.io/config.mirror"),
        // `true`, or a duration since the pod's start (Karpenter, "Disruption", "Pod-Level Controls").
        do_not_disrupt: annotations.get("karpenter.sh/do-not-disrupt").is_some_and(|value| value != "false"),
        empty_dir: volumes().any(|volume| volume.empty_dir.is_some() || volume.ephemeral.is_some()),
        host_path: volumes().any(|volume| volume.host_path.as_ref().is_some_and(may_hold_data)),
        grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
        seconds_to_ready: created
            .zip(became)
            .and_then(|(created, became)| u32::try_from(became.duration_since(created).as_secs()).ok()),
        // A pod that could not be scheduled has no Ready condition yet; the scheduler's condition says why.
        not_ready_because: unscheduled.or(readiness.filter(|_| !ready)).and_then(in_its_own_words),
        requests: effective_requests(&spec),
        other_requests: effective_others(&spec).map(Arc::new),
        node: spec.node_name.take().unwrap_or_default(),
        placement: placement(spec),
    }
}

/// Directories of the node's image, its kubelet and its container runtime: every node has them, so no data of a pod is
/// lost with them.
const OF_THE_NODE: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/log",
    "/var/run",
];

/// Whether a hostPath volume may hold data of the pod. Sockets and devices hold none.
fn may_hold_data(volume: &HostPathVolumeSource) -> bool {
    let kind = volume.type_.as_deref().unwrap_or_default();
    let path = volume.path.trim_end_matches('/');
    let is_in = |folder: &&str| {
        path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Monitoring agents mount the root itself.
    !matches!(kind, "Socket" | "CharDevice" | "BlockDevice")
        && !path.is_empty()
        && !OF_THE_NODE.iter().any(is_in)
}

fn in_its_own_words(readiness: Condition) -> Option<Box<str>> {
    readiness.message.or(readiness.reason).map(String::into_boxed_str)
}

fn placement(spec: PodSpec) -> Option<Box<Placement>> {
    let required = spec.affinity.and_then(|affinity| affinity.node_affinity?.required);
    // The claim of an ephemeral volume is named after pod and volume, and is deleted with the pod.
    let claims = spec.volumes.into_iter().flatten().filter_map(|volume| volume.persistent_volume_claim);
    let tolerations = spec.tolerations.into_iter().flatten();
    let placement = Placement {
        node_selector: spec.node_selector.unwrap_or_default(),
        node_affinity: required.map(|terms| terms.node_selector_terms).unwrap_or_default(),
        tolerations: tolerations.filter(|each| !is_default(each)).collect(),
        claims: claims.map(|claim| claim.claim_name).collect(),
    };
    (placement != Placement::default()).then(|| Box::new(placement))
}

/// Every pod has these two tolerations (admission plugin DefaultTolerationSeconds), and no healthy node has the taints.
fn is_default(toleration: &Toleration) -> bool {
    toleration.toleration_seconds.is_some()
        && matches!(
            toleration.key.as_deref(),
            Some("node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
        )
}

pub async fn budgets(client: &Client) -> Result<Vec<Budget>> {
    let found = pages::all(client, ListParams::default(), |found| Some(budget(found))).await;
    found.map_err(|error| failure("list PodDisruptionBudgets", &error))
}

/// Keeps only the needed fields.
pub fn budget(budget: PodDisruptionBudget) -> Budget {
    let status = budget.status.unwrap_or_default();
    let spec = budget.spec.unwrap_or_default();
    let text = |value: IntOrString| match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text,
    };
    // A budget has one of the two; without either, minAvailable is 1 (API reference, PodDisruptionBudgetSpec).
    let least = match (spec.min_available, spec.max_unavailable) {
        (_, Some(most)) => Least::MaxUnavailable(text(most)),
        (Some(least), None) => Least::MinAvailable(text(least)),
        (None, None) => Least::MinAvailable("1".into()),
    };
    Budget {
        namespace: budget.metadata.namespace.unwrap_or_default(),
        name: budget.metadata.name.unwrap_or_default(),
        // The API server accepts no selector that fails here.
        selector: spec.selector.and_then(|selector| Selector::try_from(selector).ok()),
        least,
        unhealthy_may_go: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
        disruptions_allowed: status.disruptions_allowed.unwrap_or_default(),
        current_healthy: status.current_healthy.unwrap_or_default(),
        desired_healthy: status.desired_healthy.unwrap_or_default(),
        expected: status.expected_pods.unwrap_or_default(),
        sync_failed: status.conditions.into_iter().flatten().find(is_sync_failed).map(|each| each.message),
        observed: status.observed_generation >= budget.metadata.generation,
        disrupted: status.disrupted_pods.unwrap_or_default().into_keys().collect::<BTreeSet<_>>(),
    }
}

/// The disruption controller sets this condition when it can't count the pods that a budget expects (failSafe).
fn is_sync_failed(condition: &KubeCondition) -> bool {
    condition.type_ == "DisruptionAllowed" && condition.status == "False" && condition.reason == "SyncFailed"
}

/// Evicts exactly this pod: the UID is a precondition, so a new pod of the same name is never evicted.
///
/// `Api::evict` of kube 5.0 writes the options under a key that the API server ignores, so the Eviction is posted as a
/// subresource instead.
pub async fn evict(evictor: &Client, pod: &Pod) -> Result<Evicted> {
    let api: Api<KubePod> = Api::namespaced(evictor.clone(), &pod.namespace);
    let mut eviction = Eviction::default();
    eviction.metadata.name = Some(pod.name.clone());
    eviction.metadata.namespace = Some(pod.namespace.clone());
    eviction.delete_options = Some(DeleteOptions {
        grace_period_seconds: Some(pod.grace_seconds),
        preconditions: Some(Preconditions { uid: Some(pod.uid.clone()), resource_version: None }),
        ..DeleteOptions::default()
    });
    let params = PostParams::default();
    let reply = api
        .create_subresource::<Eviction, serde_json::Value>("eviction", &pod.name, &params, &eviction)
        .await;
    answer(reply.map(drop), "evict pod", pod)
}

/// Deletes exactly this pod, bypassing budgets: only with --disable-eviction, after the user has named the cluster.
pub async fn delete(evictor: &Client, pod: &Pod) -> Result<Evicted> {
    let api: Api<KubePod> = Api::namespaced(evictor.clone(), &pod.namespace);
    let params = DeleteParams {
        grace_period_seconds: u32::try_from(pod.grace_seconds).ok(),
        ..DeleteParams::default()
    }
    .preconditions(kube::api::Preconditions { uid: Some(pod.uid.clone()), resource_version: None });
    answer(api.delete(&pod.name, &params).await.map(drop), "delete pod", pod)
}

fn answer(reply: std::result::Result<(), kube::Error>, what: &str, pod: &Pod) -> Result<Evicted> {
    match reply {
        Ok(()) => Ok(Evicted::Accepted),
        Err(kube::Error::Api(status)) => match status.code {
            404 => Ok(Evicted::Gone),
            // Another pod has its name by now, or somebody changed it at the same moment: the watch will report it.
            409 => Ok(Evicted::Busy(status.message.clone())),
            429 => Ok(match budget_says(&status) {
                Some(reason) => Evicted::NotNow(reason),
                None => Evicted::Busy(status.message.clone()),
            }),
            500 if status.message.contains("more than one PodDisruptionBudget") => {
                Ok(Evicted::TooManyBudgets(status.message.clone()))
            }
            _ if is_of_admission(&status) => Ok(Evicted::Denied(status.message.clone())),
            _ => Err(failure(what, &kube::Error::Api(status)).at(pod.full_name())),
        },
        Err(error) => Err(failure(what, &error).at(pod.full_name())),
    }
}

/// Whether admission, not authorization, has denied the request. The API server words authorization errors itself
/// (apiserver, responsewriters, forbiddenMessage); any other 403 comes from an admission plugin. A webhook may return any
/// code from 400 on (apiserver, webhook errors, ToStatusErr).
fn is_of_admission(status: &kube::core::Status) -> bool {
    let unauthorized = ["create", "delete"].map(|verb| format!(" cannot {verb} resource \"pods"));
    match status.code {
        403 => !unauthorized.iter().any(|words| status.message.contains(words)),
        400.. => {
            status.message.contains(" denied the request") || status.message.contains(" denied request: ")
        }
        _ => false,
    }
}

/// The cause names the budget and how many healthy pods it lacks. A 429 without that cause means that the API server has
/// too many requests.
fn budget_says(status: &kube::core::Status) -> Option<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let messages: Vec<&str> = causes
        .filter(|cause| cause.reason == "DisruptionBudget")
        .map(|cause| cause.message.as_str())
        .collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::pod;

    #[test]
    fn every_denial_is_admission_except_a_missing_permission() {
        for (code, message, expected) in [
            (
                403,
                "pods \"web-1\" is forbidden: User \"x\" cannot create resource \"pods/eviction\" in API group \"\" in the namespace \"shop\"",
                false,
            ),
            (
                403,
                "pods \"web-1\" is forbidden: User \"x\" cannot delete resource \"pods\" in API group \"\" in the namespace \"shop\"",
                false,
            ),
            (
                403,
                "evictions \"web-1\" is forbidden: unable to create new content in namespace shop because it is being terminated",
                true,
            ),
            (403, "admission webhook \"guard.example.com\" denied the request: not today", true),
            (400, "admission webhook \"guard.example.com\" denied the request without explanation", true),
            (
                422,
                "pods \"web-1\" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'guard' denied request: not today",
                true,
            ),
            (500, "failed calling webhook \"guard.example.com\": context deadline exceeded", false),
        ] {
            let status =
                kube::core::Status { code, message: message.into(), ..kube::core::Status::default() };
            assert_eq!(is_of_admission(&status), expected, "{message}");
        }
    }

    #[test]
    fn a_host_path_may_hold_data_unless_it_is_a_directory_of_the_node() {
        for (path, kind, expected) in [
            ("/data", "", true),
            ("/mnt/disks/ssd1/", "DirectoryOrCreate", true),
            ("/opt/models", "Directory", true),
            ("/etcetera", "", true),
            ("/var/lib/mysql", "", true),
            ("/etc/ssl/certs/ca-bundle.crt", "", false),
            ("/etc", "", false),
            ("/var/log/", "", false),
            ("/", "", false),
            ("/run/containerd/containerd.sock", "", false),
            ("/data/app.sock", "Socket", false),
            ("/data/gpu", "CharDevice", false),
        ] {
            let type_ = (!kind.is_empty()).then(|| kind.to_string());
            assert_eq!(
                may_hold_data(&HostPathVolumeSource { path: path.into(), type_ }),
                expected,
                "{path} {kind}"
            );
        }
    }

    #[test]
    fn pods_of_one_workload_share_labels_and_controller_in_memory() {
        let labelled = |name: &str, app: &str| Pod {
            labels: Arc::new([("app".to_string(), app.to_string())].into()),
            ..pod("shop", name)
        };
        let mut shared = Shared::default();
        let [one, other, third] = [("a", "cart"), ("b", "cart"), ("c", "till")].map(|(name, app)| {
            let own = labelled(name, app);
            let kept = shared.by(own.clone());
            assert_eq!(kept, own);
            kept
        });
        assert!(Arc::ptr_eq(&one.labels, &other.labels) && !Arc::ptr_eq(&one.labels, &third.labels));
        assert!(Arc::ptr_eq(&one.controller.unwrap(), &third.controller.unwrap()));
    }
}
