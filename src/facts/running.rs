//! Workloads, and which of their pods do not run.

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
    pub told: String,
}

impl WaitingPod {
    /// `namespace/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
