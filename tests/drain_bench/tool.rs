//! The compared tools, each run as a user would.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use sandbox::process::tail;

use crate::cluster::{Cluster, arguments};
use crate::scenario::Scenario;

/// Concurrent kubectl processes: 500 would need more memory than most machines have.
const KUBECTLS: usize = 100;
const PAUSE: Duration = Duration::from_millis(5);

/// In the order of their runs: eni-custom terminates the nodes, so it comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// `kubectl drain`, one node after another
    KubectlNodeByNode,
    /// All nodes cordoned, then concurrent `kubectl drain` runs, one per node
    KubectlAllAtOnce,
    /// `eni-custom drain-nodes`
    EniCustom,
}

/// How a tool's processes exited.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub started: Instant,
    pub took: Duration,
    /// `None` if all succeeded.
    pub trouble: Option<String>,
}

impl Tool {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
    }

    /// The prefix of the user agent of its requests.
    pub(crate) fn agent(self) -> &'static str {
        match self {
            Tool::EniCustom => "eni-custom",
            Tool::KubectlNodeByNode | Tool::KubectlAllAtOnce => "kubectl",
        }
    }

    /// Runs the tool until it exits or `patience` is over.
    pub(crate) fn run(
        self,
        cluster: &mut Cluster,
        scenario: &Scenario,
        program: &Path,
        patience: Duration,
    ) -> Result<Ended> {
        let mut runner = Runner::new(cluster, patience)?;
        match self {
            Tool::EniCustom => {
                let mut command = cluster.sandbox.command(program);
                command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir());
                command.args(["drain-nodes", "--yes", "--drain-timeout"]);
                command.arg(format!("{}s", patience.as_secs())).args(arguments(scenario));
                runner.run(cluster, [command].into(), 1)?;
            }
            Tool::KubectlNodeByNode => {
                runner.run(cluster, drains(cluster), 1)?;
            }
            Tool::KubectlAllAtOnce => {
                let mut cordon = kubectl(cluster, "cordon");
                cordon.args(&cluster.old_nodes);
                runner.run(cluster, [cordon].into(), 1)?;
                runner.run(cluster, drains(cluster), KUBECTLS)?;
            }
        }
        let (started, trouble) = (runner.started, runner.trouble.take());
        Ok(Ended { started, took: started.elapsed(), trouble })
    }
}

fn kubectl(cluster: &Cluster, verb: &str) -> Command {
    let mut command = cluster.sandbox.command(&cluster.sandbox.tools.kubectl);
    command.arg(verb);
    command
}

fn drains(cluster: &Cluster) -> VecDeque<Command> {
    let drain = |node: &String| {
        let mut command = kubectl(cluster, "drain");
        command.arg(node).args(["--ignore-daemonsets", "--delete-emptydir-data"]);
        command
    };
    cluster.old_nodes.iter().map(drain).collect()
}

/// Runs commands with their output in files, and records the first failure.
struct Runner {
    started: Instant,
    patience: Duration,
    outputs: PathBuf,
    count: usize,
    trouble: Option<String>,
}

impl Runner {
    fn new(cluster: &Cluster, patience: Duration) -> Result<Self> {
        let outputs = cluster.sandbox.dir().join("drain-bench");
        fs::create_dir_all(&outputs)?;
        Ok(Self { started: Instant::now(), patience, outputs, count: 0, trouble: None })
    }

    fn run(&mut self, cluster: &mut Cluster, mut waiting: VecDeque<Command>, most: usize) -> Result<()> {
        let mut running: Vec<Process> = Vec::new();
        while !waiting.is_empty() || !running.is_empty() {
            while running.len() < most {
                let Some(command) = waiting.pop_front() else { break };
                running.push(self.spawn(command)?);
            }
            let mut index = 0;
            while index < running.len() {
                match running[index].child.try_wait()? {
                    Some(status) => self.note(status, &running.swap_remove(index)),
                    None => index += 1,
                }
            }
            if self.started.elapsed() > self.patience {
                self.trouble = Some(format!("stopped after {} s", self.patience.as_secs()));
                // Dropping the running processes kills them.
                return Ok(());
            }
            cluster.sandbox.check()?;
            cluster.watcher.check()?;
            sleep(PAUSE);
        }
        Ok(())
    }

    fn spawn(&mut self, mut command: Command) -> Result<Process> {
        self.count += 1;
        let output = self.outputs.join(format!("{}.log", self.count));
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child =
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Process { child, output })
    }

    fn note(&mut self, status: ExitStatus, process: &Process) {
        if !status.success() && self.trouble.is_none() {
            self.trouble = Some(format!("{status}; {}", tail(&process.output)));
        }
    }
}

struct Process {
    child: Child,
    output: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
