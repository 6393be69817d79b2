//! The nine steps as a timeline, each with its changes.

use maud::{Markup, html};

use crate::plan::{Plan, StepPlan};
use crate::step::{Change, Field, Sign, Step};
use crate::text::{about, counted};

pub(super) fn section(plan: &Plan) -> Markup {
    let total: u64 = plan.steps.iter().filter_map(|step| step.estimated_seconds).sum();
    let mut begin = 0;
    let timed = plan.steps.iter().map(|step| {
        let at = begin;
        begin += step.estimated_seconds.unwrap_or_default();
        (step, at)
    });
    let timed: Vec<_> = timed.collect();
    html! {
        section #steps {
            div.title {
                h2 { "Steps" }
                @if total > 0 { p.dim { "about " (about(total)) " in all" } }
            }
            ol.panel.steps { @for (step, at) in timed { (one(step, at, total)) } }
        }
    }
}

/// What a step does, in a few words.
fn title(step: Step) -> &'static str {
    match step {
        Step::AssociateCidr => "Associate a secondary CIDR block",
        Step::CreateSubnets => "Create the pod subnets",
        Step::SetEnv => "Enable custom networking in aws-node",
        Step::DetectCni => "Check the VPC CNI version",
        Step::InstallCrd => "Install the ENIConfig CRD",
        Step::WriteEniconfigs => "Write an ENIConfig per zone",
        Step::LaunchNodegroups => "Create the new node groups",
        Step::PatchSecurityGroups => "Set security groups, start the nodes",
        Step::DrainNodes => "Drain and terminate the old nodes",
    }
}

fn one(step: &StepPlan, begin: u64, total: u64) -> Markup {
    let (state, word) = match (step.changes.len(), &step.left_out) {
        (1.., _) => ("todo", counted(step.changes.len(), "change")),
        (0, Some(_)) => ("left", "not planned".into()),
        (0, None) => ("done", "up to date".into()),
    };
    let seconds = step.estimated_seconds.filter(|seconds| *seconds > 0);
    let head = html! {
        span.what { strong { (title(step.step)) } " " code.dim { (step.step.name()) } }
        span.state { (word) }
        span.track { @if let Some(seconds) = seconds { (bar(begin, seconds, total)) } }
        span.time { @if let Some(seconds) = seconds { "about " (about(seconds)) } }
    };
    let notes = html! {
        @if let Some(left_out) = &step.left_out { p.remark { (left_out) } }
        @for note in &step.notes { p.remark { (note) } }
    };
    html! {
        li class=(state) {
            span.number aria-hidden="true" { (step.number) }
            span.sr { "Step " (step.number) ": " }
            @if step.changes.is_empty() {
                div.head { (head) }
                (notes)
            } @else {
                details open[step.changes.len() <= FEW] {
                    summary.head { (head) }
                    (notes)
                    ul.changes { @for change in &step.changes { li { (one_change(change)) } } }
                }
            }
        }
    }
}

/// So many changes are shown without a click.
const FEW: usize = 3;

/// When the step runs, on the time of the whole run. The time is beside it as text.
fn bar(begin: u64, seconds: u64, total: u64) -> Markup {
    let share = |value: u64| format!("{:.2}%", 100.0 * value as f64 / total.max(1) as f64);
    html! {
        svg.gantt aria-hidden="true" {
            rect.fill.cell x=(share(begin)) width=(share(seconds)) height="100%" rx="2" {}
        }
    }
}

fn one_change(change: &Change) -> Markup {
    let (class, word) = match change.sign {
        Sign::Create => ("create", "create"),
        Sign::Change => ("change", "change"),
        Sign::Remove => ("remove", "remove"),
    };
    html! {
        p.resource {
            span class={ "sign " (class) } aria-hidden="true" { (mark(change.sign)) }
            span.sr { (word) " " }
            (change.resource)
        }
        @if !change.fields.is_empty() {
            dl.fields { @for field in &change.fields { div { dt { (field.name) } dd { (value(field)) } } } }
        }
    }
}

fn mark(sign: Sign) -> &'static str {
    match sign {
        Sign::Create => "+",
        Sign::Change => "~",
        Sign::Remove => "−",
    }
}

fn value(field: &Field) -> Markup {
    let after = html! {
        @match &field.after {
            Some(after) => { (after) }
            None => { span.dim { "known after apply" } }
        }
    };
    html! {
        @if let Some(before) = &field.before {
            span.before { (before) } span.arrow aria-hidden="true" { "→" } span.sr { " then " }
        }
        (after)
    }
}
