//! What was proven and what was not, as it is shown and as scripts read it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::Finding;
use crate::fixes;
use crate::words::few;

/// What one check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It works now, and may not stay so.
    Warning,
    /// It could not be looked at, so it is not proven.
    Unknown,
    Failed,
}

/// One thing that was looked at. A check has several of these where it fails for different reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// Stable, for scripts: `EC-VFY-021`.
    pub id: &'static str,
    pub status: Status,
    pub what: String,
    /// The first few of what it is about.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do or to type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mend: String,
    /// All that it is about, or the nodes that suffer from it, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    pub title: String,
    pub checks: Vec<Check>,
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

impl Check {
    pub fn ok(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Status::Ok, what)
    }

    pub fn warning(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Status::Warning, what)
    }

    pub fn failed(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(id, Status::Failed, what)
    }

    /// It could not be looked at, for this reason.
    pub fn unknown(id: &'static str, what: impl Into<String>, because: impl AsRef<str>) -> Self {
        Self::new(id, Status::Unknown, what)
            .why(format!("unknown because {}", because.as_ref()))
            .mend(fixes::PERMISSION)
    }

    fn new(id: &'static str, status: Status, what: impl Into<String>) -> Self {
        Check {
            id,
            status,
            what: what.into(),
            place: String::new(),
            why: String::new(),
            mend: String::new(),
            names: Vec::new(),
        }
    }

    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Whether it may pass a moment later without anybody doing anything: nodes become Ready, interfaces are attached,
    /// instances end, pods start.
    pub fn may_still_come(&self) -> bool {
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
        COMING.contains(&self.id)
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

    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    /// The same as a finding; nothing for what is as it should be.
    pub fn finding(&self) -> Option<Finding> {
        let finding = match self.status {
            Status::Ok => return None,
            Status::Failed => Finding::error(self.id, &self.what),
            Status::Warning | Status::Unknown => Finding::warning(self.id, &self.what),
        };
        Some(finding.at(&self.place).why(&self.why).mend(&self.mend))
    }
}

impl Section {
    pub fn new(title: &str, checks: Vec<Check>) -> Self {
        Section { title: title.into(), checks }
    }
}

impl Report {
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.sections.iter().flat_map(|section| &section.checks)
    }

    pub fn count(&self, status: Status) -> usize {
        self.checks().filter(|check| check.status == status).count()
    }

    pub fn with(mut self, section: Section) -> Self {
        self.sections.push(section);
        self.proven = self.count(Status::Failed) + self.count(Status::Unknown) == 0;
        self
    }
}

/// What went wrong, or that nothing did.
pub(super) fn or_ok(problems: Vec<Check>, id: &'static str, what: impl Into<String>) -> Vec<Check> {
    if problems.is_empty() { vec![Check::ok(id, what)] } else { problems }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn only_what_comes_by_itself_is_waited_for() {
        let comes = |id| Check::failed(id, "x").may_still_come();
        assert!(comes("EC-VFY-020") && comes("EC-VFY-087"));
        for id in ["EC-VFY-003", "EC-VFY-005", "EC-VFY-018", "EC-VFY-024", "EC-VFY-028"] {
            assert!(!comes(id), "{id}");
        }
    }
}
