//! Karpenter's controller: a process of this machine that follows the pods of its Deployment, as if it ran in one of
//! them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kube::Client;
use serde_json::Value;

use crate::process::Children;
use crate::{Keys, api, env, tools};

const NAME: &str = "karpenter";
/// The label of the chart's pods.
const PODS: &str = "/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dkarpenter";
/// The pause before a controller that exited is started again.
const BACK_OFF: Duration = Duration::from_secs(2);

/// What the controller needs beside the environment of its pod.
pub(crate) struct Place {
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) keys: Keys,
    pub(crate) go_runtime: Vec<(&'static str, &'static str)>,
}

/// Follows the Deployment until it is dropped.
#[derive(Debug)]
pub(crate) struct Controller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Controller {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let children = Children::new(&place.dir.join("logs"), place.go_runtime.clone())?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                if let Err(error) = follow(&place, children, &stop) {
                    tools::say(&format!("Karpenter's controller: {error:#}"));
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs one controller, in the pod that leads. The others of a Deployment wait for the leader's Lease and do nothing.
fn follow(place: &Place, mut children: Children, stop: &AtomicBool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime
        .block_on(async { Ok::<_, anyhow::Error>(Client::try_from(api::config(&place.dir).await?)?) })?;
    let mut leads: Option<String> = None;
    let mut started = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        // While the API server restarts, the controller goes on.
        if let Ok(pods) = runtime.block_on(pods(&client)) {
            let next = leader(&pods, leads.as_deref());
            let uid = next.and_then(|pod| pod["metadata"]["uid"].as_str()).map(String::from);
            if uid != leads {
                children.stop(NAME);
            }
            let crashed = uid.is_some() && uid == leads && !children.is_running(NAME);
            if let Some(pod) = next
                && (uid != leads || crashed && started.elapsed() > BACK_OFF)
            {
                children.stop(NAME);
                // Karpenter does not handle SIGTERM (pkg/operator, Start), so nothing is lost with SIGKILL.
                children.start(NAME, command(place, pod), false)?;
                started = Instant::now();
            }
            leads = uid;
        }
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

async fn pods(client: &Client) -> Result<Vec<Value>> {
    let text = client.request_text(http::Request::get(PODS).body(Vec::new())?).await?;
    let mut list: Value = serde_json::from_str(&text)?;
    list["items"].as_array_mut().map(std::mem::take).context("a list of pods")
}

/// The pod that runs the controller: the present leader for as long as it runs, then the newest one. In a rollout
/// Kubernetes terminates the old pods, so the controller has the new settings when the last of them is gone.
fn leader<'a>(pods: &'a [Value], present: Option<&str>) -> Option<&'a Value> {
    let alive =
        |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
    let alive: Vec<&Value> = pods.iter().filter(alive).collect();
    let still = alive.iter().find(|pod| pod["metadata"]["uid"].as_str() == present);
    let created = |pod: &&&Value| {
        let part = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_string();
        (part("creationTimestamp"), part("name"))
    };
    still.or_else(|| alive.iter().max_by_key(created)).copied()
}

fn command(place: &Place, pod: &Value) -> Command {
    let mut command = Command::new(&place.program);
    env::aws(&mut command, &place.keys, &place.endpoint, &place.region);
    command.envs(variables(pod)).envs(outside(&place.dir));
    command
}

/// Settings that differ from a controller in a pod: its access to the cluster, and no Lease because only one runs. The
/// sandbox has no price list API. EKS reports an older version of Kubernetes than the sandbox's API server, which
/// Karpenter would refuse. The ports are free ones.
fn outside(dir: &Path) -> [(&'static str, String); 6] {
    [
        ("KUBECONFIG", dir.join("kubeconfig-karpenter").display().to_string()),
        ("DISABLE_LEADER_ELECTION", "true".to_string()),
        ("ISOLATED_VPC", "true".to_string()),
        ("EKS_CONTROL_PLANE", "true".to_string()),
        ("METRICS_PORT", "0".to_string()),
        ("HEALTH_PROBE_PORT", "0".to_string()),
    ]
}

/// The environment of the pod's container `controller`, or of its first one.
fn variables(pod: &Value) -> BTreeMap<String, String> {
    let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = containers.iter().find(|container| container["name"] == "controller");
    let Some(container) = named.or(containers.first()) else { return BTreeMap::new() };
    let rows = container["env"].as_array().into_iter().flatten();
    rows.filter_map(|row| Some((row["name"].as_str()?.to_string(), value(row, pod, container)?))).collect()
}

/// A variable's value; the chart takes the namespace, the requested processors and the memory limit from the pod.
fn value(row: &Value, pod: &Value, container: &Value) -> Option<String> {
    let from = &row["valueFrom"];
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        return pod.pointer(&format!("/{}", path.replace('.', "/")))?.as_str().map(String::from);
    }
    if let Some(resource) = from["resourceFieldRef"]["resource"].as_str() {
        let (kind, name) = resource.split_once('.')?;
        let quantity = container["resources"][kind][name].as_str()?;
        return if name == "cpu" { millicores(quantity) } else { bytes(quantity) };
    }
    Some(row["value"].as_str().unwrap_or_default().to_string())
}

fn millicores(quantity: &str) -> Option<String> {
    match quantity.strip_suffix('m') {
        Some(milli) => Some(milli.to_string()),
        None => Some((quantity.parse::<u64>().ok()? * 1000).to_string()),
    }
}

fn bytes(quantity: &str) -> Option<String> {
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10), ("", 0)];
    let (number, shift) =
        units.iter().find_map(|(unit, shift)| Some((quantity.strip_suffix(unit)?, shift)))?;
    Some((number.parse::<u64>().ok()? << shift).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str, phase: &str, created: &str) -> Value {
        json!({"metadata": {"uid": uid, "name": uid, "creationTimestamp": created}, "status": {"phase": phase}})
    }

    #[test]
    fn the_leader_stays_until_it_terminates_and_the_newest_running_pod_follows() {
        let mut pods = vec![
            pod("old", "Running", "2026-11-01T00:00:00Z"),
            pod("new", "Running", "2026-11-02T00:00:00Z"),
            pod("pending", "Pending", "2026-11-03T00:00:00Z"),
        ];
        let uid = |pods: &[Value], present| {
            leader(pods, present).map(|pod| pod["metadata"]["uid"].as_str().unwrap_or_default().to_string())
        };
        assert_eq!(uid(&pods, Some("old")).as_deref(), Some("old"));
        assert_eq!(uid(&pods, None).as_deref(), Some("new"));
        pods[0]["metadata"]["deletionTimestamp"] = json!("2026-11-03T00:00:00Z");
        assert_eq!(uid(&pods, Some("old")).as_deref(), Some("new"));
        assert_eq!(uid(&pods[2..], Some("old")), None);
    }

    #[test]
    fn the_environment_is_that_of_the_pod() {
        let pod = json!({
            "metadata": {"namespace": "kube-system"},
            "spec": {"containers": [{"name": "sidecar"}, {
                "name": "controller",
                "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}},
                "env": [
                    {"name": "RESERVED_ENIS", "value": "1"},
                    {"name": "SYSTEM_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "CPU_REQUESTS", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
                    {"name": "MEMORY_LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
                    {"name": "EMPTY"},
                ],
            }]},
        });
        let expected = [
            ("CPU_REQUESTS", "250"),
            ("EMPTY", ""),
            ("MEMORY_LIMIT", "1073741824"),
            ("RESERVED_ENIS", "1"),
            ("SYSTEM_NAMESPACE", "kube-system"),
        ];
        let expected = expected.map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(variables(&pod), BTreeMap::from(expected));
    }
}
