//! The only place that prints. stdout is the result, stderr is everything else.

mod ascii;
mod board;
mod ci;
mod closing;
mod diagnosis;
mod environment;
mod explained;
mod format;
mod found;
mod heartbeat;
pub(crate) mod html;
mod issue;
mod json;
mod junit;
mod lines;
mod markdown;
mod outlook;
pub(crate) mod panic;
pub(crate) mod plugin;
mod pools;
mod progress;
mod prompt;
mod report;
mod signals;
mod spinner;
mod stage;
mod summary;
mod terminal;
mod text;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use crate::doctor::Diagnoses;
use crate::error::Error;
use crate::events::{Event, Events};
use crate::found::Found;
use crate::issue::Issue;
use crate::net::max_pods::Row;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::settings::Explained;
use crate::status::Status;

use crate::verify::Report;

pub(crate) use closing::Closing;
pub(crate) use environment::Environment;
pub(crate) use format::{ColorWhen, Format, ReportFormat, ResultFormat, Voice};
pub(crate) use json::EventLine;
pub(crate) use prompt::{Answer, Prompt, Question, Refused};

use ci::JobLog;

/// Output formats and colors of this run.
#[derive(Clone)]
pub(crate) struct Ui {
    output: ResultFormat,
    events: Format,
    voice: Voice,
    /// The log of a CI job, if stderr is one.
    log: Option<JobLog>,
    json: Arc<json::Lines>,
}

impl Ui {
    pub(crate) fn new(output: impl Into<ResultFormat>, events: Format, voice: Voice) -> Self {
        ascii::only(voice.ascii);
        let is_log = events == Format::Text && !std::io::stderr().is_terminal();
        let log = if is_log { JobLog::of_environment() } else { None };
        Ui { output: output.into(), events, voice, log, json: Arc::default() }
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

    /// Whether a board stands on stderr. Lines of calls would write over it.
    fn has_board(&self) -> bool {
        std::io::stderr().is_terminal() && !self.voice.verbose && !self.voice.plain
    }

    /// Says that the cluster is being read, until anything else stands at the bottom of the terminal.
    pub(crate) fn reading(&self) {
        if self.has_board() && self.events == Format::Text && !self.voice.quiet {
            spinner::start("reading the cluster", self.voice.ascii);
        }
    }

    /// The sink for a run's events.
    pub(crate) fn sink(&self) -> Events {
        self.sink_but(|_| false)
    }

    /// The same for a run whose cluster [`Ui::found`] shows.
    pub(crate) fn sink_before_found(&self) -> Events {
        let is_text = self.events == Format::Text;
        self.sink_but(move |event| is_text && matches!(event, Event::Target { .. }))
    }

    fn sink_but(&self, hides: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Events {
        let show: Box<dyn Fn(&Event) + Send + Sync> = match self.events {
            Format::Json => {
                let json = self.json.clone();
                Box::new(move |event| json.event(event))
            }
            Format::Text if self.voice.quiet => Box::new(|_| {}),
            Format::Text => {
                if self.has_board() {
                    let look = board::Look { color: self.stderr_color(), ascii: self.voice.ascii };
                    let board = board::Board::new(look);
                    Box::new(move |event| board.show(event))
                } else {
                    let asks = std::io::stderr().is_terminal();
                    let lines = lines::Lines::new(asks, self.stderr_color(), self.log.clone());
                    Box::new(move |event| lines.show(event))
                }
            }
        };
        Events::to(move |event: Event| {
            json::log(&event);
            if !hides(&event) {
                show(&event);
            }
        })
    }

    /// `apply`: the command that makes the changes of the plan.
    pub(crate) fn plan(&self, plan: &Plan, apply: &str) {
        self.annotate(self.output == ResultFormat::Text, &plan.findings);
        match self.output {
            ResultFormat::Json => print_json(plan),
            ResultFormat::Text => print(&text::plan(plan, self.color())),
            ResultFormat::Markdown => print(&markdown::plan(plan, apply)),
        }
    }

    /// Asks a person.
    pub(crate) fn prompt(&self) -> Prompt {
        spinner::stop();
        Prompt::new(&self.voice)
    }

    /// Shows on stderr what was found in the cluster, before the first question.
    pub(crate) fn found(&self, found: &Found) {
        // The last column stays free: a line that fills it makes some terminals wrap.
        let columns = width().saturating_sub(1);
        eprint_text(&format!("\n{}", found::text(found, columns, self.stderr_color(), self.voice.ascii)));
    }

    /// Shows a plan in short on stderr, before the question whether to go on.
    pub(crate) fn summary(&self, plan: &Plan) {
        eprint_text(&summary::text(plan, self.stderr_color()));
    }

    /// Shows a plan on stderr before a question; it is not the result.
    pub(crate) fn preview(&self, plan: &Plan) {
        eprint_text(&text::plan(plan, self.stderr_color()));
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) {
        match self.output {
            ResultFormat::Json => print_json(outcome),
            ResultFormat::Text => print(&text::outcome(outcome)),
            ResultFormat::Markdown => print(&markdown::outcome(outcome)),
        }
    }

    pub(crate) fn report(&self, report: &Report, format: ReportFormat) {
        self.annotate(format == ReportFormat::Text, report.checks());
        match format {
            ReportFormat::Text => print(&report::text(report, self.color())),
            ReportFormat::Json => print_json(report),
            ReportFormat::Junit => print(&junit::xml(report)),
            ReportFormat::Markdown => print(&markdown::report(report)),
        }
    }

    pub(crate) fn status(&self, status: &Status) {
        match self.output {
            ResultFormat::Json => print_json(status),
            ResultFormat::Text => print(&report::status(status, self.color())),
            ResultFormat::Markdown => print(&markdown::status(status)),
        }
    }

    pub(crate) fn diagnoses(&self, diagnoses: &Diagnoses) {
        self.annotate(self.output == ResultFormat::Text, &diagnoses.findings);
        match self.output {
            ResultFormat::Json => print_json(diagnoses),
            ResultFormat::Text => print(&diagnosis::text(diagnoses, self.color())),
            ResultFormat::Markdown => print(&markdown::diagnoses(diagnoses)),
        }
    }

    pub(crate) fn explained(&self, settings: &[Explained]) {
        match self.output {
            ResultFormat::Json => print_json(&explained::json(settings)),
            ResultFormat::Text => print(&explained::text(settings, self.color())),
            ResultFormat::Markdown => print(&markdown::explained(settings)),
        }
    }

    pub(crate) fn max_pods(&self, rows: &[Row]) {
        match self.output {
            ResultFormat::Json => {
                print_json(&serde_json::json!({ "format_version": 1, "instance_types": rows }));
            }
            // The command has no Markdown.
            ResultFormat::Text | ResultFormat::Markdown => print(&text::max_pods(rows)),
        }
    }

    fn report_error(&self, error: &Error) {
        tracing::info!("error: {error}");
        // What comes next must not be in the group of the step that failed.
        let ended = self.log.as_ref().map(JobLog::close).unwrap_or_default();
        eprint_text(&ended);
        if self.events == Format::Json || self.output == ResultFormat::Json {
            self.json.error(error, self.voice.codes);
        } else if let Some(annotations) = self.annotations(error) {
            eprint_text(&annotations);
        } else {
            eprint_text(&text::error(error, self.stderr_color()));
        }
    }

    /// An error and its findings as annotations of the CI service; `None` if it has none.
    fn annotations(&self, error: &Error) -> Option<String> {
        let log = self.log.as_ref()?;
        let failure = log.error(&text::failure(error, false))?;
        let finding = |finding| log.issue(finding).unwrap_or_else(|| issue::text(finding, false));
        Some(error.findings().iter().map(finding).collect::<String>() + &failure)
    }

    /// Shows issues as annotations of the CI service if the result does not show them in the log: it is for a file.
    fn annotate<'a>(&self, in_log: bool, findings: impl IntoIterator<Item = &'a Issue>) {
        if let Some(log) = self.log.as_ref().filter(|_| !in_log && !self.voice.quiet) {
            eprint_text(&findings.into_iter().filter_map(|found| log.issue(found)).collect::<String>());
        }
    }

    /// Prints a line on stderr, beside the result. Among events for programs it is one of them.
    pub(crate) fn say(&self, line: &str) {
        if self.voice.quiet || line.is_empty() {
            return;
        }
        if self.events == Format::Json {
            return self.json.event(&Event::Note { text: line.trim().into() });
        }
        eprint_text(&format!("{}\n", line.trim_end()));
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
    stage::close();
    write_all(&mut std::io::stdout().lock(), ascii::legible(&plugin::as_called(text)).as_bytes());
}

/// Columns of the terminal on stderr; 80 where it does not tell.
fn width() -> usize {
    stage::size().1
}

fn eprint_text(text: &str) {
    stage::write(&ascii::legible(&plugin::as_called(text)));
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    // These values always serialize, and a closed pipe (`| head`) is not an error.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        stage::close();
        write_all(&mut std::io::stdout().lock(), format!("{text}\n").as_bytes());
    }
}

fn write_all(to: &mut impl Write, bytes: &[u8]) {
    let _ = to.write_all(bytes).and_then(|()| to.flush());
}
