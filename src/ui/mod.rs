//! The only place that prints. stdout is the result, stderr is everything else.

mod diagnosis;
mod format;
mod issue;
mod json;
mod junit;
mod outlook;
mod pools;
mod progress;
mod prompt;
mod report;
mod text;

use std::io::{IsTerminal, Write};

use crate::doctor::Diagnoses;
use crate::error::Error;
use crate::events::{Event, Events};
use crate::net::max_pods::Row;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::status::Status;

use crate::verify::Report;

pub(crate) use format::{ColorWhen, Format, ReportFormat, Voice};
pub(crate) use prompt::Prompt;

/// Output formats and colors of this run.
#[derive(Clone)]
pub(crate) struct Ui {
    output: Format,
    events: Format,
    voice: Voice,
}

impl Ui {
    pub(crate) fn new(output: Format, events: Format, voice: Voice) -> Self {
        Ui { output, events, voice }
    }

    fn color(&self) -> bool {
        self.voice.color.on(&std::io::stdout())
    }

    fn stderr_color(&self) -> bool {
        self.voice.color.on(&std::io::stderr())
    }

    /// Whether a person can be asked: stdin and stderr are terminals.
    pub(crate) fn can_ask() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The sink for a run's events.
    pub(crate) fn sink(&self) -> Events {
        let show: Box<dyn Fn(&Event) + Send + Sync> = match self.events {
            Format::Json => {
                let lines = json::Lines::default();
                Box::new(move |event| lines.show(event))
            }
            Format::Text if self.voice.quiet => Box::new(|_| {}),
            Format::Text => {
                // A spinner and lines of calls would write over each other.
                let spins = std::io::stderr().is_terminal() && !self.voice.verbose;
                let progress = progress::Progress::new(spins);
                Box::new(move |event| progress.show(event))
            }
        };
        Events::to(move |event: Event| {
            json::log(&event);
            show(&event);
        })
    }

    pub(crate) fn plan(&self, plan: &Plan) {
        match self.output {
            Format::Json => print_json(plan),
            Format::Text => print(&text::plan(plan, self.color())),
        }
    }

    /// Shows a plan on stderr before a question; it is not the result.
    pub(crate) fn preview(&self, plan: &Plan) {
        eprint_text(&text::plan(plan, self.stderr_color()));
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) {
        match self.output {
            Format::Json => print_json(outcome),
            Format::Text => print(&text::outcome(outcome)),
        }
    }

    pub(crate) fn report(&self, report: &Report, format: ReportFormat) {
        match format {
            ReportFormat::Text => print(&report::text(report, self.color())),
            ReportFormat::Json => print_json(report),
            ReportFormat::Junit => print(&junit::xml(report)),
        }
    }

    pub(crate) fn status(&self, status: &Status) {
        match self.output {
            Format::Json => print_json(status),
            Format::Text => print(&report::status(status, self.color())),
        }
    }

    pub(crate) fn diagnoses(&self, diagnoses: &Diagnoses) {
        match self.output {
            Format::Json => print_json(diagnoses),
            Format::Text => print(&diagnosis::text(diagnoses, self.color())),
        }
    }

    pub(crate) fn max_pods(&self, rows: &[Row]) {
        match self.output {
            Format::Json => print_json(&serde_json::json!({ "format_version": 1, "instance_types": rows })),
            Format::Text => print(&text::max_pods(rows)),
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        tracing::info!("error: {error}");
        if self.events == Format::Json || self.output == Format::Json {
            json::error(error, self.voice.codes);
        } else {
            eprint_text(&text::error(error, self.stderr_color()));
        }
    }

    /// Prints a line on stderr, beside the result.
    pub(crate) fn say(&self, line: &str) {
        if self.voice.quiet {
            return;
        }
        eprint_text(&format!("{line}\n"));
    }

    /// Prints a generated file unchanged.
    pub(crate) fn raw(bytes: &[u8]) {
        write_all(&mut std::io::stdout().lock(), bytes);
    }
}

#[cfg(test)]
pub(crate) fn diagnoses_text(diagnoses: &Diagnoses) -> String {
    diagnosis::text(diagnoses, false)
}

#[cfg(test)]
pub(crate) fn report_text(report: &Report) -> String {
    report::text(report, false)
}

#[cfg(test)]
pub(crate) fn plan_text(plan: &Plan) -> String {
    text::plan(plan, false)
}

#[cfg(test)]
pub(crate) fn status_text(status: &Status) -> String {
    report::status(status, false)
}

fn print(text: &str) {
    write_all(&mut std::io::stdout().lock(), text.as_bytes());
}

fn eprint_text(text: &str) {
    write_all(&mut std::io::stderr().lock(), text.as_bytes());
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    // These values always serialize, and a closed pipe (`| head`) is not an error.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        print(&format!("{text}\n"));
    }
}

fn write_all(to: &mut impl Write, bytes: &[u8]) {
    let _ = to.write_all(bytes).and_then(|()| to.flush());
}
