//! How severe an issue is, and as types the severities that the issues of an id may have.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;

/// The severity of an issue, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It must be fixed before any change; in `verify`: the check failed.
    Error,
    /// It could not be read, so the result is unknown.
    Unknown,
    /// The run can continue once it is accepted.
    Warning,
    /// For information only.
    Note,
    /// A check of `verify` that passed.
    Passed,
}

/// The severities of an id, as a type: `IdOf<Warning>` can't be reported as an error.
pub trait Severities {
    /// Several if the severity depends on the cluster. A `Check` may also pass or be unknown.
    const ALL: &'static [Severity];
    /// As a warning it needs `--accept`: continuing may affect running workloads.
    const RISK: bool = false;
}

/// The id has errors.
#[diagnostic::on_unimplemented(
    message = "the severity of this id is `{Self}`: it can't be reported as an error",
    label = "not the id of an error",
    note = "src/issue/id.rs has the severities of all ids"
)]
pub trait Fails: Severities {}

/// The id has warnings.
#[diagnostic::on_unimplemented(
    message = "the severity of this id is `{Self}`: it can't be reported as a warning",
    label = "not the id of a warning",
    note = "src/issue/id.rs has the severities of all ids"
)]
pub trait Warns: Severities {}

/// The id has notes.
#[diagnostic::on_unimplemented(
    message = "the severity of this id is `{Self}`: it can't be reported as a note",
    label = "not the id of a note",
    note = "src/issue/id.rs has the severities of all ids"
)]
pub trait Notes: Severities {}

/// The id is that of a check that is also reported if it passed.
#[diagnostic::on_unimplemented(
    message = "the severity of this id is `{Self}`: it can't be reported as passed",
    label = "not the id of a check of `verify`",
    note = "src/issue/id.rs has the severities of all ids"
)]
pub trait Passes: Severities {}

/// The id is reported if the facts for it could not be read.
#[diagnostic::on_unimplemented(
    message = "the severity of this id is `{Self}`: it can't be reported as unknown",
    label = "not the id of a check of `verify`",
    note = "src/issue/id.rs has the severities of all ids"
)]
pub trait MayBeUnknown: Severities {}

pub enum Error {}
pub enum Warning {}
/// A warning that `--yes` does not cover.
pub enum Risk {}
pub enum Note {}
pub enum Unknown {}
pub enum ErrorOrWarning {}
pub enum ErrorOrRisk {}
pub enum ErrorOrNote {}
pub enum RiskOrNote {}
/// A check of `verify`: its issues have the severities `S`, and it may also pass or be unknown.
pub struct Check<S>(PhantomData<S>);

impl Severities for Error {
    const ALL: &'static [Severity] = &[Severity::Error];
}

impl Severities for Warning {
    const ALL: &'static [Severity] = &[Severity::Warning];
}

impl Severities for Risk {
    const ALL: &'static [Severity] = &[Severity::Warning];
    const RISK: bool = true;
}

impl Severities for Note {
    const ALL: &'static [Severity] = &[Severity::Note];
}

impl Severities for Unknown {
    const ALL: &'static [Severity] = &[Severity::Unknown];
}

impl Severities for ErrorOrWarning {
    const ALL: &'static [Severity] = &[Severity::Error, Severity::Warning];
}

impl Severities for ErrorOrRisk {
    const ALL: &'static [Severity] = &[Severity::Error, Severity::Warning];
    const RISK: bool = true;
}

impl Severities for ErrorOrNote {
    const ALL: &'static [Severity] = &[Severity::Error, Severity::Note];
}

impl Severities for RiskOrNote {
    const ALL: &'static [Severity] = &[Severity::Warning, Severity::Note];
    const RISK: bool = true;
}

impl<S: Severities> Severities for Check<S> {
    const ALL: &'static [Severity] = S::ALL;
}

impl Fails for Error {}
impl Fails for ErrorOrWarning {}
impl Fails for ErrorOrRisk {}
impl Fails for ErrorOrNote {}
impl<S: Fails> Fails for Check<S> {}

impl Warns for Warning {}
impl Warns for Risk {}
impl Warns for ErrorOrWarning {}
impl Warns for ErrorOrRisk {}
impl Warns for RiskOrNote {}
impl<S: Warns> Warns for Check<S> {}

impl Notes for Note {}
impl Notes for ErrorOrNote {}
impl Notes for RiskOrNote {}

impl<S: Severities> Passes for Check<S> {}

impl MayBeUnknown for Unknown {}
impl<S: Severities> MayBeUnknown for Check<S> {}
