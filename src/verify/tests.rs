mod failures;
mod shapes;

use super::*;
use crate::design::{CUSTOM_NETWORK, LABEL_DEF};
use crate::facts::{Addon, Interface, Node, Part, Pod};
use crate::issue::{Severity, id};
use crate::sample::{custom, custom_node, facts, pod};

/// All checks that did not pass, as `id severity: what`.
fn problems(facts: &Facts) -> Vec<String> {
    problems_with(facts, &Expected::default())
}

fn problems_with(facts: &Facts, expected: &Expected) -> Vec<String> {
    let report = verify(facts, expected);
    let bad = report.checks().filter(|check| check.severity() != Severity::Passed);
    bad.map(|check| format!("{} {:?}: {}", check.id, check.severity(), check.what)).collect()
}

/// The problems of the healthy cluster after a change.
fn after(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = custom();
    change(&mut facts);
    problems(&facts)
}

/// A field manager that has updated.
fn manager(name: &str) -> crate::ownership::Manager {
    crate::ownership::Manager { name: name.into(), applies: false }
}

fn addon(configuration: &str) -> Option<Addon> {
    Some(Addon {
        version: "v1.20.4-eksbuild.1".into(),
        status: "ACTIVE".into(),
        role: None,
        configuration: configuration.into(),
        issues: Vec::new(),
    })
}

#[test]
fn a_cluster_that_was_set_up_by_hand_is_proven() {
    let report = verify(&custom(), &Expected::default());
    assert!(report.proven);
    insta::assert_json_snapshot!(report);
}

#[test]
fn with_custom_networking_off_only_that_is_reported() {
    assert_eq!(
        problems(&facts()),
        ["EC-VFY-001 Error: custom networking is off", "EC-VFY-004 Unknown: the VPC CNI's version"]
    );
    let off = after(|facts| {
        facts.cni.env.insert(CUSTOM_NETWORK.into(), "yes".into());
    });
    assert_eq!(off, ["EC-VFY-001 Error: custom networking is off"]);
    assert_eq!(after(|facts| facts.cni.missing = true), ["EC-VFY-001 Error: there is no aws-node"]);
    for change in
        [|facts: &mut Facts| facts.cluster.ipv6 = true, |facts: &mut Facts| facts.cluster.auto_mode = true]
    {
        let message = after(change);
        assert!(message.len() == 1 && message[0].contains("does not apply to this cluster"), "{message:?}");
    }
}

#[test]
fn aws_node_fails_if_it_is_not_rolled_out_or_its_owner_would_reset_it() {
    assert_eq!(
        after(|facts| facts.cni.rollout.available = 1),
        ["EC-VFY-002 Error: aws-node's rollout is not complete"]
    );
    assert_eq!(
        after(|facts| facts.cni.addon = addon("")),
        ["EC-VFY-003 Error: the add-on vpc-cni would reset aws-node's environment"]
    );
    assert_eq!(
        after(|facts| {
            facts.cni.annotations.insert("meta.helm.sh/release-name".into(), "cni".into());
            facts.cni.env_managers.insert(CUSTOM_NETWORK.into(), vec![manager("kubectl-set")]);
        }),
        ["EC-VFY-003 Error: Helm 'cni' would reset aws-node's environment"]
    );
    assert_eq!(
        after(|facts| facts.cni.image = "cni:v1.3.4".into()),
        ["EC-VFY-004 Error: VPC CNI 1.3.4 is too old for custom networking"]
    );
    let legacy = "failure-domain.beta.kubernetes.io/zone";
    assert_eq!(
        after(|facts| {
            facts.cni.env.insert(LABEL_DEF.into(), legacy.into());
            facts.nodes[0].labels.insert(legacy.into(), "a".into());
        }),
        [
            "EC-VFY-006 Warning: the ENIConfig's name is read from a deprecated node label",
            "EC-VFY-011 Error: ENIConfig 'default' for 1 node in b does not exist",
        ]
    );
}

#[test]
fn pods_and_leftover_interfaces_are_reported() {
    assert_eq!(
        after(|facts| facts.pods[0].address = Some("10.0.0.77".into())),
        ["EC-VFY-030 Error: 1 pod outside the pod subnet, on nodes in a"]
    );
    let left = after(|facts| {
        let gone = Interface {
            id: "eni-left".into(),
            instance: "i-gone".into(),
            attached: false,
            cluster: None,
            ..facts.nodes[0].interfaces[0].clone()
        };
        facts.loose_interfaces = vec![gone];
    });
    assert_eq!(left, ["EC-VFY-040 Warning: 1 network interface of deleted nodes left in pods-a"]);
}

#[test]
fn what_can_not_be_read_is_unknown_and_does_not_pass() {
    let cases: [(Part, &[&str]); 9] = [
        (Part::Cni, &["EC-VFY-001"]),
        (Part::Addon, &["EC-VFY-003"]),
        (Part::EniConfigs, &["EC-VFY-011"]),
        (Part::Interfaces, &["EC-VFY-021", "EC-VFY-040"]),
        (Part::SecurityGroups, &["EC-VFY-016", "EC-VFY-027"]),
        (Part::InstanceTypes, &["EC-VFY-024"]),
        (Part::Pods, &["EC-VFY-030"]),
        // The record of a run and the owner of a node are not needed here.
        (Part::Record, &[]),
        (Part::NodeGroups, &[]),
    ];
    for (part, ids) in cases {
        let mut facts = custom();
        facts.unread.insert(part, "UnauthorizedOperation: not allowed".into());
        let report = verify(&facts, &Expected::default());
        let unknown: Vec<&Issue> =
            report.checks().filter(|check| check.severity() == Severity::Unknown).collect();
        assert_eq!(unknown.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), ids, "{part:?}");
        assert!(
            unknown.iter().all(|check| check.why == "unknown because UnauthorizedOperation: not allowed")
        );
        assert_eq!(report.proven, ids.is_empty());
    }
    let own_groups = after(|facts| {
        facts.unread.insert(Part::Instances, "UnauthorizedOperation".into());
        facts.eniconfigs.items.iter_mut().for_each(|config| config.security_groups.clear());
    });
    let unknown = [
        "EC-VFY-021 Unknown: whether pods use primary network interfaces",
        "EC-VFY-023 Unknown: whether interfaces have their node's security groups",
    ];
    assert_eq!(own_groups, unknown);
}

#[test]
fn a_thousand_nodes_with_the_same_problem_are_one_check() {
    let mut facts = custom();
    let sick = |at: usize| Node { ready: false, ..custom_node(&format!("sick-{at:04}"), "a") };
    facts.nodes.extend((0..1000).map(sick));
    let report = verify(&facts, &Expected::default());
    let failed: Vec<&Issue> = report.checks().filter(|check| check.id == id::VFY_020).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].what, "1000 nodes in a not Ready");
    assert_eq!(failed[0].place, "sick-0000, sick-0001, sick-0002, sick-0003, sick-0004, and 995 more");
    assert_eq!(failed[0].names.len(), 1000);
}

#[test]
fn old_nodes_that_are_meant_to_stay_are_not_reported() {
    let mut facts = custom();
    let mut old = custom_node("old", "a");
    old.interfaces[0].subnet = "subnet-a".into();
    // Max pods without custom networking, and a pod address in the node's subnet.
    old.max_pods = 29;
    facts.nodes.push(old);
    facts.pods.push(Pod { node: "old".into(), address: Some("10.0.0.7".into()), ..pod("shop", "till") });
    let left = "EC-VFY-021 Error: 1 node in a does not use custom networking, or uses another ENIConfig";
    assert_eq!(problems(&facts), [left]);
    let may_stay = Expected { old_may_stay: true, ..Expected::default() };
    assert_eq!(problems_with(&facts, &may_stay), [""; 0]);
    let named = Expected { spared: ["old".to_string()].into(), ..Expected::default() };
    assert_eq!(problems_with(&facts, &named), [""; 0]);
}

#[test]
fn after_a_run_the_cluster_must_be_exactly_as_planned() {
    let facts = custom();
    let expected = Expected {
        env: [(LABEL_DEF.to_string(), "pods".to_string())].into(),
        eniconfigs: vec![crate::facts::EniConfig {
            subnet: "pods-c".into(),
            ..facts.eniconfigs.items[0].clone()
        }],
        max_pods: [("new-b".to_string(), 12)].into(),
        gone: ["new-a".to_string()].into(),
        ..Expected::default()
    };
    assert_eq!(
        problems_with(&facts, &expected),
        [
            "EC-VFY-005 Error: aws-node's ENI_CONFIG_LABEL_DEF is not 'pods'",
            "EC-VFY-018 Error: ENIConfig a names pods-a, not pods-c",
            "EC-VFY-021 Error: 1 node in a does not use custom networking, or uses another ENIConfig",
            "EC-VFY-028 Error: 1 node in b with max pods 20, not 12",
        ]
    );
}
