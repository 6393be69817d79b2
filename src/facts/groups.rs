//! Stacks and node groups, and who has access to the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Sizes;
use crate::ownership::Holder;
use crate::tags::{TAG_CLUSTER, node_group_name};

use super::{EksStatus, GroupSettings, Lifecycle, ManagedSettings, Node, StackStatus};

/// The process that starts instances.
pub const LAUNCH: &str = "Launch";

/// The process that balances instances between zones.
pub const REBALANCE: &str = "AZRebalance";

/// The processes to suspend while an Auto Scaling group is drained: it must not replace terminated nodes, even if an
/// autoscaler asks for it, or move nodes between zones.
pub const SUSPENDED: [&str; 2] = [REBALANCE, LAUNCH];

/// Stacks and node groups.
#[derive(Debug, Clone, Default)]
pub struct NodeGroups {
    /// The stacks of eni-custom, by name.
    pub stacks: BTreeMap<String, Stack>,
    /// All Auto Scaling groups that have nodes of this cluster or belong to a stack of eni-custom, by name.
    pub groups: BTreeMap<String, AutoScalingGroup>,
    /// EKS managed node groups.
    pub managed: Vec<ManagedNodeGroup>,
    /// Terminate hooks of the Auto Scaling groups that have old nodes, or why they could not be read.
    pub hooks: BTreeMap<String, std::result::Result<Vec<Hook>, String>>,
    /// Access entries by principal; empty in CONFIG_MAP mode.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// The text of mapRoles in ConfigMap aws-auth; `None` if there is no ConfigMap.
    pub aws_auth: Option<String>,
    /// Another manager that owns that ConfigMap, and would revert changes.
    pub aws_auth_holder: Option<Holder>,
}

/// An EKS access entry.
#[derive(Debug, Clone)]
pub struct AccessEntry {
    /// `EC2_LINUX`, `STANDARD`, …
    pub kind: String,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Stack {
    pub name: String,
    pub id: String,
    pub status: StackStatus,
    pub reason: String,
    /// LastUpdatedTime, empty before the first update.
    pub updated: String,
    pub parameters: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default)]
pub struct AutoScalingGroup {
    pub name: String,
    /// Sizes are in capacity units: instances, unless a mixed instances policy gives them weights.
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub instances: Vec<GroupInstance>,
    pub tags: BTreeMap<String, String>,
    pub suspended: BTreeSet<String>,
    /// Availability Zones that it starts instances in.
    pub zones: BTreeSet<String>,
    pub warm_pool: Option<WarmPool>,
    /// What it launches, and how.
    pub settings: GroupSettings,
}

/// A warm pool: instances that a group keeps initialised for scaling out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmPool {
    /// `Stopped`, `Running` or `Hibernated`
    pub state: String,
    /// Instances return to the pool when the group scales in.
    pub reuse: bool,
}

/// A lifecycle hook: a terminating instance waits for it in Terminating:Wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub name: String,
    /// Seconds to wait for a heartbeat.
    pub heartbeat: u64,
    /// Seconds to wait in total, whatever heartbeats arrive.
    pub longest: u64,
}

#[derive(Debug, Clone)]
pub struct GroupInstance {
    pub id: String,
    pub state: Lifecycle,
    pub zone: String,
    /// Its capacity units (WeightedCapacity); 1 if the group has no weights.
    pub weight: i32,
}

#[derive(Debug, Clone)]
pub struct ManagedNodeGroup {
    pub name: String,
    pub status: EksStatus,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub groups: Vec<String>,
    /// Its health issues, each `code: message`.
    pub issues: Vec<String>,
    /// What it launches, and how.
    pub settings: ManagedSettings,
}

impl NodeGroups {
    /// A managed node group's sizes. DescribeNodegroup lags behind its Auto Scaling group, which an autoscaler or a
    /// termination changes first.
    pub fn sizes_of(&self, managed: &ManagedNodeGroup) -> Sizes {
        let groups: Vec<Sizes> =
            managed.groups.iter().filter_map(|name| Some(self.groups.get(name)?.sizes())).collect();
        if groups.is_empty() || groups.len() < managed.groups.len() {
            return Sizes { min: managed.min, desired: managed.desired, max: managed.max };
        }
        groups.into_iter().fold(Sizes { min: 0, desired: 0, max: 0 }, |sum, one| Sizes {
            min: sum.min + one.min,
            desired: sum.desired + one.desired,
            max: sum.max + one.max,
        })
    }

    /// Whether it belongs to a stack of eni-custom, or to a managed node group that does.
    pub fn is_ours(&self, group: &AutoScalingGroup) -> bool {
        group.tags.contains_key(TAG_CLUSTER)
            || self.manager(&group.name).is_some_and(ManagedNodeGroup::is_ours)
    }

    /// The stack of eni-custom that created a managed node group.
    pub fn stack_of(&self, managed: &ManagedNodeGroup) -> Option<&Stack> {
        self.stacks.values().find(|stack| managed.is_ours() && node_group_name(&stack.name) == managed.name)
    }

    /// The managed node group that an Auto Scaling group belongs to.
    pub fn manager(&self, group: &str) -> Option<&ManagedNodeGroup> {
        self.managed.iter().find(|managed| managed.groups.iter().any(|name| name == group))
    }
}

impl ManagedNodeGroup {
    /// It belongs to a stack of eni-custom.
    pub fn is_ours(&self) -> bool {
        self.settings.pool.tags.contains_key(TAG_CLUSTER)
    }
}

impl GroupInstance {
    /// Counts towards the desired capacity: it is in service or starting.
    pub fn is_active(&self) -> bool {
        self.state.is_active()
    }
}

impl AutoScalingGroup {
    /// Whether it has one of the tags that identify the cluster's groups.
    pub fn is_tagged(&self, cluster: &str) -> bool {
        ["kubernetes.io/cluster", "k8s.io/cluster"]
            .iter()
            .any(|prefix| self.tags.contains_key(&format!("{prefix}/{cluster}")))
    }

    pub fn sizes(&self) -> Sizes {
        Sizes { min: self.min, desired: self.desired, max: self.max }
    }

    /// Capacity units of its active instances that pass the filter.
    pub fn capacity(&self, counts: impl Fn(&GroupInstance) -> bool) -> i32 {
        let counted = self.instances.iter().filter(|one| one.is_active() && counts(one));
        counted.map(|one| one.weight).sum()
    }

    /// Whether AZRebalance would balance its active instances: it launches an instance in the zone with the fewest, then
    /// terminates one in another zone, whatever runs there (Auto Scaling user guide, "Availability Zone distribution").
    pub fn is_lopsided(&self) -> bool {
        let active = || self.instances.iter().filter(|one| one.is_active());
        let in_zone = |zone: &String| active().filter(|one| one.zone == *zone).count();
        let counts = || self.zones.iter().map(in_zone);
        counts().max().unwrap_or_default() > counts().min().unwrap_or_default() + 1
    }

    /// The CloudFormation stack that created it; none if EKS did.
    pub fn stack(&self) -> Option<&String> {
        self.tags.get("aws:cloudformation:stack-name")
    }

    /// Whether it has the nodes of a stack: the stack created it, or EKS did for the stack's managed node group.
    pub fn is_of(&self, stack: &str) -> bool {
        let eks = self.tags.get("eks:nodegroup-name");
        self.stack().is_some_and(|name| name == stack)
            || eks.is_some_and(|name| *name == node_group_name(stack))
    }

    /// A node's capacity units in this group; none if it did not launch the node's instance.
    pub fn units_of(&self, node: &Node) -> u32 {
        let own = self.instances.iter().find(|one| node.instance_id.as_ref() == Some(&one.id));
        own.map_or(0, |one| u32::try_from(one.weight).unwrap_or(1))
    }

    /// Whether it launched the node's instance.
    pub fn holds(&self, node: &Node) -> bool {
        node.instance_id.as_ref().is_some_and(|id| self.instances.iter().any(|instance| instance.id == *id))
    }
}
