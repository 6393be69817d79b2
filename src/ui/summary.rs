//! A plan on one screen, before the question whether to go on: what each step does, what it costs, what to know.

use std::fmt::Write as _;

use console::{Style, truncate_str};

use crate::issue::Severity;
use crate::plan::Plan;
use crate::step::Sign;
use crate::text::{about, counted, subject};

use super::issue;

pub(super) fn text(plan: &Plan, color: bool) -> String {
    let style = || Style::new().force_styling(color);
    let mut out = String::from("\n");
    for step in &plan.steps {
        let counts: Vec<String> =
            [(Sign::Create, "create"), (Sign::Change, "change"), (Sign::Remove, "remove")]
                .into_iter()
                .map(|(sign, verb)| (step.count(sign), verb))
                .filter(|(count, _)| *count > 0)
                .map(|(count, verb)| format!("{verb} {count}"))
                .collect();
        let what = match &step.left_out {
            Some(reason) if counts.is_empty() => reason.clone(),
            _ if counts.is_empty() => "up to date".to_string(),
            _ => counts.join(", "),
        };
        let time = step.estimated_seconds.filter(|seconds| *seconds > 0);
        let time = time.map(|seconds| format!("about {}", about(seconds))).unwrap_or_default();
        let line =
            format!("  {} {:22} {:36} {time}", step.number, step.step.name(), truncate_str(&what, 36, "..."));
        let line = line.trim_end();
        match counts.is_empty() {
            true => _ = writeln!(out, "{}", style().dim().apply_to(line)),
            false => _ = writeln!(out, "{line}"),
        }
    }
    if let Some(outlook) = &plan.outlook {
        let _ = writeln!(
            out,
            "\n  About {} in all. Meanwhile {}, afterwards {}.",
            style().bold().apply_to(about(outlook.estimated_seconds)),
            subject(outlook.instances.meanwhile, "instance", "runs", "run"),
            outlook.instances.after
        );
    }
    let notes = plan.findings.iter().filter(|finding| finding.severity() == Severity::Note).count();
    let warnings: Vec<_> =
        plan.findings.iter().filter(|finding| finding.severity() != Severity::Note).collect();
    for finding in &warnings {
        out.push('\n');
        out.push_str(&issue::text(finding, color));
    }
    if notes > 0 {
        let _ = writeln!(out, "\n  {}: see details.", counted(notes, "note"));
    }
    out
}
