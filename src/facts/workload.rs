//! Nodes, the pods on them, and the PodDisruptionBudgets that cover these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{NodeSelectorTerm, Toleration};
use k8s_openapi::jiff::Timestamp;
use kube::core::Selector;
use serde::{Deserialize, Serialize};

use super::{Controller, ControllerKind};

/// A Kubernetes Node, and the instance behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub name: String,
    pub kind: NodeKind,
    /// From spec.providerID.
    pub instance_id: Option<String>,
    pub zone: String,
    pub instance_type: String,
    pub ready: bool,
    /// Why the node is not Ready; `None` if it is.
    pub unready: Option<Unready>,
    pub unschedulable: bool,
    /// Allocatable pods.
    pub max_pods: u32,
    pub allocatable: Requests,
    /// Allocatable of all other resources: ephemeral-storage, huge pages, and extended resources of device plugins.
    pub other_allocatable: BTreeMap<String, u64>,
    /// Taints that exclude pods: effects NoSchedule and NoExecute.
    pub taints: Vec<Taint>,
    /// Taints with effect PreferNoSchedule, which exclude no pod.
    pub soft_taints: Vec<Taint>,
    /// status.nodeInfo.osImage: `Amazon Linux 2023.9.20251105`
    pub os_image: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// NodeClaim that owns it, if Karpenter created it.
    pub node_claim: Option<String>,
    /// Auto Scaling group that launched its instance, from the instance's tag aws:autoscaling:groupName.
    pub group: Option<String>,
    /// The instance's subnet; `None` if EC2 doesn't know the instance.
    pub subnet: Option<String>,
    /// When its Node was created.
    pub joined: Option<Timestamp>,
    /// Addresses for pods on the instance's primary network interface (device 0): secondary ones, and those of prefixes.
    pub primary_addresses: u32,
    /// Subnets of the network interfaces that the CNI added to it.
    pub pod_subnets: BTreeSet<String>,
    /// Addresses for pods that these interfaces hold, used or not.
    pub pod_addresses: u32,
    /// These interfaces, one by one.
    pub interfaces: Vec<Interface>,
    /// Security groups of the instance's own interface.
    pub security_groups: BTreeSet<String>,
}

/// Why a node is not Ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// The condition is Unknown: its kubelet has stopped reporting (node lifecycle controller, NodeStatusUnknown).
    pub silent: bool,
    /// The condition's message.
    pub message: String,
}

impl Node {
    /// Its kubelet does not report, so pods that are deleted there stay Terminating.
    pub fn is_unreachable(&self) -> bool {
        self.unready.as_ref().is_some_and(|unready| unready.silent)
    }

    /// Security groups of the network interfaces that the CNI added to it.
    pub fn pod_groups(&self) -> BTreeSet<String> {
        self.interfaces.iter().flat_map(|interface| interface.security_groups.iter().cloned()).collect()
    }
}

/// A network interface that the CNI created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub id: String,
    /// The instance that it is attached to; if detached, the instance that it was created for.
    pub instance: String,
    pub attached: bool,
    pub subnet: String,
    pub security_groups: BTreeSet<String>,
    /// Addresses for pods, without the interface's primary address.
    pub addresses: u32,
    /// The cluster in its tags; old CNIs set none.
    pub cluster: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    pub key: String,
    pub value: String,
    /// `NoSchedule`, `NoExecute` or `PreferNoSchedule`
    pub effect: String,
}

/// What can take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    Ec2,
    Fargate,
    Windows,
    Hybrid,
}

/// The fields of a Pod that the drain and the checks need. A cluster can have a hundred thousand pods: common values are
/// shared, and rare ones are behind one pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub node: String,
    pub labels: Arc<BTreeMap<String, String>>,
    pub phase: String,
    pub ready: bool,
    pub host_network: bool,
    pub deleting: bool,
    /// Its termination, if it is terminating.
    pub terminating: Option<Box<Terminating>>,
    pub address: Option<String>,
    /// The controller that recreates it; `None` for a bare pod.
    pub controller: Option<Arc<Controller>>,
    /// A static pod's mirror.
    pub mirror: bool,
    /// Karpenter must not replace its node (annotation karpenter.sh/do-not-disrupt).
    pub do_not_disrupt: bool,
    /// It has an emptyDir or a generic ephemeral volume, which is deleted with it.
    pub empty_dir: bool,
    /// It has a hostPath volume of its own that may hold its data.
    pub host_path: bool,
    pub grace_seconds: i64,
    /// Seconds from its creation until it was Ready; `None` if it is not.
    pub seconds_to_ready: Option<u32>,
    /// Why it is not Ready: its condition's message.
    pub not_ready_because: Option<Box<str>>,
    pub requests: Requests,
    /// Requests of all other resources, by name; `None` if there are none.
    pub other_requests: Option<Arc<BTreeMap<String, u64>>>,
    /// `None` if any node will do.
    pub placement: Option<Box<Placement>>,
}

/// The termination of a pod. It exists until its kubelet reports that the containers have stopped, and every finalizer is
/// removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminating {
    /// Seconds since its grace period was over, when it was read; below zero before that.
    pub overdue: i64,
    pub finalizers: Vec<String>,
}

/// Amounts of what a node has: of a pod, its effective requests; of a node, what is allocatable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// Thousandths of a processor.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
}

/// A pod's scheduling constraints besides resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placement {
    pub node_selector: BTreeMap<String, String>,
    /// requiredDuringSchedulingIgnoredDuringExecution of its nodeAffinity; one of them is enough.
    pub node_affinity: Vec<NodeSelectorTerm>,
    pub tolerations: Vec<Toleration>,
    /// Names of its PersistentVolumeClaims.
    pub claims: Vec<String>,
}

/// A pod whose Deployment needs a second replica for the drain, and what could prevent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surge {
    /// `namespace/name`
    pub pod: String,
    /// `namespace/name`; `None` if its ReplicaSet belongs to no Deployment.
    pub deployment: Option<String>,
    /// The HorizontalPodAutoscaler that scales it.
    pub autoscaler: Option<Autoscaler>,
    /// Topology keys of its required anti-affinity to itself.
    pub apart: BTreeSet<String>,
}

/// A HorizontalPodAutoscaler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Autoscaler {
    /// `namespace/name`
    pub name: String,
    /// `namespace/name` of the Deployment.
    pub deployment: String,
    pub min: i32,
    pub max: i32,
}

/// What is known of StatefulSets, by `namespace/name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatefulSets {
    /// Those that start their pods one after another.
    pub ordered: BTreeSet<String>,
    /// Names of the volumeClaimTemplates of those that have any.
    pub claim_templates: BTreeMap<String, BTreeSet<String>>,
}

impl Pod {
    pub fn is_finished(&self) -> bool {
        self.phase == "Succeeded" || self.phase == "Failed"
    }

    /// One runs on each node, including new ones, so it is never moved.
    pub fn is_of_daemon_set(&self) -> bool {
        self.controlled_by(&ControllerKind::DaemonSet).is_some()
    }

    /// Its controller, if it is of this kind.
    pub fn controlled_by(&self, kind: &ControllerKind) -> Option<&Controller> {
        self.controller.as_deref().filter(|controller| controller.kind == *kind)
    }

    /// `namespace/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What recreates it: kind and name. A Deployment for the pods of all its ReplicaSets, which are named after it and
    /// the hash that their pods carry as a label (Kubernetes documentation, Deployment, "Pod-template-hash label"); an
    /// Argo Rollout has a label of its own.
    pub fn workload(&self) -> Option<(&ControllerKind, &str)> {
        let owner = self.controller.as_ref()?;
        let above = [
            ("pod-template-hash", &ControllerKind::Deployment),
            ("rollouts-pod-template-hash", &ControllerKind::Rollout),
        ];
        let named_after = |(label, kind)| {
            let name = owner.name.strip_suffix(self.labels.get(label)?.as_str())?.strip_suffix('-')?;
            Some((kind, name))
        };
        let above =
            above.into_iter().filter(|_| owner.kind == ControllerKind::ReplicaSet).find_map(named_after);
        Some(above.unwrap_or((&owner.kind, &owner.name)))
    }

    /// The same for lists and messages: `deployment/namespace/name`.
    pub fn workload_name(&self) -> Option<String> {
        let (kind, name) = self.workload()?;
        Some(format!("{}/{}/{name}", kind.lowercase(), self.namespace))
    }

    /// Its PersistentVolumeClaims, as `namespace/name`.
    pub fn claims(&self) -> impl Iterator<Item = String> {
        let claims = self.placement.iter().flat_map(|placement| &placement.claims);
        claims.map(|claim| format!("{}/{claim}", self.namespace))
    }
}

/// A PodDisruptionBudget.
#[derive(Debug, Clone)]
pub struct Budget {
    pub namespace: String,
    pub name: String,
    /// `None` selects no pods; an empty selector selects all pods of the namespace.
    pub selector: Option<Selector>,
    /// What its spec asks for.
    pub least: Least,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`: a pod that is not Ready can be evicted whatever the budget allows.
    pub unhealthy_may_go: bool,
    pub disruptions_allowed: i32,
    pub current_healthy: i32,
    pub desired_healthy: i32,
    pub expected: i32,
    /// The controller has seen the newest spec; before that, its numbers are outdated.
    pub observed: bool,
    /// Condition DisruptionAllowed has reason SyncFailed: the controller can't count the pods that the budget expects, and
    /// allows no disruptions. Holds its message.
    pub sync_failed: Option<String>,
    /// status.disruptedPods: evictions that were allowed and whose pods the controller has not seen terminate yet.
    pub disrupted: BTreeSet<String>,
}

/// How a PodDisruptionBudget is written: `2` or `50%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Least {
    MinAvailable(String),
    MaxUnavailable(String),
}

impl std::fmt::Display for Least {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Least::MinAvailable(value) => write!(f, "minAvailable {value}"),
            Least::MaxUnavailable(value) => write!(f, "maxUnavailable {value}"),
        }
    }
}

impl Budget {
    /// `namespace/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
