//! An issue as text, the same for `plan`, `setup`, `verify` and `doctor`.

use std::fmt::Write as _;

use console::Style;

use crate::issue::{Issue, Severity};
use crate::text::counted;

/// The name of a severity, in its color.
pub(super) fn severity(severity: Severity, color: bool) -> String {
    let style = || Style::new().force_styling(color);
    match severity {
        Severity::Error => style().red().apply_to("error"),
        Severity::Unknown => style().yellow().apply_to("unknown"),
        Severity::Warning => style().yellow().apply_to("warning"),
        Severity::Note => style().dim().apply_to("note"),
        Severity::Passed => style().green().apply_to("passed"),
    }
    .to_string()
}

/// `1 error, 2 warnings`, the most severe first; without what passed.
pub(super) fn severities(findings: &[&Issue]) -> String {
    let of = |severity: Severity, noun: &str| {
        let count = findings.iter().filter(|one| one.severity() == severity).count();
        (count > 0).then(|| counted(count, noun))
    };
    let all = [
        of(Severity::Error, "error"),
        of(Severity::Unknown, "unknown check"),
        of(Severity::Warning, "warning"),
        of(Severity::Note, "note"),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `error EC-NET-003: what`, then where, why and fix.
pub(super) fn text(issue: &Issue, color: bool) -> String {
    let mark = match (issue.risk, issue.accepted) {
        (_, true) => " (accepted)".to_string(),
        (true, false) => format!(" (risk: needs --accept {}; --yes does not cover it)", issue.id),
        (false, false) => String::new(),
    };
    let what = Style::new().force_styling(color).bold().apply_to(&issue.what);
    format!("{} {}: {what}{mark}\n{}", severity(issue.severity(), color), issue.id, lines(issue, "  "))
}

/// All fields except the headline, one line each.
pub(super) fn lines(issue: &Issue, indent: &str) -> String {
    labelled(&fields(issue), indent)
}

/// Labels and values in two columns, one line each. The labels of every issue and error are as wide as `where`.
pub(super) fn labelled(fields: &[(&str, &str)], indent: &str) -> String {
    let width = fields.iter().map(|(label, _)| label.len()).max().unwrap_or_default().max("where".len());
    let mut out = String::new();
    for (label, value) in fields {
        let _ = writeln!(out, "{indent}{label:width$}  {value}");
    }
    out
}

/// Labels and values of the fields that are not empty.
pub(super) fn fields(issue: &Issue) -> Vec<(&'static str, &str)> {
    let evidence = issue.evidence.iter().map(|text| ("says", text.as_str()));
    [("where", issue.place.as_str()), ("why", &issue.why)]
        .into_iter()
        .chain(evidence)
        .chain([("fix", issue.fix.as_str()), ("more", &issue.link)])
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
