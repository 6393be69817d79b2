//! Events and errors as one JSON object per line, with a sequence number.

use std::sync::Mutex;

use serde::Serialize;

use crate::error::Error;
use crate::events::Event;
use crate::exit::Codes;

/// Numbers the lines, so that a reader can detect lost ones.
#[derive(Default)]
pub(super) struct Lines(Mutex<u64>);

#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    #[serde(flatten)]
    event: &'a Event,
}

impl Lines {
    pub(super) fn show(&self, event: &Event) {
        let Ok(mut sequence) = self.0.lock() else { return };
        *sequence += 1;
        if let Ok(line) = serde_json::to_string(&Line { sequence: *sequence, event }) {
            super::eprint_text(&format!("{line}\n"));
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

#[derive(Serialize)]
struct Failure<'a> {
    event: &'static str,
    exit_code: u8,
    what: &'a str,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a crate::error::Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halfway: Option<&'a crate::error::Halfway>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [crate::issue::Issue],
}

pub(super) fn error(error: &Error, codes: Codes) {
    let failure = Failure {
        event: "error",
        exit_code: codes.code(error.exit()),
        what: error.what(),
        place: error.place(),
        cause: error.reason(),
        fix: error.fix_command(),
        halfway: error.where_it_stopped(),
        findings: error.findings(),
    };
    if let Ok(line) = serde_json::to_string(&failure) {
        super::eprint_text(&format!("{line}\n"));
    }
}
