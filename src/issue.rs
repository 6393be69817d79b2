//! What a check has to say: what, where, why, and the fix. The one type of `plan`, `setup`, `verify` and `doctor`.

pub mod registry;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::words::few;

/// How much an issue weighs, the heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is changed while it stands; of a check of `verify`: it has failed.
    Error,
    /// It could not be read, so it is not proven.
    Unknown,
    /// The run goes on, and says so.
    Warning,
    /// Good to know.
    Note,
    /// A check of `verify` that found nothing wrong.
    Passed,
}

/// What is said of a denied permission.
pub const PERMISSION: &str =
    "allow what eni-custom iam-policy --read-only prints, and with --kubernetes; then run this again";

/// One thing that was found, before a change or by a look at what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Issue {
    /// Stable, for scripts: `EC-NET-003`.
    pub id: &'static str,
    pub severity: Severity,
    pub what: String,
    /// The resource or the flag; of several the first few.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What the cluster itself says to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What to do or to type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// All that it is about, or the nodes that suffer from it, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Where it is explained.
    pub link: String,
    /// A warning that `--yes` does not cover: `--accept` does, or a person.
    pub risk: bool,
    /// `--accept` names it.
    pub accepted: bool,
}

impl Issue {
    pub fn error(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, what)
    }

    pub fn warning(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, what)
    }

    pub fn note(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Note, what)
    }

    pub fn passed(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Passed, what)
    }

    /// It could not be looked at, for this reason.
    pub fn unknown(id: &'static str, what: impl Into<String>, because: impl AsRef<str>) -> Self {
        Self::new(id, Severity::Unknown, what)
            .why(format!("unknown because {}", because.as_ref()))
            .fix(PERMISSION)
    }

    pub fn new(id: &'static str, severity: Severity, what: impl Into<String>) -> Self {
        Issue {
            id,
            severity,
            what: what.into(),
            place: String::new(),
            why: String::new(),
            evidence: Vec::new(),
            fix: String::new(),
            names: Vec::new(),
            link: registry::link(id),
            risk: false,
            accepted: false,
        }
    }

    pub fn is_passed(&self) -> bool {
        self.severity == Severity::Passed
    }

    /// The same, with what is known of its id and what was accepted.
    pub fn judged(mut self, accepted: &BTreeSet<String>) -> Self {
        let is_warning = self.severity == Severity::Warning;
        self.risk = is_warning && registry::entry_of(self.id).is_some_and(|entry| entry.risk);
        self.accepted = is_warning && accepted.contains(self.id);
        self
    }

    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// What it is about, one by one.
    pub fn about(mut self, names: Vec<String>) -> Self {
        self.place = few(&names);
        self.names = names;
        self
    }

    /// The nodes that suffer from it, where it is about something else.
    pub fn of(mut self, nodes: Vec<String>) -> Self {
        self.names = nodes;
        self
    }

    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// The first three are enough: the others say the same.
    pub fn evidence(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        let distinct: BTreeSet<String> = evidence.into_iter().filter(|text| !text.is_empty()).collect();
        self.evidence = distinct.into_iter().take(3).collect();
        self
    }

    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}
