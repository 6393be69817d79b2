//! Measures how long it takes to replace Karpenter's nodes: by Karpenter itself (drift), and by eni-custom's drain.

use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use sandbox::tools::say;
use sandbox::{Karpenter, KarpenterOwner, Sandbox, Shape};
use serde_json::{Value, json};

use crate::bound::Bound;
use crate::scenario::{App, Budget, Scenario};
use crate::workload;

const ZONES: u8 = 2;
const NODES_PER_ZONE: u32 = 10;
const PODS: u32 = 200;
/// Seconds until a pod is Ready.
const READY_AFTER: u32 = 5;

pub(crate) fn run(program: &Path, as_json: bool) -> Result<ExitCode> {
    let app = App {
        namespace: "bench".into(),
        name: "load".into(),
        replicas: PODS,
        ready_after: READY_AFTER,
        budget: Some(Budget::Percent(10)),
    };
    let scenario = Scenario::new("karpenter", "Karpenter's nodes", (ZONES, NODES_PER_ZONE, 0), vec![app]);
    let bound = Bound::of(&scenario, None).budgets;
    for way in ["drift", "drain"] {
        let seconds = measure(&scenario, program, way)?;
        println!("{}", row(way, seconds, bound, as_json));
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(scenario: &Scenario, program: &Path, way: &str) -> Result<f64> {
    let sandbox = Sandbox::start(&Shape {
        azs: ZONES,
        karpenter: Some(Karpenter::Alone),
        karpenter_owner: KarpenterOwner::Nobody,
        nodes_per_az: scenario.nodes_per_az,
        ..Shape::default()
    })?;
    sandbox.kubectl_with(&["apply", "-f", "-"], &workload::objects(scenario).to_string())?;
    sandbox.kubectl(&["-n", "bench", "rollout", "status", "deployment/load", "--timeout=600s"])?;
    // Karpenter's own default.
    let budget = json!({ "spec": { "disruption": { "budgets": [{ "nodes": "10%" }] } } }).to_string();
    sandbox.kubectl(&["patch", "nodepool", "default", "--type=merge", "-p", &budget])?;
    say(&format!("{way}: {} nodes, {} pods", scenario.nodes(), scenario.pods()));
    let mut command = sandbox.command(program);
    command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir()).stdin(Stdio::null());
    let output = command
        .args(["setup", "--yes", "--karpenter", way, "--output", "json"])
        .output()
        .context("starting eni-custom")?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!("setup ended with {}: {}", output.status, String::from_utf8_lossy(&text));
    }
    let outcome: Value = serde_json::from_slice(&output.stdout).context("the outcome of setup")?;
    let steps = outcome["steps"].as_array().context("steps")?;
    let last = steps.iter().find(|step| step["step"] == "drain-nodes").context("step 9")?;
    last["seconds"].as_f64().context("its seconds")
}

/// With how many times the bound of the budgets it takes.
fn row(way: &str, seconds: f64, bound: f64, as_json: bool) -> String {
    let ratio = seconds / bound;
    match as_json {
        true => json!({ "way": way, "seconds": seconds, "bound_seconds": bound, "ratio": ratio }).to_string(),
        false => format!("{way}: {seconds:.0} s, {ratio:.1} times the bound of the budgets ({bound:.0} s)"),
    }
}
