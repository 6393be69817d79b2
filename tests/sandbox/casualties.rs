//! Nodes that come to harm: a kubelet that is gone while its instance runs on, and a Node whose instance is gone.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Sandbox;

/// What the node lifecycle controller writes when a node has not reported for its grace period. The sandbox's nodes
/// report every five minutes and are given eleven, so it is written here at once.
fn silence() -> Value {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        })
    };
    json!(["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map(condition))
}

impl Sandbox {
    /// The kubelet of a node dies: the instance runs on, nothing that is asked of the node happens any more, and its
    /// pods are not Ready, as the node lifecycle controller has it.
    pub fn kill_kubelet(&self, node: &str) -> Result<()> {
        self.kubectl(&["label", "node", node, "kwok.x-k8s.io/node-"])?;
        let status = json!({"status": {"conditions": silence()}}).to_string();
        self.kubectl(&["patch", "node", node, "--subresource=status", "-p", &status])?;
        let on_node = format!("--field-selector=spec.nodeName={node}");
        let pods: Value =
            serde_json::from_str(&self.kubectl(&["get", "pods", "-A", &on_node, "-o", "json"])?)?;
        let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]}});
        for pod in pods["items"].as_array().into_iter().flatten() {
            let part = |key: &str| pod["metadata"][key].as_str().context("a pod has a name");
            let patch = lost.to_string();
            let (namespace, name) = (part("namespace")?, part("name")?);
            // It may be gone by now.
            let _ =
                self.kubectl(&["-n", namespace, "patch", "pod", name, "--subresource=status", "-p", &patch]);
        }
        Ok(())
    }

    /// A Node whose instance was terminated long ago, and that the cloud controller has not deleted. It is like one
    /// that is there.
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
            "conditions": silence(), "capacity": like["status"]["capacity"],
            "allocatable": like["status"]["allocatable"], "addresses": like["status"]["addresses"],
        }});
        self.kubectl(&["patch", "node", name, "--subresource=status", "-p", &status.to_string()]).map(drop)
    }
}
