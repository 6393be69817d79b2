//! A run that goes on while the test does something else.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// What it prints on stderr is read line by line. It ends with its test.
pub struct Going {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    heard: Vec<String>,
}

impl Going {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        Going { child, lines, heard: Vec::new() }
    }

    /// Reads on until it has said this.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        for line in self.lines.by_ref().map_while(Result::ok) {
            let is_it = line.contains(text);
            self.heard.push(line);
            if is_it {
                return;
            }
        }
        panic!("'{text}' was never said:\n{}", self.heard.join("\n"));
    }

    /// All that it has said, from its start to its end.
    #[track_caller]
    pub fn transcript(mut self, code: i32) -> String {
        let heard = std::mem::take(&mut self.heard).join("\n");
        format!("{heard}\n{}", self.ends(code))
    }

    /// What it has said until its end.
    #[track_caller]
    pub fn ends(mut self, code: i32) -> String {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let status = self.child.wait().expect("the run ends");
        assert_eq!(status.code(), Some(code), "{}", rest.join("\n"));
        rest.join("\n")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended; nothing where a signal ended it.
    pub fn end(mut self) -> (Option<i32>, String) {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let status = self.child.wait().expect("the run ends");
        (status.code(), rest.join("\n"))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the signal is sent");
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
