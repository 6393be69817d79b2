//! Compares `eni-custom drain-nodes` with `kubectl drain` on the same workload and the sandbox's real control plane:
//! the duration of the drain, and violations of PodDisruptionBudgets.
//!
//! ```text
//! cargo run --release --example drain-bench -- --list
//! cargo run --release --example drain-bench -- --quick
//! cargo run --release --example drain-bench -- --scenario 50-nodes-budget-1 --json
//! cargo run --release --example drain-bench -- --scale
//! cargo run --release --example drain-bench -- --pools
//! cargo run --release --example drain-bench -- --karpenter
//! cargo run --release --example drain-bench -- --by-hand
//! ```

mod bound;
mod by_hand;
mod cluster;
mod evictions;
mod karpenter;
mod ledger;
mod objects;
mod pools;
mod reads;
mod report;
mod scale;
mod scenario;
#[cfg(test)]
mod tests;
mod tool;
mod watcher;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};

use bound::Bound;
use cluster::Cluster;
use report::Row;
use sandbox::tools::say;
use sandbox::{program, tools};
use scenario::Scenario;
use tool::Tool;

/// Drain clusters with eni-custom and with kubectl, and compare the durations with a lower bound
#[derive(Parser)]
#[command(name = "drain-bench")]
struct Cli {
    /// Run only these scenarios [default: all except quick]
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with_all = ["quick", "scale"])]
    scenario: Vec<String>,
    /// Run one small scenario, which takes a few minutes
    #[arg(long, conflicts_with = "scale")]
    quick: bool,
    /// Measure time and memory of plan, verify, doctor and status with many nodes and pods
    #[arg(long)]
    scale: bool,
    /// Measure plan and setup with these numbers of node groups
    #[arg(long, value_name = "N", value_delimiter = ',', num_args = 0..=1, default_missing_value = "1,4,16",
          require_equals = true, conflicts_with_all = ["quick", "scale"])]
    pools: Vec<u8>,
    /// Measure how long Karpenter's nodes take to be replaced, by Karpenter and by eni-custom
    #[arg(long, conflicts_with_all = ["quick", "scale", "pools"])]
    karpenter: bool,
    /// Set one cluster up by AWS's documented procedure and one with `setup`, and compare what they leave behind
    #[arg(long, conflicts_with_all = ["quick", "scale", "pools", "karpenter"])]
    by_hand: bool,
    /// List the scenarios
    #[arg(long)]
    list: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    /// Run only these tools
    #[arg(long, value_enum, value_delimiter = ',')]
    tool: Vec<Tool>,
    /// Multiply the time until pods are Ready, so that waiting is due to pods and not to a slow machine
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    slower: u32,
    /// Use only the bound of the budgets; skips the reset before the first tool, which measures the machine
    #[arg(long)]
    budgets_bound: bool,
    /// Stop a tool after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    patience: u64,
    /// eni-custom executable [default: the one of this build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    #[command(flatten)]
    size: scale::Size,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if cli.list {
        for scenario in scenario::all() {
            println!("{:<24} {}", scenario.name, scenario.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let scenarios = chosen(cli)?;
    let program = match &cli.program {
        Some(program) => program.canonicalize()?,
        None => {
            program::build()?;
            program::path()?
        }
    };
    tools::find_or_build()?;
    if cli.scale {
        return scale::run(&cli.size, &program, cli.json);
    }
    if cli.by_hand {
        return by_hand::run(&program, cli.json);
    }
    if cli.karpenter {
        return karpenter::run(&program, cli.json);
    }
    if !cli.pools.is_empty() {
        return pools::run(&cli.pools, &program, cli.json);
    }
    let mut faults = 0;
    for scenario in &scenarios {
        faults += compare(cli, scenario, &program)?;
    }
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(cli: &Cli) -> Result<Vec<Scenario>> {
    let all = scenario::all();
    if let Some(name) = cli.scenario.iter().find(|name| all.iter().all(|each| each.name != **name)) {
        bail!("no scenario {name}: --list shows all scenarios");
    }
    let wanted = |scenario: &Scenario| match (cli.quick, cli.scenario.is_empty()) {
        (true, _) => scenario.name == "quick",
        (false, true) => scenario.name != "quick",
        (false, false) => cli.scenario.contains(&scenario.name),
    };
    Ok(all.into_iter().filter(wanted).map(|scenario| scenario.slower(cli.slower)).collect())
}

/// Runs a scenario with each tool, each from the same state. Returns the number of failed runs of eni-custom.
fn compare(cli: &Cli, scenario: &Scenario, program: &Path) -> Result<usize> {
    say(&format!("{}: {} nodes, {} pods", scenario.name, scenario.nodes(), scenario.pods()));
    let mut cluster = Cluster::start(scenario, program)?;
    cluster.place(scenario)?;
    let mut bound = None;
    let mut faults = 0;
    let tools = Tool::value_variants().iter().filter(|tool| cli.tool.is_empty() || cli.tool.contains(tool));
    for tool in tools {
        // Also before the first tool, so that all tools find pods that were placed in the same way.
        let rates = if cli.budgets_bound && bound.is_none() {
            cluster.open_new_nodes()?;
            None
        } else {
            Some(cluster.reset(scenario)?)
        };
        let bound = *bound.get_or_insert_with(|| {
            let bound = Bound::of(scenario, rates);
            if !cli.json {
                println!("{}", report::header(scenario, &bound));
            }
            bound
        });
        let row = measure(&mut cluster, scenario, *tool, bound, program, Duration::from_secs(cli.patience))?;
        if cli.json {
            println!("{}", row.json())
        } else {
            println!("{}", row.text())
        }
        faults += usize::from(row.is_fault());
    }
    Ok(faults)
}

fn measure(
    cluster: &mut Cluster,
    scenario: &Scenario,
    tool: Tool,
    bound: Bound,
    program: &Path,
    patience: Duration,
) -> Result<Row> {
    let log = cluster.sandbox.audit_log_file();
    let from = log.metadata().map_or(0, |metadata| metadata.len());
    cluster.watcher.ledger().begin();
    let ended = tool.run(cluster, scenario, program, patience)?;
    // Wait for the last replacements. Missing ones are reported below.
    let limit = Duration::from_secs(u64::from(scenario.slowest()) + 60);
    let _ = cluster.until("all pods to be Ready again", limit, |ledger| {
        ledger.emptied_at().is_some() && ledger.available_at().is_some()
    });
    cluster.sandbox.check()?;
    let since = |moment: Instant| moment.duration_since(ended.started).as_secs_f64();
    let mut ledger = cluster.watcher.ledger();
    let (violations, budgets) = ledger.end();
    Ok(Row {
        scenario: scenario.name.clone(),
        slower: scenario.slower,
        nodes: scenario.nodes(),
        pods: scenario.pods(),
        tool,
        bound,
        seconds: ledger.emptied_at().map(since),
        exit_seconds: ended.took.as_secs_f64(),
        available_seconds: ledger.available_at().map(since),
        evictions: evictions::count(&log, from, tool.agent())?,
        violations,
        budgets,
        left: ledger.counts().on_old,
        gaps: ledger.gaps,
        trouble: ended.trouble,
    })
}
