//! The results of `verify`: each check that passed in one line, each problem with where, why and fix.

use maud::{Markup, html};

use crate::issue::{Issue, Severity};
use crate::text::part;
use crate::verify::{Report, ReportSection};

use super::issues::{details, icon, word};

pub(super) fn sections(report: &Report) -> Markup {
    html! {
        section #checks {
            div.title { h2 { "Checks" } }
            div.checks { @for section in &report.sections { (panel(section)) } }
        }
    }
}

fn panel(section: &ReportSection) -> Markup {
    let passed = section.checks.iter().filter(|check| check.is_passed()).count();
    html! {
        article.panel {
            div.line {
                h3 { (section.title) }
                p.dim { (part(passed, section.checks.len(), "check")) " passed" }
            }
            ul.results { @for check in &section.checks { (result(check)) } }
        }
    }
}

fn result(check: &Issue) -> Markup {
    let severity = check.severity();
    html! {
        li class=(word(severity)) {
            (icon(severity))
            div {
                p {
                    span.sr { (word(severity)) ": " }
                    (check.what)
                    @if severity != Severity::Passed { " " span class={ "chip " (word(severity)) } { (word(severity)) } }
                    " " code.dim { (check.id) }
                }
                @if severity != Severity::Passed { (details(check)) }
            }
        }
    }
}
