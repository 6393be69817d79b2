//! The other results as Markdown: verify, doctor, status, and what a run has done.

use std::fmt::Write as _;

use crate::doctor::Diagnoses;
use crate::issue::{Issue, Severity};
use crate::run::Outcome;
use crate::settings::Explained;
use crate::status::{Status, StepState};
use crate::text::counted;
use crate::verify::Report;

use super::super::explained::origin;
use super::super::issue::severities;
use super::super::text::calls;
use super::escape::{block, cell, code, plain};
use super::space::{LIMIT, Space};
use super::{details, finding, heading, table};

pub(crate) fn report(report: &Report) -> String {
    let mut out = heading("Verify EKS cluster", &report.cluster, &report.account, &report.region);
    let problems: Vec<&Issue> = report.checks().filter(|check| !check.is_passed()).collect();
    let passed = counted(report.count(Severity::Passed), "check");
    let _ = match report.proven {
        true => writeln!(out, "\n**Verified: {passed} passed.**"),
        false => writeln!(out, "\n**Not verified: {}.**", severities(&problems)),
    };
    let mut space = Space::beside(out.len());
    let (listed, less) = space.fill(problems.iter().map(|check| finding(check)).collect(), 1);
    out.push_str(&shortened(less));
    if !listed.is_empty() {
        let _ = write!(out, "\n{listed}");
    }
    let sections = report.sections.iter().filter_map(|section| {
        let passed = section.checks.iter().filter(|check| check.is_passed());
        let names: Vec<String> = passed.map(|check| plain(&check.what)).collect();
        (!names.is_empty()).then(|| format!("- **{}**: {}\n", plain(&section.title), names.join("; ")))
    });
    let (all, _) = space.fill(sections.collect(), 1);
    if !all.is_empty() {
        let _ = write!(out, "\n{}", details(&format!("{passed} passed"), &all));
    }
    out
}

pub(crate) fn diagnoses(diagnoses: &Diagnoses) -> String {
    let mut out = heading("Doctor on EKS cluster", &diagnoses.cluster, &diagnoses.account, &diagnoses.region);
    let found: Vec<&Issue> = diagnoses.findings.iter().collect();
    if found.is_empty() {
        out.push_str("\n**Nothing is wrong, as far as eni-custom can see.**\n");
        return out;
    }
    let _ = writeln!(out, "\n**{}**", severities(&found));
    let (listed, less) = Space::beside(out.len()).fill(found.into_iter().map(finding).collect(), 1);
    out.push_str(&shortened(less));
    let _ = write!(out, "\n{listed}");
    out
}

/// Says how many findings do not fit; nothing if all do.
fn shortened(left_out: usize) -> String {
    match left_out {
        0 => String::new(),
        count => format!(
            "\n**Shortened to {LIMIT} characters, the limit of a comment on GitHub.** Left out: {}. Without {} the same \
             command prints all.\n",
            counted(count, "finding"),
            code("--output markdown")
        ),
    }
}

pub(crate) fn status(status: &Status) -> String {
    let mut out = heading("Status of EKS cluster", &status.cluster, &status.account, &status.region);
    let rows = status.steps.iter().map(|step| {
        let state = match step.state {
            StepState::Done => "done",
            StepState::Partial => "**partial**",
            StepState::Pending => "pending",
        };
        vec![format!("{} {}", step.number, step.step.name()), state.into(), plain(&step.what)]
    });
    let _ = write!(out, "\n{}", table(&["step", "state", ""], rows));
    if status.pools.len() > 1 {
        let rows = status.pools.iter().map(|pool| {
            vec![
                cell(&pool.name),
                format!("{}/{}", pool.groups_exist, pool.groups),
                format!("{}/{}", pool.new_nodes_ready, pool.new_nodes),
                pool.old_nodes.to_string(),
            ]
        });
        let _ =
            write!(out, "\n{}", table(&["pool", "node groups", "new nodes Ready", "old nodes left"], rows));
    }
    if let Some(run) = &status.run {
        let since = run.since.as_ref().map(|since| format!(" since {}", plain(since))).unwrap_or_default();
        let _ = writeln!(out, "\nA run is in progress{since}: {}", code(&run.holder));
    }
    if status.drain_interrupted {
        let name = status.cluster.rsplit('/').next().unwrap_or_default();
        let drain = format!("eni-custom drain-nodes --cluster {name}");
        let _ = write!(out, "\n**A drain was interrupted.** To continue it:\n\n{}", block("sh", &drain));
    }
    for one in &status.suspended {
        let _ = write!(
            out,
            "\nAuto Scaling group {}: {} suspended, {}. To resume:\n\n{}",
            code(&one.group),
            one.processes.join(" and "),
            plain(one.why),
            block("sh", &one.command)
        );
    }
    out
}

/// The settings that have a value.
pub(crate) fn explained(settings: &[Explained]) -> String {
    let set = settings.iter().filter(|one| !one.values.is_empty());
    let rows =
        set.map(|one| vec![code(&one.flag), cell(&one.values.join(", ")), plain(&origin(&one.origin))]);
    format!("### Settings\n\n{}", table(&["setting", "value", "from"], rows))
}

pub(crate) fn outcome(outcome: &Outcome) -> String {
    let changes: usize = outcome.steps.iter().map(|step| step.changes).sum();
    let done = if changes == 0 { "Nothing to do" } else { "Done" };
    let name = outcome.cluster.rsplit('/').next().unwrap_or(&outcome.cluster);
    let rows = outcome.steps.iter().map(|step| {
        vec![
            format!("{} {}", step.step.number(), step.step.name()),
            step.changes.to_string(),
            format!("{:.1} s", step.seconds),
            step.calls.reads.to_string(),
            step.calls.writes.to_string(),
        ]
    });
    format!(
        "### EKS cluster {}\n\n{}\n\n**{done}: {} in {:.1} s**, {}.\n\n{}",
        code(name),
        code(&outcome.cluster),
        counted(changes, "change"),
        outcome.seconds,
        calls(outcome.calls),
        table(&["step", "changes", "time", "reads", "writes"], rows)
    )
}
