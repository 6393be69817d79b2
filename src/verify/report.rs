//! The results of `verify`, for screens and for scripts.

use schemars::JsonSchema;
use serde::Serialize;

use crate::issue::severity::Passes;
use crate::issue::{Id, IdOf, Issue, Severity, id};

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ReportSection {
    pub title: String,
    pub checks: Vec<Issue>,
}

/// All results of `verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Report {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// No check failed, and none is unknown.
    pub proven: bool,
    pub sections: Vec<ReportSection>,
}

impl ReportSection {
    pub(crate) fn new(title: &str, checks: Vec<Issue>) -> Self {
        ReportSection { title: title.into(), checks }
    }
}

impl Report {
    pub(crate) fn checks(&self) -> impl Iterator<Item = &Issue> {
        self.sections.iter().flat_map(|section| &section.checks)
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.checks().filter(|check| check.severity() == severity).count()
    }

    pub(crate) fn with(mut self, section: ReportSection) -> Self {
        self.sections.push(section);
        self.proven = self.count(Severity::Error) + self.count(Severity::Unknown) == 0;
        self
    }
}

/// The problems, or one passed check if there are none.
pub(super) fn or_ok(problems: Vec<Issue>, id: IdOf<impl Passes>, what: impl Into<String>) -> Vec<Issue> {
    if problems.is_empty() { vec![Issue::passed(id, what)] } else { problems }
}

/// Whether the check may pass later by itself: nodes become Ready, interfaces are attached, instances terminate, pods
/// start.
pub(crate) fn may_resolve_itself(check: &Issue) -> bool {
    const TRANSIENT: [Id; 11] = [
        id::VFY_002.id(),
        id::VFY_010.id(),
        id::VFY_011.id(),
        id::VFY_013.id(),
        id::VFY_020.id(),
        id::VFY_021.id(),
        id::VFY_022.id(),
        id::VFY_030.id(),
        id::VFY_087.id(),
        id::VFY_088.id(),
        id::VFY_089.id(),
    ];
    TRANSIENT.contains(&check.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_failures_are_waited_for() {
        let resolves = |rated| may_resolve_itself(&Issue::new(rated, "x"));
        assert!(resolves(id::VFY_020.error()) && resolves(id::VFY_087.error()));
        let others = [id::VFY_005, id::VFY_018, id::VFY_028].map(|id| id.error());
        for rated in others.into_iter().chain([id::VFY_003.error(), id::VFY_024.error()]) {
            assert!(!resolves(rated), "{rated:?}");
        }
    }
}
