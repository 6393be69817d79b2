//! Events for people: a spinner on a terminal, plain lines and a heartbeat elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::events::Event;

use super::text;

/// Where there is no terminal, a wait says that it lives once in so long.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: ProgressBar,
    terminal: bool,
    last: Mutex<Instant>,
}

impl Progress {
    pub fn new(terminal: bool) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("    {spinner} {wide_msg}") {
            bar.set_style(style);
        }
        Progress { bar, terminal, last: Mutex::new(Instant::now()) }
    }

    pub fn show(&self, event: &Event) {
        match event {
            Event::Waiting { what, detail, seconds } => self.wait(what, detail, *seconds),
            event => {
                if let Some(line) = line(event) {
                    self.line(&line);
                }
            }
        }
    }

    fn line(&self, line: &str) {
        self.bar.disable_steady_tick();
        self.bar.set_message("");
        self.bar.suspend(|| super::eprint_text(&format!("{line}\n")));
        if let Ok(mut last) = self.last.lock() {
            *last = Instant::now();
        }
    }

    fn wait(&self, what: &str, detail: &str, seconds: u64) {
        let text = if detail.is_empty() {
            format!("{what} … {seconds} s")
        } else {
            format!("{what} … {detail}, {seconds} s")
        };
        if self.terminal {
            self.bar.enable_steady_tick(Duration::from_millis(120));
            self.bar.set_message(text);
            return;
        }
        let due = self.last.lock().is_ok_and(|last| last.elapsed() >= HEARTBEAT);
        if due {
            self.line(&format!("    waiting: {text}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Target { arn, endpoint, caller, .. } => {
            format!("cluster {arn}\n  API {endpoint}\n  as  {caller}")
        }
        Event::Finding(finding) => text::finding(finding).trim_end().to_string(),
        Event::StepStarted { step, number, of } => format!("[{number}/{}] {}", (*of).max(9), step.name()),
        Event::Change { change, .. } => format!("    {}", text::change_line(change)),
        Event::Note { text } => format!("    {text}"),
        Event::StepDone { changes: 0, seconds, .. } => format!("    as it should be ({seconds:.1} s)"),
        Event::StepDone { seconds, calls, .. } => {
            format!("    done in {seconds:.1} s, {} read and {} write calls", calls.reads, calls.writes)
        }
        Event::Waiting { .. } => return None,
    })
}
