//! A plan or the results of `verify` as one HTML page: no script, no network, nothing but this file.

mod addresses;
mod alternatives;
mod file;
mod issues;
mod map;
mod pools;
mod report;
mod steps;
mod summary;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::facts::{Facts, detected_version};
use crate::plan::Plan;
use crate::scene::Scene;
use crate::verify::Report;

use addresses::AddressMap;

pub(crate) use file::{may_write, write};

const STYLE: &str = include_str!("html/page.css");
/// Three addresses of a subnet, two of them used.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230f766e'/%3E%3Cpath d='M4 4h8v2H4zm0 3h8v2H4z' fill='%23fff'/%3E%3Cpath d='M4 10h8v2H4z' fill='%23fff' opacity='.45'/%3E%3C/svg%3E";

/// The page of a plan. It needs the scene for the address map.
pub(crate) fn plan(plan: &Plan, scene: &Scene<'_>, next: &str) -> String {
    let addresses = AddressMap::planned(scene, plan);
    let findings = issues::findings(&plan.findings);
    // What refuses the plan comes first.
    let refused = !plan.errors().is_empty();
    let main = html! {
        (summary::plan(plan, next))
        @if refused { (findings) }
        (map::section(&addresses, plan.outlook.as_ref()))
        (pools::section(plan, scene))
        (steps::section(plan))
        @if !refused { (findings) }
        (alternatives::section(plan.alternatives.as_ref()))
    };
    page("Plan", &plan.cluster, (&plan.account, &plan.region), scene.facts, &main)
}

/// The page of the results of `verify`.
pub(crate) fn report(report: &Report, facts: &Facts) -> String {
    let main = html! {
        (summary::report(report))
        (report::sections(report))
        (map::section(&AddressMap::now(facts), None))
    };
    page("Verify", &report.cluster, (&report.account, &report.region), facts, &main)
}

/// Everything around the content of a page.
fn page(what: &str, arn: &str, (account, region): (&str, &str), facts: &Facts, main: &Markup) -> String {
    // Whatever a name contains, the browser runs no script and opens no connection.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(STYLE))
    );
    let name = &facts.cluster.name;
    let time = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let cni = detected_version(&facts.cni).map(|(version, _)| version.to_string());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (what) " · " (name) " · eni-custom" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                (map::patterns())
                (issues::icons())
                header {
                    p.kind { "eni-custom " (what.to_lowercase()) }
                    h1 { (name) }
                    dl.facts {
                        (fact("Account", account))
                        (fact("Region", region))
                        (fact("Kubernetes", &facts.cluster.version))
                        @if let Some(cni) = &cni { (fact("VPC CNI", cni)) }
                        (fact("VPC", &facts.vpc.id))
                        (fact("Read", &time))
                    }
                }
                main { (main) }
                footer {
                    p { "Made by eni-custom " (env!("CARGO_PKG_VERSION")) " for " code { (arn) } ". "
                        "This page is one file: it runs no script and loads nothing." }
                }
            }
        }
    };
    page.into_string()
}

fn fact(label: &str, value: &str) -> Markup {
    html! { div { dt { (label) } dd { (value) } } }
}

/// A number as people read it: `16,379`.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let first = digits.len() % 3;
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 3 == first {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `29 → 20`, or `29` if nothing changes. Screen readers hear "then".
fn shift(before: &str, after: &str) -> Markup {
    html! {
        @if before == after { (after) } @else {
            span.before { (before) } span.arrow aria-hidden="true" { "→" } span.sr { " then " } (after)
        }
    }
}

#[cfg(test)]
mod tests;
