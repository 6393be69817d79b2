//! Events from outside during a drain: volumes that stay attached, nodes that someone deletes, an API server that
//! restarts, autoscalers, Ctrl-C.

use rustix::process::Signal;
use serde_json::json;

use super::fixture::Fixture;
use crate::background::BackgroundRun;

const EVENTS: [&str; 2] = ["--events", "json"];

/// Attaches a volume to the node, as the attach-detach controller records it.
fn attach(fixture: &Fixture, name: &str) {
    fixture.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": name},
        "spec": {"attacher": "ebs.csi.aws.com", "nodeName": fixture.node, "source": {"persistentVolumeName": "pv"}},
    }));
}

#[test]
fn an_empty_node_is_terminated_only_after_its_volumes_are_detached() {
    let fixture = Fixture::of("volumes");
    attach(&fixture, "volumes");
    let mark = fixture.sandbox().mark();
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("1/1 node");
    drain.wait_for("1/1 node");
    drain.wait_for("1/1 node");
    drain.wait_for("1/1 node");
    drain.wait_for("1/1 node");
    drain.wait_for("1/1 node");
    let terminated = |fixture: &Fixture| {
        let log = fixture.sandbox().aws_log(mark).expect("the AWS log can be read");
        log.iter().any(|call| call.operation == "TerminateInstanceInAutoScalingGroup")
    };
    assert!(!terminated(&fixture), "terminated with a volume attached");
    fixture.kubectl(&["delete", "volumeattachment", "volumes"]);
    drain.exits_with(0);
    assert!(terminated(&fixture));
    fixture.is_gone();
}

#[test]
fn a_node_that_is_deleted_and_recreated_is_cordoned_again_and_terminated() {
    let mut fixture = Fixture::of("deleted");
    attach(&fixture, "deleted");
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("1/1 node");
    let node = fixture.kubectl(&["get", "node", &fixture.node, "-o", "json"]);
    let mut node: serde_json::Value = serde_json::from_str(&node).expect("kubectl answers JSON");
    fixture.kubectl(&["delete", "node", &fixture.node]);
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        node["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    node["spec"].as_object_mut().expect("a spec").remove("unschedulable");
    node["spec"].as_object_mut().expect("a spec").remove("taints");
    fixture.apply(&node);
    let name = fixture.node.clone();
    fixture.until(
        "the node cordoned again",
        |output| output == "true",
        &["get", "node", &name, "-o", "jsonpath={.spec.unschedulable}"],
    );
    fixture.kubectl(&["delete", "volumeattachment", "deleted"]);
    drain.exits_with(0);
    fixture.is_gone();
}

#[test]
fn an_autoscaler_cannot_start_another_old_node_during_the_drain() {
    let mut fixture = Fixture::of("refill");
    fixture.apply(&fixture.deployment("web", 2, "0s"));
    fixture.ready(2);
    fixture.open_new_nodes();
    let before = old_instances(&fixture);
    let fault = json!({"service": "autoscaling", "operation": "SuspendProcesses", "kind": "node_start", "group": fixture.sandbox().aws.self_managed_asgs[0]});
    fixture.sandbox().fault(&fault).expect("the fault is set");
    fixture.drain(&[]).expect(0);
    fixture.sandbox().clear_faults().expect("the faults are cleared");
    fixture.is_gone();
    assert_eq!(old_instances(&fixture), before - 1);
    // What prevented a start is undone.
    let group = fixture.sandbox().aws.self_managed_asgs[0].clone();
    let query = "AutoScalingGroups[].SuspendedProcesses[].ProcessName";
    let args = [
        "autoscaling",
        "describe-auto-scaling-groups",
        "--auto-scaling-group-names",
        &group,
        "--query",
        query,
    ];
    assert_eq!(aws(&fixture, &args), "");
}

fn aws(fixture: &Fixture, args: &[&str]) -> String {
    let output = fixture
        .sandbox()
        .command(sandbox::warm::aws_cli().expect("the AWS CLI is installed"))
        .args(args)
        .args(["--output", "text"])
        .output()
        .expect("aws runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// The number of running instances in the old group.
fn old_instances(fixture: &Fixture) -> usize {
    let group =
        format!("Name=tag:aws:autoscaling:groupName,Values={}", fixture.sandbox().aws.self_managed_asgs[0]);
    let running = "Name=instance-state-name,Values=pending,running";
    let query = "Reservations[].Instances[].InstanceId";
    let args = ["ec2", "describe-instances", "--query", query, "--filters", running, &group];
    aws(fixture, &args).split_whitespace().count()
}

#[test]
fn a_second_ctrl_c_exits_at_once_and_the_next_run_continues() {
    let mut fixture = Fixture::of("twice");
    attach(&fixture, "twice");
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("1/1 node");
    drain.signal(Signal::INT);
    drain.signal(Signal::INT);
    drain.exits_with(130);
    fixture.kubectl(&["delete", "volumeattachment", "twice"]);
    fixture.apply(&fixture.deployment("web", 1, "0s"));
    fixture.open_new_nodes();
    fixture.ready(1);
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
}

#[test]
fn the_run_after_a_killed_drain_leaves_no_cordon() {
    let fixture = Fixture::of("killed");
    attach(&fixture, "killed");
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("1/1 node");
    drain.signal(Signal::KILL);
    drop(drain);
    let cordoned = fixture.kubectl(&["get", "node", &fixture.node, "-o", "jsonpath={.spec.unschedulable}"]);
    assert_eq!(cordoned.trim(), "true");
    // It is interrupted and uncordons what the killed run had cordoned.
    let mut second = BackgroundRun::start(&mut fixture.command(&EVENTS));
    second.wait_for("1/1 node");
    second.signal(Signal::INT);
    second.exits_with(130);
    fixture.is_as_before();
    fixture.kubectl(&["delete", "volumeattachment", "killed"]);
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
}

#[test]
fn the_drain_waits_for_a_restarting_api_server() {
    let mut fixture = Fixture::of("restart");
    fixture.apply(&fixture.deployment("web", 3, "2s"));
    fixture.apply(&fixture.budget("web", json!({"maxUnavailable": 1})));
    fixture.ready(3);
    fixture.open_new_nodes();
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("pdb/restart/web");
    fixture.sandbox_mut().restart_api_server().expect("the API server restarts");
    drain.exits_with(0);
    fixture.is_gone();
}

#[test]
fn an_expired_token_is_renewed_during_the_drain() {
    let mut fixture = Fixture::of("expired");
    fixture.apply(&fixture.deployment("web", 4, "5s"));
    fixture.apply(&fixture.budget("web", json!({"maxUnavailable": 1})));
    fixture.ready(4);
    fixture.open_new_nodes();
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("pdb/expired/web");
    fixture.sandbox().expire_tokens().expect("the tokens expire");
    let expired = std::time::Instant::now();
    drain.exits_with(0);
    fixture.is_gone();
    // Evictions are five seconds apart, and the API server caches an authentication for ten.
    assert!(
        expired.elapsed().as_secs() > 10,
        "the drain was over before the token's expiry could take effect"
    );
}
