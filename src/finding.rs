//! What a check has to say: what, where, why, and the mend.

pub mod registry;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is changed while it stands.
    Error,
    /// The run goes on, and says so.
    Warning,
    /// Good to know.
    Note,
}

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Stable, for scripts: `EC-NET-003`.
    pub id: &'static str,
    pub severity: Severity,
    pub what: String,
    /// The resource or the flag.
    #[serde(rename = "where")]
    pub place: String,
    pub why: String,
    /// What to do or to type.
    pub mend: String,
    /// Where the documentation tells more.
    pub link: String,
    /// A warning that `--yes` is no answer to: `--accept` is, or a person.
    pub risk: bool,
    /// `--accept` names it.
    pub accepted: bool,
}

impl Finding {
    pub fn error(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, what)
    }

    pub fn warning(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, what)
    }

    pub fn note(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Severity::Note, what)
    }

    fn new(id: &'static str, severity: Severity, what: impl Into<String>) -> Self {
        Finding {
            id,
            severity,
            what: what.into(),
            place: String::new(),
            why: String::new(),
            mend: String::new(),
            link: registry::link(id),
            risk: false,
            accepted: false,
        }
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

    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }
}
