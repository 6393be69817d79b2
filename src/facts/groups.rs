//! Stacks and groups that hold nodes, and who may enter the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Sizes;
use crate::ownership::Holder;
use crate::tags::TAG_CLUSTER;

use super::Node;

/// The process that starts instances.
pub const LAUNCH: &str = "Launch";

/// The process that moves instances between zones until each has as many.
pub const REBALANCE: &str = "AZRebalance";

/// What an Auto Scaling group must not do while it is drained: start a node in place of one that went, also because
/// an autoscaler asks for it, or move nodes between zones.
pub const SUSPENDED: [&str; 2] = [REBALANCE, LAUNCH];

/// Stacks and groups that hold nodes.
#[derive(Debug, Clone, Default)]
pub struct NodeGroups {
    /// This program's stacks, by name.
    pub stacks: BTreeMap<String, Stack>,
    /// Stacks of groups that stand in for old ones that are gone, by name; read where something is taken back.
    pub stand_ins: BTreeMap<String, Stack>,
    /// Old groups that are to start nodes again, and what is wrong with the image that they start from; read where
    /// something is taken back.
    pub image_trouble: BTreeMap<String, ImageTrouble>,
    /// All Auto Scaling groups that hold nodes of this cluster or belong to one of our stacks, by name.
    pub groups: BTreeMap<String, AutoScalingGroup>,
    /// EKS managed node groups.
    pub managed: Vec<ManagedNodeGroup>,
    /// Terminate hooks of the Auto Scaling groups that have old nodes, or why they could not be read.
    pub hooks: BTreeMap<String, std::result::Result<Vec<Hook>, String>>,
    /// Access entries by principal; empty in CONFIG_MAP mode.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// ConfigMap aws-auth's mapRoles, as it stands there; nothing where there is no ConfigMap.
    pub aws_auth: Option<String>,
    /// Who else keeps that ConfigMap, and would put it back.
    pub aws_auth_holder: Option<Holder>,
}

/// Why a group may not be able to start a node from its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTrouble {
    /// What is not there any more, and what names it.
    Gone(String),
    /// It could not be asked for, in the service's words.
    Unknown(String),
}

/// Who may enter the cluster, as EKS has it.
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
    pub status: String,
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
}

/// Instances that a group keeps initialised for when it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmPool {
    /// `Stopped`, `Running` or `Hibernated`
    pub state: String,
    /// Instances return to it when the group shrinks.
    pub reuse: bool,
}

/// A lifecycle hook: an instance that is terminated waits for it in Terminating:Wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub name: String,
    /// Seconds that it waits for a heartbeat.
    pub heartbeat: u64,
    /// Seconds that it waits in all, whatever heartbeats come.
    pub longest: u64,
}

#[derive(Debug, Clone)]
pub struct GroupInstance {
    pub id: String,
    /// `Pending`, `InService`, `Terminating`, …
    pub state: String,
    pub zone: String,
    /// Capacity units that it counts for (WeightedCapacity); one where the group has no weights.
    pub weight: i32,
}

#[derive(Debug, Clone)]
pub struct ManagedNodeGroup {
    pub name: String,
    pub status: String,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub groups: Vec<String>,
    /// Its health issues, each `code: message`.
    pub issues: Vec<String>,
}

impl NodeGroups {
    /// A managed node group's sizes. Its Auto Scaling group has them first: DescribeNodegroup follows what an
    /// autoscaler or a termination changed there only after a while.
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

    /// The managed node group that an Auto Scaling group belongs to.
    pub fn manager(&self, group: &str) -> Option<&ManagedNodeGroup> {
        self.managed.iter().find(|managed| managed.groups.iter().any(|name| name == group))
    }
}

impl GroupInstance {
    /// Counts towards the desired capacity: it is in service or on its way there.
    pub fn is_active(&self) -> bool {
        self.state.starts_with("Pending") || self.state == "InService"
    }
}

impl AutoScalingGroup {
    /// Whether it has one of the tags by which the cluster's groups are known.
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

    /// Whether its zones have numbers of active instances that AZRebalance would even out: it launches an instance in
    /// the zone with the fewest, then terminates one in another zone, whatever runs there (Auto Scaling user guide,
    /// "Availability Zone distribution").
    pub fn is_lopsided(&self) -> bool {
        let active = || self.instances.iter().filter(|one| one.is_active());
        let in_zone = |zone: &String| active().filter(|one| one.zone == *zone).count();
        let counts = || self.zones.iter().map(in_zone);
        counts().max().unwrap_or_default() > counts().min().unwrap_or_default() + 1
    }

    /// One of this program's stacks made it.
    pub fn is_ours(&self) -> bool {
        self.tags.contains_key(TAG_CLUSTER)
    }

    /// The CloudFormation stack that made it.
    pub fn stack(&self) -> Option<&String> {
        self.tags.get("aws:cloudformation:stack-name")
    }

    /// Whether it has started the node's instance.
    pub fn holds(&self, node: &Node) -> bool {
        node.instance_id.as_ref().is_some_and(|id| self.instances.iter().any(|instance| instance.id == *id))
    }
}
