//! An issue: what, where, why, and the fix. `plan`, `setup`, `verify` and `doctor` share this type.

pub mod id;
pub mod severity;
mod typed;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::text::few;

pub use severity::Severity;
pub use typed::{Id, IdOf, Rated};

use severity::{Fails, MayBeUnknown, Notes, Passes, Warns};

/// The fix for a missing permission.
pub const PERMISSION: &str = "add the permissions that eni-custom iam-policy --read-only prints (also with --kubernetes), then run this again";

/// One issue of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Issue {
    /// Stable, for scripts: `EC-NET-003`.
    #[schemars(with = "String")]
    pub id: Id,
    // Private, so that it is always one that its id allows.
    severity: Severity,
    pub what: String,
    /// The resource or the flag; of several, only the first few.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Messages of the cluster that show the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// How to fix it, or the command to run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// The names of all affected objects, or of the affected nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Its documentation.
    pub link: String,
    /// A warning that `--yes` does not cover: it needs `--accept` or an answer at the terminal.
    pub risk: bool,
    /// It was accepted with `--accept`.
    pub accepted: bool,
}

impl Issue {
    pub fn error(id: IdOf<impl Fails>, what: impl Into<String>) -> Self {
        Self::new(id.error(), what)
    }

    pub fn warning(id: IdOf<impl Warns>, what: impl Into<String>) -> Self {
        Self::new(id.warning(), what)
    }

    pub fn note(id: IdOf<impl Notes>, what: impl Into<String>) -> Self {
        Self::new(id.note(), what)
    }

    pub fn passed(id: IdOf<impl Passes>, what: impl Into<String>) -> Self {
        Self::new(id.passed(), what)
    }

    /// A check whose facts could not be read, with the reason.
    pub fn unknown(id: IdOf<impl MayBeUnknown>, what: impl Into<String>, because: impl AsRef<str>) -> Self {
        Self::new(id.unknown(), what).why(format!("unknown because {}", because.as_ref())).fix(PERMISSION)
    }

    /// For a severity that depends on the cluster: `Issue::new(id::NET_013.warning(), …)`.
    pub fn new(rated: Rated, what: impl Into<String>) -> Self {
        let id = rated.id();
        Issue {
            id,
            severity: rated.severity(),
            what: what.into(),
            place: String::new(),
            why: String::new(),
            evidence: Vec::new(),
            fix: String::new(),
            names: Vec::new(),
            link: id.link(),
            risk: false,
            accepted: false,
        }
    }

    pub fn severity(&self) -> Severity {
        self.severity
    }

    pub fn is_passed(&self) -> bool {
        self.severity == Severity::Passed
    }

    /// The same issue with `risk` from the table of ids, and `accepted` from the accepted ids.
    pub fn judged(mut self, accepted: &BTreeSet<Id>) -> Self {
        let is_warning = self.severity == Severity::Warning;
        self.risk = is_warning && self.id.is_risk();
        self.accepted = is_warning && accepted.contains(&self.id);
        self
    }

    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Sets the names of the affected objects, and the place from the first few.
    pub fn about(mut self, names: Vec<String>) -> Self {
        self.place = few(&names);
        self.names = names;
        self
    }

    /// Sets the names of the affected nodes, without changing the place.
    pub fn of(mut self, nodes: Vec<String>) -> Self {
        self.names = nodes;
        self
    }

    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Adds evidence; three messages are enough, the others are similar.
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
