//! Events for people: a spinner on a terminal, plain lines and a heartbeat elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::events::Event;

use super::{issue, text};

/// Time between two lines about the same wait if stderr is not a terminal.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub(super) struct Progress {
    terminal: bool,
    shown: Mutex<Shown>,
}

struct Shown {
    /// The spinner of the current wait.
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Progress {
    pub(super) fn new(terminal: bool) -> Self {
        Progress { terminal, shown: Mutex::new(Shown { bar: None, last: Instant::now() }) }
    }

    pub(super) fn show(&self, event: &Event) {
        let Ok(mut shown) = self.shown.lock() else { return };
        match event {
            Event::Waiting { what, detail, seconds } => {
                let detail = if detail.is_empty() { String::new() } else { format!("{detail}, ") };
                let text = format!("waiting for {what} … {detail}{seconds} s");
                if self.terminal {
                    shown.bar.get_or_insert_with(spinner).set_message(text);
                } else if shown.last.elapsed() >= HEARTBEAT {
                    shown.line(&format!("    {text}"));
                }
            }
            event => {
                if let Some(line) = line(event) {
                    shown.line(&line);
                }
            }
        }
    }
}

impl Shown {
    fn line(&mut self, line: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        super::eprint_text(&format!("{line}\n"));
        self.last = Instant::now();
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("    {spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Target { arn, endpoint, caller, .. } => {
            format!("cluster {arn}\n  API {endpoint}\n  as  {caller}")
        }
        Event::Finding(finding) => issue::text(finding, false).trim_end().to_string(),
        Event::StepStarted { step, number, undo: true, .. } => format!("[{number}/9] undo {}", step.name()),
        Event::StepStarted { step, number, of, .. } => {
            format!("[{number}/{}] {}", (*of).max(9), step.name())
        }
        Event::Change { change, .. } => format!("    {}", text::change_line(change)),
        Event::Note { text } => format!("    {text}"),
        Event::StepDone { changes: 0, seconds, .. } => format!("    nothing to change ({seconds:.1} s)"),
        Event::StepDone { seconds, calls, .. } => {
            format!("    done in {seconds:.1} s, {}", text::calls(*calls))
        }
        Event::Waiting { .. } => return None,
    })
}
