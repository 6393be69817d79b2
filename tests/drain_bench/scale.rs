//! Measures the time and memory of the read-only commands on a large cluster. Nodes and pods are plain objects, and
//! only etcd and the API server run, so that only reading is measured.
//!
//! EC2 does not know these nodes' instances: the AWS side is that of a small cluster.

use std::fs;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use kube::Client;
use sandbox::tools::say;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::cluster::{connect, runtime};
use crate::objects;
use crate::reads::{self, Reads};

/// Processes that would change or add objects.
const CONTROLLERS: [&str; 4] = ["node-agent", "kwok", "kube-scheduler", "kube-controller-manager"];

/// The measured commands. Without `--nodes-per-zone`, plan's groups would be as large as the old ones, more than the
/// subnets have room for.
const COMMANDS: [&[&str]; 4] = [
    &["plan", "--terminate-unowned", "--nodes-per-zone", "100", "--instance-type", "m5.4xlarge"],
    &["verify"],
    &["doctor"],
    &["status"],
];

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// Nodes for --scale
    #[arg(long, value_name = "N", default_value_t = 5000, requires = "scale")]
    scale_nodes: u32,
    /// Pods for --scale
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "scale")]
    scale_pods: u32,
    /// Runs of each command for --scale
    #[arg(long, value_name = "N", default_value_t = 3, requires = "scale")]
    scale_runs: u32,
}

/// The result of one run.
struct Measured {
    command: &'static str,
    seconds: f64,
    /// Peak resident memory; `None` if the system does not report it.
    peak_mib: Option<f64>,
    code: Option<i32>,
    reads: Vec<Reads>,
    /// From the last list response until exit: the time to decide and print.
    after_reading: f64,
    stdout: usize,
    /// Ids of the reported issues.
    findings: Vec<String>,
}

pub(crate) fn run(size: &Size, program: &Path, as_json: bool) -> Result<ExitCode> {
    let shape = Shape { old_nodes: OldNodes::SelfManaged, workloads: false, ..Shape::default() };
    let mut sandbox = Sandbox::start(&shape)?;
    let runtime = runtime()?;
    let client = runtime.block_on(connect(&sandbox))?;
    // Create the namespaces while the controllers run: these create the service accounts.
    runtime.block_on(objects::namespaces(&client))?;
    for name in CONTROLLERS {
        sandbox.stop(name);
    }
    let started = Instant::now();
    let zones = shape.zones();
    runtime.block_on(objects::create(&client, size.scale_nodes, size.scale_pods, &zones))?;
    sandbox.check()?;
    say(&format!(
        "{} nodes and {} pods written in {:.0} s",
        size.scale_nodes,
        size.scale_pods,
        started.elapsed().as_secs_f64()
    ));
    for limit in [500, 5000] {
        say(&runtime.block_on(transfer(&client, limit))?);
    }
    for _ in 0..size.scale_runs {
        for command in COMMANDS {
            let measured = measure(&sandbox, program, command)?;
            if as_json { println!("{}", measured.json(size)) } else { println!("{}", measured.text(size)) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The time to read all pods and discard them: the lower bound for any reader.
async fn transfer(client: &Client, limit: u32) -> Result<String> {
    let started = Instant::now();
    let first = format!("/api/v1/pods?limit={limit}");
    let (mut query, mut bytes, mut pages) = (first.clone(), 0, 0);
    loop {
        let page = client.request_text(http::Request::get(&query).body(Vec::new())?).await?;
        (bytes, pages) = (bytes + page.len(), pages + 1);
        // The list's metadata come first.
        let token = page.split_once(r#""continue":""#).and_then(|(_, rest)| rest.split_once('"'));
        match token {
            Some((token, _)) => query = format!("{first}&continue={token}"),
            None => break,
        }
    }
    Ok(format!(
        "reading all pods in pages of {limit} and discarding them: {:.2} s, {pages} pages, {} MB",
        started.elapsed().as_secs_f64(),
        bytes / 1_000_000
    ))
}

fn measure(sandbox: &Sandbox, program: &Path, args: &'static [&'static str]) -> Result<Measured> {
    let log = sandbox.audit_log_file();
    let from = log.metadata().map_or(0, |metadata| metadata.len());
    let (output, stderr) = (sandbox.dir().join("output.json"), sandbox.dir().join("output.log"));
    let mut command = sandbox.command(program);
    command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir());
    command.args(args).args(["--output", "json"]).stdin(Stdio::null());
    command.stdout(fs::File::create(&output)?).stderr(fs::File::create(&stderr)?);
    let started = Instant::now();
    let mut child = command.spawn().context("starting eni-custom")?;
    let mut peak = None;
    let status = loop {
        // Memory can be read only while the process runs. It grows until exit, and the last sample is at most one pause
        // older.
        peak = resident(&child).or(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(Duration::from_millis(5));
    };
    let seconds = started.elapsed().as_secs_f64();
    let ended = reads::now();
    // 4 is a valid result: this cluster is not set up.
    if !matches!(status.code(), Some(0 | 4)) {
        say(&fs::read_to_string(&stderr).unwrap_or_default());
    }
    let reads = reads::of(&log, from, "eni-custom")?;
    let after_reading = reads.iter().map(|each| ended - each.end).fold(seconds, f64::min);
    let stdout = fs::read_to_string(&output)?;
    let findings = findings(&stdout);
    let stdout = stdout.len();
    let (command, code) = (args[0], status.code());
    Ok(Measured { command, seconds, peak_mib: peak, code, reads, after_reading, stdout, findings })
}

/// The findings of plan and doctor, and the checks of verify that did not pass.
fn findings(output: &str) -> Vec<String> {
    let output: serde_json::Value = serde_json::from_str(output).unwrap_or_default();
    let sections = output["sections"].as_array().into_iter().flatten();
    let checks = sections.flat_map(|section| section["checks"].as_array().into_iter().flatten());
    let findings = output["findings"].as_array().into_iter().flatten();
    let reported = findings.chain(checks.filter(|check| check["severity"] != "passed"));
    reported.filter_map(|finding| finding["id"].as_str().map(String::from)).collect()
}

/// The highest resident memory so far, in MiB.
fn resident(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

impl Measured {
    fn json(&self, size: &Size) -> serde_json::Value {
        let reads = self.reads.iter().map(|each| {
            json!({
                "resource": each.resource,
                "requests": each.requests,
                "seconds": each.end - each.start,
                "server_seconds": each.server,
            })
        });
        json!({
            "scenario": "scale",
            "tool": self.command,
            "nodes": size.scale_nodes,
            "pods": size.scale_pods,
            "seconds": self.seconds,
            "peak_mib": self.peak_mib,
            "exit_code": self.code,
            "after_reading_seconds": self.after_reading,
            "output_bytes": self.stdout,
            "findings": self.findings,
            "reads": reads.collect::<Vec<_>>(),
        })
    }

    fn text(&self, size: &Size) -> String {
        let peak = self.peak_mib.map_or("unknown".to_string(), |peak| format!("{peak:.0} MiB"));
        let mut text = format!(
            "{} with {} nodes and {} pods: {:.2} s, peak memory {peak}, exit code {}, {} bytes of output",
            self.command,
            size.scale_nodes,
            size.scale_pods,
            self.seconds,
            self.code.unwrap_or(-1),
            self.stdout,
        );
        for each in &self.reads {
            text.push_str(&format!(
                "\n    {:<24} {:>4} requests within {:>6.2} s, server time {:>6.2} s",
                each.resource,
                each.requests,
                each.end - each.start,
                each.server
            ));
        }
        text.push_str(&format!("\n    {:.2} s from the last response until exit", self.after_reading));
        if !self.findings.is_empty() {
            text.push_str(&format!("\n    findings: {}", self.findings.join(", ")));
        }
        text
    }
}
