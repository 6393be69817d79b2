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
use crate::issue::{Id, Issue, Severity, id};
use crate::scene::Scene;
use crate::verify::{Expected, Report, verify};

pub(crate) use bundle::bundle;

/// All issues, the most severe first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Diagnoses {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// No issue is an error, and nothing is unknown.
    pub healthy: bool,
    pub findings: Vec<Issue>,
}

/// Explains the symptoms, then adds what `verify` finds that has no symptom yet.
pub(crate) fn diagnose(scene: &Scene<'_>, symptoms: &Symptoms) -> Diagnoses {
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
    let off = |check: &&Issue| check.id == id::VFY_001 && !facts.unread.contains_key(&Part::Cni);
    let left = report.checks().filter(|check| !check.is_passed() && !off(check));
    let is_found = |id: &Id| findings.iter().any(|finding| finding.id == *id);
    let explained: BTreeSet<Id> =
        EXPLAINED.iter().filter(|(id, _)| is_found(id)).flat_map(|(_, checks)| *checks).copied().collect();
    findings.extend(left.filter(|check| !explained.contains(&check.id)).cloned());
    let unread_symptoms = symptoms
        .unread
        .iter()
        .map(|(what, why)| Issue::unknown(id::DOC_090, format!("{what} could not be read"), why));
    findings.extend(unread_symptoms);
    findings.sort_by(|a, b| (a.severity(), b.names.len()).cmp(&(b.severity(), a.names.len())));
    let firewall = &facts.firewall;
    let unread = [&firewall.groups_unknown, &firewall.acls_unknown, &facts.backends.unknown];
    // An unread prefix list gives the same finding, but is not a reason to call the cluster unhealthy.
    let reach_unread =
        unread.into_iter().any(Option::is_some) && findings.iter().any(|finding| finding.id == id::RCH_012);
    let unknown = report.count(Severity::Unknown) > 0 || !symptoms.unread.is_empty() || reach_unread;
    Diagnoses {
        format_version: 2,
        cluster: report.cluster,
        account: report.account,
        region: report.region,
        healthy: !unknown && findings.iter().all(|finding| finding.severity() != Severity::Error),
        findings,
    }
}

/// The checks of `verify` that a diagnosis already explains.
const EXPLAINED: &[(Id, &[Id])] = &[
    (id::DOC_001.id(), &[id::VFY_002.id(), id::VFY_011.id(), id::VFY_020.id()]),
    (
        id::DOC_002.id(),
        &[id::VFY_002.id(), id::VFY_013.id(), id::VFY_014.id(), id::VFY_020.id(), id::VFY_022.id()],
    ),
    (
        id::DOC_003.id(),
        &[id::VFY_002.id(), id::VFY_012.id(), id::VFY_016.id(), id::VFY_020.id(), id::VFY_022.id()],
    ),
    (id::DOC_004.id(), &[id::VFY_002.id(), id::VFY_017.id(), id::VFY_020.id(), id::VFY_022.id()]),
    (id::DOC_005.id(), &[id::VFY_002.id(), id::VFY_020.id(), id::VFY_022.id()]),
    (id::DOC_006.id(), &[id::VFY_002.id(), id::VFY_020.id(), id::VFY_022.id()]),
    (id::DOC_085.id(), &[id::VFY_086.id()]),
    (id::DOC_010.id(), &[id::VFY_024.id(), id::VFY_088.id()]),
    (id::DOC_011.id(), &[id::VFY_017.id(), id::VFY_088.id()]),
    (id::DOC_012.id(), &[id::VFY_088.id()]),
    (id::DOC_013.id(), &[id::VFY_088.id()]),
    (id::DOC_014.id(), &[id::VFY_088.id()]),
    (id::DOC_020.id(), &[id::VFY_025.id(), id::VFY_087.id()]),
    (id::DOC_021.id(), &[id::VFY_087.id()]),
    (id::DOC_030.id(), &[id::VFY_075.id()]),
    (id::DOC_031.id(), &[id::VFY_075.id()]),
];

/// The failed check of the report that is about this node.
fn of_node<'a>(report: &'a Report, ids: &[Id], node: &str) -> Option<&'a Issue> {
    report
        .checks()
        .filter(|check| check.severity() == Severity::Error && ids.contains(&check.id))
        .find(|check| check.names.iter().any(|name| name == node))
}

#[cfg(test)]
mod tests;
