//! The start of a sandbox: its processes in order, and when the next one can start.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::controlplane::{self, Ports};
use super::karpenter::build::KarpenterTools;
use super::karpenter::controller::{Controller, Place};
use super::process::Children;
use super::shape::{self, Latency, Shape};
use super::tools::Tools;
use super::workloads::{self, Kubectl};
use super::{AwsSide, Keys, api, env, karpenter, warm};

/// Starts the processes, and returns when the cluster is in use.
pub(crate) fn all(
    children: &mut Children,
    shape: &Shape,
    tools: &Tools,
    dir: &Path,
    ports: &Ports,
    kubectl: &Kubectl,
) -> Result<(AwsSide, Option<Controller>)> {
    controlplane::start_server(children, tools, dir, ports)?;
    children.start("aws", aws_side(tools, dir, ports)?, true)?;
    children.until("the API server", Duration::from_secs(120), || {
        api::is_ready(dir).map(Some).map_err(|error| format!("{error:#}"))
    })?;
    controlplane::start_controllers(children, tools, dir)?;
    let system = thread::spawn({
        let (kubectl, shape, crds) =
            (kubectl.clone(), shape.clone(), tools.karpenter.as_ref().map(|each| each.crds.clone()));
        move || {
            workloads::create_system(&kubectl, &shape)?;
            crds.map_or(Ok(()), |crds| karpenter::install(&kubectl, &shape, &crds))
        }
    });
    let file = dir.join("aws.json");
    let aws: AwsSide = children.until("the AWS side", Duration::from_secs(120), || {
        let Ok(text) = fs::read(&file) else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|error| format!("aws.json: {error}"))
    })?;
    children.start(
        "node-agent",
        node_agent(tools, dir, shape, ports, &aws)?,
        tools.node_agent.watches_stdin,
    )?;
    workloads::create_aws_auth(kubectl, shape, &aws)?;
    system.join().expect("kubectl does not panic")?;
    let controller = match &tools.karpenter {
        Some(karpenter) => Some(Controller::start(place(karpenter, dir, shape, ports, &aws)?)?),
        None => None,
    };
    let slow = if shape.latency == Latency::Realistic { 900 } else { 180 };
    // Two cores start one or two nodes per second.
    let limit = Duration::from_secs(slow + 2 * shape.old_node_count() as u64);
    children.until("the nodes", limit, || workloads::nodes_are_ready(dir, shape))?;
    if controller.is_some() {
        children.until("Karpenter", limit, || karpenter::is_ready(dir))?;
    }
    workloads::create_workloads(kubectl, shape)?;
    children.until("a cluster in use", limit, || workloads::settled(dir, shape))?;
    if controller.is_some() {
        children.until("Karpenter's nodes", limit, || karpenter::settled(dir))?;
    }
    Ok((aws, controller))
}

/// Settings of Go's runtime for the cluster's processes: fewer garbage collections, and in a small cluster one processor
/// for each process. Tests run several clusters at once, whose processes otherwise spend a tenth of their time on the
/// search for work.
pub(crate) fn go_runtime(shape: &Shape) -> Vec<(&'static str, &'static str)> {
    let small = shape.old_node_count() <= 20;
    [("GOGC", "400")].into_iter().chain(small.then_some(("GOMAXPROCS", "1"))).collect()
}

fn aws_side(tools: &Tools, dir: &Path, ports: &Ports) -> Result<Command> {
    let mut command = Command::new(warm::aws_side(&tools.python)?);
    env::clear(&mut command);
    command.args(["--port", &ports.aws.number.to_string(), "--dir"]).arg(dir);
    Ok(command)
}

fn node_agent(tools: &Tools, dir: &Path, shape: &Shape, ports: &Ports, aws: &AwsSide) -> Result<Command> {
    let mut command = Command::new(&tools.node_agent.path);
    let endpoint = format!("http://127.0.0.1:{}", ports.aws.number);
    env::aws(&mut command, keys(aws, "node_agent")?, &endpoint, &shape.region);
    command.args(["--aws-endpoint", &endpoint]);
    command.args(["--region", &shape.region, "--cluster", &shape.cluster]);
    command.args(["--kubernetes-version", &shape.kubernetes_version]);
    command.arg("--kubeconfig").arg(dir.join("kubeconfig-admin"));
    // The time between the start of the instance and of the kubelet: about 20 s on EC2.
    if shape.latency == Latency::Realistic {
        command.args(["--boot-time", "20s"]);
    }
    if shape.karpenter == Some(shape::Karpenter::Alone) {
        command.arg("--fargate");
    }
    Ok(command)
}

fn place(
    karpenter: &KarpenterTools,
    dir: &Path,
    shape: &Shape,
    ports: &Ports,
    aws: &AwsSide,
) -> Result<Place> {
    Ok(Place {
        program: karpenter.controller.clone(),
        dir: dir.to_path_buf(),
        endpoint: format!("http://127.0.0.1:{}", ports.aws.number),
        region: shape.region.clone(),
        keys: keys(aws, "karpenter")?.clone(),
        // It would use twice the memory with fewer garbage collections.
        go_runtime: go_runtime(shape).into_iter().filter(|(name, _)| *name != "GOGC").collect(),
    })
}

fn keys<'a>(aws: &'a AwsSide, of: &str) -> Result<&'a Keys> {
    aws.keys.get(of).with_context(|| format!("aws.json has no key {of}"))
}
