use serde_json::{Value, json};

use super::*;
use crate::facts::{Controller, Placement};
use crate::sample::{facts, node, pod};

const TOPOLVM: &str = "topology.topolvm.io/node";

fn term(key: &str, values: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]})
}

fn volume(medium: Medium, terms: &Value) -> Volume {
    Volume {
        name: "pv-1".into(),
        claim_uid: "u-1".into(),
        medium,
        one_node: true,
        affinity: serde_json::from_value(terms.clone()).unwrap(),
    }
}

fn claiming(name: &str) -> Pod {
    let placement = Placement { claims: vec!["data".into()], ..Placement::default() };
    Pod { placement: Some(Box::new(placement)), ..pod("shop", name) }
}

/// Two old nodes and two new ones; each has its hostname, and the old ones TopoLVM's label.
fn with(volume: Volume) -> (Facts, BTreeSet<String>) {
    let mut facts = facts();
    facts.nodes.extend([node("new-1", "a"), node("new-2", "b")]);
    for node in &mut facts.nodes {
        node.labels.insert("kubernetes.io/hostname".into(), node.name.clone());
        if node.name.starts_with("old") {
            node.labels.insert(TOPOLVM.into(), node.name.clone());
            node.labels.insert("disk".into(), "ssd".into());
        }
    }
    facts.volumes = [("shop/data".to_string(), volume)].into();
    (facts, ["old-1".to_string(), "old-2".to_string()].into())
}

#[test]
fn data_is_lost_if_only_drained_nodes_have_it() {
    let hostname = "kubernetes.io/hostname";
    let name = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["old-1"]}]});
    for (medium, terms, lost) in [
        (Medium::NodeDisk, json!([term(hostname, &["old-1"])]), true),
        // A hostPath volume without affinity: its pod may go anywhere, its data doesn't.
        (Medium::NodeDisk, json!([]), true),
        (Medium::Csi, json!([term(TOPOLVM, &["old-1"])]), true),
        (Medium::Csi, json!([term(hostname, &["old-1"])]), true),
        (Medium::Csi, json!([name]), true),
        // A label of a driver that no node has any more.
        (Medium::Csi, json!([term("openebs.io/nodename", &["old-1"])]), true),
        // Two copies, and both go; two copies, and one stays.
        (Medium::Csi, json!([term(TOPOLVM, &["old-1"]), term(TOPOLVM, &["old-2"])]), true),
        (Medium::Csi, json!([term(hostname, &["old-1"]), term(hostname, &["new-1"])]), false),
        (Medium::Csi, json!([term(hostname, &["old-1", "new-1"])]), false),
        (Medium::Csi, json!([]), false),
        (Medium::Csi, json!([term("topology.ebs.csi.aws.com/zone", &["a"])]), false),
        (Medium::Csi, json!([term("topology.kubernetes.io/zone", &["c"])]), false),
        (Medium::Csi, json!([term("topology.k8s.aws/zone-id", &["usw2-az9"])]), false),
        (Medium::Csi, json!([term("topology.csi.example/zone", &["a"])]), false),
        // Two nodes have it: it names none of them.
        (Medium::Csi, json!([term("disk", &["ssd"])]), false),
        (Medium::Remote, json!([term(hostname, &["old-1"])]), false),
    ] {
        let (facts, nodes) = with(volume(medium, &terms));
        let local = LocalData::of(&facts, &nodes);
        assert_eq!(local.is_lost_with(&claiming("cart")), lost, "{medium:?} {terms}");
        assert_eq!(local.others(&facts.volumes).is_empty(), lost, "{medium:?} {terms}");
    }
}

#[test]
fn a_pod_s_own_host_path_is_lost_with_its_node() {
    let (facts, nodes) = with(volume(Medium::Remote, &json!([])));
    let local = LocalData::of(&facts, &nodes);
    assert!(local.is_lost_with(&Pod { host_path: true, ..pod("shop", "cart") }));
    assert!(!local.is_lost_with(&pod("shop", "cart")));
}

#[test]
fn only_claims_of_statefulset_templates_are_recreated() {
    let pinned = volume(Medium::NodeDisk, &json!([term("kubernetes.io/hostname", &["old-1"])]));
    let (mut facts, nodes) = with(pinned.clone());
    facts.volumes.insert("shop/data-db-0".into(), pinned);
    facts.stateful_sets.claim_templates = [("shop/db".to_string(), ["data".to_string()].into())].into();
    let of = |kind: &str, claim: &str| {
        let controller = Controller { kind: kind.into(), name: "db".into() };
        let placement = Placement { claims: vec![claim.into()], ..Placement::default() };
        let placement = Some(Box::new(placement));
        Pod { controller: Some(controller.into()), placement, ..pod("shop", "db-0") }
    };
    let local = LocalData::of(&facts, &nodes);
    for (pod, replaceable) in [
        (of("StatefulSet", "data-db-0"), true),
        (of("StatefulSet", "data"), false),
        (of("ReplicaSet", "data-db-0"), false),
    ] {
        assert_eq!(!local.replaceable(&pod).is_empty(), replaceable, "{pod:?}");
        assert_eq!(local.irreplaceable(&pod).is_empty(), replaceable, "{pod:?}");
    }
    assert_eq!(local.replaceable(&of("StatefulSet", "data-db-0")), [("shop/data-db-0".into(), "u-1".into())]);
    // Any node may have a hostPath volume without affinity: its claim may stay.
    let (facts, nodes) = with(volume(Medium::NodeDisk, &json!([])));
    let local = LocalData::of(&facts, &nodes);
    assert!(
        local.replaceable(&claiming("cart")).is_empty() && local.irreplaceable(&claiming("cart")).is_empty()
    );
}
