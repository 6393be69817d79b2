//! A picture of everything that setup may change, one line per item, to compare with another picture.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Sandbox, tools};

/// The current state of AWS and Kubernetes, without instance ids and the node names derived from them.
pub fn picture(sandbox: &Sandbox) -> Result<BTreeSet<String>> {
    let mut lines = aws(sandbox)?;
    lines.extend(kubernetes(sandbox)?.iter().map(Value::to_string));
    Ok(lines)
}

/// The differences from an earlier picture (`-` gone, `+` new), once they have settled: AWS's answers lag behind
/// changes, and controllers lag behind their objects.
pub fn differences(sandbox: &mut Sandbox, before: &BTreeSet<String>) -> Result<Vec<String>> {
    let start = Instant::now();
    loop {
        sandbox.check()?;
        let now = picture(sandbox)?;
        let gone = before.difference(&now).map(|line| format!("- {line}"));
        let new = now.difference(before).map(|line| format!("+ {line}"));
        let differing: Vec<String> = gone.chain(new).collect();
        if differing.is_empty() || start.elapsed() > Duration::from_secs(15) {
            return Ok(differing);
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn aws(sandbox: &Sandbox) -> Result<BTreeSet<String>> {
    let mut command = sandbox.command(&sandbox.tools.python);
    command.envs(sandbox.env_for("witness"));
    let output = command.arg(tools::sources().join("picture.py")).output().context("python")?;
    if !output.status.success() {
        bail!("picture.py: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect())
}

fn kubernetes(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    let set: Value = json_of(sandbox, &["-n", "kube-system", "get", "daemonset", "aws-node"])?;
    let pod = &set["spec"]["template"]["spec"];
    for variable in pod["containers"][0]["env"].as_array().into_iter().flatten() {
        lines.push(json!({ "kind": "env", "variable": variable }));
    }
    let crds = json_of(sandbox, &["get", "customresourcedefinitions"])?;
    for crd in items(&crds) {
        lines.push(json!({ "kind": "crd", "name": crd["metadata"]["name"], "spec": crd["spec"] }));
        if crd["metadata"]["name"] == "eniconfigs.crd.k8s.amazonaws.com" {
            let configs = json_of(sandbox, &["get", "eniconfigs"])?;
            lines.extend(items(&configs).map(|config| {
                json!({ "kind": "eniconfig", "name": config["metadata"]["name"],
                    "labels": config["metadata"]["labels"], "spec": config["spec"] })
            }));
        }
    }
    let maps = json_of(sandbox, &["-n", "kube-system", "get", "configmaps,leases"])?;
    for map in items(&maps) {
        let data = if map["kind"] == "ConfigMap" { &map["data"] } else { &Value::Null };
        lines.push(json!({ "kind": map["kind"], "name": map["metadata"]["name"], "data": data }));
    }
    let nodes = json_of(sandbox, &["get", "nodes"])?;
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for node in items(&nodes) {
        // Karpenter may choose another zone.
        let labels = &node["metadata"]["labels"];
        let pool = &labels["karpenter.sh/nodepool"];
        let zone = if pool.is_null() { &labels["topology.kubernetes.io/zone"] } else { pool };
        let pods = &node["status"]["allocatable"]["pods"];
        let cordoned = node["spec"]["unschedulable"] == true;
        *counted.entry(format!("{zone} pods {pods} cordoned {cordoned}")).or_default() += 1;
    }
    lines.extend(counted.iter().map(|(of, count)| json!({ "kind": "nodes", "of": of, "count": count })));
    if sandbox.shape.karpenter.is_some() {
        lines.extend(karpenter(sandbox)?);
    }
    let workloads = json_of(sandbox, &["get", "deployments,statefulsets", "-A"])?;
    lines.extend(items(&workloads).map(|set| {
        json!({ "kind": set["kind"], "name": set["metadata"]["name"], "replicas": set["spec"]["replicas"] })
    }));
    Ok(lines)
}

/// What setup may change of Karpenter, in full.
fn karpenter(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    let deployments: &[&str] = &["get", "deployments", "-A", "-l", "app.kubernetes.io/name=karpenter"];
    for args in [deployments, &["get", "nodepools,ec2nodeclasses"]] {
        for object in items(&json_of(sandbox, args)?) {
            let mut metadata = object["metadata"].clone();
            for changes in ["creationTimestamp", "generation", "resourceVersion", "uid"] {
                metadata.as_object_mut().and_then(|fields| fields.remove(changes));
            }
            // The Deployment controller counts rollouts.
            if let Some(annotations) = metadata["annotations"].as_object_mut() {
                annotations.remove("deployment.kubernetes.io/revision");
            }
            lines.push(json!({ "kind": object["kind"], "metadata": metadata, "spec": object["spec"] }));
        }
    }
    Ok(lines)
}

fn json_of(sandbox: &Sandbox, args: &[&str]) -> Result<Value> {
    let text = sandbox.kubectl(&[args, &["-o", "json"]].concat())?;
    Ok(serde_json::from_str(&text)?)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}
