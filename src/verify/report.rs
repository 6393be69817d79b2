//! What was proven and what was not, as it is shown and as scripts read it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::issue::{Issue, Severity};

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    pub title: String,
    pub checks: Vec<Issue>,
}

/// All that `verify` has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// Nothing has failed, and nothing was left unknown.
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

/// What went wrong, or that nothing did.
pub(super) fn or_ok(problems: Vec<Issue>, id: &'static str, what: impl Into<String>) -> Vec<Issue> {
    if problems.is_empty() { vec![Issue::passed(id, what)] } else { problems }
}

/// Whether it may pass a moment later without anybody doing anything: nodes become Ready, interfaces are attached,
/// instances end, pods start.
pub fn may_still_come(check: &Issue) -> bool {
    const COMING: [&str; 11] = [
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
    COMING.contains(&check.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_by_itself_is_waited_for() {
        let comes = |id| may_still_come(&Issue::error(id, "x"));
        assert!(comes("EC-VFY-020") && comes("EC-VFY-087"));
        for id in ["EC-VFY-003", "EC-VFY-005", "EC-VFY-018", "EC-VFY-024", "EC-VFY-028"] {
            assert!(!comes(id), "{id}");
        }
    }
}
