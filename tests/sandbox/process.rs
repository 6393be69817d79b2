//! Child processes. Each has the read end of a pipe as its stdin and ends when the pipe does, so none
//! outlives this process, however that ends.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Set by Ctrl-C and the like: whatever waits gives up.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

struct Child {
    name: &'static str,
    process: process::Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

/// In the order of their start; they end in the opposite order, so the API server before etcd: without etcd
/// it would sit on its port for minutes.
pub(crate) struct Children {
    logs: PathBuf,
    running: Vec<Child>,
}

impl Children {
    pub(crate) fn new(logs: &Path) -> Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("creating {}", logs.display()))?;
        Ok(Self { logs: logs.to_path_buf(), running: Vec::new() })
    }

    /// Starts a process whose output goes to `logs/NAME.log`. `ours` says that it watches its stdin by
    /// itself; other programs are watched by a shell.
    pub(crate) fn start(&mut self, name: &'static str, command: Command, ours: bool) -> Result<()> {
        // Where pipes can't be made close-on-exec in one step (macOS), a child started at the same moment by
        // another thread would keep the pipe open.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());

        let log = self.logs.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = if ours { command } else { watched_by_shell(&command) };
        if ours {
            command.env("SANDBOX_DIE_WITH_STDIN", "1");
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C on the terminal is for the program under test, not for the cluster beneath it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let lifeline = process.stdin.take();
        self.running.push(Child { name, process, lifeline, log });
        Ok(())
    }

    /// An error when one of them has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        for child in &mut self.running {
            if let Some(status) = child.process.try_wait()? {
                bail!("{} ended ({status})\n{}", child.name, tail(&child.log));
            }
        }
        Ok(())
    }

    /// Asks again and again until there is an answer. Fails when a child ends, on Ctrl-C, or after `limit`.
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
                    "{what}: not there after {} s; logs are in {}\n{last}",
                    limit.as_secs(),
                    self.logs.display()
                );
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Ends one of them for good.
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

/// The shell ends when the program does, and ends it when its stdin ends.
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
