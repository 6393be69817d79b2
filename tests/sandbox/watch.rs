//! Watches during a whole run what the end state alone can't show.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::witness::Seen;
use super::{Sandbox, http};

/// Records whether any PodDisruptionBudget was ever below its minimum, changed or deleted. It counts pods itself, and
/// also checks the disruption controller's count.
pub struct PdbWatch {
    kubectls: Vec<Child>,
    readers: Vec<JoinHandle<()>>,
    state: Arc<Mutex<Budgets>>,
}

#[derive(Default)]
struct Budgets {
    /// By UID, so that a StatefulSet's pod and its replacement are two.
    pods: BTreeMap<String, Value>,
    budgets: BTreeMap<String, Budget>,
    violations: BTreeSet<String>,
    /// Pods that were unschedulable at any time.
    unschedulable: BTreeSet<String>,
}

struct Budget {
    object: Value,
    /// The budget has had all its pods once; from then on fewer are a violation.
    met: bool,
}

impl PdbWatch {
    pub fn start(sandbox: &Sandbox) -> Result<Self> {
        let mut watch = Self { kubectls: Vec::new(), readers: Vec::new(), state: Arc::default() };
        for kind in ["poddisruptionbudgets", "pods"] {
            let state = Arc::clone(&watch.state);
            let see = move |event| state.lock().expect("no reader panics").see(event);
            let (kubectl, reader) = follow(sandbox, kind, see)?;
            watch.kubectls.push(kubectl);
            watch.readers.push(reader);
        }
        Ok(watch)
    }

    /// All violations, one sentence each.
    pub fn finish(self) -> Vec<String> {
        self.seen().violations.into_iter().collect()
    }

    /// The same, plus the pods that were ever unschedulable.
    pub fn finish_with_unschedulable(self) -> Vec<String> {
        let seen = self.seen();
        seen.violations.into_iter().chain(seen.unschedulable).collect()
    }

    fn seen(mut self) -> Budgets {
        self.end();
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        std::mem::take(&mut *self.state.lock().expect("no reader panics"))
    }

    fn end(&mut self) {
        for mut kubectl in self.kubectls.drain(..) {
            let _ = kubectl.kill();
            let _ = kubectl.wait();
        }
    }
}

/// Passes every watch event of a kind to `see` until kubectl exits.
fn follow(
    sandbox: &Sandbox,
    kind: &str,
    mut see: impl FnMut(Value) + Send + 'static,
) -> Result<(Child, JoinHandle<()>)> {
    let mut kubectl = Command::new(&sandbox.tools.kubectl)
        .arg("--kubeconfig")
        .arg(sandbox.kubeconfig_admin())
        .args(["get", kind, "-A", "-o", "json", "--watch", "--output-watch-events"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting kubectl")?;
    let events = kubectl.stdout.take().context("stdout is a pipe")?;
    let reader = thread::spawn(move || {
        // The parser reads byte by byte.
        let events = serde_json::Deserializer::from_reader(BufReader::new(events)).into_iter::<Value>();
        events.map_while(Result::ok).for_each(&mut see);
    });
    Ok((kubectl, reader))
}

impl Drop for PdbWatch {
    fn drop(&mut self) {
        self.end();
    }
}

impl Budgets {
    fn see(&mut self, mut event: Value) {
        let deleted = event["type"] == "DELETED";
        let object = event["object"].take();
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_string();
        if object["kind"] == "Pod" {
            self.unschedulable.extend(unschedulable(&object));
            if deleted {
                self.pods.remove(&uid);
            } else {
                self.pods.insert(uid, object);
            }
        } else if deleted {
            self.budgets.remove(&uid);
            self.violations.insert(format!("{} was deleted", name(&object)));
        } else {
            let before = self.budgets.remove(&uid);
            if before.as_ref().is_some_and(|before| before.object["spec"] != object["spec"]) {
                self.violations.insert(format!("{} was changed", name(&object)));
            }
            self.budgets.insert(uid, Budget { object, met: before.is_some_and(|before| before.met) });
        }
        self.count();
    }

    fn count(&mut self) {
        for budget in self.budgets.values_mut() {
            let status = &budget.object["status"];
            let least = status["desiredHealthy"].as_u64().unwrap_or(0);
            let healthy =
                self.pods.values().filter(|pod| covers(&budget.object, pod) && is_healthy(pod)).count()
                    as u64;
            if healthy < least && budget.met {
                self.violations.insert(format!("{}: {healthy} Ready, minimum {least}", name(&budget.object)));
            }
            let counted = status["currentHealthy"].as_u64().unwrap_or(0);
            if counted < least && budget.met {
                self.violations.insert(format!(
                    "{}: its status has {counted} healthy, minimum {least}",
                    name(&budget.object)
                ));
            }
            budget.met |= healthy >= least && counted >= least && least > 0;
        }
    }
}

fn covers(budget: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    let wanted = budget["spec"]["selector"]["matchLabels"].as_object();
    budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && wanted.is_some_and(|wanted| wanted.iter().all(|(name, value)| labels[name] == *value))
}

/// The scheduler's message for an unschedulable pod. Pods of DaemonSets are ignored: each waits for its own node.
fn unschedulable(pod: &Value) -> Option<String> {
    let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    if owners.into_iter().any(|owner| owner["kind"] == "DaemonSet") {
        return None;
    }
    let mut conditions = pod["status"]["conditions"].as_array()?.iter();
    let refused = conditions.find(|each| {
        each["type"] == "PodScheduled" && each["status"] == "False" && each["reason"] == "Unschedulable"
    })?;
    let part = |name: &str| pod["metadata"][name].as_str().unwrap_or_default();
    Some(format!("Pod {}/{}: {}", part("namespace"), part("name"), refused["message"]))
}

/// Ready and not terminating, as the disruption controller counts.
fn is_healthy(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.into_iter().any(|each| each["type"] == "Ready" && each["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

fn name(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("PodDisruptionBudget {}/{}", part("namespace"), part("name"))
}

/// Records whether any controller with two or more Ready pods ever had none, with or without a PodDisruptionBudget. It
/// replays every change of every pod, so even the shortest outage is seen.
pub struct ServingWatch {
    kubectl: Child,
    reader: Option<JoinHandle<()>>,
    state: Arc<Mutex<Serving>>,
}

#[derive(Default)]
struct Serving {
    /// By UID: the pod's controller, and whether the pod is serving.
    pods: BTreeMap<String, (String, bool)>,
    /// Controllers that have ever had two serving pods.
    plural: BTreeSet<String>,
    violations: BTreeSet<String>,
}

impl ServingWatch {
    pub fn start(sandbox: &Sandbox) -> Result<Self> {
        let state: Arc<Mutex<Serving>> = Arc::default();
        let seen = Arc::clone(&state);
        let (kubectl, reader) =
            follow(sandbox, "pods", move |event| seen.lock().expect("no reader panics").see(&event))?;
        Ok(Self { kubectl, reader: Some(reader), state })
    }

    /// Controllers that were ever without a Ready pod, one sentence each.
    pub fn finish(mut self) -> Vec<String> {
        let _ = self.kubectl.kill();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        let seen = std::mem::take(&mut *self.state.lock().expect("no reader panics"));
        assert!(!seen.pods.is_empty(), "no pod was ever seen");
        seen.violations.into_iter().collect()
    }
}

impl Drop for ServingWatch {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}

impl Serving {
    fn see(&mut self, event: &Value) {
        let pod = &event["object"];
        let Some(controller) = controller(pod) else { return };
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_string();
        if event["type"] == "DELETED" {
            self.pods.remove(&uid);
        } else {
            self.pods.insert(uid, (controller.clone(), is_healthy(pod)));
        }
        let serving = self.pods.values().filter(|(of, serves)| *of == controller && *serves).count();
        if serving > 1 {
            self.plural.insert(controller);
        } else if serving == 0 && self.plural.contains(&controller) {
            self.violations.insert(format!("{controller} had no Ready pod"));
        }
    }
}

/// The controller of a pod. All ReplicaSets of a Deployment count as one. Pods of DaemonSets are ignored, because none
/// replaces another, and so are pods of Jobs, because they finish.
fn controller(pod: &Value) -> Option<String> {
    let owners = pod["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    if matches!(kind, "DaemonSet" | "Job") {
        return None;
    }
    let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default();
    let name = name.strip_suffix(hash).filter(|_| !hash.is_empty()).unwrap_or(name);
    Some(format!("{kind} {}/{}", pod["metadata"]["namespace"].as_str()?, name.trim_end_matches('-')))
}

/// Records every ENI that ever existed. The CNI does not change the security groups of an existing ENI, so an ENI with
/// other groups than the final ones was created too early.
pub struct EniWatch {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<BTreeMap<String, FirstSeen>>>,
    poll: Option<JoinHandle<()>>,
}

/// An ENI as the watch saw it first.
#[derive(Deserialize)]
struct FirstSeen {
    id: String,
    subnet: String,
    groups: BTreeSet<String>,
}

impl EniWatch {
    pub fn start(sandbox: &Sandbox) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<BTreeMap<String, FirstSeen>>> = Arc::default();
        let port = sandbox.aws_port();
        let poll = thread::spawn({
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    // DescribeNetworkInterfaces, several times a second, would be a third of the AWS side's work.
                    let reply = http::request(port, "GET", "/sandbox/interfaces", "").unwrap_or_default();
                    for eni in serde_json::from_str::<Vec<FirstSeen>>(&reply).unwrap_or_default() {
                        seen.lock().expect("no thread panics").entry(eni.id.clone()).or_insert(eni);
                    }
                    thread::sleep(Duration::from_millis(300));
                }
            }
        });
        Ok(Self { stop, seen, poll: Some(poll) })
    }

    /// ENIs in the pod subnets that were created with other security groups than their final ENIConfig has.
    pub fn finish(mut self, end: &Seen) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(poll) = self.poll.take() {
            let _ = poll.join();
        }
        let seen = self.seen.lock().expect("no thread panics");
        assert!(!seen.is_empty(), "no interface was ever seen");
        let mut faults = Vec::new();
        for config in end.eniconfigs.values() {
            for eni in seen.values() {
                if eni.subnet == config.subnet && eni.groups != config.groups {
                    faults.push(format!("{} was created with security groups {:?}", eni.id, eni.groups));
                }
            }
        }
        faults
    }
}

impl Drop for EniWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(event: &str, name: &str, ready: bool) -> Value {
        let status = if ready { "True" } else { "False" };
        json!({ "type": event, "object": {
            "kind": "Pod",
            "metadata": {
                "uid": name, "namespace": "shop", "name": name,
                "labels": { "app": "cart", "pod-template-hash": "5d4f8c" },
                "ownerReferences": [{ "kind": "ReplicaSet", "name": "cart-5d4f8c", "controller": true }],
            },
            "status": { "conditions": [{ "type": "Ready", "status": status }] },
        } })
    }

    fn budget(event: &str, least: u64) -> Value {
        json!({ "type": event, "object": {
            "kind": "PodDisruptionBudget",
            "metadata": { "uid": "budget", "namespace": "shop", "name": "cart" },
            "spec": { "minAvailable": least, "selector": { "matchLabels": { "app": "cart" } } },
            "status": { "desiredHealthy": least, "currentHealthy": least },
        } })
    }

    fn violations(events: Vec<Value>) -> Vec<String> {
        let mut budgets = Budgets::default();
        events.into_iter().for_each(|event| budgets.see(event));
        budgets.violations.into_iter().collect()
    }

    #[test]
    fn a_budget_can_be_violated_only_after_it_had_all_its_pods() {
        let start = vec![budget("ADDED", 2), pod("ADDED", "a", true)];
        assert_eq!(violations(start.clone()), [""; 0]);
        let two = [start, vec![pod("ADDED", "b", true)]].concat();
        assert_eq!(violations(two.clone()), [""; 0]);
        let one = [two, vec![pod("MODIFIED", "a", false)]].concat();
        let reported = violations(one);
        assert_eq!(reported, ["PodDisruptionBudget shop/cart: 1 Ready, minimum 2"]);
    }

    #[test]
    fn changing_or_deleting_a_budget_is_a_violation() {
        let reported = violations(vec![budget("ADDED", 2), budget("MODIFIED", 1), budget("DELETED", 1)]);
        assert_eq!(
            reported,
            ["PodDisruptionBudget shop/cart was changed", "PodDisruptionBudget shop/cart was deleted"]
        );
    }

    #[test]
    fn a_deployment_of_two_without_a_ready_pod_for_a_moment_is_reported() {
        let mut serving = Serving::default();
        for event in [pod("ADDED", "a", true), pod("ADDED", "b", true), pod("DELETED", "a", true)] {
            serving.see(&event);
        }
        assert_eq!(serving.violations, BTreeSet::new());
        serving.see(&pod("MODIFIED", "b", false));
        serving.see(&pod("ADDED", "c", true));
        assert_eq!(serving.violations, BTreeSet::from(["ReplicaSet shop/cart had no Ready pod".to_string()]));
    }
}
