//! The sandbox as a command: a cluster on which to try eni-custom.
//!
//! ```text
//! cargo run --example sandbox -- setup --yes      starts a fresh cluster, runs setup, shows the result
//! cargo run --example sandbox -- up               leaves a cluster running; writes target/sandbox/env
//! cargo run --example sandbox -- exec CMD…        runs a command in its environment
//! cargo run --example sandbox -- down
//! ```

mod serve;

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use rustix::process::{Pid, Signal};

use sandbox::process::INTERRUPTED;
use sandbox::tools::{self, Missing, say};
use sandbox::watch::{EniWatch, PdbWatch};
use sandbox::{Sandbox, Shape, karpenter, program, witness};

/// Run an EKS cluster on this machine, to try eni-custom
#[derive(Parser)]
#[command(name = "sandbox")]
struct Cli {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Subcommand)]
enum Sub {
    /// Start a fresh cluster, run `eni-custom setup` on it, verify and show the result, stop
    Setup {
        #[command(flatten)]
        shape: Shape,
        /// Arguments of `eni-custom setup`: everything from the first one that is not an option above, or
        /// after `--`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SETUP ARGUMENTS")]
        args: Vec<OsString>,
    },
    /// Start a cluster and leave it running
    Up(Up),
    /// Run a command in the environment of the running cluster
    Exec {
        #[command(flatten)]
        file: EnvFile,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Stop the running cluster
    Down(EnvFile),
    /// Build and install everything that any cluster needs, without starting one
    Build,
    /// Serve the cluster: the process that `up` leaves running
    #[command(hide = true)]
    Serve(Up),
}

#[derive(clap::Args)]
struct Up {
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    file: EnvFile,
}

#[derive(clap::Args)]
struct EnvFile {
    /// File with the environment of the cluster
    #[arg(long, value_name = "FILE", default_value_os_t = tools::repository().join("target/sandbox/env"))]
    env_file: PathBuf,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Sub::Setup { shape, args } => catch_signals().and_then(|()| setup(&shape, &args)),
        Sub::Up(options) => catch_signals().and_then(|()| up(&options)),
        Sub::Exec { file, command } => exec(&file.env_file, &command),
        Sub::Down(file) => serve::down(&file.env_file).map(|()| ExitCode::SUCCESS),
        Sub::Build => build(),
        Sub::Serve(options) => {
            catch_signals().and_then(|()| serve::serve(&options.shape, &options.file.env_file))
        }
    };
    done.unwrap_or_else(|error| {
        if INTERRUPTED.load(Ordering::Relaxed) {
            say("interrupted");
            return ExitCode::from(130);
        }
        say(&format!("error: {error:#}"));
        ExitCode::from(if error.is::<Missing>() { 3 } else { 1 })
    })
}

/// A signal arrived that eni-custom has not received yet.
static TERMINATED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C (and SIGTERM, SIGHUP) is recorded and does not kill the process: waits give up, and the cluster
/// is stopped and cleaned up. eni-custom is in the same process group, so the terminal signals it too.
fn catch_signals() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (ready, is_ready) = mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async {
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else { return };
            let _ = ready.send(());
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => TERMINATED.store(true, Ordering::Relaxed),
                    // Linux signals the loss of a terminal only to the first process of its session.
                    _ = hangup.recv() => TERMINATED.store(true, Ordering::Relaxed),
                }
                INTERRUPTED.store(true, Ordering::Relaxed);
            }
        });
    });
    is_ready.recv().context("can't catch signals")
}

fn setup(shape: &Shape, args: &[OsString]) -> Result<ExitCode> {
    program::build()?;
    let program = program::path()?;
    tools::for_shape(shape)?;
    let start = Instant::now();
    let mut sandbox = Sandbox::start(shape)?;
    say(&format!(
        "the cluster is ready after {:.1} s; running eni-custom setup",
        start.elapsed().as_secs_f64()
    ));
    let (budgets, enis) = (PdbWatch::start(&sandbox)?, EniWatch::start(&sandbox)?);
    let mut child =
        sandbox.command(&program).arg("setup").args(args).spawn().context("starting eni-custom")?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if TERMINATED.swap(false, Ordering::Relaxed) {
            let _ = rustix::process::kill_process(Pid::from_child(&child), Signal::TERM);
        }
        if let Err(error) = sandbox.check() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        say(&format!("eni-custom failed with {status}"));
        return Ok(exit_code(status));
    }
    let violations = budgets.finish();
    let (seen, mut faults) = witness::end_state(&mut sandbox)?;
    faults.extend(violations);
    faults.extend(enis.finish(&seen));
    println!("\nThe cluster in AWS's and Kubernetes's APIs:\n{seen}");
    for fault in &faults {
        println!("wrong: {fault}");
    }
    if !faults.is_empty() {
        say("eni-custom succeeded, but the end state is wrong");
        return Ok(ExitCode::FAILURE);
    }
    println!("The end state is correct: every pod has an address from the new subnets,");
    println!("and no PodDisruptionBudget was ever below its minimum.");
    Ok(ExitCode::SUCCESS)
}

fn up(options: &Up) -> Result<ExitCode> {
    let file = &options.file.env_file;
    if serve::is_up(file) {
        bail!("a sandbox is already running: its environment is in {}; stop it with `down`", file.display());
    }
    // Built here, where the user sees the progress.
    program::build()?;
    tools::for_shape(&options.shape)?;
    tools::aws_cli()?;
    say("starting the cluster");
    let start = Instant::now();
    serve::detach(file)?;
    let secs = start.elapsed().as_secs_f64();
    say(&format!("the cluster is ready after {secs:.1} s; its environment: {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn build() -> Result<ExitCode> {
    tools::find_or_build()?;
    karpenter::build::tools()?;
    tools::aws_cli()?;
    Ok(ExitCode::SUCCESS)
}

fn exec(file: &Path, command: &[OsString]) -> Result<ExitCode> {
    let variables = sandbox::env::read(file).filter(|_| serve::is_up(file));
    let Some(variables) = variables else {
        bail!(
            "no sandbox is running ({}): start one with `cargo run --example sandbox -- up`",
            file.display()
        );
    };
    let mut run = Command::new(&command[0]);
    sandbox::env::apply(&mut run, variables);
    // Replaces this process, so that the command has its own exit code, signals and terminal.
    let error = run.args(&command[1..]).exec();
    say(&format!("{}: {error}", command[0].display()));
    Ok(ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 }))
}

/// A shell's exit code: 128 plus the signal if a signal killed the process.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
