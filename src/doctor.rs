//! Finds the causes of what is wrong with a cluster, and their fixes, from its symptoms and from what the CNI does with
//! its configuration. Needs no earlier run of eni-custom. Pure.

mod bundle;
mod groups;
mod network;
mod nodes;
mod pods;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::checks::current;
use crate::facts::{Part, Symptoms};
use crate::issue::{Issue, Severity};
use crate::scene::Scene;
use crate::verify::{Expected, Report, verify};

pub use bundle::bundle;

/// All causes, the most severe first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnoses {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// No finding is an error, and nothing is unknown.
    pub healthy: bool,
    pub findings: Vec<Issue>,
}

/// Explains the symptoms, then adds what `verify` finds that has no symptom yet.
pub fn diagnose(scene: &Scene<'_>, symptoms: &Symptoms) -> Diagnoses {
    let facts = scene.facts;
    let report = verify(facts, &Expected::default());
    let mut findings = nodes::diagnose(facts, symptoms, &report);
    findings.extend(pods::diagnose(facts, symptoms, &report));
    findings.extend(network::diagnose(facts));
    findings.extend(groups::diagnose(scene, symptoms));
    if !facts.cluster.auto_mode && !facts.cluster.ipv6 {
        findings.extend(current(scene));
    }
    // A cluster without custom networking is not broken; only `verify` reports that.
    let off = |check: &&Issue| check.id == "EC-VFY-001" && !facts.unread.contains_key(&Part::Cni);
    let left = report.checks().filter(|check| !check.is_passed() && !off(check));
    let explained: BTreeSet<&str> =
        findings.iter().flat_map(|finding| explains(finding.id)).copied().collect();
    findings.extend(left.filter(|check| !explained.contains(check.id)).cloned());
    let unread_symptoms = symptoms
        .unread
        .iter()
        .map(|(what, why)| Issue::unknown("EC-DOC-090", format!("{what} could not be read"), why));
    findings.extend(unread_symptoms);
    findings.sort_by(|a, b| (a.severity, b.names.len()).cmp(&(b.severity, a.names.len())));
    let firewall = &facts.firewall;
    let unread = [&firewall.groups_unknown, &firewall.acls_unknown, &facts.backends.unknown];
    // An unread prefix list gives the same finding, but is not a reason to call the cluster unhealthy.
    let reach_unread =
        unread.into_iter().any(Option::is_some) && findings.iter().any(|finding| finding.id == "EC-RCH-012");
    let unknown = report.count(Severity::Unknown) > 0 || !symptoms.unread.is_empty() || reach_unread;
    Diagnoses {
        format_version: 2,
        cluster: report.cluster,
        account: report.account,
        region: report.region,
        healthy: !unknown && findings.iter().all(|finding| finding.severity != Severity::Error),
        findings,
    }
}

/// The checks of `verify` that this diagnosis already explains.
fn explains(id: &str) -> &'static [&'static str] {
    match id {
        "EC-DOC-001" => &["EC-VFY-002", "EC-VFY-011", "EC-VFY-020"],
        "EC-DOC-002" => &["EC-VFY-002", "EC-VFY-013", "EC-VFY-014", "EC-VFY-020", "EC-VFY-022"],
        "EC-DOC-003" => &["EC-VFY-002", "EC-VFY-012", "EC-VFY-016", "EC-VFY-020", "EC-VFY-022"],
        "EC-DOC-004" => &["EC-VFY-002", "EC-VFY-017", "EC-VFY-020", "EC-VFY-022"],
        "EC-DOC-005" | "EC-DOC-006" => &["EC-VFY-002", "EC-VFY-020", "EC-VFY-022"],
        "EC-DOC-085" => &["EC-VFY-086"],
        "EC-DOC-010" => &["EC-VFY-024", "EC-VFY-088"],
        "EC-DOC-011" => &["EC-VFY-017", "EC-VFY-088"],
        "EC-DOC-012" | "EC-DOC-013" | "EC-DOC-014" => &["EC-VFY-088"],
        "EC-DOC-020" => &["EC-VFY-025", "EC-VFY-087"],
        "EC-DOC-021" => &["EC-VFY-087"],
        "EC-DOC-030" | "EC-DOC-031" => &["EC-VFY-075"],
        _ => &[],
    }
}

/// The failed check of the report that is about this node.
fn of_node<'a>(report: &'a Report, ids: &[&str], node: &str) -> Option<&'a Issue> {
    report
        .checks()
        .filter(|check| check.severity == Severity::Error && ids.contains(&check.id))
        .find(|check| check.names.iter().any(|name| name == node))
}

#[cfg(test)]
mod tests;
