//! Workloads, and which of their pods do not run.

use std::collections::BTreeSet;

/// Deployments, StatefulSets and Pending pods.
#[derive(Debug, Clone, Default)]
pub struct Running {
    pub workloads: Vec<Workload>,
    /// Pods that are Pending.
    pub waiting: Vec<WaitingPod>,
    /// Why they are unknown; `undo` does not read them.
    pub unknown: Option<String>,
}

/// A Deployment or a StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// spec.replicas
    pub wanted: i32,
    /// status.readyReplicas
    pub ready: i32,
}

impl Workload {
    /// `Deployment shop/cart`
    pub fn full_name(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// A pod that is Pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPod {
    pub namespace: String,
    pub name: String,
    /// Empty if it has none yet.
    pub node: String,
    pub host_network: bool,
    /// Pending for too long to be only starting.
    pub old: bool,
    /// What its container waits for, or the scheduler's message why it has no node.
    pub message: String,
    /// The causes that this text names.
    pub obstacles: BTreeSet<Obstacle>,
}

/// What keeps a pod from starting. Kubernetes and the CNI report it only as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// The nodes have reached their max pods.
    MaxPods,
    /// The nodes have too little CPU or memory left.
    Resources,
    /// Nodes are cordoned.
    Cordoned,
    /// The container's image or configuration, not the network.
    Container,
    /// The CNI has assigned no address.
    NoAddress,
}

impl Obstacle {
    /// The words of each: the scheduler's (kubernetes, pkg/scheduler/framework/plugins), the kubelet's reasons
    /// (pkg/kubelet/images, pkg/kubelet/container), and the CNI's (amazon-vpc-cni-k8s, cmd/routed-eni-cni-plugin).
    const WORDS: [(&str, Obstacle); 10] = [
        ("Too many pods", Obstacle::MaxPods),
        ("Insufficient cpu", Obstacle::Resources),
        ("Insufficient memory", Obstacle::Resources),
        ("unschedulable", Obstacle::Cordoned),
        ("ErrImage", Obstacle::Container),
        ("ImagePull", Obstacle::Container),
        ("InvalidImageName", Obstacle::Container),
        ("CreateContainerConfigError", Obstacle::Container),
        ("CrashLoopBackOff", Obstacle::Container),
        ("failed to assign an IP address to container", Obstacle::NoAddress),
    ];

    /// The obstacles that a message names.
    pub fn named_in(message: &str) -> BTreeSet<Obstacle> {
        let named = Self::WORDS.into_iter().filter(|(words, _)| message.contains(words));
        named.map(|(_, obstacle)| obstacle).collect()
    }
}

impl WaitingPod {
    /// `namespace/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
