//! Stacks and groups that hold nodes, and who may enter the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::TAG_CLUSTER;

use super::Node;

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
    /// Access entries by principal; empty in CONFIG_MAP mode.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// ConfigMap aws-auth's mapRoles, as it stands there; nothing where there is no ConfigMap.
    pub aws_auth: Option<String>,
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

#[derive(Debug, Clone)]
pub struct AutoScalingGroup {
    pub name: String,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub instances: Vec<GroupInstance>,
    pub tags: BTreeMap<String, String>,
    pub suspended: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct GroupInstance {
    pub id: String,
    /// `Pending`, `InService`, `Terminating`, …
    pub state: String,
}

#[derive(Debug, Clone)]
pub struct ManagedNodeGroup {
    pub name: String,
    pub status: String,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub groups: Vec<String>,
}

impl AutoScalingGroup {
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
