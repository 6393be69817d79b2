//! The diagnoses of `doctor` as text.

use std::fmt::Write as _;

use console::Style;

use crate::doctor::Diagnoses;

use super::issue;
use super::text::heading;

pub(super) fn text(diagnoses: &Diagnoses, color: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", heading(&diagnoses.cluster, &diagnoses.account, &diagnoses.region, color));
    for (at, found) in diagnoses.findings.iter().enumerate() {
        let what = Style::new().force_styling(color).bold().apply_to(&found.what);
        let severity = issue::severity(found.severity(), color);
        let _ = writeln!(out, "\n{}. {severity} {}: {what}", at + 1, found.id);
        out.push_str(&issue::lines(found, "   "));
    }
    if diagnoses.findings.is_empty() {
        out.push_str("\nNothing is wrong, as far as eni-custom can see.\n");
    }
    out
}
