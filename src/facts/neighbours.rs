//! What else works on the cluster: who starts nodes, and who lets traffic through by pods' addresses. Plain values.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

/// Nothing is changed by any of it, so each part may be unknown.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    /// Deployments of the cluster-autoscaler that have replicas, as `namespace/name`.
    pub autoscalers: BTreeSet<String>,
    pub karpenter: Option<Karpenter>,
    /// Those that name blocks of addresses.
    pub policies: Vec<NetworkPolicy>,
    /// TargetGroupBindings whose targets are pods' addresses (targetType `ip`), as `namespace/name`.
    pub ip_targets: BTreeSet<String>,
    /// CloudFormation stacks of the region.
    pub stacks: Option<u32>,
    /// CloudFormation's quota of them; nothing: its default.
    pub stack_quota: Option<u32>,
    /// What could not be read, and why.
    pub unknown: BTreeMap<&'static str, String>,
}

/// Karpenter's controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Karpenter {
    /// `namespace/name` of its Deployment.
    pub deployment: String,
    /// RESERVED_ENIS: interfaces that it leaves out when it computes max pods.
    pub reserved_enis: u32,
    /// EC2NodeClasses that give no `kubelet.maxPods` of their own: Karpenter computes it.
    pub computed: BTreeSet<String>,
}

/// The blocks that a NetworkPolicy lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// `namespace/name`
    pub name: String,
    /// Each block of `ingress[].from[].ipBlock`.
    pub ingress: BTreeSet<Ipv4Net>,
    /// Each block of `egress[].to[].ipBlock`.
    pub egress: BTreeSet<Ipv4Net>,
}
