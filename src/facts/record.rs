//! What eni-custom records in the cluster, because it can't be read back later. `k8s::record` reads and writes it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, Serialize};

use super::{EniConfig, Node, Requests, Taint};

/// The record. A field that is empty was never needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Record {
    pub format_version: u32,
    /// ARN of the cluster that it is about: a backup of kube-system may be restored into another one.
    pub cluster: String,
    /// Somebody has edited the text once. The mark stays, because nothing shows what was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    /// aws-node's env before the first change, for the changed variables; null if one was not set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// creationTimestamp of the youngest node when custom networking was switched on: it and all older ones joined
    /// before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub youngest_before: Option<String>,
    /// Node groups of the cluster when custom networking was switched on: one without nodes does not show that it starts
    /// nodes of the old kind.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub pools: BTreeSet<String>,
    /// The add-on's configurationValues before the first change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addon_configuration: Option<String>,
    /// RESERVED_ENIS of Karpenter's controller before eni-custom set it; null if it was not set.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "is_there")]
    pub reserved_enis: Option<Option<String>>,
    /// `spec.template.metadata` of the NodePools whose nodes drifted, before the first change; null if there was none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_pools: BTreeMap<String, Option<serde_json::Value>>,
    /// Secondary CIDR blocks that eni-custom associated: an association can't be tagged.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub blocks: BTreeSet<Ipv4Net>,
    /// eni-custom installed the CustomResourceDefinition; there was none before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crd_installed: bool,
    /// The CustomResourceDefinition before eni-custom overwrote it: spec, labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crd_before: Option<serde_json::Value>,
    /// ENIConfigs that eni-custom wrote, by name, as they were before; null if there was none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub eniconfigs: BTreeMap<String, Option<EniConfig>>,
    /// aws-auth's mapRoles before eni-custom's entry; null if there was no ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "is_there")]
    pub aws_auth: Option<Option<String>>,
    /// The roles in such entries. Earlier versions recorded one.
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        alias = "nodeRole",
        deserialize_with = "one_or_several"
    )]
    pub node_roles: BTreeSet<String>,
    /// Sizes of Auto Scaling groups before the drain, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Sizes>,
    /// Sizes of managed node groups before the drain, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub managed: BTreeMap<String, Sizes>,
    /// The shapes of the groups' nodes, by group: an empty group does not show whether pods fit on its nodes again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shapes: BTreeMap<String, Vec<Shape>>,
    /// Auto Scaling groups that are suspended during a drain, with the processes that eni-custom suspended; those of
    /// managed node groups too. An entry is removed only when Auto Scaling shows that they are resumed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, BTreeSet<String>>,
    /// Managed node groups whose sizes are changed for a drain.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub held_managed: BTreeSet<String>,
    /// Auto Scaling groups that were drained in part and whose AZRebalance stays suspended: it would terminate nodes
    /// regardless of budgets to even out the zones.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub rebalance_suspended: BTreeSet<String>,
    /// Processes that somebody else had suspended before the group's first drain.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub suspended_before: BTreeMap<String, BTreeSet<String>>,
    /// Deployments (`namespace/name`) that have one more replica for a drain, and how many they had before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub surged: BTreeMap<String, i32>,
    /// Claims (`namespace/name`) on the disk of a node that is drained: they are deleted with their pods, so that their
    /// StatefulSets create new ones, or once the node is gone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, LocalClaim>,
    /// Nodes that eni-custom excluded from load balancers, and must include again if the drain gives up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Nodes that eni-custom cordoned, and must uncordon if the drain gives up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cordoned: BTreeSet<String>,
}

impl Record {
    /// Auto Scaling groups that it names.
    pub fn group_names(&self) -> impl Iterator<Item = &String> {
        self.groups.keys().chain(self.held.keys()).chain(&self.rebalance_suspended)
    }

    /// Processes of a group that eni-custom suspended.
    pub fn suspended_by_us(&self, group: &str) -> BTreeSet<String> {
        let rebalance = self.rebalance_suspended.contains(group).then(|| "AZRebalance".to_string());
        self.held.get(group).into_iter().flatten().cloned().chain(rebalance).collect()
    }

    /// A drain has begun and has not ended: node groups are suspended, Deployments have a second replica, or nodes are
    /// cordoned.
    pub fn drain_is_open(&self) -> bool {
        !(self.held.is_empty()
            && self.held_managed.is_empty()
            && self.surged.is_empty()
            && self.excluded.is_empty()
            && self.cordoned.is_empty())
    }
}

/// A PersistentVolumeClaim whose data is on a node's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalClaim {
    pub uid: String,
    pub node: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    pub min: i32,
    pub desired: i32,
    pub max: i32,
}

/// Nodes of one group that were alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    pub count: u32,
    pub subnet: String,
    pub zone: String,
    pub max_pods: u32,
    pub allocatable: Requests,
    /// All other resources; empty in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_allocatable: Option<BTreeMap<String, u64>>,
    /// All but those that name one node.
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

impl Shape {
    /// `m5.large`, as the cloud provider has labelled the nodes.
    pub fn instance_type(&self) -> Option<&str> {
        self.labels.get("node.kubernetes.io/instance-type").map(String::as_str)
    }

    fn of(node: &Node) -> Self {
        let names_it = |key: &str| key == "kubernetes.io/hostname";
        let labels = node.labels.iter().filter(|(key, _)| !names_it(key));
        // Its own taints, and none that a cordon or the node's state gave it.
        let taints = node.taints.iter().filter(|taint| !taint.key.starts_with("node.kubernetes.io/"));
        Shape {
            count: 1,
            subnet: node.subnet.clone().unwrap_or_default(),
            zone: node.zone.clone(),
            max_pods: node.max_pods,
            allocatable: node.allocatable,
            other_allocatable: Some(node.other_allocatable.clone()),
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            taints: taints.cloned().collect(),
        }
    }

    /// What these nodes are like; those that are alike are counted.
    pub fn of_all<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<Self> {
        let mut shapes: Vec<Shape> = Vec::new();
        for one in nodes.into_iter().map(Shape::of) {
            match shapes.iter_mut().find(|each| **each == Shape { count: each.count, ..one.clone() }) {
                Some(same) => same.count += 1,
                None => shapes.push(one),
            }
        }
        shapes
    }
}

/// Distinguishes a field that is null from a missing one.
fn is_there<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// One text, as earlier versions wrote it, or a list.
fn one_or_several<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeSet<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Several(BTreeSet<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::One(one) => [one].into(),
        Written::Several(several) => several,
    })
}

/// The current holder of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    pub identity: String,
    /// When its run began, as RFC 3339; `None` if the lease does not say.
    pub since: Option<String>,
    /// Seconds until the lease expires, if its run is dead.
    pub free_in: i64,
}
