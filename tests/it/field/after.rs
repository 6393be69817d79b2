//! What `verify` and `doctor` report after someone has changed a cluster that was set up correctly.

use std::process::Stdio;

use aws_sdk_ec2::types::Tag;
use sandbox::{AuthenticationMode, Cni, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, healthy, kubectl, mentions, report_with, reports_nothing, set_env, set_image};
use crate::cluster::set_up;
use crate::command::in_sandbox;
use crate::journey::{aws, until};
use crate::reach::Console;

const VERIFY: &[&str] = &["verify"];

#[test]
fn problems_after_setup_are_reported_and_a_healthy_cluster_has_none() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::Managed,
        cni: Cni::Daemonset,
        authentication_mode: AuthenticationMode::Api,
        ..Shape::default()
    };
    let sandbox = set_up(shape, &["--node-role", "new"]);
    reports_nothing(&sandbox, &["plan", "--node-role", "new"]);
    healthy(&sandbox);

    two_tagged_groups(&sandbox);
    a_version_with_a_bug(&sandbox);
    max_pods_are_reset(&sandbox);
    nodes_that_are_not_allowed_to_join(&sandbox);
    healthy(&sandbox);
    a_network_policy_blocks_the_probe(&sandbox);
}

/// 14: someone tags the new nodes' security group for the cluster.
fn two_tagged_groups(sandbox: &Sandbox) {
    let console = Console::of(sandbox);
    let groups =
        kubectl(sandbox, &["get", "eniconfigs", "-o", "jsonpath={.items[0].spec.securityGroups[*]}"]);
    let cluster = &sandbox.aws.cluster_security_group;
    let own = groups.split_whitespace().find(|group| group != cluster).expect("a group of the nodes");
    let tag = Tag::builder().key("kubernetes.io/cluster/sandbox").value("owned").build();
    console.run(console.ec2.create_tags().resources(own).tags(tag.clone()).send());
    report_with(sandbox, VERIFY, &["EC-VFY-027"]);
    console.run(console.ec2.delete_tags().resources(own).tags(tag).send());
    reports_nothing(sandbox, VERIFY);
}

/// 25: an update to the only version with a bug that loses the node.
fn a_version_with_a_bug(sandbox: &Sandbox) {
    set_image(sandbox, "v1.19.4");
    set_env(sandbox, &["ENABLE_POD_ENI=true"]);
    let reported = report_with(sandbox, VERIFY, &["EC-VFY-007"]);
    assert!(reported.to_string().contains("1.19.5 or later"), "{reported:#}");
    set_env(sandbox, &["ENABLE_POD_ENI=false"]);
    set_image(sandbox, "v1.20.4");
    reports_nothing(sandbox, VERIFY);
}

/// 32: the old managed group starts a node with the max pods that EKS computes. 19: Karpenter starts such a node.
fn max_pods_are_reset(sandbox: &Sandbox) {
    let managed = |size: &str| {
        let sizes = format!("minSize={size},maxSize=2,desiredSize={size}");
        let update = ["eks", "update-nodegroup-config", "--cluster-name", "sandbox"];
        let group = ["--nodegroup-name", "old-managed", "--scaling-config", &sizes];
        aws(sandbox, &[&update[..], &group].concat());
    };
    let managed_nodes = "eks.amazonaws.com/nodegroup=old-managed";
    let nodes = || kubectl(sandbox, &["get", "nodes", "-l", managed_nodes, "-o", "name"]);
    managed("1");
    until("a managed node has joined", || !nodes().is_empty());
    kubectl(sandbox, &["wait", "--for=condition=Ready", "--timeout=60s", &nodes()]);
    let reported = report_with(sandbox, VERIFY, &["EC-VFY-024"]);
    assert!(reported.to_string().contains("in the launch template"), "{reported:#}");
    managed("0");
    until("the managed node is gone", || nodes().is_empty());
    reports_nothing(sandbox, VERIFY);

    let node = kubectl(sandbox, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let allocatable = |pods: &str| {
        let patch = json!({"status": {"allocatable": {"pods": pods}, "capacity": {"pods": pods}}});
        kubectl(sandbox, &["patch", "node", &node, "--subresource=status", "-p", &patch.to_string()]);
    };
    let claimed = |owners: Value| {
        let patch =
            json!({"metadata": {"ownerReferences": owners, "labels": {"karpenter.sh/nodepool": "default"}}});
        kubectl(sandbox, &["patch", "node", &node, "--type=merge", "-p", &patch.to_string()]);
    };
    claimed(
        json!([{"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": "default-x", "uid": "0-0"}]),
    );
    allocatable("29");
    let reported = report_with(sandbox, VERIFY, &["EC-VFY-024"]);
    assert!(reported.to_string().contains("RESERVED_ENIS=1"), "{reported:#}");
    allocatable("20");
    claimed(Value::Null);
}

/// 22: the access entry of the new nodes' role is deleted; in API mode an entry in aws-auth has no effect.
fn nodes_that_are_not_allowed_to_join(sandbox: &Sandbox) {
    let query = "accessEntries[?contains(@, 'eni-custom')] | [0]";
    let role = aws(sandbox, &["eks", "list-access-entries", "--cluster-name", "sandbox", "--query", query]);
    let entry = |verb: &str, more: &[&str]| {
        let of = ["eks", verb, "--cluster-name", "sandbox", "--principal-arn", &role];
        aws(sandbox, &[&of[..], more].concat());
    };
    entry("delete-access-entry", &[]);
    let roles = format!(
        "- rolearn: {role}\n  username: system:node:{{{{EC2PrivateDNSName}}}}\n  groups: [system:bootstrappers, system:nodes]\n"
    );
    let aws_auth = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapRoles": roles},
    });
    apply(sandbox, &aws_auth);
    let stack = "eni-custom-sandbox-us-west-2a";
    let query = format!(
        "AutoScalingGroups[?Tags[?Key=='aws:cloudformation:stack-name' && Value=='{stack}']].[AutoScalingGroupName,DesiredCapacity] | [0]"
    );
    let found = aws(sandbox, &["autoscaling", "describe-auto-scaling-groups", "--query", &query]);
    let (group, size) = found.split_once(char::is_whitespace).expect("a group and its size");
    let size: u32 = size.trim().parse().expect("a size");
    let grows = |size: u32| {
        let set = ["autoscaling", "set-desired-capacity", "--auto-scaling-group-name", group];
        aws(sandbox, &[&set[..], &["--desired-capacity", &size.to_string()]].concat());
    };
    let nodes = || kubectl(sandbox, &["get", "nodes", "-o", "name"]).lines().count();
    let before = nodes();
    grows(size + 1);
    let mut reported = Value::Null;
    until("the instance is in service", || {
        reported = super::report(sandbox, &["doctor"]);
        mentions(&reported, "EC-DOC-007")
    });
    assert!(reported.to_string().contains("access entry"), "{reported:#}");
    entry("create-access-entry", &["--type", "EC2_LINUX"]);
    until("the node has joined", || nodes() == before + 1);
    kubectl(sandbox, &["wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all"]);
}

/// 29: a NetworkPolicy, not the VPC, may block the probe. No process runs in a pod of the sandbox, so the test writes
/// the probe's result.
fn a_network_policy_blocks_the_probe(sandbox: &Sandbox) {
    let deny = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "default", "name": "deny-all"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    });
    apply(sandbox, &deny);
    let mut child = in_sandbox(sandbox, &["verify", "--probe", "--output", "json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let ended = json!({"exitCode": 1, "message": "dns failed\napi ok\n", "reason": "Error"});
    let status = json!({"status": {"phase": "Failed", "containerStatuses": [{
        "name": "probe", "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": ended},
    }]}});
    let asks = "app.kubernetes.io/component=probe-asks";
    while child.try_wait().expect("the program can be asked").is_none() {
        let pods = kubectl(sandbox, &["get", "pods", "-n", "default", "-l", asks, "-o", "name"]);
        for pod in pods.lines() {
            // The pod may have been deleted by now.
            let patch = ["patch", pod, "--subresource=status", "--type=merge", "-p", &status.to_string()];
            let _ = sandbox.kubectl(&patch);
        }
    }
    let output = child.wait_with_output().expect("the run has ended");
    let reported: Value = serde_json::from_slice(&output.stdout).expect("stdout is JSON");
    assert!(mentions(&reported, "EC-VFY-051") && mentions(&reported, "EC-VFY-054"), "{reported:#}");
    assert!(reported.to_string().contains("default/deny-all"), "{reported:#}");
}
