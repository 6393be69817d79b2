//! Autoscalers, NetworkPolicies and load balancers of the cluster. Plain values.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::Occupant;

/// No change depends on it, so each part may be unknown.
#[derive(Debug, Clone, Default)]
pub struct Integrations {
    /// Deployments of the cluster-autoscaler that have replicas, as `namespace/name`, each with the Auto Scaling groups
    /// that its `--nodes` flags name. Without these it finds groups by their tags.
    pub autoscalers: BTreeMap<String, BTreeSet<String>>,
    /// NetworkPolicies that name CIDR blocks.
    pub policies: Vec<NetworkPolicy>,
    /// TargetGroupBindings whose targets are pods' addresses (targetType `ip`), as `namespace/name`.
    pub ip_targets: BTreeSet<String>,
    /// The AWS Load Balancer Controller runs here.
    pub load_balancers: bool,
    /// Number of CloudFormation stacks in the region.
    pub stacks: Option<u32>,
    /// CloudFormation's quota of stacks; `None`: the default.
    pub stack_quota: Option<u32>,
    /// Network interfaces with security groups that allow nodes but not pods; read only if there are such groups.
    pub interfaces: Vec<Occupant>,
    /// What could not be read, and why.
    pub unknown: BTreeMap<&'static str, String>,
}

/// The CIDR blocks that a NetworkPolicy allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// `namespace/name`
    pub name: String,
    /// Each block of `ingress[].from[].ipBlock`.
    pub ingress: BTreeSet<Ipv4Net>,
    /// Each block of `egress[].to[].ipBlock`.
    pub egress: BTreeSet<Ipv4Net>,
}
