//! What is to run, and what of it does not.

/// Deployments, StatefulSets and pods that wait.
#[derive(Debug, Clone, Default)]
pub struct Running {
    pub workloads: Vec<Workload>,
    /// Pods that are Pending.
    pub waiting: Vec<WaitingPod>,
    /// Why neither is known; read where something is made or looked at, and not where it is undone.
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
    /// Empty where it has none yet.
    pub node: String,
    pub host_network: bool,
    /// For so long that it is not only on its way.
    pub old: bool,
    /// What its container waits for, or why it has no node, in the scheduler's words.
    pub told: String,
}

impl WaitingPod {
    /// `namespace/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
