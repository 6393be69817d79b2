//! Nodes and pods of a large cluster, written directly to the API server.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use sandbox::tools::say;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Concurrent requests.
const SIDE_BY_SIDE: usize = 48;
const NAMESPACES: u32 = 50;
/// Pods of one Deployment, under one PodDisruptionBudget.
const REPLICAS: u32 = 50;

/// Creates namespaces and waits for their service accounts, without which no pod can be created.
pub(crate) async fn namespaces(client: &Client) -> Result<()> {
    for index in 0..NAMESPACES {
        let name = namespace(index);
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        write(client, "POST", "/api/v1/namespaces".into(), object).await?;
    }
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/default", namespace(NAMESPACES - 1));
    for _ in 0..600 {
        let request = http::Request::get(&path).body(Vec::new())?;
        match client.request::<IgnoredAny>(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => return other.map(drop).context("reading a service account"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("no controller created the namespaces' service accounts")
}

/// Creates the nodes, pods and budgets.
pub(crate) async fn create(client: &Client, nodes: u32, pods: u32, zones: &[String]) -> Result<()> {
    let names: Vec<String> =
        (0..nodes).map(|index| format!("ip-10-{}-{}.ec2.internal", index / 250, index % 250)).collect();
    let nodes = names.iter().enumerate().map(|(index, name)| {
        let zone = &zones[index % zones.len()];
        both(client, "/api/v1/nodes".into(), name.clone(), node(index, name, zone))
    });
    all(nodes).await.context("writing nodes")?;

    let apps = (0..pods.div_ceil(REPLICAS)).map(|app| {
        let path = format!("/apis/policy/v1/namespaces/{}/poddisruptionbudgets", namespace(app));
        both(client, path, format!("app-{app}"), budget(app))
    });
    all(apps).await.context("writing PodDisruptionBudgets")?;

    let pods = (0..pods).map(|index| {
        // Spread the pods of each app over many nodes, as the scheduler does.
        let node = &names[(index as usize * 7919) % names.len()];
        let app = index / REPLICAS;
        let path = format!("/api/v1/namespaces/{}/pods", namespace(app));
        let name = format!("app-{app}-7d4b9c6f5-{index:06x}");
        both(client, path, name.clone(), pod(index, app, &name, node))
    });
    all(pods).await.context("writing pods")
}

async fn all(writes: impl Iterator<Item = impl Future<Output = Result<()>>>) -> Result<()> {
    let mut done = 0;
    let mut written = stream::iter(writes).buffer_unordered(SIDE_BY_SIDE);
    while let Some(()) = written.try_next().await? {
        done += 1;
        if done % 10_000 == 0 {
            say(&format!("  {done} so far"));
        }
    }
    Ok(())
}

/// Creates the object, then writes its status, which a create ignores.
async fn both(client: &Client, path: String, name: String, object: Value) -> Result<()> {
    let status = json!({ "status": object["status"] });
    write(client, "POST", path.clone(), object).await?;
    write(client, "PATCH", format!("{path}/{name}/status"), status).await
}

async fn write(client: &Client, method: &str, path: String, body: Value) -> Result<()> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, kind);
    client.request::<IgnoredAny>(request.body(serde_json::to_vec(&body)?)?).await?;
    Ok(())
}

fn namespace(app: u32) -> String {
    format!("team-{:02}", app % NAMESPACES)
}

fn node(index: usize, name: &str, zone: &str) -> Value {
    let labels = json!({
        "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": "m5.large",
        "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": zone.trim_end_matches(char::is_alphabetic),
    });
    let room = json!({ "cpu": "1930m", "memory": "7291Mi", "pods": "29", "ephemeral-storage": "71Gi" });
    let conditions =
        [("Ready", "True"), ("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False")];
    let conditions = conditions.map(|(kind, status)| {
        json!({
            "type": kind, "status": status, "reason": "KubeletReady", "message": "kubelet is posting ready status",
            "lastHeartbeatTime": TIME, "lastTransitionTime": TIME,
        })
    });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": labels },
        "spec": { "providerID": format!("aws:///{zone}/i-{index:017x}") },
        "status": {
            "capacity": room, "allocatable": room, "conditions": conditions,
            "addresses": [{ "type": "InternalIP", "address": address(10, index as u32) }, { "type": "Hostname", "address": name }],
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "osImage": "Amazon Linux 2023", "kernelVersion": "6.1.0",
                "containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": "v1.34.1-eks-5d4a308", "kubeProxyVersion": "",
                "machineID": format!("{index:032x}"), "systemUUID": format!("{index:032x}"), "bootID": format!("{index:032x}"),
            },
        },
    })
}

fn pod(index: u32, app: u32, name: &str, node: &str) -> Value {
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let conditions =
        conditions.map(|kind| json!({ "type": kind, "status": "True", "lastTransitionTime": TIME }));
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": namespace(app),
            "labels": { "app": format!("app-{app}"), "pod-template-hash": "7d4b9c6f5" },
            // No garbage collector runs, so the owner need not exist.
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("app-{app}-7d4b9c6f5"),
                "uid": format!("00000000-0000-4000-8000-{app:012x}"), "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": node,
            "containers": [{
                "name": "app", "image": "registry.example/shop/app:1.0",
                "env": [{ "name": "LOG_LEVEL", "value": "info" }, { "name": "DB_HOST", "value": "db.example" }],
                "ports": [{ "containerPort": 8080 }],
                "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "128Mi" } },
                "readinessProbe": { "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 5 },
            }],
        },
        "status": {
            "phase": "Running", "startTime": TIME, "qosClass": "Burstable", "conditions": conditions,
            "hostIP": address(10, index), "podIP": address(11, index), "podIPs": [{ "ip": address(11, index) }],
            "containerStatuses": [{
                "name": "app", "image": "registry.example/shop/app:1.0", "imageID": "registry.example/shop/app@sha256:0",
                "containerID": format!("containerd://{index:064x}"), "ready": true, "started": true, "restartCount": 0,
                "state": { "running": { "startedAt": TIME } },
            }],
        },
    })
}

fn budget(app: u32) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": format!("app-{app}"), "namespace": namespace(app) },
        "spec": { "maxUnavailable": 5, "selector": { "matchLabels": { "app": format!("app-{app}") } } },
        "status": {
            "observedGeneration": 1, "disruptionsAllowed": 5, "currentHealthy": REPLICAS, "desiredHealthy": REPLICAS - 5,
            "expectedPods": REPLICAS,
        },
    })
}

const TIME: &str = "2026-01-01T00:00:00Z";

fn address(first: u32, index: u32) -> String {
    format!("{first}.{}.{}.{}", index >> 16 & 255, index >> 8 & 255, index & 255)
}
