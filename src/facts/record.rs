//! What this program writes down in the cluster, because it can't be observed later. `k8s::record` reads and writes it.

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
    /// Its text was not what we had written, once. It stays so: what was changed can't be told any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    /// aws-node's env before the first change, for the variables that were changed; null where it was not set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// creationTimestamp of the youngest node when custom networking was switched on: it and all older ones joined
    /// before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub youngest_before: Option<String>,
    /// The add-on's configurationValues before the first change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addon_configuration: Option<String>,
    /// Secondary CIDR blocks that were associated by us: an association takes no tag that could prove it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub blocks: BTreeSet<Ipv4Net>,
    /// The CustomResourceDefinition was installed by us, where there was none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crd_installed: bool,
    /// The CustomResourceDefinition as it was before we wrote over it: metadata that people write, and spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crd_before: Option<serde_json::Value>,
    /// ENIConfigs that we wrote, by name, as they were before; null where there was none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub eniconfigs: BTreeMap<String, Option<EniConfig>>,
    /// aws-auth's mapRoles before our entry; null where there was no ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "is_there")]
    pub aws_auth: Option<Option<String>>,
    /// The role in our entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_role: Option<String>,
    /// Sizes of Auto Scaling groups before the drain, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Sizes>,
    /// Sizes of managed node groups before the drain, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub managed: BTreeMap<String, Sizes>,
    /// What the nodes of these groups were like, by the group's name: whether pods fit on them again can't be told
    /// from groups that are empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shapes: BTreeMap<String, Vec<Shape>>,
    /// Auto Scaling groups that are kept from growing during a drain, with the processes that we suspended for it; those
    /// of managed node groups too. It goes only when Auto Scaling shows that they are resumed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, BTreeSet<String>>,
    /// Managed node groups whose sizes are changed for a drain.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub held_managed: BTreeSet<String>,
    /// Auto Scaling groups that were drained in part and whose AZRebalance we keep suspended: it would terminate nodes
    /// past every budget to even out the zones.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub rebalance_suspended: BTreeSet<String>,
    /// Processes that were suspended in a group before its first drain: somebody else's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub suspended_before: BTreeMap<String, BTreeSet<String>>,
    /// Deployments (`namespace/name`) that have one more replica for a drain, and how many they had before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub surged: BTreeMap<String, i32>,
    /// Claims (`namespace/name`) on the disk of a node that is drained: they are deleted with their pods, so that their
    /// StatefulSets create new ones, or once the node is gone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, LocalClaim>,
    /// Nodes that we keep out of load balancers, and must let in again when a drain is given up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Nodes that we cordoned, and must uncordon when a drain is given up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cordoned: BTreeSet<String>,
}

impl Record {
    /// Auto Scaling groups that it names.
    pub fn group_names(&self) -> impl Iterator<Item = &String> {
        self.groups.keys().chain(self.held.keys()).chain(&self.rebalance_suspended)
    }

    /// Processes of a group that are suspended because of us.
    pub fn suspended_by_us(&self, group: &str) -> BTreeSet<String> {
        let rebalance = self.rebalance_suspended.contains(group).then(|| "AZRebalance".to_string());
        self.held.get(group).into_iter().flatten().cloned().chain(rebalance).collect()
    }

    /// A drain has begun and has not ended: node groups are held, Deployments are larger, or nodes are cordoned.
    pub fn is_holding(&self) -> bool {
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
    /// Of all other resources; nothing in records of before they were counted.
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

/// A field that is null is not one that is missing.
fn is_there<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Who holds the lease now, where somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    pub identity: String,
    /// When its run began, as RFC 3339; nothing where the lease does not say.
    pub since: Option<String>,
    /// Seconds until it is free, where its run is dead.
    pub free_in: i64,
}
