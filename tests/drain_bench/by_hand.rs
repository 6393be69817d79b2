//! The documented procedure by hand (`benches/by-hand/procedure.sh`) beside `eni-custom setup`, each on a cluster of its
//! own with realistic latencies: how long it takes, and what it leaves behind. The sandbox's watches and its witness look,
//! which share no code with the program.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sandbox::tools::{self, say};
use sandbox::watch::{PdbWatch, ServingWatch};
use sandbox::witness::{self, Seen};
use sandbox::{Latency, Sandbox, Shape, env};
use serde_json::{Value, json};

use crate::scenario::{App, Budget, Scenario};
use crate::workload;

const CUSTOM_NETWORKING: &str = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG";

/// Deployments: their names, replicas and budgets.
type Apps = &'static [(&'static str, u32, Option<Budget>)];

/// The clusters, with what runs in each besides the sandbox's shop.
const CLUSTERS: [(&str, Apps); 2] = [
    ("small: 6 nodes, 14 pods that are Ready after 0.5 s", &[]),
    (
        "in use: 6 nodes, 116 pods, most of them Ready after 20 s",
        // Nodes hold 27 of such pods now, and 18 with custom networking: 6 nodes do not hold all of them any more.
        &[("catalog", 100, Some(Budget::Percent(10))), ("search", 2, None)],
    ),
];
/// Seconds until these pods are Ready: an ordinary application's.
const READY_AFTER: u32 = 20;

/// What one way took and left behind.
struct Row {
    way: &'static str,
    seconds: f64,
    commands: usize,
    pods: usize,
    not_ready: usize,
    outside: usize,
    too_many_pods: usize,
    old_nodes: usize,
    breaches: Vec<String>,
    without_a_pod: Vec<String>,
    /// What aws-node's variable is after the add-on's next update with OVERWRITE.
    after_update: String,
    /// `None` if there is no documented way.
    undo_seconds: Option<f64>,
}

pub(crate) fn run(program: &Path, as_json: bool) -> Result<ExitCode> {
    let aws_cli = tools::aws_cli()?;
    let mut broken = 0;
    for (title, apps) in CLUSTERS {
        let rows = [by_hand(&aws_cli, apps)?, by_program(&aws_cli, apps, program)?];
        for row in &rows {
            for line in row.breaches.iter().chain(&row.without_a_pod) {
                say(&format!("{}: {line}", row.way));
            }
            if as_json {
                println!("{}", row.json(title));
            }
        }
        if !as_json {
            println!("{}", table(title, &rows));
        }
        let [_, own] = &rows;
        broken += own.not_ready + own.outside + own.breaches.len() + own.without_a_pod.len();
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn start(aws_cli: &Path, apps: Apps) -> Result<Sandbox> {
    let started = Instant::now();
    let sandbox = Sandbox::start(&Shape { latency: Latency::Realistic, ..Shape::default() })?;
    env::link(sandbox.dir(), "aws", aws_cli)?;
    let app = |(name, replicas, budget): &(&str, u32, Option<Budget>)| App {
        namespace: "bench".into(),
        name: name.to_string(),
        replicas: *replicas,
        ready_after: READY_AFTER,
        budget: *budget,
    };
    let scenario = Scenario::new("by-hand", "", (3, 2, 0), apps.iter().map(app).collect());
    if !apps.is_empty() {
        sandbox.kubectl_with(&["apply", "-f", "-"], &workload::objects(&scenario).to_string())?;
    }
    for (name, ..) in apps {
        let deployment = format!("deployment/{name}");
        sandbox.kubectl(&["-n", "bench", "rollout", "status", &deployment, "--timeout=600s"])?;
    }
    say(&format!("the cluster is ready after {:.0} s", started.elapsed().as_secs_f64()));
    Ok(sandbox)
}

fn by_hand(aws_cli: &Path, apps: Apps) -> Result<Row> {
    let mut sandbox = start(aws_cli, apps)?;
    let typed = sandbox.dir().join("commands");
    let script = tools::repository().join("benches/by-hand/procedure.sh");
    let mut procedure = sandbox.command("bash");
    // Three zones, so each gets a quarter of the block.
    procedure.arg(&script).args([sandbox.shape.cluster.as_str(), "100.64.0.0/16", "18"]).arg(&typed);
    let mut row = watched("by hand", &mut sandbox, procedure)?;
    row.commands = fs::read_to_string(&typed)?.lines().count();
    row.after_update = update_addon(&mut sandbox)?;
    Ok(row)
}

fn by_program(aws_cli: &Path, apps: Apps, program: &Path) -> Result<Row> {
    let mut sandbox = start(aws_cli, apps)?;
    let eni_custom = |sandbox: &Sandbox, args: &[&str]| {
        let mut command = sandbox.command(program);
        command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir()).args(args);
        command
    };
    let setup = eni_custom(&sandbox, &["setup", "--yes"]);
    let mut row = watched("setup --yes", &mut sandbox, setup)?;
    row.commands = 1;
    row.after_update = update_addon(&mut sandbox)?;
    let cluster = sandbox.shape.cluster.clone();
    let started = Instant::now();
    finish(&mut eni_custom(&sandbox, &["undo", "--yes", "--confirm-cluster", &cluster]))?;
    row.undo_seconds = Some(started.elapsed().as_secs_f64());
    Ok(row)
}

/// Runs a command under the watches, and looks at the cluster afterwards.
fn watched(way: &'static str, sandbox: &mut Sandbox, mut command: Command) -> Result<Row> {
    let (budgets, serving) = (PdbWatch::start(sandbox)?, ServingWatch::start(sandbox)?);
    let started = Instant::now();
    finish(&mut command)?;
    let seconds = started.elapsed().as_secs_f64();
    settle(sandbox)?;
    let (breaches, without_a_pod) = (budgets.finish(), serving.finish());
    let (seen, faults) = witness::end_state(sandbox)?;
    // Some of these are about the layout of eni-custom's node groups, so they are shown and not counted.
    faults.iter().for_each(|fault| say(&format!("{way}, the witness: {fault}")));
    let pods: Vec<&Value> = seen.pods.iter().filter(|pod| has_own_address(pod)).collect();
    Ok(Row {
        way,
        seconds,
        commands: 0,
        pods: pods.len(),
        not_ready: pods.iter().filter(|pod| !is_ready(pod)).count(),
        outside: pods.iter().filter(|pod| is_outside(&seen, pod)).count(),
        too_many_pods: seen.nodes.iter().filter(|node| has_too_many_pods(&seen, node)).count(),
        old_nodes: seen.instances.keys().filter(|id| sandbox.old_instances.contains(*id)).count(),
        breaches,
        without_a_pod,
        after_update: String::new(),
        undo_seconds: None,
    })
}

/// Gives pods that are starting the time to become Ready: one that is not Ready then waits for something else.
fn settle(sandbox: &Sandbox) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(u64::from(3 * READY_AFTER)) {
        let pods: Value = serde_json::from_str(&sandbox.kubectl(&["get", "pods", "-A", "-o", "json"])?)?;
        let mut pods = pods["items"].as_array().into_iter().flatten().filter(|pod| has_own_address(pod));
        if pods.all(is_ready) {
            break;
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn finish(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("starting a command")?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&text));
    }
    Ok(())
}

/// Updates the add-on as Terraform's and the console's "Override" do, and returns whether custom networking is still on.
fn update_addon(sandbox: &mut Sandbox) -> Result<String> {
    let cluster = sandbox.shape.cluster.clone();
    let addon = ["--cluster-name", cluster.as_str(), "--addon-name", "vpc-cni"];
    let aws = |sandbox: &Sandbox, args: &[&str]| -> Result<String> {
        let output = sandbox.command("aws").args(args).args(addon).output().context("starting aws")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    aws(sandbox, &["eks", "update-addon", "--resolve-conflicts", "OVERWRITE"])?;
    let kubectl = sandbox.kubectl_alone();
    let status = ["eks", "describe-addon", "--query", "addon.status", "--output", "text"];
    let started = Instant::now();
    loop {
        let is = aws(sandbox, &status)?;
        if is == "ACTIVE" {
            break;
        }
        if started.elapsed() > Duration::from_secs(300) {
            bail!("the add-on is {is}");
        }
    }
    let path =
        format!("jsonpath={{.spec.template.spec.containers[*].env[?(@.name=='{CUSTOM_NETWORKING}')].value}}");
    let value = kubectl.run(&["-n", "kube-system", "get", "daemonset", "aws-node", "-o", &path])?;
    Ok(if value.trim() == "true" { "on" } else { "off" }.to_string())
}

fn has_own_address(pod: &Value) -> bool {
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    pod["spec"]["hostNetwork"] != true && !over
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|each| each["type"] == "Ready" && each["status"] == "True")
}

/// A pod that waits for a node has no address.
fn is_outside(seen: &Seen, pod: &Value) -> bool {
    let address: Option<Ipv4Addr> = pod["status"]["podIP"].as_str().and_then(|text| text.parse().ok());
    let mut subnets = seen.eniconfigs.values().filter_map(|config| seen.subnets.get(&config.subnet));
    address.is_some_and(|address| !subnets.any(|subnet| subnet.block.contains(&address)))
}

fn has_too_many_pods(seen: &Seen, node: &Value) -> bool {
    let provider = node["spec"]["providerID"].as_str().unwrap_or_default();
    let instance = provider.rsplit('/').next().unwrap_or_default();
    let fits = seen.instances.get(instance).and_then(|kind| seen.max_pods.get(kind)).copied().unwrap_or(0);
    let accepts = node["status"]["allocatable"]["pods"].as_str().and_then(|text| text.parse::<u64>().ok());
    accepts.unwrap_or(0) > fits
}

impl Row {
    fn json(&self, cluster: &str) -> Value {
        json!({
            "cluster": cluster, "way": self.way, "seconds": self.seconds, "commands": self.commands, "pods": self.pods,
            "pods_not_ready": self.not_ready, "pods_outside_the_pod_subnets": self.outside,
            "nodes_with_too_many_pods": self.too_many_pods, "old_nodes_left": self.old_nodes,
            "budget_breaches": self.breaches, "controllers_without_a_ready_pod": self.without_a_pod,
            "custom_networking_after_addon_update": self.after_update, "undo_seconds": self.undo_seconds,
        })
    }

    fn cells(&self) -> [String; 10] {
        let of_pods = |count: usize| format!("{count} of {}", self.pods);
        [
            format!("{:.0} s", self.seconds),
            self.commands.to_string(),
            of_pods(self.not_ready),
            of_pods(self.outside),
            self.too_many_pods.to_string(),
            self.old_nodes.to_string(),
            self.breaches.len().to_string(),
            self.without_a_pod.len().to_string(),
            self.after_update.clone(),
            self.undo_seconds.map_or("no procedure".into(), |seconds| format!("1 command, {seconds:.0} s")),
        ]
    }
}

fn table(title: &str, rows: &[Row; 2]) -> String {
    let names = [
        "time",
        "commands",
        "pods not Ready at the end",
        "pods outside of the pod subnets",
        "nodes that accept more pods than they have addresses",
        "old nodes left",
        "PodDisruptionBudgets broken",
        "controllers without a Ready pod at some moment",
        "custom networking after the add-on's next update (OVERWRITE)",
        "undo",
    ];
    let mut out = format!("| {title} | {} | {} |\n| --- | --- | --- |\n", rows[0].way, rows[1].way);
    for (name, (by_hand, by_program)) in names.iter().zip(rows[0].cells().into_iter().zip(rows[1].cells())) {
        out.push_str(&format!("| {name} | {by_hand} | {by_program} |\n"));
    }
    out
}
