//! A registry of load balancer targets of type instance, with the connections through them.
//!
//! The AWS Load Balancer Controller (pkg/backend/endpoint_utils.go) and the cloud provider's service controller decide
//! which nodes are targets: every node without the exclusion label; a cordon changes nothing. Elastic Load Balancing
//! drains an excluded target for its deregistration delay: open connections continue, and no new ones are accepted.
//! Connections that an instance still has when it terminates are broken.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::Sandbox;
use super::workloads::Kubectl;

pub const EXCLUDE: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Targets {
    stop: Arc<AtomicBool>,
    state: Arc<Mutex<BTreeMap<String, Target>>>,
    looks: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Default)]
pub struct Target {
    /// When the target was deregistered.
    draining: Option<Instant>,
    /// Open connections: one more at each poll while it is registered, none when its delay is over.
    pub open: u32,
    /// Connections that were open when its instance terminated.
    pub broken: u32,
    gone: bool,
}

impl Targets {
    /// Tracks all nodes. Connections last for the whole delay.
    pub fn start(sandbox: &Sandbox, delay: Duration) -> Result<Self> {
        let (stop, state) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<_>>::default());
        let kubectl = sandbox.kubectl_alone();
        let looks = thread::spawn({
            let (stop, state) = (Arc::clone(&stop), Arc::clone(&state));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    // Skip the poll if the API server does not answer.
                    if let Some(nodes) = excluded(&kubectl) {
                        see(&mut state.lock().expect("no thread panics"), &nodes, delay, Instant::now());
                    }
                    thread::sleep(LOOK_EVERY);
                }
            }
        });
        Ok(Self { stop, state, looks: Some(looks) })
    }

    /// The current state of a node's target.
    pub fn of(&self, node: &str) -> Target {
        self.state.lock().expect("no thread panics").get(node).cloned().unwrap_or_default()
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(looks) = self.looks.take() {
            let _ = looks.join();
        }
    }
}

/// Whether each node is excluded, by its name.
fn excluded(kubectl: &Kubectl) -> Option<BTreeMap<String, bool>> {
    let list: Value = serde_json::from_str(&kubectl.run(&["get", "nodes", "-o", "json"]).ok()?).ok()?;
    let nodes = list["items"].as_array()?.iter().filter_map(|node| {
        let metadata = &node["metadata"];
        Some((metadata["name"].as_str()?.to_string(), !metadata["labels"][EXCLUDE].is_null()))
    });
    Some(nodes.collect())
}

fn see(state: &mut BTreeMap<String, Target>, nodes: &BTreeMap<String, bool>, delay: Duration, now: Instant) {
    for (name, excluded) in nodes {
        let target = state.entry(name.clone()).or_default();
        match (excluded, target.draining) {
            (false, _) => (target.draining, target.open) = (None, target.open + 1),
            (true, None) => target.draining = Some(now),
            (true, Some(since)) if now.duration_since(since) >= delay => target.open = 0,
            (true, Some(_)) => {}
        }
    }
    for target in state
        .iter_mut()
        .filter(|(name, target)| !target.gone && !nodes.contains_key(*name))
        .map(|(_, target)| target)
    {
        let drained = target.draining.is_some_and(|since| now.duration_since(since) >= delay);
        (target.gone, target.broken) = (true, if drained { 0 } else { target.open });
    }
}
