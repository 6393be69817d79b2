//! Dead nodes: a node whose kubelet has stopped while its instance still runs, and a leftover Node object whose
//! instance no longer exists. Neither `setup` nor `undo` waits for them, and both report them.

use sandbox::{Cni, OldNodes, Sandbox, Shape};
use serde_json::Value;

use crate::cluster::{refuses, start};
use crate::command::{run, shell, writes};
use crate::field::report_with;

const LEFT_OVER: &str = "ip-192-168-255-9.us-west-2.compute.internal";

/// One of two old nodes is dead and a Node object is left over: with `maxUnavailable` 10 % the DaemonSet controller
/// replaces no aws-node pod by itself.
fn cluster_with_a_dead_node(cni: Cni) -> Sandbox {
    start(Shape {
        azs: 1,
        nodes_per_az: 2,
        old_nodes: OldNodes::SelfManaged,
        workloads: false,
        cni,
        dead_node: true,
        left_over_node: true,
        ..Shape::default()
    })
}

/// The values of a variable in the aws-node pods on Ready nodes.
#[track_caller]
fn env_on_ready_nodes(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let get = |args: &[&str]| -> Vec<Value> {
        let text = sandbox.kubectl(&[args, &["-o", "json"]].concat()).expect("kubectl answers");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        list["items"].as_array().expect("items").clone()
    };
    let is_ready = |node: &&Value| {
        let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|each| each["type"] == "Ready" && each["status"] == "True")
    };
    let nodes = get(&["get", "nodes"]);
    let ready: Vec<&str> =
        nodes.iter().filter(is_ready).filter_map(|node| node["metadata"]["name"].as_str()).collect();
    let pods = get(&["-n", "kube-system", "get", "pods", "-l", "k8s-app=aws-node"]);
    let of_ready = pods.iter().filter(|pod| ready.contains(&pod["spec"]["nodeName"].as_str().unwrap_or("")));
    of_ready
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .map(|pod| {
            let containers = pod["spec"]["containers"].as_array().expect("containers");
            let container = containers.iter().find(|each| each["name"] == "aws-node").expect("aws-node");
            let env = container["env"].as_array().expect("an environment");
            let variable = env.iter().find(|variable| variable["name"] == name);
            variable.and_then(|variable| variable["value"].as_str()).unwrap_or_default().to_string()
        })
        .collect()
}

#[test]
fn a_dead_node_and_a_leftover_node_block_neither_setup_nor_undo() {
    let sandbox = cluster_with_a_dead_node(Cni::Addon);
    let switch = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG";
    let reported = report_with(&sandbox, &["plan"], &["EC-NOD-028", "EC-NOD-029"]);
    assert!(reported.to_string().contains(LEFT_OVER), "{reported:#}");

    let mark = sandbox.mark();
    let setup = ["setup", "--yes", "--keep-old-nodes", "--timeout", "3m"];
    run(&sandbox, &setup).expect(0).says(&[
        "EC-NOD-028",
        "EC-NOD-029",
        "block the aws-node rollout",
        "not Ready and left out",
    ]);
    assert_eq!(env_on_ready_nodes(&sandbox, switch), ["true"; 3], "one old node and two new ones");
    crate::policy::nothing_missing(&sandbox, mark, &[]);
    let mark = sandbox.mark();
    run(&sandbox, &setup).expect(0);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
    report_with(&sandbox, &["verify", "--keep-old-nodes"], &["EC-VFY-085"]);
    run(&sandbox, &["verify", "--keep-old-nodes"]).expect(0);

    let mark = sandbox.mark();
    let undo = [&super::undo::UNDO[..], &["--timeout", "3m"]].concat();
    run(&sandbox, &undo).expect(0).says(&["EC-NOD-028", "EC-NOD-029", "not Ready and left out"]);
    assert_eq!(env_on_ready_nodes(&sandbox, switch), ["false"]);
    crate::policy::nothing_missing(&sandbox, mark, &["--undo"]);
}

/// No kubelet terminates the evicted pods of a dead node. Terminating its instance does, and the drain does not wait an
/// hour before that.
#[test]
fn setup_and_undo_drain_and_terminate_dead_nodes_too() {
    let sandbox = cluster_with_a_dead_node(Cni::Daemonset);
    run(&sandbox, &["setup", "--yes", "--timeout", "3m"]).expect(0).says(&["EC-NOD-028"]);
    report_with(&sandbox, &["verify"], &["EC-VFY-085"]);
    run(&sandbox, &["verify"]).expect(0);
    let names = "jsonpath={.items[*].metadata.name}";
    let nodes = sandbox.kubectl(&["get", "nodes", "-l", "kwok.x-k8s.io/node", "-o", names]);
    let nodes = nodes.expect("kubectl answers");
    let nodes: Vec<&str> = nodes.split_whitespace().collect();
    assert_eq!(nodes.len(), 2, "all old nodes are gone, including the dead one");
    sandbox.kill_kubelet(nodes[0]).expect("the kubelet is killed");
    let undo = [&super::undo::UNDO[..], &["--timeout", "3m"]].concat();
    run(&sandbox, &undo).expect(0).says(&["EC-NOD-028"]);
    let left = sandbox.kubectl(&["get", "nodes", "-l", "kwok.x-k8s.io/node", "-o", "name"]);
    assert_eq!(
        left.expect("kubectl answers").lines().count(),
        2,
        "the old nodes are back and no new node is left"
    );
}

/// With OnDelete the controller replaces no pod, so the change would never reach the nodes. The printed fix resolves
/// it.
#[test]
fn an_aws_node_with_ondelete_is_an_error_with_a_fix() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        workloads: false,
        cni: Cni::Daemonset,
        ..Shape::default()
    });
    let on_delete = r#"{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}"#;
    let patch = ["-n", "kube-system", "patch", "daemonset", "aws-node", "--type", "merge", "-p", on_delete];
    sandbox.kubectl(&patch).expect("kubectl answers");
    let reported = report_with(&sandbox, &["plan"], &["EC-CNI-025"]);
    refuses(&sandbox, &["setup", "--yes"], 3, &["EC-CNI-025", "OnDelete"]);
    let findings = reported["findings"].as_array().expect("findings");
    let finding =
        findings.iter().find(|finding| finding["id"] == "EC-CNI-025").expect("the issue is reported");
    let fix = finding["fix"].as_str().expect("a fix");
    crate::command::Outcome::of(shell(&sandbox).args(["-c", fix])).expect(0);
    crate::field::reports_nothing(&sandbox, &["plan"]);
}
