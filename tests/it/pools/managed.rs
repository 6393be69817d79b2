//! Replacements that are managed node groups.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{OldNodes, Pools, Sandbox, Shape, witness};
use serde_json::Value;

use super::cluster_with;
use crate::cluster::{set_up_in, start};
use crate::command::{by_program, run, writes};
use crate::interrupted::kill_when;
use crate::policy;
use crate::undo::{UNDO, assert_state, state};

const SAME: [&str; 2] = ["--replace-with", "same"];

/// The managed node groups of eni-custom by their pool, as DescribeNodegroup shows them.
fn ours(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let cluster = &sandbox.shape.cluster;
    let names = policy::aws(sandbox, &["eks", "list-nodegroups", "--cluster-name", cluster]);
    let describe = |name: &Value| {
        let name = name.as_str().expect("a name");
        let args = ["eks", "describe-nodegroup", "--cluster-name", cluster, "--nodegroup-name", name];
        policy::aws(sandbox, &args)["nodegroup"].clone()
    };
    let all = names["nodegroups"].as_array().expect("a list").iter().map(describe);
    all.filter_map(|group| Some((group["tags"]["eni-custom:pool"].as_str()?.to_string(), group.clone())))
        .collect()
}

/// Allocatable pods of all nodes.
fn allocatable(sandbox: &Sandbox) -> BTreeSet<String> {
    let path = "jsonpath={.items[*].status.allocatable.pods}";
    let text = sandbox.kubectl(&["get", "nodes", "-o", path]).expect("kubectl answers");
    text.split_whitespace().map(String::from).collect()
}

#[test]
fn managed_groups_of_every_kind_become_managed_groups_and_are_deleted_with_only_the_printed_permissions() {
    let mut sandbox = cluster_with(Pools::Managed);
    let before = witness::pools::record(&sandbox).expect("AWS and Kubernetes answer");
    let deletes = ["--managed-node-groups", "--delete-old-groups"];
    let deployer = policy::deployer(&sandbox, &deletes);
    sandbox.aws.keys.insert("admin".into(), deployer);
    let start = sandbox.mark();
    // One has SSH access by a security group that EKS deletes with it.
    let flags = [&SAME[..], &["--accept", "EC-NOD-050"]].concat();
    set_up_in(&mut sandbox, &flags);
    let faults = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(allocatable(&sandbox), ["20".to_string()].into());

    let groups = ours(&sandbox);
    let kinds: Vec<String> =
        groups.iter().map(|(pool, group)| format!("{pool} {}", group["amiType"].as_str().unwrap())).collect();
    let expected = [
        "bottlerocket BOTTLEROCKET_x86_64",
        "own-image CUSTOM",
        "plain AL2023_x86_64_STANDARD",
        "templated AL2023_x86_64_STANDARD",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(groups["plain"]["updateConfig"]["maxUnavailablePercentage"], 33);
    assert_eq!(groups["plain"]["nodeRepairConfig"]["enabled"], true);
    assert_eq!(
        (&groups["plain"]["tags"]["team"], &groups["plain"]["labels"]["tier"]),
        (&"web".into(), &"web".into())
    );
    assert_eq!(groups["templated"]["capacityType"], "SPOT");

    policy::nothing_missing(&sandbox, start, &["--managed-node-groups"]);
    policy::needs_all_of(&sandbox, policy::MANAGED);
    let mark = sandbox.mark();
    let setup = [&["setup", "--yes"], &flags[..]].concat();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run");

    let start = sandbox.mark();
    let setup = [&setup[..], &["--delete-old-groups"]].concat();
    run(&sandbox, &setup).expect(0).says(&["managed node group plain"]);
    policy::nothing_missing(&sandbox, start, &deletes);
    policy::needs_all_of(&sandbox, policy::DELETED_GROUPS);
    let cluster = &sandbox.shape.cluster;
    let left = policy::aws(&sandbox, &["eks", "list-nodegroups", "--cluster-name", cluster]);
    assert_eq!(left["nodegroups"].as_array().map(Vec::len), Some(groups.len()), "{left}");
    let mark = sandbox.mark();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run with nothing to delete");
}

/// Managed ones get one group for all their zones, and an interrupted run decides what the next one completes.
#[test]
fn only_managed_groups_become_managed_groups_and_all_come_back() {
    let mut sandbox = cluster_with(Pools::Mixed);
    let deployer = policy::deployer(&sandbox, &["--undo", "--managed-node-groups"]);
    let initial = state(&sandbox);
    let before = witness::pools::record(&sandbox).expect("AWS and Kubernetes answer");
    kill_when(&sandbox, &[&["setup", "--yes"], &SAME[..]].concat(), "stacks to complete", 1);
    set_up_in(&mut sandbox, &[]);
    let faults = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let groups = ours(&sandbox);
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["general", "reports"]);
    assert_eq!(groups["general"]["subnets"].as_array().map(Vec::len), Some(3));

    sandbox.aws.keys.insert("admin".into(), deployer);
    let start = sandbox.mark();
    run(&sandbox, &UNDO).expect(0);
    policy::nothing_missing(&sandbox, start, &["--undo", "--managed-node-groups"]);
    policy::needs_all_of(&sandbox, policy::UNDO_MANAGED);
    assert_eq!(ours(&sandbox), BTreeMap::new());
    assert_state(&mut sandbox, &initial);
}

/// EKS's number of max pods knows nothing of MAX_ENI.
#[test]
fn a_managed_group_with_more_max_pods_than_addresses_stops_the_run_before_the_first_eviction() {
    let sandbox = start(Shape {
        azs: 2,
        old_nodes: OldNodes::Managed,
        cni_env: vec!["MAX_ENI=2".into()],
        ..Shape::default()
    });
    let mark = sandbox.mark();
    run(&sandbox, &[&["setup", "--yes"], &SAME[..]].concat()).expect(1).says(&[
        "a new node accepts 20 pods, but an m5.large has addresses for 11",
        "no pod was evicted",
        "--managed-image old-managed=own",
    ]);
    let ends = |call: &sandbox::AwsCall| call.operation == "TerminateInstanceInAutoScalingGroup";
    let log = sandbox.aws_log(mark).expect("the AWS log can be read");
    assert!(!log.iter().any(|call| by_program(call) && ends(call)));
    let log = sandbox.audit_log(mark).expect("the audit log can be read");
    assert!(!log.iter().any(|call| call.object_ref.subresource == "eviction"));

    run(&sandbox, &UNDO).expect(0);
    let own = ["--managed-image", "old-managed=own"];
    run(&sandbox, &[&["setup", "--yes"], &SAME[..], &own].concat()).expect(0);
    assert_eq!(allocatable(&sandbox), ["11".to_string()].into());
}
