//! The results of `verify` and `status` as text.

use std::fmt::Write as _;

use console::Style;

use crate::issue::{Issue, Severity};
use crate::status::{PoolStatus, Status as Standing, StepState};
use crate::text::counted;
use crate::verify::Report;

use super::issue;
use super::text::heading;

fn style(color: bool) -> Style {
    Style::new().force_styling(color)
}

pub(super) fn text(report: &Report, color: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", heading(&report.cluster, &report.account, &report.region, color));
    for section in &report.sections {
        let _ = writeln!(out, "\n{}", style(color).bold().apply_to(&section.title));
        let _ = writeln!(out, "{}", "-".repeat(section.title.chars().count()));
        for check in &section.checks {
            out.push_str(&one(check, color));
        }
    }
    let count = |status| report.count(status);
    let warnings = match count(Severity::Warning) {
        0 => String::new(),
        warnings => format!(", {}", counted(warnings, "warning")),
    };
    let _ = if report.proven {
        writeln!(
            out,
            "\n{}: {} passed{warnings}.",
            style(color).green().apply_to("Verified"),
            counted(count(Severity::Passed), "check")
        )
    } else {
        writeln!(
            out,
            "\n{}: {} failed, {} unknown{warnings}.",
            style(color).red().apply_to("Not verified"),
            count(Severity::Error),
            count(Severity::Unknown)
        )
    };
    out
}

fn one(check: &Issue, color: bool) -> String {
    let sign = match check.severity() {
        Severity::Passed => style(color).green().apply_to("√"),
        Severity::Warning | Severity::Note => style(color).yellow().apply_to("‼"),
        Severity::Unknown => style(color).yellow().apply_to("?"),
        Severity::Error => style(color).red().apply_to("×"),
    };
    if check.is_passed() {
        return format!("{sign} {}\n", check.what);
    }
    format!("{sign} {} [{}]\n{}", check.what, check.id, issue::lines(check, "    "))
}

/// A table as kubectl prints it. Nothing for a cluster with one pool: the steps say it.
fn pools(pools: &[PoolStatus]) -> String {
    if pools.len() < 2 {
        return String::new();
    }
    let head = ["POOL", "NODE GROUPS", "NEW NODES READY", "OLD NODES LEFT"].map(ToString::to_string);
    let row = |pool: &PoolStatus| {
        [
            pool.name.clone(),
            format!("{}/{}", pool.groups_exist, pool.groups),
            format!("{}/{}", pool.new_nodes_ready, pool.new_nodes),
            pool.old_nodes.to_string(),
        ]
    };
    let rows: Vec<[String; 4]> = [head].into_iter().chain(pools.iter().map(row)).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths = [0, 1, 2].map(width);
    let mut out = String::from("\n");
    for [name, groups, new, old] in &rows {
        let [a, b, c] = widths;
        let _ = writeln!(out, "{name:a$}   {groups:b$}   {new:c$}   {old}");
    }
    out
}

pub(super) fn status(status: &Standing, color: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", heading(&status.cluster, &status.account, &status.region, color));
    for step in &status.steps {
        let (sign, word) = match step.state {
            StepState::Done => (style(color).green().apply_to("√"), "done"),
            StepState::Partial => (style(color).yellow().apply_to("~"), "partial"),
            StepState::Pending => (style(color).dim().apply_to("-"), "pending"),
        };
        let _ = writeln!(out, "{sign} {} {:21}  {word:7}  {}", step.number, step.step.name(), step.what);
    }
    out.push_str(&pools(&status.pools));
    if let Some(run) = &status.run {
        let since = run.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
        let _ = writeln!(out, "\nA run is in progress{since}: {}", run.holder);
    }
    if status.drain_interrupted {
        let drain = format!(
            "eni-custom drain-nodes --cluster {}",
            status.cluster.rsplit('/').next().unwrap_or_default()
        );
        let _ = writeln!(
            out,
            "\nA drain was interrupted.\n  To continue it: {drain}\n  To undo its temporary changes: {drain} --keep-old-nodes"
        );
    }
    for one in &status.suspended {
        let _ = writeln!(
            out,
            "\nAuto Scaling group {}: {} suspended, {}.\n  To resume: {}",
            one.group,
            one.processes.join(" and "),
            one.why,
            one.command
        );
    }
    out
}

#[cfg(test)]
mod tests;
