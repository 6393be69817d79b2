//! The top of a page: the verdict, and the numbers that matter most.

use maud::{Markup, html};

use crate::issue::Severity;
use crate::plan::{Outlook, Plan};
use crate::step::Sign;
use crate::text::{about, counted, plural};
use crate::verify::Report;

use super::super::issue::severities;
use super::issues::{icon, word};
use super::{number, shift};

pub(super) fn plan(plan: &Plan, next: &str) -> Markup {
    let (severity, verdict) = verdict(plan);
    let apply = plan.errors().is_empty() && plan.changes() > 0;
    html! {
        section.summary aria-label="Summary" {
            div class={ "verdict " (word(severity)) } {
                p { (icon(severity)) strong { (verdict) } }
                @if !plan.findings.is_empty() { p.jump { a href="#findings" { (severities(&plan.findings.iter().collect::<Vec<_>>())) } } }
                @if apply { p.next { span.dim { "To make these changes" } code { (next) } } }
            }
            @if plan.changes() > 0 {
                dl.tiles {
                    (changes(plan))
                    @if let Some(outlook) = &plan.outlook { (effects(outlook)) }
                }
            }
        }
    }
}

fn verdict(plan: &Plan) -> (Severity, String) {
    let (errors, risks) = (plan.errors().len(), plan.open_risks().len());
    match (errors, risks, plan.changes()) {
        (1.., _, _) => (Severity::Error, format!("Refused: fix {} first", counted(errors, "error"))),
        (_, _, 0) => (Severity::Passed, "Nothing to do".into()),
        (_, 1.., _) => {
            (Severity::Warning, format!("{} must be accepted before any change", counted(risks, "risk")))
        }
        _ => (Severity::Passed, "Ready: no check refuses this plan".into()),
    }
}

fn tile(label: &str, value: &Markup, remark: &Markup) -> Markup {
    html! { div { dt { (label) } dd { span.value { (value) } span.remark { (remark) } } } }
}

fn changes(plan: &Plan) -> Markup {
    let (create, change, remove) =
        (plan.count(Sign::Create), plan.count(Sign::Change), plan.count(Sign::Remove));
    tile(
        plural(plan.changes(), "Change").as_str(),
        &html! { (number(plan.changes() as u64)) },
        &html! {
            span.create { "+ " (create) " create" } " " span.change { "~ " (change) " change" } " "
            span.remove { "− " (remove) " remove" }
        },
    )
}

fn effects(outlook: &Outlook) -> Markup {
    let text = |value: u32| number(value.into());
    let total = |of: &dyn Fn(&crate::plan::ZoneOutlook) -> u32| text(outlook.zones.iter().map(of).sum());
    let (room, room_after) =
        (total(&|zone| zone.pod_capacity.before), total(&|zone| zone.pod_capacity.after));
    let nodes = |free: fn(&crate::plan::SubnetOutlook) -> u32| {
        total(&|zone| zone.node_subnet.as_ref().map_or(0, free))
    };
    let pods = total(&|zone| zone.pod_subnet.as_ref().map_or(0, |subnet| subnet.free_after));
    let instances = &outlook.instances;
    html! {
        (tile(
            "Time",
            &html! { (about(outlook.estimated_seconds)) },
            &html! { "estimated, for all steps" },
        ))
        (tile(
            "Instances",
            &html! {
                (text(instances.before)) span.arrow aria-hidden="true" { "→" } span.sr { " then " }
                (text(instances.meanwhile)) span.arrow aria-hidden="true" { "→" } span.sr { " then " }
                (text(instances.after))
            },
            &html! {
                "before, during, after"
                @if let Some(vcpus) = &outlook.vcpus {
                    " · " (counted(vcpus.meanwhile.saturating_sub(vcpus.before), "more vCPU")) " meanwhile"
                }
            },
        ))
        (tile(
            "Pods to move",
            &html! { (total(&|zone| zone.pods_to_move)) },
            &html! { "room for " (shift(&room, &room_after)) " pods" },
        ))
        (tile(
            "Free pod addresses",
            &html! { (pods) },
            &html! {
                "at least; free node addresses "
                (shift(
                    &nodes(|subnet| subnet.free_before.unwrap_or_default()),
                    &nodes(|subnet| subnet.free_after),
                ))
            },
        ))
    }
}

pub(super) fn report(report: &Report) -> Markup {
    let count = |severity| report.count(severity);
    let (severity, verdict) = match report.proven {
        true => (Severity::Passed, "Verified: custom networking works"),
        false => (Severity::Error, "Not verified"),
    };
    let one = |severity: Severity, label: &str| {
        html! {
            div.zero[count(severity) == 0] {
                dt { (label) }
                dd { span.value { (icon(severity)) (count(severity)) } }
            }
        }
    };
    html! {
        section.summary aria-label="Summary" {
            div class={ "verdict " (word(severity)) } { p { (icon(severity)) strong { (verdict) } } }
            dl.tiles {
                (one(Severity::Passed, "Passed"))
                (one(Severity::Error, "Failed"))
                (one(Severity::Unknown, "Unknown"))
                (one(Severity::Warning, "Warnings"))
            }
        }
    }
}
