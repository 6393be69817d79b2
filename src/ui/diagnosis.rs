//! Causes and their mends, as text.

use std::fmt::Write as _;

use console::Style;

use crate::doctor::Diagnoses;
use crate::finding::Severity;

use super::text::heading;

pub fn text(diagnoses: &Diagnoses, color: bool) -> String {
    let style = || Style::new().force_styling(color);
    let mut out = String::new();
    let _ = writeln!(out, "{}", heading(&diagnoses.cluster, &diagnoses.account, &diagnoses.region, color));
    for (at, finding) in diagnoses.findings.iter().enumerate() {
        let severity = match finding.severity {
            Severity::Error => style().red().apply_to("error"),
            Severity::Warning => style().yellow().apply_to("warning"),
            Severity::Note => style().dim().apply_to("note"),
        };
        let _ = writeln!(
            out,
            "\n{}. {severity} {}: {}",
            at + 1,
            finding.id,
            style().bold().apply_to(&finding.what)
        );
        let lines = [("where", &finding.place), ("cause", &finding.cause)];
        let evidence = finding.evidence.iter().map(|told| ("says", told));
        for (name, value) in lines.into_iter().chain(evidence).chain([("mend", &finding.mend)]) {
            if !value.is_empty() {
                let _ = writeln!(out, "   {name:5}  {value}");
            }
        }
    }
    if diagnoses.findings.is_empty() {
        out.push_str("\nNothing is wrong that can be seen from here.\n");
    }
    out
}
