//! Findings and checks: each with its severity, what, where, why and fix.

use maud::{Markup, html};

use crate::issue::{Issue, Severity};
use crate::text::counted;
use crate::ui::issue::fields;

/// A severity's word, which is also its style and the end of its icon's id.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Unknown => "unknown",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Passed => "passed",
    }
}

/// The symbols that `icon` shows. They differ in shape, not only in color.
pub(super) fn icons() -> Markup {
    let symbol = |name: &str, outline: &str, sign: &str| {
        html! {
            symbol id={ "icon-" (name) } viewBox="0 0 16 16" {
                path.outline d=(outline) {}
                path.sign d=(sign) {}
            }
        }
    };
    const CIRCLE: &str = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z";
    const OCTAGON: &str = "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z";
    const TRIANGLE: &str = "M8 1.2 15.6 14.6H.4z";
    html! {
        svg.hidden width="0" height="0" aria-hidden="true" focusable="false" {
            (symbol("error", OCTAGON, "M5.5 5.5l5 5m0-5l-5 5"))
            (symbol("unknown", CIRCLE, "M6 6.3a2 2 0 1 1 2.9 1.8c-.6.3-.9.6-.9 1.3M8 11.4v.3"))
            (symbol("warning", TRIANGLE, "M8 6v4m0 2.1v.3"))
            (symbol("note", CIRCLE, "M8 7.2v4M8 4.6v.3"))
            (symbol("passed", CIRCLE, "M4.8 8.3l2.2 2.2 4.2-4.6"))
        }
    }
}

/// The icon of a severity. Its word is beside it, so screen readers skip the icon.
pub(super) fn icon(severity: Severity) -> Markup {
    let word = word(severity);
    html! {
        svg class={ "icon " (word) } width="16" height="16" aria-hidden="true" { use href={ "#icon-" (word) } {} }
    }
}

/// All findings of a plan, the most severe first; nothing if there are none.
pub(super) fn findings(findings: &[Issue]) -> Markup {
    let mut sorted: Vec<&Issue> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.severity(), finding.accepted, !finding.risk));
    html! {
        @if !sorted.is_empty() {
            section #findings {
                div.title {
                    h2 { "Findings" }
                    p.dim { (counted(sorted.len(), "finding")) }
                }
                div.panel.list { @for finding in sorted { (finding_card(finding)) } }
            }
        }
    }
}

fn finding_card(finding: &Issue) -> Markup {
    let word = word(finding.severity());
    html! {
        article class={ "finding " (word) } {
            (icon(finding.severity()))
            div {
                h3 { span.sr { (word) ": " } (finding.what) }
                p.tags {
                    span class={ "chip " (word) } { (word) }
                    span.chip { code { (finding.id) } }
                    @if finding.accepted {
                        span.chip { "accepted" }
                    } @else if finding.risk {
                        span.chip.warning { "risk: needs --accept " (finding.id) "; --yes does not cover it" }
                    }
                }
                (details(finding))
            }
        }
    }
}

/// Where, why, what the cluster says, and the fix.
pub(super) fn details(issue: &Issue) -> Markup {
    // The names are in the list below the place if there are more than the place shows.
    const IN_PLACE: usize = 5;
    let mut fields = fields(issue);
    // A path in the repository leads nowhere from a page.
    fields.retain(|(label, value)| *label != "more" || value.starts_with("https://"));
    html! {
        @if !fields.is_empty() {
            dl.fields {
                @for (label, value) in fields {
                    div { dt { (label) } dd class=(label) {
                        @if label == "more" { a href=(value) { (value) } } @else { (value) }
                    } }
                }
            }
        }
        @if issue.names.len() > IN_PLACE {
            details {
                summary { "All " (issue.names.len()) " names" }
                ul.names { @for name in &issue.names { li { code { (name) } } } }
            }
        }
    }
}
