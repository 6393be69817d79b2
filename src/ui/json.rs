//! Events and errors as one JSON object per line.

use std::sync::Mutex;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Cause, Error, Halfway};
use crate::events::Event;
use crate::exit::Codes;
use crate::issue::Issue;

/// Prints events and errors, and numbers the lines.
#[derive(Default)]
pub(super) struct Lines(Mutex<u64>);

/// One line of `--events json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EventLine<'a> {
    /// 1. Fields and events may be added without a new version.
    format_version: u32,
    /// 1, 2, 3, …: a gap means that a line was lost.
    sequence: u64,
    /// When the line was printed, as RFC 3339 in UTC.
    time: String,
    #[serde(flatten)]
    event: Shown<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Shown<'a> {
    Event(&'a Event),
    Error(Failure<'a>),
}

/// The command failed, was refused or interrupted; the last line. Without it the command has done what was requested.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename = "error")]
struct Failure<'a> {
    /// The exit code of the process.
    exit_code: u8,
    what: &'a str,
    /// A resource id, a flag, or a file and line.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a Cause>,
    /// How to fix it, or the command to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
    /// Where a run of several steps stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    halfway: Option<&'a Halfway>,
    /// The issues that refuse the run, or that the end state has.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Issue],
}

impl Lines {
    pub(super) fn event(&self, event: &Event) {
        self.print(Shown::Event(event));
    }

    pub(super) fn error(&self, error: &Error, codes: Codes) {
        self.print(Shown::Error(Failure {
            exit_code: codes.code(error.exit()),
            what: error.what(),
            place: error.place(),
            cause: error.reason(),
            fix: error.fix_command(),
            halfway: error.where_it_stopped(),
            findings: error.findings(),
        }));
    }

    fn print(&self, event: Shown<'_>) {
        let Ok(mut sequence) = self.0.lock() else { return };
        *sequence += 1;
        let time = format!("{:.3}", Timestamp::now());
        if let Ok(line) =
            serde_json::to_string(&EventLine { format_version: 1, sequence: *sequence, time, event })
        {
            super::stage::write(&format!("{line}\n"));
        }
    }
}

/// What happens goes to the log as well; waits come too often for it.
pub(super) fn log(event: &Event) {
    if matches!(event, Event::Waiting { .. }) || !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    if let Ok(line) = serde_json::to_string(event) {
        tracing::info!("{line}");
    }
}
