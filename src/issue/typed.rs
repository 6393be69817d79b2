//! Ids as types: one that can be compared and shown, and one that also says its severities.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::severity::{Fails, MayBeUnknown, Notes, Passes, Severity, Warns};

/// A row of the table.
pub(super) struct Row {
    pub name: &'static str,
    pub severities: &'static [Severity],
    pub risk: bool,
    pub title: &'static str,
}

/// The id of an issue, stable for scripts: `EC-NET-003`, whose middle part is its area.
#[derive(Clone, Copy)]
pub struct Id(&'static Row);

/// An id with its severities as a type, for `Issue::error`, `Issue::warning` and the others.
///
/// ```no_run
/// use eni_custom::issue::{Issue, id};
/// Issue::error(id::NET_003, "AWS would reject CIDR block 10.0.0.0/8");
/// ```
///
/// A severity that the table does not allow does not compile:
///
/// ```compile_fail,E0277
/// use eni_custom::issue::{Issue, id};
/// Issue::warning(id::NET_003, "AWS would reject CIDR block 10.0.0.0/8");
/// ```
///
/// Nor does an id that is not in the table:
///
/// ```compile_fail,E0425
/// use eni_custom::issue::{Issue, id};
/// Issue::error(id::NET_999, "no such id");
/// ```
///
/// Only a check of `verify` can pass:
///
/// ```compile_fail,E0277
/// use eni_custom::issue::{Issue, id};
/// Issue::passed(id::NET_003, "AWS accepts CIDR block 10.0.0.0/8");
/// ```
pub struct IdOf<S> {
    id: Id,
    severities: PhantomData<S>,
}

/// An id with one of its severities, where that depends on the cluster: `id::NET_013.warning()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rated {
    id: Id,
    severity: Severity,
}

impl Id {
    pub fn as_str(self) -> &'static str {
        self.0.name
    }

    /// What its issues are about, in a few words.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// The severities of its issues. A check of `verify` may also pass or be unknown.
    pub fn severities(self) -> &'static [Severity] {
        self.0.severities
    }

    /// As a warning it needs `--accept`: continuing may affect running workloads.
    pub fn is_risk(self) -> bool {
        self.0.risk
    }

    /// Its documentation, relative to the repository's root.
    pub fn link(self) -> String {
        format!("docs/checks.md#{}", self.as_str().to_lowercase())
    }
}

impl<S> Clone for IdOf<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for IdOf<S> {}

impl<S> IdOf<S> {
    pub(super) const fn of(row: &'static Row) -> Self {
        IdOf { id: Id(row), severities: PhantomData }
    }

    /// The id alone, for lists of ids with different severities.
    pub const fn id(self) -> Id {
        self.id
    }

    const fn rated(self, severity: Severity) -> Rated {
        Rated { id: self.id, severity }
    }

    pub const fn error(self) -> Rated
    where
        S: Fails,
    {
        self.rated(Severity::Error)
    }

    pub const fn warning(self) -> Rated
    where
        S: Warns,
    {
        self.rated(Severity::Warning)
    }

    pub const fn note(self) -> Rated
    where
        S: Notes,
    {
        self.rated(Severity::Note)
    }

    pub const fn passed(self) -> Rated
    where
        S: Passes,
    {
        self.rated(Severity::Passed)
    }

    pub const fn unknown(self) -> Rated
    where
        S: MayBeUnknown,
    {
        self.rated(Severity::Unknown)
    }
}

impl Rated {
    pub const fn id(self) -> Id {
        self.id
    }

    pub const fn severity(self) -> Severity {
        self.severity
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Id {}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<S> PartialEq<IdOf<S>> for Id {
    fn eq(&self, other: &IdOf<S>) -> bool {
        *self == other.id
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<S> fmt::Display for IdOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<S> fmt::Debug for IdOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
