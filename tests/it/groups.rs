//! Node groups during a drain: sizes, suspended processes, and what Auto Scaling, EKS and autoscalers do meanwhile.

mod external;
mod interrupted;

use std::collections::BTreeMap;

use sandbox::Sandbox;
use serde_json::Value;

use crate::command::{run, shell};
use crate::journey::aws;
use crate::policy;

/// An Auto Scaling group as AWS reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    bounds: (i64, i64),
    desired: i64,
    suspended: Vec<String>,
    instances: usize,
}

/// All groups by name, without the delay of answers.
fn groups(sandbox: &Sandbox) -> BTreeMap<String, Group> {
    let answer = policy::aws(sandbox, &["autoscaling", "describe-auto-scaling-groups"]);
    let number = |group: &Value, key: &str| group[key].as_i64().expect("a number");
    let of = |group: &Value| {
        let processes = group["SuspendedProcesses"].as_array().expect("a list");
        let name = |process: &Value| process["ProcessName"].as_str().expect("a name").to_string();
        Group {
            bounds: (number(group, "MinSize"), number(group, "MaxSize")),
            desired: number(group, "DesiredCapacity"),
            suspended: processes.iter().map(name).collect(),
            instances: group["Instances"].as_array().expect("a list").len(),
        }
    };
    let all = answer["AutoScalingGroups"].as_array().expect("a list");
    all.iter()
        .map(|group| (group["AutoScalingGroupName"].as_str().expect("a name").to_string(), of(group)))
        .collect()
}

/// Old nodes of the managed or the self-managed group, by zone. The zone with the most nodes comes first.
fn old_nodes(sandbox: &Sandbox, managed: bool) -> Vec<(String, Vec<String>)> {
    let output = sandbox.kubectl(&["get", "nodes", "-o", "json"]).expect("kubectl answers");
    let output: Value = serde_json::from_str(&output).expect("JSON");
    let mut zones: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in output["items"].as_array().expect("a list") {
        let labels = &node["metadata"]["labels"];
        let is_old = node["status"]["allocatable"]["pods"] == "29";
        if is_old && labels["eks.amazonaws.com/nodegroup"].is_string() == managed {
            let zone = labels["topology.kubernetes.io/zone"].as_str().expect("a zone").to_string();
            zones
                .entry(zone)
                .or_default()
                .push(node["metadata"]["name"].as_str().expect("a name").to_string());
        }
    }
    let mut zones: Vec<_> = zones.into_iter().collect();
    zones.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    zones
}

/// The name of the Auto Scaling group of the managed node group.
fn managed_group(sandbox: &Sandbox) -> String {
    let query = "nodegroup.resources.autoScalingGroups[0].name";
    let args = ["eks", "describe-nodegroup", "--cluster-name", "sandbox", "--nodegroup-name", "old-managed"];
    aws(sandbox, &[&args[..], &["--query", query]].concat())
}

fn status(sandbox: &Sandbox) -> Value {
    run(sandbox, &["status", "--output", "json"]).expect(0).json()
}

/// Runs a printed command as a user would.
#[track_caller]
fn run_printed_command(sandbox: &Sandbox, command: &str) {
    let output = shell(sandbox).args(["-c", command]).output().expect("bash runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The program's record in the cluster.
fn record(sandbox: &Sandbox) -> Value {
    let args =
        ["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data.record\\.json}"];
    let text = sandbox.kubectl(&args).expect("kubectl answers");
    serde_json::from_str(&text).unwrap_or_default()
}
