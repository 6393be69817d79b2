//! A run in the background while the test does something else.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Its stderr is read line by line. Dropping it kills the run.
pub(crate) struct BackgroundRun {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    read: Vec<String>,
}

impl BackgroundRun {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        BackgroundRun { child, lines, read: Vec::new() }
    }

    /// Reads stderr until a line contains this text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        for line in self.lines.by_ref().map_while(Result::ok) {
            let found = line.contains(text);
            self.read.push(line);
            if found {
                return;
            }
        }
        panic!("'{text}' was never printed:\n{}", self.read.join("\n"));
    }

    /// All of stderr, from start to exit.
    #[track_caller]
    pub(crate) fn transcript(mut self, code: i32) -> String {
        let read = std::mem::take(&mut self.read).join("\n");
        format!("{read}\n{}", self.exits_with(code))
    }

    /// Waits for exit with this code. Returns the rest of stderr.
    #[track_caller]
    pub(crate) fn exits_with(mut self, code: i32) -> String {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let status = self.child.wait().expect("the run exits");
        assert_eq!(status.code(), Some(code), "{}", rest.join("\n"));
        rest.join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for exit. Returns the exit code (`None` after a signal) and the rest of stderr.
    pub(crate) fn exit(mut self) -> (Option<i32>, String) {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let status = self.child.wait().expect("the run exits");
        (status.code(), rest.join("\n"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the signal is sent");
    }
}

impl Drop for BackgroundRun {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
