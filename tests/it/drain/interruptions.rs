//! What happens to a drain from outside: volumes that stay, nodes that others delete, an API server that goes away,
//! autoscalers, Ctrl-C.

use rustix::process::Signal;
use serde_json::json;

use super::ward::Bed;
use crate::going::Going;

const EVENTS: [&str; 2] = ["--events", "json"];

/// Something of a node's is attached, as the attach-detach controller writes it.
fn attach(bed: &Bed, name: &str) {
    bed.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": name},
        "spec": {"attacher": "ebs.csi.aws.com", "nodeName": bed.node, "source": {"persistentVolumeName": "pv"}},
    }));
}

#[test]
fn an_empty_node_is_ended_only_when_its_volumes_are_detached() {
    let bed = Bed::of("volumes");
    attach(&bed, "volumes");
    let mark = bed.sandbox().mark();
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("1/1 node");
    drain.says("1/1 node");
    drain.says("1/1 node");
    drain.says("1/1 node");
    drain.says("1/1 node");
    drain.says("1/1 node");
    let ended = |bed: &Bed| {
        let log = bed.sandbox().aws_log(mark).expect("the AWS log can be read");
        log.iter().any(|call| call.operation == "TerminateInstanceInAutoScalingGroup")
    };
    assert!(!ended(&bed), "it was ended with a volume attached");
    bed.kubectl(&["delete", "volumeattachment", "volumes"]);
    drain.ends(0);
    assert!(ended(&bed));
    bed.is_gone();
}

#[test]
fn a_node_that_somebody_deletes_is_ended_and_one_that_comes_back_is_cordoned_again() {
    let mut bed = Bed::of("deleted");
    attach(&bed, "deleted");
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("1/1 node");
    let node = bed.kubectl(&["get", "node", &bed.node, "-o", "json"]);
    let mut node: serde_json::Value = serde_json::from_str(&node).expect("kubectl answers JSON");
    bed.kubectl(&["delete", "node", &bed.node]);
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        node["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    node["spec"].as_object_mut().expect("a spec").remove("unschedulable");
    node["spec"].as_object_mut().expect("a spec").remove("taints");
    bed.apply(&node);
    let name = bed.node.clone();
    bed.until(
        "the node cordoned again",
        |told| told == "true",
        &["get", "node", &name, "-o", "jsonpath={.spec.unschedulable}"],
    );
    bed.kubectl(&["delete", "volumeattachment", "deleted"]);
    drain.ends(0);
    bed.is_gone();
}

#[test]
fn an_autoscaler_that_asks_for_another_old_node_gets_none() {
    let mut bed = Bed::of("refill");
    bed.apply(&bed.deployment("web", 2, "0s"));
    bed.ready(2);
    bed.open_new_nodes();
    let before = old_instances(&bed);
    let fault = json!({"service": "autoscaling", "operation": "SuspendProcesses", "kind": "node_start", "group": bed.sandbox().aws.self_managed_asgs[0]});
    bed.sandbox().fault(&fault).expect("AWS takes the fault");
    bed.drain(&[]).expect(0);
    bed.sandbox().clear_faults().expect("AWS is well again");
    bed.is_gone();
    assert_eq!(old_instances(&bed), before - 1);
    // What kept it from starting one is taken back.
    let group = bed.sandbox().aws.self_managed_asgs[0].clone();
    let query = "AutoScalingGroups[].SuspendedProcesses[].ProcessName";
    let args = [
        "autoscaling",
        "describe-auto-scaling-groups",
        "--auto-scaling-group-names",
        &group,
        "--query",
        query,
    ];
    assert_eq!(aws(&bed, &args), "");
}

fn aws(bed: &Bed, args: &[&str]) -> String {
    let output = bed
        .sandbox()
        .command(sandbox::tools::aws_cli().expect("the aws CLI is there"))
        .args(args)
        .args(["--output", "text"])
        .output()
        .expect("aws runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// Running instances of the old group.
fn old_instances(bed: &Bed) -> usize {
    let group =
        format!("Name=tag:aws:autoscaling:groupName,Values={}", bed.sandbox().aws.self_managed_asgs[0]);
    let running = "Name=instance-state-name,Values=pending,running";
    let query = "Reservations[].Instances[].InstanceId";
    let args = ["ec2", "describe-instances", "--query", query, "--filters", running, &group];
    aws(bed, &args).split_whitespace().count()
}

#[test]
fn the_second_ctrl_c_leaves_at_once_and_the_next_run_goes_on() {
    let mut bed = Bed::of("twice");
    attach(&bed, "twice");
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("1/1 node");
    drain.signal(Signal::INT);
    drain.signal(Signal::INT);
    drain.ends(130);
    bed.kubectl(&["delete", "volumeattachment", "twice"]);
    bed.apply(&bed.deployment("web", 1, "0s"));
    bed.open_new_nodes();
    bed.ready(1);
    bed.drain(&[]).expect(0);
    bed.is_gone();
}

#[test]
fn a_run_that_is_killed_within_the_drain_is_finished_by_the_next_and_leaves_no_cordon() {
    let bed = Bed::of("killed");
    attach(&bed, "killed");
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("1/1 node");
    drain.signal(Signal::KILL);
    drop(drain);
    let cordoned = bed.kubectl(&["get", "node", &bed.node, "-o", "jsonpath={.spec.unschedulable}"]);
    assert_eq!(cordoned.trim(), "true");
    // It gives up, and puts back what the run before it had cordoned.
    let mut second = Going::start(&mut bed.command(&EVENTS));
    second.says("1/1 node");
    second.signal(Signal::INT);
    second.ends(130);
    bed.is_as_before();
    bed.kubectl(&["delete", "volumeattachment", "killed"]);
    bed.drain(&[]).expect(0);
    bed.is_gone();
}

#[test]
fn an_api_server_that_restarts_in_between_is_waited_for() {
    let mut bed = Bed::of("restart");
    bed.apply(&bed.deployment("web", 3, "2s"));
    bed.apply(&bed.budget("web", json!({"maxUnavailable": 1})));
    bed.ready(3);
    bed.open_new_nodes();
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("pdb/restart/web");
    bed.sandbox_mut().restart_api_server().expect("the API server restarts");
    drain.ends(0);
    bed.is_gone();
}

#[test]
fn a_log_in_that_expires_in_between_is_renewed() {
    let mut bed = Bed::of("expired");
    bed.apply(&bed.deployment("web", 4, "5s"));
    bed.apply(&bed.budget("web", json!({"maxUnavailable": 1})));
    bed.ready(4);
    bed.open_new_nodes();
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("pdb/expired/web");
    bed.sandbox().expire_tokens().expect("log-ins expire");
    let expired = std::time::Instant::now();
    drain.ends(0);
    bed.is_gone();
    // Evictions come five seconds apart, and the API server remembers a log-in for ten.
    assert!(expired.elapsed().as_secs() > 10, "it was over before the API server could notice");
}
