//! Events as whole lines, where no cursor can be moved: in CI, in a file, with `--plain` or `--verbose`. Each step is a log
//! group if the CI service has groups.

use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::events::Event;

use super::ci::JobLog;
use super::heartbeat::{EVERY, Heartbeat};
use super::progress::line;

pub(super) struct Lines(Arc<Mutex<Printer>>);

struct Printer {
    started: Instant,
    heartbeat: Heartbeat,
    color: bool,
    log: Option<JobLog>,
    write: Box<dyn Fn(&str) + Send>,
}

impl Lines {
    /// `asks`: a person may be asked before the first step.
    pub(super) fn new(asks: bool, color: bool, log: Option<JobLog>) -> Self {
        Lines::with(Heartbeat::new(EVERY, asks), color, log, super::eprint_text)
    }

    fn with(
        heartbeat: Heartbeat,
        color: bool,
        log: Option<JobLog>,
        write: impl Fn(&str) + Send + 'static,
    ) -> Self {
        let printer = Printer { started: Instant::now(), heartbeat, color, log, write: Box::new(write) };
        let shared = Arc::new(Mutex::new(printer));
        let weak = Arc::downgrade(&shared);
        // A thread of its own: a line is due even if no task of the run gets a turn. Without it only the heartbeat is lost.
        let _ = thread::Builder::new().name("heartbeat".into()).spawn(move || beat(&weak));
        Lines(shared)
    }

    pub(super) fn show(&self, event: &Event) {
        let Ok(mut printer) = self.0.lock() else { return };
        let now = printer.started.elapsed();
        printer.heartbeat.note(event, now);
        let Some(text) = text(event, printer.color, printer.log.as_ref()) else { return };
        (printer.write)(&text);
        printer.heartbeat.printed(now);
    }
}

/// The lines for an event. The line that ends a step is outside of its group: it is what to read in a folded log.
fn text(event: &Event, color: bool, log: Option<&JobLog>) -> Option<String> {
    let line = line(event, color)?;
    Some(match (event, log) {
        (Event::StepStarted { .. }, Some(log)) => log.open(&line),
        (Event::StepDone { .. }, Some(log)) => format!("{}{line}\n", log.close()),
        (Event::Finding(found), Some(log)) => log.issue(found).unwrap_or_else(|| format!("{line}\n")),
        _ => format!("{line}\n"),
    })
}

/// Prints the lines that are due until the run is over.
fn beat(printer: &Weak<Mutex<Printer>>) {
    while let Some(printer) = printer.upgrade() {
        let pause = {
            let Ok(mut printer) = printer.lock() else { return };
            printer.beat()
        };
        drop(printer);
        thread::sleep(pause);
    }
}

impl Printer {
    fn beat(&mut self) -> Duration {
        let now = self.started.elapsed();
        if let Some(line) = self.heartbeat.due(now) {
            (self.write)(&format!("{line}\n"));
        }
        self.heartbeat.pause(now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_heartbeat_is_printed_without_any_event() {
        let (sender, lines) = mpsc::channel();
        let heartbeat = Heartbeat::new(Duration::from_millis(1), false);
        let printer = Lines::with(heartbeat, false, None, move |text| drop(sender.send(text.to_string())));
        assert_eq!(lines.recv().unwrap(), "    waiting for the cluster to be read … 0 s\n");
        printer.show(&Event::Note { text: "read".into() });
        assert!(lines.iter().any(|line| line == "    read\n"));
        // The thread ends with the run.
        drop(printer);
        while lines.recv().is_ok() {}
    }
}
