//! Child processes. The stdin of each is a pipe, and each exits when the pipe is closed, so none outlives this process,
//! however it exits.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Set by Ctrl-C and similar signals: all waits give up.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

struct Child {
    name: &'static str,
    process: process::Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

/// In the order of their start. They are stopped in reverse order, so the API server before etcd: without etcd it would
/// keep its port for minutes.
pub(crate) struct Children {
    logs: PathBuf,
    /// Variables of all of them.
    variables: Vec<(&'static str, &'static str)>,
    running: Vec<Child>,
}

impl Children {
    pub(crate) fn new(logs: &Path, variables: Vec<(&'static str, &'static str)>) -> Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("creating {}", logs.display()))?;
        Ok(Self { logs: logs.to_path_buf(), variables, running: Vec::new() })
    }

    /// Starts a process with its output in `logs/NAME.log`. If it does not exit by itself when its stdin is closed
    /// (`watches_stdin`), a shell does that for it.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        mut command: Command,
        watches_stdin: bool,
    ) -> Result<()> {
        let log = self.logs.join(format!("{name}.log"));
        // A process that is started again continues its log.
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("opening {}", log.display()))?;
        command.envs(self.variables.iter().copied());
        let mut command = if watches_stdin { command } else { watched_by_shell(&command) };
        if watches_stdin {
            command.env("SANDBOX_DIE_WITH_STDIN", "1");
        }
        let mut process = start(command, output).with_context(|| format!("starting {name}"))?;
        let lifeline = process.stdin.take();
        self.running.push(Child { name, process, lifeline, log });
        Ok(())
    }

    /// Whether one of them runs.
    pub(crate) fn is_running(&mut self, name: &str) -> bool {
        let child = self.running.iter_mut().find(|child| child.name == name);
        child.is_some_and(|child| matches!(child.process.try_wait(), Ok(None)))
    }

    /// Returns an error if one of them has exited.
    pub(crate) fn check(&mut self) -> Result<()> {
        for child in &mut self.running {
            if let Some(status) = child.process.try_wait()? {
                bail!("{} ended ({status})\n{}", child.name, tail(&child.log));
            }
        }
        Ok(())
    }

    /// Polls until there is an answer. Fails if a child exits, on Ctrl-C, or after `limit`.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<Option<T>, String>,
    ) -> Result<T> {
        let start = Instant::now();
        let mut last = String::new();
        loop {
            match ask() {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(reason) => last = reason,
            }
            self.check().with_context(|| format!("waiting for {what}"))?;
            if INTERRUPTED.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            if start.elapsed() > limit {
                bail!(
                    "timed out after {} s waiting for: {what}; logs are in {}\n{last}",
                    limit.as_secs(),
                    self.logs.display()
                );
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Stops one of them permanently.
    pub(crate) fn stop(&mut self, name: &str) {
        if let Some(index) = self.running.iter().position(|child| child.name == name) {
            self.running.remove(index).end();
        }
    }

    pub(crate) fn end(&mut self) {
        for child in self.running.drain(..).rev() {
            child.end();
        }
    }
}

/// Starts a process with a pipe as its stdin.
pub(crate) fn start(mut command: Command, output: File) -> io::Result<process::Child> {
    // On macOS a pipe can't be created close-on-exec in one step: a child that another thread starts at the same time
    // would keep it open.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    command
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Ctrl-C at the terminal is meant for the program under test, not for its cluster.
        .process_group(0)
        .spawn()
}

impl Child {
    fn end(mut self) {
        drop(self.lifeline.take());
        let start = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if start.elapsed() > Duration::from_secs(2) {
                let _ = self.process.kill();
                let _ = self.process.wait();
                break;
            }
            sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.end();
    }
}

/// Wraps a command in a shell that exits with it and kills it when stdin is closed.
fn watched_by_shell(command: &Command) -> Command {
    let script = r#"exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -KILL $child; } & watch=$!
wait $child; code=$?
kill $watch
exit $code"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The last lines of a log, for an error message.
pub fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(25)..].join("\n");
    format!("the end of {}:\n{last}", log.display())
}
