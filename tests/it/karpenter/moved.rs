//! Setup and undo where the real Karpenter starts the nodes.

use std::collections::BTreeSet;

use sandbox::watch::PdbWatch;
use sandbox::{Karpenter, KarpenterOwner, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::{Watched, refuses, start};
use crate::command::{run, writes};
use crate::golden::screen_of_a_person;
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
    lines.extend(karpenter(sandbox));
    lines
}

/// The objects of Karpenter, the NodePools and the controller.
fn karpenter(sandbox: &Sandbox) -> BTreeSet<String> {
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
    objects.iter().map(line).collect()
}

#[track_caller]
fn assert_same(before: &BTreeSet<String>, now: &BTreeSet<String>) {
    let gone = before.difference(now).map(|line| format!("- {line}"));
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

/// Compares a plan with a snapshot, but for the figures of each zone: where nodes start is Karpenter's to decide.
fn plan(sandbox: &Sandbox, name: &str, args: &[&str]) {
    let plan = run(sandbox, args).expect(0).stdout;
    screen_of_a_person(name, &plan[..plan.find("\nzone ").expect("the figures of each zone")]);
}

/// A way to the new network and back.
#[derive(Default)]
struct Way<'a> {
    flags: &'a [&'a str],
    /// Runs of setup are killed when they have printed these texts, and runs of undo.
    kills: &'a [&'a str],
    undo_kills: &'a [&'a str],
}

/// Moves the cluster and back.
#[track_caller]
fn there_and_back(mut sandbox: Sandbox, way: &Way<'_>) {
    let before = settings(&sandbox);
    let drains = way.flags.contains(&"drain");
    let setup = [&["setup", "--yes"], way.flags].concat();
    // Karpenter respects only PodDisruptionBudgets, as kubectl does.
    let watched = if drains { Watched::start(&sandbox) } else { Watched::start_for_kubectl(&sandbox) };
    for text in way.kills {
        kill_when(&sandbox, &setup, text, 1);
    }
    run(&sandbox, &setup).expect(0);
    watched.assert_end_state_with(&mut sandbox, &["--karpenter"]);
    assert!(!allocatable(&sandbox).contains("29"), "{:?}", allocatable(&sandbox));
    let mark = sandbox.mark();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), [""; 0], "a second run");
    for text in way.undo_kills {
        kill_when(&sandbox, &UNDO, text, 1);
    }
    let budgets = PdbWatch::start(&sandbox).expect("budgets can be watched");
    run(&sandbox, &UNDO).expect(0);
    assert_eq!(budgets.finish(), [""; 0]);
    assert_same(&before, &settings(&sandbox));
    assert!(!allocatable(&sandbox).contains("20"), "{:?}", allocatable(&sandbox));
}

#[test]
fn node_pools_beside_a_managed_group_drift_and_come_back_whatever_is_interrupted() {
    let sandbox = cluster(Karpenter::Beside, KarpenterOwner::Nobody);
    plan(&sandbox, "plan-karpenter", &["plan"]);
    let way = Way {
        kills: &["RESERVED_ENIS", "NodePool general", "Karpenter to replace its nodes"],
        undo_kills: &["RESERVED_ENIS", "Karpenter to replace its nodes"],
        ..Way::default()
    };
    there_and_back(sandbox, &way);
}

#[test]
fn a_cluster_that_karpenter_alone_starts_is_moved_without_a_node_group() {
    let sandbox = cluster(Karpenter::Alone, KarpenterOwner::Helm);
    let args = ["setup", "--yes"];
    refuses(&sandbox, &args, 3, &["EC-NOD-071", "settings.reservedENIs", "--take-over-karpenter"]);
    plan(&sandbox, "plan-karpenter-alone", &["plan", "--take-over-karpenter"]);
    there_and_back(sandbox, &Way { flags: &["--take-over-karpenter"], ..Way::default() });
}

#[test]
fn eni_custom_drains_the_nodes_of_karpenter_on_request_whatever_is_interrupted() {
    let way = Way {
        flags: &["--karpenter", "drain"],
        kills: &["RESERVED_ENIS", "nodes to be drained", "old instances to terminate"],
        undo_kills: &["nodes to be drained"],
    };
    there_and_back(cluster(Karpenter::Beside, KarpenterOwner::Nobody), &way);
}

/// As Argo CD does it once somebody has committed the change: it applies the values.
fn commit(sandbox: &Sandbox, kind: &str, name: &str, patch: &Value) {
    // Lists of a Deployment are merged by name; custom resources know only the simple merge.
    let how = if kind == "deployment" { "--type=strategic" } else { "--type=merge" };
    let patch = patch.to_string();
    let owner = "--field-manager=argocd-controller";
    sandbox
        .kubectl(&["-n", "kube-system", "patch", kind, name, how, "-p", &patch, owner])
        .expect("Argo CD applies it");
}

#[test]
fn what_argo_cd_owns_is_committed_there_and_nothing_of_it_is_written() {
    let sandbox = cluster(Karpenter::Beside, KarpenterOwner::ArgoCd);
    let setup = ["setup", "--yes"];
    refuses(
        &sandbox,
        &setup,
        3,
        &[
            "EC-NOD-071",
            "Argo CD 'karpenter'",
            "settings.reservedENIs to \"1\"",
            "EC-NOD-072",
            "Argo CD 'karpenter-nodes'",
            "eni-custom/networking: custom",
        ],
    );
    // The first value can be committed at any time: no node is replaced for it.
    let env = json!([{"name": "RESERVED_ENIS", "value": "1"}]);
    let controller = json!({"containers": [{"name": "controller", "env": env}]});
    commit(&sandbox, "deployment", "karpenter", &json!({"spec": {"template": {"spec": controller}}}));
    sandbox
        .kubectl(&["-n", "kube-system", "rollout", "status", "deployment/karpenter", "--timeout=3m"])
        .expect("the controller restarts");
    refuses(&sandbox, &setup, 3, &["EC-NOD-072"]);

    // The second one once custom networking is on.
    run(&sandbox, &[&setup[..], &["--keep-old-nodes"]].concat()).expect(0);
    let mark = json!({"eni-custom/networking": "custom"});
    let template = json!({"spec": {"template": {"metadata": {"annotations": mark}}}});
    for pool in ["general", "spot", "arm"] {
        commit(&sandbox, "nodepool", pool, &template);
    }
    let committed = karpenter(&sandbox);
    run(&sandbox, &setup).expect(0);
    assert!(!allocatable(&sandbox).contains("29"), "{:?}", allocatable(&sandbox));
    run(&sandbox, &["verify"]).expect(0);
    // Nodes with the committed annotation do not drift, so undo drains them.
    run(&sandbox, &UNDO).expect(0);
    assert_same(&committed, &karpenter(&sandbox));
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
