//! ConfigMap kube-system/eni-custom: what can't be observed later, written down before it is changed.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::facts::{EniConfig, Node, Requests, Taint};

use super::{FIELD_MANAGER, NAMESPACE, failure, found};

pub const NAME: &str = "eni-custom";
const KEY: &str = "record.json";

/// The record. A field that is empty was never needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Record {
    pub format_version: u32,
    /// aws-node's env before the first change, for the variables that were changed; null where it was not set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
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
    /// Auto Scaling groups that are kept from growing during a drain, with the processes that we suspended for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, BTreeSet<String>>,
    /// Managed node groups likewise.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub held_managed: BTreeSet<String>,
    /// Deployments (`namespace/name`) that have one more replica for a drain, and how many they had before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub surged: BTreeMap<String, i32>,
    /// Nodes that we cordoned, and must uncordon when a drain is given up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cordoned: BTreeSet<String>,
}

impl Record {
    /// A drain has begun and has not ended: node groups are held, Deployments are larger, or nodes are cordoned.
    pub fn is_holding(&self) -> bool {
        !(self.held.is_empty()
            && self.held_managed.is_empty()
            && self.surged.is_empty()
            && self.cordoned.is_empty())
    }
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
    /// All but those that name one node.
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

impl Shape {
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

/// The record; an empty one where there is none.
pub async fn read(client: &Client) -> Result<Record> {
    let map = found(api(client).get(NAME).await, "read ConfigMap kube-system/eni-custom")?;
    let Some(text) = map.and_then(|map| map.data?.remove(KEY)) else { return Ok(Record::default()) };
    let unreadable = |reason: &dyn std::fmt::Display| {
        Error::refused("this program's record in the cluster can't be read; nothing was changed")
            .at("ConfigMap kube-system/eni-custom")
            .because(reason)
            .next("kubectl -n kube-system get configmap eni-custom -o yaml, and put right what was edited")
    };
    let record: Record = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    if record.format_version > FORMAT_VERSION {
        return Err(unreadable(&format!(
            "it is of format {}, written by a newer eni-custom",
            record.format_version
        )));
    }
    Ok(record)
}

/// Writes the record. The lock is held, so nobody else writes it.
pub async fn write(client: &Client, record: &Record) -> Result<()> {
    let record = Record { format_version: FORMAT_VERSION, ..record.clone() };
    let text = serde_json::to_string_pretty(&record)
        .map_err(|error| Error::failed("write the record").because(error))?;
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": FIELD_MANAGER },
        },
        "data": { KEY: text },
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
