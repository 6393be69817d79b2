//! A picture of everything that setup may change, one line per item, to compare with another picture.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Sandbox, api, warm};

/// The current state of AWS and Kubernetes, without instance ids and the node names derived from them.
pub fn picture(sandbox: &Sandbox) -> Result<BTreeSet<String>> {
    let aws = warm::witness(sandbox, "picture.py")?;
    let mut lines: BTreeSet<String> = aws.lines().map(String::from).collect();
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

fn kubernetes(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    let sets = objects(sandbox, "DaemonSet", "/apis/apps/v1/namespaces/kube-system/daemonsets")?;
    let set =
        sets.iter().find(|set| set["metadata"]["name"] == "aws-node").context("no DaemonSet aws-node")?;
    let pod = &set["spec"]["template"]["spec"];
    for variable in pod["containers"][0]["env"].as_array().into_iter().flatten() {
        lines.push(json!({ "kind": "env", "variable": variable }));
    }
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for crd in objects(sandbox, "CustomResourceDefinition", crds)? {
        lines.push(json!({ "kind": "crd", "name": crd["metadata"]["name"], "spec": crd["spec"] }));
        if crd["metadata"]["name"] == "eniconfigs.crd.k8s.amazonaws.com" {
            let configs = objects(sandbox, "ENIConfig", "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs")?;
            lines.extend(configs.iter().map(|config| {
                json!({ "kind": "eniconfig", "name": config["metadata"]["name"],
                    "labels": config["metadata"]["labels"], "spec": config["spec"] })
            }));
        }
    }
    for map in objects(sandbox, "ConfigMap", "/api/v1/namespaces/kube-system/configmaps")? {
        lines.push(json!({ "kind": map["kind"], "name": map["metadata"]["name"], "data": map["data"] }));
    }
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    for lease in objects(sandbox, "Lease", leases)? {
        lines.push(json!({ "kind": lease["kind"], "name": lease["metadata"]["name"] }));
    }
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for node in objects(sandbox, "Node", "/api/v1/nodes")? {
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
    for (kind, path) in
        [("Deployment", "/apis/apps/v1/deployments"), ("StatefulSet", "/apis/apps/v1/statefulsets")]
    {
        lines.extend(objects(sandbox, kind, path)?.iter().map(|set| {
            json!({ "kind": kind, "name": set["metadata"]["name"], "replicas": set["spec"]["replicas"] })
        }));
    }
    Ok(lines)
}

/// What setup may change of Karpenter, in full.
fn karpenter(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    for (kind, path) in [
        ("Deployment", "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/name%3Dkarpenter"),
        ("NodePool", "/apis/karpenter.sh/v1/nodepools"),
        ("EC2NodeClass", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"),
    ] {
        for object in objects(sandbox, kind, path)? {
            let mut metadata = object["metadata"].clone();
            for changes in ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"] {
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

fn objects(sandbox: &Sandbox, kind: &str, path: &str) -> Result<Vec<Value>> {
    api::objects(sandbox.dir(), &[(kind, path)])
}
