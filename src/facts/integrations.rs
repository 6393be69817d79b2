//! Autoscalers, NetworkPolicies and load balancers of the cluster. Plain values.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::facts::node_pools::selects;

use super::Occupant;

/// No change depends on it, so each part may be unknown.
#[derive(Debug, Clone, Default)]
pub struct Integrations {
    /// Deployments of the cluster-autoscaler that have replicas, as `namespace/name`, each with the Auto Scaling groups
    /// that its `--nodes` flags name. Without these it finds groups by their tags.
    pub autoscalers: BTreeMap<String, BTreeSet<String>>,
    pub karpenter: Option<Karpenter>,
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

/// Karpenter's controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Karpenter {
    /// `namespace/name` of its controller's Deployment; `None` if there are NodePools but no such Deployment: it runs
    /// elsewhere, or has another name.
    pub deployment: Option<String>,
    /// RESERVED_ENIS: network interfaces that Karpenter does not count when it computes max pods.
    pub reserved_enis: u32,
    /// EC2NodeClasses, by name.
    pub classes: BTreeMap<String, NodeClass>,
    pub pools: Vec<NodePool>,
}

/// Karpenter's EC2NodeClass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeClass {
    /// `kubelet.maxPods`; `None`: Karpenter computes it.
    pub max_pods: Option<u32>,
    /// `subnetSelectorTerms`: one of them is enough.
    pub subnets: Vec<SubnetTerm>,
}

/// By id, or by all of these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubnetTerm {
    pub id: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// Karpenter's NodePool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePool {
    pub name: String,
    /// The EC2NodeClass that it starts nodes from.
    pub class: String,
    pub requirements: Vec<Requirement>,
}

/// A requirement of `spec.template.spec.requirements`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
}

impl Karpenter {
    /// Classes without `kubelet.maxPods`: Karpenter computes it.
    pub fn computed(&self) -> Vec<String> {
        let without = self.classes.iter().filter(|(_, class)| class.max_pods.is_none());
        without.map(|(name, _)| name.clone()).collect()
    }

    /// Its name in messages: `Deployment karpenter/karpenter`, or its NodePools.
    pub fn place(&self) -> String {
        let pools = || self.pools.iter().map(|pool| format!("NodePool {}", pool.name)).collect::<Vec<_>>();
        match &self.deployment {
            Some(name) => format!("Deployment {name}"),
            None => pools().join(", "),
        }
    }

    /// NodePools that start nodes from this class.
    pub fn pools_of(&self, class: &str) -> impl Iterator<Item = &NodePool> {
        self.pools.iter().filter(move |pool| pool.class == class)
    }

    /// EC2NodeClasses that would start nodes in a subnet with these tags; a subnet that is not created yet has no id.
    pub fn classes_in(&self, id: Option<&str>, tags: &BTreeMap<String, String>) -> Vec<&String> {
        let selects = |class: &NodeClass| class.subnets.iter().any(|term| selects(term, id, tags));
        self.classes.iter().filter(|(_, class)| selects(class)).map(|(name, _)| name).collect()
    }
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
