//! Karpenter's controller and objects, API version v1. Plain values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::facts::node_pools::selects;
use crate::ownership::Holder;

/// The reason by which budgets name a replacement after a change (Karpenter, "Disruption").
const DRIFTED: &str = "Drifted";

/// Karpenter, with its controller's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Karpenter {
    /// `namespace/name` of its controller's Deployment; `None` if there are NodePools but no such Deployment: it runs
    /// elsewhere, or has another name.
    pub deployment: Option<String>,
    /// The container that has the settings.
    pub container: String,
    /// RESERVED_ENIS: network interfaces that Karpenter does not count when it computes max pods.
    pub reserved_enis: u32,
    /// RESERVED_ENIS as it is in the environment; `None` if it is not set there.
    pub reserved_env: Option<String>,
    /// A command-line flag sets it: then the environment does not decide.
    pub reserved_by_flag: bool,
    /// The feature gate NodeClassCEL: EC2NodeClasses may have expressions.
    pub expressions: bool,
    /// The tag of the controller's image: `1.13.0`
    pub version: String,
    /// Who would revert a change to the Deployment.
    pub holder: Option<Holder>,
    /// EC2NodeClasses, by name.
    pub classes: BTreeMap<String, NodeClass>,
    pub pools: Vec<NodePool>,
    pub claims: Vec<NodeClaim>,
    /// There are NodePools, but only of the API version v1beta1 (Karpenter before 1.0).
    pub is_beta: bool,
}

/// An EC2NodeClass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeClass {
    /// `kubelet.maxPods`; `None`: Karpenter computes it.
    pub max_pods: Option<ClassPods>,
    /// `subnetSelectorTerms`: one of them is enough.
    pub subnets: Vec<SubnetTerm>,
}

/// How many pods a class gives a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassPods {
    /// The same for every instance type.
    Number(u32),
    /// A CEL expression, computed for each instance type; only with the feature gate NodeClassCEL.
    Expression(String),
}

/// By id, or by all of these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubnetTerm {
    pub id: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// A NodePool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePool {
    pub name: String,
    /// The EC2NodeClass that it starts nodes from.
    pub class: String,
    pub requirements: Vec<Requirement>,
    /// `spec.template.metadata`: labels and annotations of its NodeClaims and nodes.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// The same as a whole; `None` if the template has no metadata.
    pub metadata: Option<Value>,
    pub budgets: Vec<DisruptionBudget>,
    /// `spec.disruption.consolidationPolicy`: Karpenter removes nodes that are `WhenEmpty`, or `WhenEmptyOrUnderutilized`.
    pub consolidates: Option<String>,
    /// `spec.template.spec.terminationGracePeriod`, as `1h`: after it Karpenter deletes pods despite their budgets.
    pub grace: Option<String>,
    /// `spec.limits`, and `status.resources` that count towards them: thousandths of a unit, by resource.
    pub limits: BTreeMap<String, u64>,
    pub in_use: BTreeMap<String, u64>,
    /// Who would revert a change to it.
    pub holder: Option<Holder>,
}

/// How many nodes of a NodePool may be disrupted at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// A number, or a percentage of the NodePool's nodes: `10%`
    pub nodes: String,
    /// Empty: all reasons.
    pub reasons: BTreeSet<String>,
    /// When it begins to apply, in cron's syntax; `None`: it always applies.
    pub schedule: Option<String>,
}

/// A requirement of `spec.template.spec.requirements`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
}

/// A NodeClaim: one node, or the request for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeClaim {
    pub name: String,
    /// Its NodePool.
    pub pool: String,
    /// Its node, once it has joined.
    pub node: Option<String>,
    pub annotations: BTreeMap<String, String>,
    /// `status.capacity`: thousandths of a unit, by resource.
    pub capacity: BTreeMap<String, u64>,
    /// Until it is as old as `spec.expireAfter` says, in seconds, when it was read; `None`: it never expires.
    pub expires_in: Option<i64>,
    /// Its node is ready to take pods (condition Initialized).
    pub is_initialized: bool,
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

impl NodePool {
    /// The budget that never lets Karpenter replace a drifted node.
    pub fn closed(&self) -> Option<&DisruptionBudget> {
        self.budgets.iter().find(|budget| budget.is_closed() && budget.schedule.is_none())
    }

    /// The zone to which its requirements pin it.
    pub fn zone(&self) -> Option<&str> {
        match self.zones()? {
            [zone] => Some(zone),
            _ => None,
        }
    }

    /// Whether its requirements allow nodes in a zone.
    pub fn may_use(&self, zone: &str) -> bool {
        self.zones().is_none_or(|zones| zones.iter().any(|one| one == zone))
    }

    fn zones(&self) -> Option<&[String]> {
        let is_zone = |one: &&Requirement| one.key == "topology.kubernetes.io/zone" && one.operator == "In";
        Some(&self.requirements.iter().find(is_zone)?.values)
    }
}

impl DisruptionBudget {
    /// It allows no replacement of a drifted node while it applies.
    pub fn is_closed(&self) -> bool {
        let none = self.nodes.trim_end_matches('%').parse() == Ok(0);
        none && (self.reasons.is_empty() || self.reasons.contains(DRIFTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_zero_for_drift_is_closed() {
        let of = |nodes: &str, reasons: &[&str], schedule: Option<&str>| DisruptionBudget {
            nodes: nodes.into(),
            reasons: reasons.iter().map(ToString::to_string).collect(),
            schedule: schedule.map(String::from),
        };
        let closes = |budget: DisruptionBudget| {
            NodePool { budgets: vec![of("10%", &[], None), budget], ..NodePool::default() }.closed().is_some()
        };
        assert!(closes(of("0", &[], None)) && closes(of("0%", &["Drifted"], None)));
        assert!(!closes(of("0", &["Empty", "Underutilized"], None)) && !closes(of("1", &[], None)));
        assert!(!closes(of("0", &[], Some("0 9 * * mon-fri"))), "it ends");
    }
}
