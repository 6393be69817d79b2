//! Setup and undo where the real Karpenter starts the nodes.

use std::collections::BTreeSet;

use sandbox::watch::PdbWatch;
use sandbox::{Karpenter, KarpenterOwner, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::{Watched, refuses, start};
use crate::command::{run, writes};
use crate::interrupted::kill_when;
use crate::undo::{UNDO, state};

fn cluster(karpenter: Karpenter, owner: KarpenterOwner) -> Sandbox {
    start(Shape { azs: 2, karpenter: Some(karpenter), karpenter_owner: owner, ..Shape::default() })
}

fn get(sandbox: &Sandbox, args: &[&str]) -> Value {
    let text = sandbox.kubectl(&[&["get", "-o", "json"], args].concat()).expect("kubectl answers");
    serde_json::from_str(&text).expect("JSON")
}

/// Everything but how many nodes there are and which: that is Karpenter's to decide.
fn settings(sandbox: &Sandbox) -> BTreeSet<String> {
    let mut lines = state(sandbox);
    lines.retain(|line| !line.contains("\"kind\":\"nodes\""));
    let list = |args: &[&str]| get(sandbox, args)["items"].as_array().expect("a list").clone();
    let controllers = list(&["deployments", "-A", "-l", "app.kubernetes.io/name=karpenter"]);
    assert!(!controllers.is_empty(), "no controller");
    let objects = [list(&["nodepools,ec2nodeclasses"]), controllers].concat();
    let line = |object: &Value| {
        let mut annotations = object["metadata"]["annotations"].clone();
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove("deployment.kubernetes.io/revision");
        }
        let meta = &object["metadata"];
        let shown = json!({"kind": object["kind"], "name": meta["name"], "labels": meta["labels"],
            "annotations": annotations, "spec": object["spec"]});
        shown.to_string()
    };
    lines.extend(objects.iter().map(line));
    lines
}

#[track_caller]
fn assert_settings(sandbox: &Sandbox, before: &BTreeSet<String>) {
    let now = settings(sandbox);
    let gone = before.difference(&now).map(|line| format!("- {line}"));
    let differing: Vec<String> = gone.chain(now.difference(before).map(|line| format!("+ {line}"))).collect();
    assert!(differing.is_empty(), "differs from the initial state:\n{}", differing.join("\n"));
}

/// Allocatable pods of Karpenter's nodes.
fn allocatable(sandbox: &Sandbox) -> BTreeSet<String> {
    let nodes =
        get(sandbox, &["nodes", "-l", "karpenter.sh/nodepool,node.kubernetes.io/instance-type=m5.large"]);
    let pods = |node: &Value| node["status"]["allocatable"]["pods"].as_str().expect("a number").to_string();
    nodes["items"].as_array().expect("a list").iter().map(pods).collect()
}

/// Moves the cluster and back, by runs that are killed when they have printed these texts.
#[track_caller]
fn there_and_back(mut sandbox: Sandbox, flags: &[&str], kills: &[&str], undo_kills: &[&str]) {
    let before = settings(&sandbox);
    let setup = [&["setup", "--yes"], flags].concat();
    // Karpenter respects only PodDisruptionBudgets, as kubectl does.
    let watched = match flags.contains(&"drain") {
        true => Watched::start(&sandbox),
        false => Watched::start_for_kubectl(&sandbox),
    };
    for text in kills {
        kill_when(&sandbox, &setup, text, 1);
    }
    run(&sandbox, &setup).expect(0);
    watched.assert_end_state_with(&mut sandbox, &["--karpenter"]);
    assert!(!allocatable(&sandbox).contains("29"), "{:?}", allocatable(&sandbox));
    let mark = sandbox.mark();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run");
    for text in undo_kills {
        kill_when(&sandbox, &UNDO, text, 1);
    }
    let budgets = PdbWatch::start(&sandbox).expect("budgets can be watched");
    run(&sandbox, &UNDO).expect(0);
    assert_eq!(budgets.finish(), [""; 0]);
    assert_settings(&sandbox, &before);
    assert!(!allocatable(&sandbox).contains("20"), "{:?}", allocatable(&sandbox));
}

#[test]
fn node_pools_beside_a_managed_group_drift_and_come_back_whatever_is_interrupted() {
    there_and_back(
        cluster(Karpenter::Beside, KarpenterOwner::Nobody),
        &[],
        &["RESERVED_ENIS", "NodePool general", "Karpenter to replace its nodes"],
        &["RESERVED_ENIS", "Karpenter to replace its nodes"],
    );
}

#[test]
fn a_cluster_that_karpenter_alone_starts_is_moved_without_a_node_group() {
    let sandbox = cluster(Karpenter::Alone, KarpenterOwner::Helm);
    let args = ["setup", "--yes"];
    refuses(&sandbox, &args, 3, &["EC-NOD-071", "settings.reservedENIs", "--take-over-karpenter"]);
    there_and_back(sandbox, &["--take-over-karpenter"], &[], &[]);
}

#[test]
fn eni_custom_drains_the_nodes_of_karpenter_on_request() {
    there_and_back(cluster(Karpenter::Beside, KarpenterOwner::Nobody), &["--karpenter", "drain"], &[], &[]);
}

/// Patches a NodePool.
fn patch(sandbox: &Sandbox, pool: &str, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    sandbox.kubectl(&["patch", "nodepool", pool, "--type=merge", "-p", &patch]).expect("it is patched");
}

/// A pod of the shop that must not be disrupted, and the node it is on.
fn protected(sandbox: &Sandbox) -> (String, String) {
    let pods = get(sandbox, &["-n", "shop", "pods", "-l", "app=api"]);
    let pod = &pods["items"][0];
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let name = text(&pod["metadata"]["name"]);
    sandbox
        .kubectl(&["-n", "shop", "annotate", "pod", &name, "karpenter.sh/do-not-disrupt=true"])
        .expect("the pod is annotated");
    (name, text(&pod["spec"]["nodeName"]))
}

#[test]
fn what_holds_karpenter_up_is_said_by_name_with_the_way_on() {
    let sandbox = cluster(Karpenter::Beside, KarpenterOwner::Nobody);
    // Known before: a budget that never allows a replacement, and a pod that must not be disrupted.
    let budget = |budget: Value| json!({"disruption": {"budgets": [budget]}});
    patch(&sandbox, "spot", &budget(json!({"nodes": "0"})));
    let (pod, node) = protected(&sandbox);
    let setup = ["setup", "--yes"];
    refuses(&sandbox, &setup, 3, &["EC-NOD-073", "kubectl edit nodepool spot", "--karpenter drain"]);
    patch(&sandbox, "spot", &budget(json!({"nodes": "0", "schedule": "* * * * *", "duration": "1h"})));
    refuses(&sandbox, &setup, 3, &["EC-NOD-074", &pod, "--karpenter drain"]);

    // Known only meanwhile: a budget by schedule.
    let waits = [&setup[..], &["--accept", "EC-NOD-074"]].concat();
    kill_when(&sandbox, &waits, "Karpenter does not replace NodePool spot", 1);
    kill_when(&sandbox, &waits, &format!("Karpenter does not replace Node {node}"), 1);
    run(&sandbox, &[&waits[..], &["--drain-timeout", "5s"]].concat()).expect(4).says(&[
        "Karpenter does not replace NodePool spot",
        "kubectl edit nodepool spot",
        &format!("Karpenter does not replace Node {node}"),
        &format!("kubectl -n shop annotate pod {pod} karpenter.sh/do-not-disrupt-"),
        "--karpenter drain",
    ]);

    // The commands clear the way, and the next run completes the move.
    patch(&sandbox, "spot", &budget(json!({"nodes": "1"})));
    sandbox
        .kubectl(&["-n", "shop", "annotate", "pod", &pod, "karpenter.sh/do-not-disrupt-"])
        .expect("the annotation is removed");
    run(&sandbox, &setup).expect(0);
}
