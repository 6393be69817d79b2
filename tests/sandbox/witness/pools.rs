//! Compares the old node groups, as recorded before a run, with the groups that replace them, and where pods run. It reads
//! AWS's and Kubernetes's own APIs and shares no code with the program.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::list;
use crate::{Sandbox, warm};

/// The node groups and pods at one time.
#[derive(Debug)]
pub struct Recorded {
    groups: Vec<Group>,
    /// By controller: the pools on which its pods run, and whether its pods choose their nodes.
    pods: BTreeMap<String, Placement>,
}

#[derive(Debug, Default)]
struct Placement {
    pools: BTreeSet<String>,
    choosy: bool,
}

/// An Auto Scaling group, as `pools.py` describes it.
#[derive(Debug, Deserialize)]
struct Group {
    /// The managed node group's name, else the Auto Scaling group's.
    name: String,
    /// The Auto Scaling group's name.
    group: String,
    /// Tag `eni-custom:pool`: the name of the old group that it replaces.
    replaces: Option<String>,
    /// Tag `eni-custom:eniconfig`.
    eniconfig: Option<String>,
    max: u64,
    /// Running capacity units by zone.
    zones: BTreeMap<String, u64>,
    /// Ids of its running instances.
    instances: Vec<String>,
    /// What the group and its launch template say.
    facts: Map<String, Value>,
    /// What each instance is.
    nodes: Vec<Map<String, Value>>,
    /// What each of its Nodes has.
    #[serde(skip)]
    kubernetes: Vec<KubernetesNode>,
}

#[derive(Debug)]
struct KubernetesNode {
    labels: BTreeMap<String, String>,
    taints: BTreeSet<String>,
    architecture: String,
}

impl Recorded {
    /// The pools on which a controller's pods run; `controller` is `namespace/name`.
    pub fn pools_of(&self, controller: &str) -> BTreeSet<String> {
        self.pods.get(controller).map(|placement| placement.pools.clone()).unwrap_or_default()
    }
}

/// Labels that Kubernetes, the cloud provider, EKS and the sandbox set.
const NOT_OWN: [&str; 9] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/",
    "node.kubernetes.io/instance-type",
    "topology.",
    "failure-domain.beta.kubernetes.io/",
    "eks.amazonaws.com/",
    "kwok.x-k8s.io/",
];
/// Labels that may be on the new nodes only.
const NEW: [&str; 2] = ["k8s.amazonaws.com/eniConfig", "eni-custom"];

/// Records the old node groups. Call it before the run.
pub fn record(sandbox: &Sandbox) -> Result<Recorded> {
    let mut groups = groups(sandbox).context("looking at node groups")?;
    let nodes = list(sandbox, "nodes")?;
    let mut pool_of_node = BTreeMap::new();
    for node in &nodes {
        let provider = node["spec"]["providerID"].as_str().unwrap_or_default();
        let instance = provider.rsplit('/').next().unwrap_or_default();
        let owner = groups.iter_mut().find(|group| group.instances.iter().any(|id| id == instance));
        if let Some(group) = owner {
            group.kubernetes.push(kubernetes_node(node));
            let pool = group.replaces.clone().unwrap_or_else(|| group.name.clone());
            pool_of_node.insert(text(&node["metadata"]["name"]), pool);
        }
    }
    let mut pods: BTreeMap<String, Placement> = BTreeMap::new();
    for pod in list(sandbox, "pods")? {
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let Some(controller) = controller(&pod).filter(|_| !over) else { continue };
        let placement = pods.entry(controller).or_default();
        let node = text(&pod["spec"]["nodeName"]);
        placement.pools.insert(pool_of_node.get(&node).cloned().unwrap_or_else(|| format!("node {node}")));
        placement.choosy = pod["spec"]["nodeSelector"].is_object();
    }
    Ok(Recorded { groups, pods })
}

/// What differs from the recorded groups, row by row; empty if each old group has its like and every pod runs there.
pub fn faults(sandbox: &Sandbox, before: &Recorded) -> Result<Vec<String>> {
    let after = record(sandbox)?;
    let mut faults = Vec::new();
    for old in before.groups.iter().filter(|group| group.replaces.is_none()) {
        let new: Vec<&Group> = after
            .groups
            .iter()
            .filter(|group| group.replaces.as_deref() == Some(old.name.as_str()))
            .collect();
        if new.is_empty() {
            faults.push(format!("pool {}: no group has the tag eni-custom:pool={}", old.name, old.name));
            continue;
        }
        if after.groups.iter().any(|group| group.group == old.group && !group.instances.is_empty()) {
            faults.push(format!("pool {}: its old group {} still has instances", old.name, old.group));
        }
        sizes(old, &new, &mut faults);
        for group in new {
            compare(old, group, &mut faults);
        }
    }
    pods(before, &after, &mut faults);
    Ok(faults)
}

fn groups(sandbox: &Sandbox) -> Result<Vec<Group>> {
    Ok(serde_json::from_str(&warm::witness(sandbox, "witness/pools.py")?)?)
}

fn kubernetes_node(node: &Value) -> KubernetesNode {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let own = |key: &str| !NOT_OWN.iter().chain(&NEW).any(|prefix| key.starts_with(prefix));
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let lasting = |key: &str| !key.starts_with("node.kubernetes.io/");
    KubernetesNode {
        labels: labels.filter(|(key, _)| own(key)).map(|(key, value)| (key.clone(), text(value))).collect(),
        taints: taints
            .filter(|taint| lasting(taint["key"].as_str().unwrap_or_default()))
            .map(|taint| {
                format!("{}={}:{}", text(&taint["key"]), text(&taint["value"]), text(&taint["effect"]))
            })
            .collect(),
        architecture: text(&node["status"]["nodeInfo"]["architecture"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// The Deployment, StatefulSet or Job of a pod; `None` for pods of DaemonSets, which run on every node, and bare pods.
fn controller(pod: &Value) -> Option<String> {
    let owner =
        pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    let namespace = pod["metadata"]["namespace"].as_str()?;
    match kind {
        "DaemonSet" | "Node" => None,
        // A Deployment's ReplicaSet ends with a hash of its template.
        "ReplicaSet" => Some(format!("{namespace}/{}", name.rsplit_once('-').map_or(name, |(name, _)| name))),
        _ => Some(format!("{namespace}/{name}")),
    }
}

fn sizes(old: &Group, new: &[&Group], faults: &mut Vec<String>) {
    let pool = &old.name;
    for (zone, units) in &old.zones {
        let now: u64 = new.iter().filter_map(|group| group.zones.get(zone)).sum();
        if now < *units {
            faults.push(format!("pool {pool}: {now} capacity units run in {zone}, expected {units}"));
        }
    }
    let most: u64 = new.iter().map(|group| group.max).sum();
    if most < old.max {
        faults.push(format!("pool {pool}: maximum size is {most}, expected at least {}", old.max));
    }
    for group in new.iter().filter(|group| group.eniconfig.is_none()) {
        faults.push(format!("pool {pool}: group {} has no tag eni-custom:eniconfig", group.group));
    }
}

/// Rows of a group that must be equal, and rows of its nodes. Without old nodes, the launch templates are compared.
fn compare(old: &Group, new: &Group, faults: &mut Vec<String>) {
    const OF_GROUP: [&str; 11] = [
        "types",
        "requirements",
        "all spot",
        "spot strategy",
        "image",
        "role",
        "policies",
        "tags",
        "interfaces",
        "other template fields",
        "capacity rebalance",
    ];
    const OF_NODES: [&str; 8] = [
        "volumes",
        "volume tags",
        "interface tags",
        "instance tags",
        "metadata options",
        "user data",
        "launch",
        "spot",
    ];
    let what = |row: &str| format!("pool {}, group {}: {row}", old.name, new.group);
    for row in OF_GROUP {
        let (is, expected) = (&new.facts[row], &old.facts[row]);
        // A managed group always has CapacityRebalance; only of Spot capacity does it mean something.
        let same = match row {
            "capacity rebalance" => is == expected || old.facts["all spot"] == false,
            "tags" => same_tags(is, expected),
            _ => is == expected,
        };
        if !same {
            faults.push(format!("{} is {is}, expected {expected}", what(row)));
        }
    }
    let Some(first) = old.nodes.first() else {
        for row in ["volumes", "metadata options", "user data"] {
            let (is, expected) = (&new.facts["template"][row], &old.facts["template"][row]);
            if is != expected {
                faults.push(format!("{} is {is}, expected {expected}", what(row)));
            }
        }
        superset(&new.facts["template"], &old.facts["template"], &what("security groups"), faults);
        return;
    };
    for node in &new.nodes {
        let own = propagated(&old.facts["tags"]);
        let same = |row: &str| match row {
            "volume tags" => first[row]
                .as_object()
                .into_iter()
                .flatten()
                .all(|(device, expected)| between(&node[row][device], expected, &own)),
            "interface tags" => between(&node[row], &first[row], &own),
            _ => node[row] == first[row],
        };
        for row in OF_NODES.into_iter().filter(|row| !same(row)) {
            faults.push(format!("{} is {}, expected {}", what(row), node[row], first[row]));
        }
        superset(
            &Value::Object(node.clone()),
            &Value::Object(first.clone()),
            &what("security groups"),
            faults,
        );
    }
    let Some(first) = old.kubernetes.first() else { return };
    for node in &new.kubernetes {
        if node.labels != first.labels {
            faults.push(format!("{} are {:?}, expected {:?}", what("labels"), node.labels, first.labels));
        }
        if node.taints != first.taints {
            faults.push(format!("{} are {:?}, expected {:?}", what("taints"), node.taints, first.taints));
        }
        if node.architecture != first.architecture {
            let (is, expected) = (&node.architecture, &first.architecture);
            faults.push(format!("{} is {is}, expected {expected}", what("architecture")));
        }
    }
}

/// A self-managed group tells the Cluster Autoscaler by tags what its nodes have; a managed one needs no such tags.
fn same_tags(is: &Value, expected: &Value) -> bool {
    let list = |tags: &Value| tags.as_array().cloned().unwrap_or_default();
    let expected = list(expected);
    let of_autoscaler = |tag: &Value| {
        tag[0].as_str().is_some_and(|key| key.starts_with("k8s.io/cluster-autoscaler/node-template/"))
    };
    let is = list(is);
    expected.iter().all(|tag| is.contains(tag))
        && is.iter().all(|tag| expected.contains(tag) || of_autoscaler(tag))
}

/// Tags of a group that its instances get.
fn propagated(tags: &Value) -> BTreeMap<String, String> {
    let own = tags.as_array().into_iter().flatten().filter(|tag| tag[2] == true);
    own.map(|tag| (text(&tag[0]), text(&tag[1]))).collect()
}

/// All tags that were there before, and no others than those of the group.
fn between(is: &Value, expected: &Value, own: &BTreeMap<String, String>) -> bool {
    let map = |tags: &Value| -> BTreeMap<String, String> {
        tags.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
    };
    let (is, expected) = (map(is), map(expected));
    expected.iter().all(|(key, value)| is.get(key) == Some(value))
        && is.iter().all(|(key, value)| expected.contains_key(key) || own.get(key) == Some(value))
}

/// Security groups may be more, never less.
fn superset(new: &Value, old: &Value, what: &str, faults: &mut Vec<String>) {
    let groups = |value: &Value| -> BTreeSet<String> {
        value["security groups"].as_array().into_iter().flatten().map(text).collect()
    };
    let (is, expected) = (groups(new), groups(old));
    if !is.is_superset(&expected) {
        faults.push(format!("{what} are {is:?}, expected at least {expected:?}"));
    }
}

/// Pods that choose their nodes must run on a mirror of the pool on which they ran; others may run on any.
fn pods(before: &Recorded, after: &Recorded, faults: &mut Vec<String>) {
    let pools: BTreeSet<&String> = before.groups.iter().map(|group| &group.name).collect();
    let mirrored: BTreeSet<&String> =
        after.groups.iter().filter_map(|group| group.replaces.as_ref()).collect();
    for (controller, old) in &before.pods {
        let Some(new) = after.pods.get(controller) else {
            // A Job that has completed.
            continue;
        };
        for pool in &new.pools {
            let allowed = if old.choosy { old.pools.contains(pool) } else { pools.contains(pool) };
            if !allowed || !mirrored.contains(pool) {
                let expected: Vec<&String> = old.pools.iter().collect();
                faults.push(format!("{controller} runs on {pool}, expected a replacement of {expected:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(name: &str, replaces: Option<&str>) -> Group {
        let facts = json!({
            "types": [["m5.large", 2]], "requirements": [], "all spot": false, "spot strategy": null,
            "image": { "family": "al2023" }, "role": "arn:role", "policies": {}, "tags": [["team", "a", true]],
            "capacity rebalance": false, "template": {}, "interfaces": [], "other template fields": {},
        });
        let node = json!({
            "volumes": { "/dev/xvda": { "KmsKeyId": "k" } }, "volume tags": {}, "interface tags": {}, "instance tags": {},
            "metadata options": {}, "user data": { "parts": ["proxy"] }, "launch": {}, "spot": false,
            "security groups": ["sg-1"],
        });
        let object = |value: Value| value.as_object().cloned().expect("an object");
        Group {
            name: name.to_string(),
            group: name.to_string(),
            replaces: replaces.map(String::from),
            eniconfig: replaces.map(|_| "us-west-2a".to_string()),
            max: 3,
            zones: BTreeMap::from([("us-west-2a".to_string(), 2)]),
            instances: Vec::new(),
            facts: object(facts),
            nodes: vec![object(node)],
            kubernetes: vec![KubernetesNode {
                labels: BTreeMap::from([("team".to_string(), "a".to_string())]),
                taints: BTreeSet::new(),
                architecture: "amd64".to_string(),
            }],
        }
    }

    fn compared(change: impl FnOnce(&mut Group)) -> Vec<String> {
        let (old, mut new) = (group("old", None), group("new", Some("old")));
        change(&mut new);
        let mut faults = Vec::new();
        sizes(&old, &[&new], &mut faults);
        compare(&old, &new, &mut faults);
        faults
    }

    #[test]
    fn a_group_like_the_old_one_has_no_fault() {
        assert_eq!(compared(|_| ()), Vec::<String>::new());
        let more = compared(|new| new.nodes[0]["security groups"] = json!(["sg-1", "sg-2"]));
        assert_eq!(more, Vec::<String>::new());
    }

    #[test]
    fn every_row_that_differs_is_a_fault() {
        type Change = fn(&mut Group);
        let changes: [(&str, Change); 9] = [
            ("types", |new| new.facts["types"] = json!([["m5.large", 1]])),
            ("image", |new| new.facts["image"] = json!({ "family": "al2" })),
            ("role", |new| new.facts["role"] = json!("arn:other")),
            ("volumes", |new| new.nodes[0]["volumes"] = json!({})),
            ("user data", |new| new.nodes[0]["user data"] = json!({ "parts": [] })),
            ("security groups", |new| new.nodes[0]["security groups"] = json!(["sg-2"])),
            ("labels", |new| new.kubernetes[0].labels.clear()),
            ("taints", |new| new.kubernetes[0].taints = BTreeSet::from(["a=b:NoSchedule".to_string()])),
            ("capacity units", |new| new.zones.clear()),
        ];
        for (row, change) in changes {
            let faults = compared(change);
            assert!(faults.len() == 1 && faults[0].contains(row), "{row}: {faults:?}");
        }
    }

    #[test]
    fn pods_that_choose_their_nodes_stay_with_their_pool() {
        let pods_on = |pool: &str, choosy| {
            let pools = BTreeSet::from([pool.to_string()]);
            BTreeMap::from([("teams/ledger".to_string(), Placement { pools, choosy })])
        };
        let fault_count = |pool: &str, choosy| {
            let old = vec![group("a", None), group("b", None)];
            let before = Recorded { groups: old, pods: pods_on("a", choosy) };
            let new = vec![group("a2", Some("a")), group("b2", Some("b"))];
            let mut faults = Vec::new();
            pods(&before, &Recorded { groups: new, pods: pods_on(pool, choosy) }, &mut faults);
            faults.len()
        };
        assert_eq!(fault_count("a", true), 0);
        assert_eq!(fault_count("b", true), 1);
        assert_eq!(fault_count("b", false), 0);
        assert_eq!(fault_count("node x", false), 1);
    }
}
