//! What a check has to say: what, where, why, and the mend.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        }
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
