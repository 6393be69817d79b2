//! ConfigMap kube-system/eni-custom: what can't be observed later, written down before it is changed.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::facts::{EniConfig, Node, Requests, Taint};

use super::{FIELD_MANAGER, NAMESPACE, failure, found};

pub const NAME: &str = "eni-custom";
const KEY: &str = "record.json";
/// SHA-256 of that text, in hex: shows that somebody edited it, not who.
const DIGEST: &str = "sha256";

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

pub const FORMAT_VERSION: u32 = 1;

/// The record of this cluster, by its ARN; an empty one where there is none.
pub async fn read(client: &Client, cluster: &str) -> Result<Record> {
    let map = found(api(client).get(NAME).await, "read ConfigMap kube-system/eni-custom")?;
    parse(&map.and_then(|map| map.data).unwrap_or_default(), cluster)
}

fn parse(data: &BTreeMap<String, String>, cluster: &str) -> Result<Record> {
    let Some(text) = data.get(KEY) else { return Ok(Record::default()) };
    let refused = |reason: String, next: &str| {
        Error::refused("this program's record in the cluster can't be used; nothing was changed")
            .at("ConfigMap kube-system/eni-custom")
            .because(reason)
            .next(next)
    };
    let unreadable = |error: serde_json::Error| {
        let next = "kubectl -n kube-system get configmap eni-custom -o yaml, and put right what was edited";
        refused(error.to_string(), next)
    };
    // Another format may mean something else by the same names.
    let version = serde_json::from_str::<Version>(text).map_err(unreadable)?.format_version;
    if version != FORMAT_VERSION {
        let reason = format!("it is of format {version}, and this eni-custom reads format {FORMAT_VERSION}");
        return Err(refused(reason, "use the version of eni-custom that wrote it"));
    }
    let mut record: Record = serde_json::from_str(text).map_err(unreadable)?;
    if !record.cluster.is_empty() && record.cluster != cluster {
        let reason = format!("it is about {}", record.cluster);
        return Err(refused(
            reason,
            "kubectl -n kube-system delete configmap eni-custom, if it came from a backup",
        ));
    }
    record.edited |= data.get(DIGEST) != Some(&digest(text));
    Ok(record)
}

/// Of a record, whatever else is in it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    format_version: u32,
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rendered(record: &Record, cluster: &str) -> Result<BTreeMap<String, String>> {
    let record = Record { format_version: FORMAT_VERSION, cluster: cluster.into(), ..record.clone() };
    let text = serde_json::to_string_pretty(&record)
        .map_err(|error| Error::failed("write the record").because(error))?;
    Ok([(DIGEST.to_string(), digest(&text)), (KEY.to_string(), text)].into())
}

/// Writes the record of this cluster. The lock is held, so nobody else writes it.
pub async fn write(client: &Client, record: &Record, cluster: &str) -> Result<()> {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": FIELD_MANAGER },
        },
        "data": rendered(record, cluster)?,
    });
    api(client)
        .patch(NAME, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(map))
        .await
        .map_err(|error| failure("write ConfigMap kube-system/eni-custom", &error))?;
    Ok(())
}

/// Takes the record away, when nothing is left that it tells of.
pub async fn delete(client: &Client) -> Result<()> {
    found(
        api(client).delete(NAME, &DeleteParams::default()).await,
        "delete ConfigMap kube-system/eni-custom",
    )?;
    Ok(())
}

/// A field that is null is not one that is missing.
fn is_there<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn api(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "arn:aws:eks:r:1:cluster/shop";

    fn noted() -> Record {
        Record { node_role: Some("arn:aws:iam::1:role/nodes".into()), ..Record::default() }
    }

    #[test]
    fn what_was_written_is_read_and_bears_no_mark() {
        let read = parse(&rendered(&noted(), SHOP).unwrap(), SHOP).unwrap();
        assert_eq!(read.node_role, noted().node_role);
        assert!(!read.edited && read.cluster == SHOP && read.format_version == FORMAT_VERSION);
        assert_eq!(parse(&BTreeMap::new(), SHOP).unwrap(), Record::default());
    }

    #[test]
    fn an_edit_shows_and_goes_on_showing_when_it_is_written_again() {
        let mut data = rendered(&noted(), SHOP).unwrap();
        let text = data[KEY].replace("role/nodes", "role/others");
        data.insert(KEY.into(), text);
        let edited = parse(&data, SHOP).unwrap();
        assert!(edited.edited);
        assert!(parse(&rendered(&edited, SHOP).unwrap(), SHOP).unwrap().edited);
        let mut unsigned = rendered(&noted(), SHOP).unwrap();
        unsigned.remove(DIGEST);
        assert!(parse(&unsigned, SHOP).unwrap().edited);
    }

    #[test]
    fn another_format_another_cluster_and_nonsense_are_refused_with_the_reason() {
        let told = |data: &BTreeMap<String, String>, cluster: &str| {
            let error = parse(data, cluster).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Refused);
            error.to_string()
        };
        let data = rendered(&noted(), SHOP).unwrap();
        let other = told(&data, "arn:aws:eks:r:1:cluster/other");
        assert!(other.contains(SHOP), "{other}");
        for (text, reason) in [
            (data[KEY].replace("\"formatVersion\": 1", "\"formatVersion\": 2"), "format 2"),
            ("{}".into(), "format 0"),
            ("not JSON".into(), "expected"),
        ] {
            let told = told(&[(KEY.to_string(), text)].into(), SHOP);
            assert!(told.contains(reason), "{told}");
        }
    }
}
