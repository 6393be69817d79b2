//! The results of `verify`, for screens and for scripts.

use schemars::JsonSchema;
use serde::Serialize;

use crate::issue::{Issue, Severity};

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    pub title: String,
    pub checks: Vec<Issue>,
}

/// All results of `verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// No check failed, and none is unknown.
    pub proven: bool,
    pub sections: Vec<Section>,
}

impl Section {
    pub fn new(title: &str, checks: Vec<Issue>) -> Self {
        Section { title: title.into(), checks }
    }
}

impl Report {
    pub fn checks(&self) -> impl Iterator<Item = &Issue> {
        self.sections.iter().flat_map(|section| &section.checks)
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.checks().filter(|check| check.severity == severity).count()
    }

    pub fn with(mut self, section: Section) -> Self {
        self.sections.push(section);
        self.proven = self.count(Severity::Error) + self.count(Severity::Unknown) == 0;
        self
    }
}

/// The problems, or one passed check if there are none.
pub(super) fn or_ok(problems: Vec<Issue>, id: &'static str, what: impl Into<String>) -> Vec<Issue> {
    if problems.is_empty() { vec![Issue::passed(id, what)] } else { problems }
}

/// Whether the check may pass later by itself: nodes become Ready, interfaces are attached, instances terminate, pods
/// start.
pub fn may_resolve_itself(check: &Issue) -> bool {
    const TRANSIENT: [&str; 11] = [
        "EC-VFY-002",
        "EC-VFY-010",
        "EC-VFY-011",
        "EC-VFY-013",
        "EC-VFY-020",
        "EC-VFY-021",
        "EC-VFY-022",
        "EC-VFY-030",
        "EC-VFY-087",
        "EC-VFY-088",
        "EC-VFY-089",
    ];
    TRANSIENT.contains(&check.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_failures_are_waited_for() {
        let resolves = |id| may_resolve_itself(&Issue::error(id, "x"));
        assert!(resolves("EC-VFY-020") && resolves("EC-VFY-087"));
        for id in ["EC-VFY-003", "EC-VFY-005", "EC-VFY-018", "EC-VFY-024", "EC-VFY-028"] {
            assert!(!resolves(id), "{id}");
        }
    }
}
