//! Measures `plan` and `setup` on clusters with ever more node groups. Groups are launched and emptied side by side, so
//! more of them should take hardly more time.

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sandbox::tools::say;
use sandbox::{Latency, Pools, Sandbox, Shape};
use serde_json::json;

/// Plans of each cluster; the quickest counts.
const PLANS: u32 = 3;

/// One cluster, in seconds.
#[derive(Clone, Copy)]
struct Measured {
    groups: u8,
    plan: f64,
    setup: f64,
}

pub(crate) fn run(groups: &[u8], program: &Path, as_json: bool) -> Result<ExitCode> {
    let mut first = None;
    for groups in groups {
        let measured = measure(*groups, program)?;
        println!("{}", row(measured, *first.get_or_insert(measured), as_json));
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(groups: u8, program: &Path) -> Result<Measured> {
    let shape = Shape { pools: Pools::Teams, teams: groups, latency: Latency::Realistic, ..Shape::default() };
    let started = Instant::now();
    let sandbox = Sandbox::start(&shape)?;
    say(&format!("{groups} groups after {:.0} s", started.elapsed().as_secs_f64()));
    let mut plan = f64::INFINITY;
    for _ in 0..PLANS {
        plan = plan.min(seconds(&sandbox, program, &["plan"])?);
    }
    let setup = seconds(&sandbox, program, &["setup", "--yes"])?;
    Ok(Measured { groups, plan, setup })
}

fn seconds(sandbox: &Sandbox, program: &Path, args: &[&str]) -> Result<f64> {
    let mut command = sandbox.command(program);
    command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir()).args(args).stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output().context("starting eni-custom")?;
    let seconds = started.elapsed().as_secs_f64();
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!("{args:?} ended with {}: {}", output.status, String::from_utf8_lossy(&text));
    }
    Ok(seconds)
}

/// With what it takes more than the first cluster.
fn row(this: Measured, first: Measured, as_json: bool) -> String {
    let (more, ratio) = (this.plan - first.plan, this.setup / first.setup);
    match as_json {
        true => json!({
            "groups": this.groups, "plan_seconds": this.plan, "plan_more_seconds": more,
            "setup_seconds": this.setup, "setup_ratio": ratio,
        })
        .to_string(),
        false => format!(
            "{:>2} groups: plan {:.2} s ({more:+.2} s), setup {:.0} s ({ratio:.2} times)",
            this.groups, this.plan, this.setup
        ),
    }
}
