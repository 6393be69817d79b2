//! Dead nodes: a kubelet that stops while its instance keeps running, and a Node object whose instance no longer
//! exists.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Sandbox;

/// The status that the node lifecycle controller writes when a node has not reported within its grace period. The
/// sandbox's nodes report every five minutes and have a grace period of eleven, so the status is written at once.
fn unknown_status() -> Value {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        })
    };
    json!(["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map(condition))
}

impl Sandbox {
    /// Kills the kubelet of a node: the instance keeps running, nothing happens on the node any more, and its pods are
    /// not Ready, as the node lifecycle controller marks them.
    pub fn kill_kubelet(&self, node: &str) -> Result<()> {
        self.kubectl(&["label", "node", node, "kwok.x-k8s.io/node-"])?;
        let status = json!({"status": {"conditions": unknown_status()}}).to_string();
        self.kubectl(&["patch", "node", node, "--subresource=status", "-p", &status])?;
        let on_node = format!("--field-selector=spec.nodeName={node}");
        let pods: Value =
            serde_json::from_str(&self.kubectl(&["get", "pods", "-A", &on_node, "-o", "json"])?)?;
        let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]}});
        for pod in pods["items"].as_array().into_iter().flatten() {
            let part = |key: &str| pod["metadata"][key].as_str().context("a pod has a name");
            let patch = lost.to_string();
            let (namespace, name) = (part("namespace")?, part("name")?);
            // The pod may have been deleted by now.
            let _ =
                self.kubectl(&["-n", namespace, "patch", "pod", name, "--subresource=status", "-p", &patch]);
        }
        Ok(())
    }

    /// Creates a Node whose instance was terminated long ago and that the cloud controller has not deleted. It is a
    /// copy of an existing one.
    pub fn leave_node_behind(&self, name: &str) -> Result<()> {
        let nodes: Value = serde_json::from_str(&self.kubectl(&["get", "nodes", "-o", "json"])?)?;
        let like = &nodes["items"][0];
        let mut labels = like["metadata"]["labels"].clone();
        labels["kubernetes.io/hostname"] = json!(name);
        if let Some(labels) = labels.as_object_mut() {
            labels.remove("kwok.x-k8s.io/node");
        }
        let zone = labels["topology.kubernetes.io/zone"].as_str().unwrap_or_default().to_string();
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": format!("aws:///{zone}/i-0123456789abcdef0")},
        });
        self.kubectl_with(&["create", "-f", "-"], &node.to_string())?;
        let status = json!({"status": {
            "conditions": unknown_status(), "capacity": like["status"]["capacity"],
            "allocatable": like["status"]["allocatable"], "addresses": like["status"]["addresses"],
        }});
        self.kubectl(&["patch", "node", name, "--subresource=status", "-p", &status.to_string()]).map(drop)
    }
}
