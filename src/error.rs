//! The one error type: what failed, where, why, and how to fix it.

mod library;

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::Exit;
use crate::issue::{Id, Issue};
use crate::step::Step;
use crate::text::counted;

pub(crate) use library::{chain, find, one_line, root_cause, tls_trouble};

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a call failed: the service's code and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cause {
    /// AWS error code (`CidrConflict`) or Kubernetes reason (`Forbidden`); empty if there is none.
    pub code: String,
    pub message: String,
    /// AWS request id, which AWS Support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.is_empty(), self.message.is_empty()) {
            (false, false) => write!(f, "{}: {}", self.code, self.message)?,
            (false, true) => f.write_str(&self.code)?,
            _ => f.write_str(&self.message)?,
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

/// A failure that a user can act on.
#[derive(Debug, Clone)]
pub struct Error(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    exit: Exit,
    what: String,
    at: Option<String>,
    cause: Option<Cause>,
    fix: Option<String>,
    halfway: Option<Halfway>,
    findings: Vec<Issue>,
}

/// Where a run of several steps stopped, and the commands to resume or to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Halfway {
    pub done: Vec<Step>,
    pub stopped_in: Step,
    pub not_begun: Vec<Step>,
    /// The command that resumes the run.
    pub resume: String,
    /// The command that undoes the completed changes; absent if the run itself was an undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Error {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Error(Box::new(Parts {
            exit,
            what: what.into(),
            at: None,
            cause: None,
            fix: None,
            halfway: None,
            findings: Vec::new(),
        }))
    }

    /// A call or a wait that failed: exit 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// Arguments that can't be used: exit 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// A check that failed before anything was changed: exit 3.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what)
    }

    /// All issues of the checks at once: exit 3.
    pub fn refused_by(findings: Vec<Issue>) -> Self {
        let what = match findings.len() {
            1 => "refused by a check; nothing was changed".to_string(),
            n => format!("refused by {}; nothing was changed", counted(n, "check")),
        };
        let mut error = Self::new(Exit::Refused, what);
        error.0.findings = findings;
        error
    }

    /// Risks that `--yes` does not cover: exit 3.
    pub fn refused_for_risks(findings: Vec<Issue>) -> Self {
        let what = match findings.len() {
            1 => "a risk must be accepted first; nothing was changed".to_string(),
            n => format!("{} must be accepted first; nothing was changed", counted(n, "risk")),
        };
        let ids: BTreeSet<Id> = findings.iter().map(|finding| finding.id).collect();
        let flags: Vec<String> = ids.iter().map(|id| format!("--accept {id}")).collect();
        let mut error = Self::new(Exit::Refused, what).fix(format!("fix it, or add {}", flags.join(" ")));
        error.0.findings = findings;
        error
    }

    /// Changed, but not verified: exit 4.
    pub fn unproven(what: impl Into<String>) -> Self {
        Self::new(Exit::Unproven, what)
    }

    /// The same, with an issue for each failed check.
    pub fn unproven_by(what: impl Into<String>, findings: Vec<Issue>) -> Self {
        let mut error = Self::unproven(what);
        error.0.findings = findings;
        error
    }

    /// Ctrl-C: exit 130.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// Ctrl-C before anything was changed: exit 130.
    pub fn interrupted_before_work() -> Self {
        Self::new(Exit::Interrupted, "interrupted; nothing was changed")
    }

    /// A second Ctrl-C: exit 130.
    pub fn left_at_once() -> Self {
        Self::new(Exit::Interrupted, "interrupted twice: the run was left at once")
            .because("temporary changes of a drain may not be undone: cordons, sizes, suspended processes")
            .fix("run the same command again: it continues, and undoes what it does not need")
    }

    /// Where: a resource id, a flag, a file and line.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.at = Some(place.into());
        self
    }

    pub fn cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// A cause that is a plain sentence, without a code.
    pub fn because(self, message: impl fmt::Display) -> Self {
        self.cause(Cause { code: String::new(), message: message.to_string(), request_id: None })
    }

    /// How to fix it: a command to copy.
    pub fn fix(mut self, command: impl Into<String>) -> Self {
        self.0.fix = Some(command.into());
        self
    }

    /// Where the run stopped.
    pub fn halfway(mut self, halfway: Halfway) -> Self {
        self.0.halfway = Some(halfway);
        self
    }

    /// The same, unless a fix is already set.
    pub fn or_fix(self, command: impl Into<String>) -> Self {
        if self.0.fix.is_some() { self } else { self.fix(command) }
    }

    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    pub fn what(&self) -> &str {
        &self.0.what
    }

    pub fn place(&self) -> Option<&str> {
        self.0.at.as_deref()
    }

    pub fn reason(&self) -> Option<&Cause> {
        self.0.cause.as_ref()
    }

    pub fn fix_command(&self) -> Option<&str> {
        self.0.fix.as_deref()
    }

    pub fn where_it_stopped(&self) -> Option<&Halfway> {
        self.0.halfway.as_ref()
    }

    pub fn findings(&self) -> &[Issue] {
        &self.0.findings
    }

    /// What failed and the service's code, for a run that continues without the result.
    pub fn in_short(&self) -> String {
        match self.code() {
            "" => self.to_string(),
            code => format!("{}: {code}", self.what()),
        }
    }

    /// The service's error code, or an empty text.
    pub fn code(&self) -> &str {
        self.0.cause.as_ref().map_or("", |cause| &cause.code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if let Some(at) = &self.0.at {
            write!(f, " ({at})")?;
        }
        if let Some(cause) = &self.0.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
