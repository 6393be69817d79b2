//! What Auto Scaling, EKS, autoscalers and the groups' owners do during a drain.

use std::time::{Duration, Instant};

use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{groups, managed_group, old_nodes, record, run_printed_command, status};
use crate::background::BackgroundRun;
use crate::cluster::start;
use crate::command::{in_sandbox, run, writes};
use crate::field::{mentioned, report_with};
use crate::journey::aws;
use crate::policy;
use crate::undo::{UNDO, assert_state, state};

#[test]
fn node_groups_of_every_kind_keep_their_owners_settings() {
    let shape = Shape {
        azs: 2,
        nodes_per_az: 2,
        old_nodes: OldNodes::Both,
        workloads: false,
        autoscaler: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    give_weights(&sandbox);
    let at_first = state(&sandbox);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    a_warm_pool_a_hook_and_weights(&sandbox);
    node_groups_that_are_not_active(&sandbox);
    a_group_without_the_cluster_s_tag(&sandbox);
    an_autoscaler_asks_a_managed_group_for_nodes(&mut sandbox);
    a_partly_drained_group(&sandbox);
    run(&sandbox, &UNDO).expect(0);
    assert_state(&mut sandbox, &at_first);
}

/// Makes each instance of the group count as four units of capacity.
fn give_weights(sandbox: &Sandbox) {
    let name = &sandbox.aws.self_managed_asgs[0];
    let group = policy::aws(
        sandbox,
        &["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", name],
    );
    let template = &group["AutoScalingGroups"][0]["LaunchTemplate"];
    let policy = json!({"LaunchTemplate": {
        "LaunchTemplateSpecification": {"LaunchTemplateId": template["LaunchTemplateId"], "Version": template["Version"]},
        "Overrides": [{"InstanceType": "m5.large", "WeightedCapacity": "4"}],
    }})
    .to_string();
    let sizes = ["--min-size", "4", "--desired-capacity", "16", "--max-size", "24"];
    let update = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", name];
    aws(sandbox, &[&update[..], &["--mixed-instances-policy", &policy], &sizes].concat());
}

/// 49: sizes are in units, and the drain waits for instances that a hook holds. The plan reports both.
fn a_warm_pool_a_hook_and_weights(sandbox: &Sandbox) {
    let name = &sandbox.aws.self_managed_asgs[0];
    let managed = managed_group(sandbox);
    let of = |command: &str, group: &str, args: &[&str]| {
        aws(sandbox, &[&["autoscaling", command, "--auto-scaling-group-name", group], args].concat());
    };
    of("put-warm-pool", &managed, &[]);
    let transition = ["--lifecycle-transition", "autoscaling:EC2_INSTANCE_TERMINATING"];
    of("put-lifecycle-hook", name, &[&["--lifecycle-hook-name", "goodbye"], &transition[..]].concat());
    let reported = report_with(sandbox, &["plan"], &["EC-NOD-018", "EC-NOD-019"]);
    assert!(reported.to_string().contains("3600 s without a heartbeat"), "{reported:#}");
    assert!(!reported.to_string().contains("Terminate-LC-Hook"), "EKS completes its own: {reported:#}");
    run_printed_command(sandbox, printed(&reported, "EC-NOD-018"));
    assert!(!mentioned(sandbox, &["plan"], "EC-NOD-018"));

    let node = old_nodes(sandbox, false)[0].1[0].clone();
    // Shorter than the hook's timeout: the other reasons for waiting are shown within a second or two.
    let timeouts = ["--timeout", "8s", "--drain-timeout", "5m"];
    let args = [&["drain-nodes", "--yes", "--node", &node, "--events", "json"], &timeouts[..]].concat();
    let mut drain = BackgroundRun::start(&mut in_sandbox(sandbox, &args));
    drain.wait_for("1 in Terminating:Wait for a lifecycle hook");
    let waiting = Instant::now();
    while waiting.elapsed() < Duration::from_secs(9) {
        drain.wait_for("1 in Terminating:Wait");
    }
    let query = "AutoScalingInstances[?LifecycleState=='Terminating:Wait'].InstanceId";
    let instance = aws(sandbox, &["autoscaling", "describe-auto-scaling-instances", "--query", query]);
    let done = ["--lifecycle-action-result", "CONTINUE", "--lifecycle-hook-name", "goodbye"];
    of("complete-lifecycle-action", name, &[&["--instance-id", &instance], &done[..]].concat());
    drain.exits_with(0);
    let now = &groups(sandbox)[name];
    assert_eq!((now.instances, now.desired, now.bounds), (3, 12, (4, 12)), "{now:?}");
    of("delete-lifecycle-hook", name, &["--lifecycle-hook-name", "goodbye"]);
}

/// The command that an issue prints.
#[track_caller]
fn printed<'a>(report: &'a Value, id: &str) -> &'a str {
    let findings = report["findings"].as_array().expect("a list");
    let finding = findings.iter().find(|finding| finding["id"] == id).expect("the issue is reported");
    finding["fix"].as_str().expect("a command")
}

/// 34: EKS rejects changes to a group that is UPDATING. The plan reports it, and the drain waits.
fn node_groups_that_are_not_active(sandbox: &Sandbox) {
    let issues = json!([{"code": "AccessDenied", "message": "the node role may not", "resourceIds": []}]);
    sandbox.nodegroup("old-managed", "DEGRADED", &issues, None).expect("the sandbox changes the group");
    let reported = report_with(sandbox, &["plan"], &["EC-NOD-017"]);
    assert!(reported.to_string().contains("the node role may not"), "{reported:#}");
    sandbox
        .nodegroup("old-managed", "UPDATING", &json!([]), Some(6.0))
        .expect("the sandbox changes the group");
    let reported = report_with(sandbox, &["plan"], &["EC-NOD-017"]);
    let wait = "aws eks wait nodegroup-active --cluster-name sandbox --nodegroup-name old-managed";
    assert!(reported.to_string().contains(wait), "{reported:#}");
    let node = old_nodes(sandbox, true)[0].1[0].clone();
    run(sandbox, &["drain-nodes", "--yes", "--node", &node]).expect(0);
    run_printed_command(sandbox, wait);
    assert!(!mentioned(sandbox, &["plan"], "EC-NOD-017"));
}

/// 48: a group without the tag is found by its instances and starts no replacements. 35: the remaining group is
/// unbalanced.
fn a_group_without_the_cluster_s_tag(sandbox: &Sandbox) {
    let name = &sandbox.aws.self_managed_asgs[0];
    let tag = format!("ResourceId={name},ResourceType=auto-scaling-group,Key=kubernetes.io/cluster/sandbox");
    aws(sandbox, &["autoscaling", "delete-tags", "--tags", &tag]);
    let reported = report_with(sandbox, &["plan"], &["EC-NOD-016"]);
    let nodes = old_nodes(sandbox, false);
    // A node of the zone that has one left.
    let node = &nodes[1].1[0];
    run(sandbox, &["drain-nodes", "--yes", "--terminate-unowned", "--node", node]).expect(0);
    let now = &groups(sandbox)[name];
    assert_eq!((now.instances, now.desired, now.bounds), (2, 8, (4, 8)), "{now:?}");
    assert_eq!(now.suspended, ["AZRebalance"], "it would terminate a node of the other zone");
    run_printed_command(sandbox, printed(&reported, "EC-NOD-016"));
    assert!(!mentioned(sandbox, &["plan"], "EC-NOD-016"));
}

/// 34: while pods are Pending, the autoscaler requests as many nodes as the group allows.
fn an_autoscaler_asks_a_managed_group_for_nodes(sandbox: &mut Sandbox) {
    let name = managed_group(sandbox);
    let launches = |sandbox: &Sandbox| {
        let query = "Activities[?contains(Description, 'Launching')].ActivityId";
        let args = ["autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", &name];
        aws(sandbox, &[&args[..], &["--query", query]].concat()).split_whitespace().count()
    };
    let before = launches(sandbox);
    let node = old_nodes(sandbox, true)[0].1[0].clone();
    let apply = |object: Value| {
        sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("the object is applied");
    };
    // The drain waits until the volume is detached.
    apply(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "asked"},
        "spec": {"attacher": "ebs.csi.aws.com", "nodeName": node, "source": {"persistentVolumeName": "pv"}},
    }));
    let drain = ["drain-nodes", "--yes", "--old-node-group", "old-managed", "--events", "json"];
    let mut drain = BackgroundRun::start(&mut in_sandbox(sandbox, &drain));
    drain.wait_for("nodes");
    drain.wait_for("nodes to be drained");
    apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "homeless", "namespace": "default"},
        "spec": {"nodeSelector": {"no": "node"}, "containers": [{"name": "main", "image": "registry.example/none"}]},
    }));
    let pending = r#"{.status.conditions[?(@.type=="PodScheduled")].reason}"#;
    let kubectl = sandbox.kubectl_alone();
    let args = ["get", "pod", "homeless", "-o", &format!("jsonpath={pending}")];
    let found = || match kubectl.run(&args) {
        Ok(reason) if reason.trim() == "Unschedulable" => Ok(Some(())),
        other => Err(format!("{other:?}")),
    };
    sandbox
        .until("the pod is unschedulable", Duration::from_secs(30), found)
        .expect("the pod is unschedulable");
    // The autoscaler and this line both repeat twice a second.
    for _ in 0..8 {
        drain.wait_for("nodes to be drained");
    }
    sandbox.kubectl(&["delete", "pod", "homeless", "--wait=true"]).expect("the pod is deleted");
    sandbox.kubectl(&["delete", "volumeattachment", "asked"]).expect("the volume is detached");
    drain.exits_with(0);
    let now = &groups(sandbox)[&name];
    assert_eq!((now.instances, now.desired, now.bounds), (0, 0, (0, 1)), "{now:?}");
    assert_eq!(now.suspended, [""; 0]);
    assert_eq!(launches(sandbox), before, "the group started nodes");
}

/// 35: AZRebalance stays suspended until the rest of the group is drained. `status` and `doctor` report it with the
/// command.
fn a_partly_drained_group(sandbox: &Sandbox) {
    let name = &sandbox.aws.self_managed_asgs[0];
    let reported = status(sandbox);
    assert_eq!(reported["suspended"][0]["group"], name.as_str(), "{reported:#}");
    assert_eq!(reported["suspended"][0]["processes"], json!(["AZRebalance"]));
    report_with(sandbox, &["doctor"], &["EC-DOC-056"]);
    let command = reported["suspended"][0]["command"].as_str().expect("a command");
    run_printed_command(sandbox, command);
    let now = &groups(sandbox)[name];
    assert_eq!((now.instances, now.bounds, now.suspended.len()), (0, (0, 0), 0), "{now:?}");
    assert!(record(sandbox)["rebalanceSuspended"].is_null());
    assert!(status(sandbox)["suspended"].is_null());
    let mark = sandbox.mark();
    run_printed_command(sandbox, command);
    assert_eq!(writes(sandbox, mark), [""; 0], "a second run has nothing to do");
}
