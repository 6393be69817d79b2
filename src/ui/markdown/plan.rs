//! A plan as Markdown: what to decide on first, and the steps to unfold.

use std::fmt::Write as _;

use crate::issue::{Issue, Severity};
use crate::plan::{Outlook, Plan, PoolOutlook, StepPlan};
use crate::step::{Change, Sign};
use crate::text::{about, counted};

use super::super::issue::severities;
use super::super::outlook;
use super::super::text::plain_change;
use super::escape::{block, cell, code, html, plain};
use super::space::{LIMIT, Space};
use super::{details, finding, heading, table};

/// `apply`: the command that makes the changes.
pub(crate) fn plan(plan: &Plan, apply: &str) -> String {
    let (head, next) = (head(plan), next(plan, apply));
    let outlook = plan.outlook.as_ref().filter(|_| plan.changes() > 0).map(outlook).unwrap_or_default();
    let lines: usize = plan.steps.iter().map(|step| around(plan, step, "").len()).sum();
    let mut space = Space::beside(head.len() + next.len() + outlook.len() + lines);

    let (findings, less_findings) = space.fill(plan.findings.iter().map(finding).collect(), 2);
    let pools = if plan.changes() > 0 { plan.pools.iter().filter_map(pool).collect() } else { Vec::new() };
    let (pools, less_pools) = space.fill(pools, 2);
    let (mut steps, mut less_changes) = (String::new(), 0);
    for step in &plan.steps {
        let (changes, less) = space.fill(step.changes.iter().map(change).collect(), 1);
        less_changes += less;
        steps.push_str(&around(plan, step, &changes));
    }

    let mut out = head;
    let left_out = [(less_findings, "finding"), (less_pools, "pool"), (less_changes, "change")];
    out.push_str(&shortened(&left_out));
    if !findings.is_empty() {
        let all: Vec<&Issue> = plan.findings.iter().collect();
        let _ = writeln!(out, "\n#### {}\n\n{}", severities(&all), findings.trim_end());
    }
    let _ = writeln!(out, "\n#### Steps\n\n{}", steps.trim_end());
    if !pools.is_empty() {
        let _ = writeln!(out, "\n#### Pools\n\n{}", pools.trim_end());
    }
    out.push_str(&outlook);
    out.push_str(&next);
    out
}

fn head(plan: &Plan) -> String {
    let title = if plan.undo { "Undo plan for EKS cluster" } else { "Plan for EKS cluster" };
    let mut out = heading(title, &plan.cluster, &plan.account, &plan.region);
    let seconds: u64 = plan.steps.iter().filter_map(|step| step.estimated_seconds).sum();
    let (errors, left_out) = (plan.errors().len(), plan.steps.iter().any(|step| step.left_out.is_some()));
    out.push('\n');
    match plan.changes() {
        0 if errors > 0 => {}
        0 if left_out => out.push_str("**Nothing else to do.**\n"),
        0 => out.push_str("**Nothing to do.**\n"),
        _ => {
            let _ = writeln!(
                out,
                "**{} to create, {} to change, {} to remove**, in about {}.",
                plan.count(Sign::Create),
                plan.count(Sign::Change),
                plan.count(Sign::Remove),
                about(seconds)
            );
        }
    }
    if errors > 0 {
        let _ = writeln!(out, "**Refused: fix {} first.**", counted(errors, "error"));
    }
    out
}

/// Says what does not fit; nothing if all fits.
fn shortened(left_out: &[(usize, &str)]) -> String {
    let counts: Vec<String> =
        left_out.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)).collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!(
            "\n**Shortened to {LIMIT} characters, the limit of a comment on GitHub.** Left out: {}. Without {} the same \
             command prints the whole plan.\n",
            counts.join(", "),
            code("--output markdown")
        ),
    }
}

/// A step with its changes.
fn around(plan: &Plan, step: &StepPlan, changes: &str) -> String {
    let title = format!("{} {}", step.number, step.step.name());
    if step.changes.is_empty() {
        let state = match &step.left_out {
            Some(left_out) => plain(left_out),
            None if plan.undo => "nothing to undo".into(),
            None => "up to date".into(),
        };
        let notes: String = step.notes.iter().map(|note| format!("; {}", plain(note))).collect();
        return format!("{title}: {state}{notes}\n\n");
    }
    let count = |sign: Sign, verb: &str| {
        let count = step.count(sign);
        (count > 0).then(|| format!("{count} to {verb}"))
    };
    let counts = [(Sign::Create, "create"), (Sign::Change, "change"), (Sign::Remove, "remove")];
    let mut said: Vec<String> = counts.into_iter().filter_map(|(sign, verb)| count(sign, verb)).collect();
    let time = step.estimated_seconds.filter(|seconds| *seconds > 0);
    said.extend(time.map(|seconds| format!("about {}", about(seconds))));
    let mut body = String::new();
    for note in step.left_out.iter().chain(&step.notes) {
        let _ = writeln!(body, "{}\n", plain(note));
    }
    match changes.is_empty() {
        true => body.push_str("Not shown.\n"),
        false => body.push_str(&block("diff", changes)),
    }
    format!("{}\n", details(&format!("<b>{}</b>: {}", html(&title), html(&said.join(", "))), &body))
}

/// A change as the text of a plan has it, from the first column on: a `diff` colors lines that begin with a sign.
fn change(change: &Change) -> String {
    let text = plain_change(change);
    let unindented = |line: &str| format!("{}\n", line.strip_prefix("    ").unwrap_or(line));
    text.lines().map(unindented).collect()
}

/// What replaces a pool, property by property; nothing for a pool that is kept.
fn pool(pool: &PoolOutlook) -> Option<String> {
    if pool.rows.is_empty() {
        return None;
    }
    let replaces =
        pool.replaces.as_deref().map(|old| format!(", replaces {}", html(old))).unwrap_or_default();
    let summary =
        format!("<b>{}</b>{replaces}: {}", html(&pool.name), counted(pool.groups.len(), "node group"));
    let value = |text: &str| if text.is_empty() { String::new() } else { cell(text) };
    let changed = pool.rows.iter().filter_map(|row| {
        Some(vec![plain(row.what), value(&row.before), value(&row.after), plain(row.why?)])
    });
    let mut body = table(&["", "now", "then", "why"], changed);
    let same = pool.rows.iter().filter(|row| row.why.is_none());
    let same: Vec<String> =
        same.map(|row| format!("{} {}", row.what, code(&row.before)).trim_end().to_string()).collect();
    if !same.is_empty() {
        let _ = writeln!(body, "\nUnchanged: {}", same.join("; "));
    }
    Some(format!("{}\n", details(&summary, &body)))
}

fn outlook(outlook: &Outlook) -> String {
    // Only a zone's name is not ours.
    let rows = outlook::rows(outlook, "→").map(|mut row| {
        row[0] = plain(&row[0]);
        row.into()
    });
    format!("\n#### Outlook\n\n{}\n{}\n", table(&outlook::HEAD, rows), outlook::instances(outlook))
}

/// What to do next; nothing if there is nothing to do.
fn next(plan: &Plan, apply: &str) -> String {
    if plan.findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return "\n#### Next\n\nFix the errors, then plan again.\n".into();
    }
    if plan.changes() == 0 {
        return String::new();
    }
    let risks = match plan.open_risks().len() {
        0 => String::new(),
        risks => format!(
            "{} must be accepted with {} first; {} is not enough.\n\n",
            counted(risks, "risk"),
            code("--accept"),
            code("--yes")
        ),
    };
    format!("\n#### Next\n\n{risks}To make these changes:\n\n{}", block("sh", apply))
}
