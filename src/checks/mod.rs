//! Checks before the first change. Each check is pure, and reports everything that it finds.

mod addresses;
mod alternatives;
mod autoscalers;
mod aws_auth;
mod cluster;
mod cni;
mod drain;
mod eniconfigs;
mod evictions;
#[cfg(test)]
mod field;
pub(crate) mod groups;
mod health;
mod managed;
mod network;
mod nodes;
mod permissions;
mod pools;
mod quotas;
mod reachability;
mod undo;
mod unread;
mod workload;

#[cfg(test)]
use crate::facts::Facts;
#[cfg(test)]
use crate::goal::Goal;
use crate::issue::{Issue, Severity};
use crate::scene::Scene;

pub(crate) use cluster::{UNSUPPORTED, not_active};
pub(crate) use reachability::{current, others};

/// The issues of one check, for its tests.
#[cfg(test)]
fn found(check: fn(&Scene<'_>, &mut Vec<Issue>), facts: &Facts, arguments: &[&str]) -> Vec<Issue> {
    let settings = crate::sample::settings(arguments);
    let design = crate::design::design(&settings, facts);
    let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
    let mut findings = Vec::new();
    check(&scene, &mut findings);
    findings
}

/// The same for the sample cluster after a change.
#[cfg(test)]
fn found_after(
    check: fn(&Scene<'_>, &mut Vec<Issue>),
    arguments: &[&str],
    change: impl FnOnce(&mut Facts),
) -> Vec<Issue> {
    let mut facts = crate::sample::facts();
    change(&mut facts);
    found(check, &facts, arguments)
}

#[cfg(test)]
fn ids(findings: &[Issue]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.as_str()).collect()
}

/// The issues of one check, each as `id severity: what`.
#[cfg(test)]
fn reported(check: fn(&Scene<'_>, &mut Vec<Issue>), facts: &Facts, arguments: &[&str]) -> Vec<String> {
    let line = |finding: &Issue| format!("{} {:?}: {}", finding.id, finding.severity(), finding.what);
    found(check, facts, arguments).iter().map(line).collect()
}

/// All issues, the most severe first.
pub(crate) fn check(scene: &Scene<'_>) -> Vec<Issue> {
    let mut findings = Vec::new();
    if let Some(undo) = scene.undo() {
        undo::check(scene, undo, &mut findings);
        health::check(scene, &mut findings);
        findings.sort_by_key(|finding| finding.severity());
        return findings;
    }
    cluster::check(scene, &mut findings);
    // If custom networking can't work on this cluster at all, other issues would only distract.
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return findings;
    }
    network::check(scene, &mut findings);
    cni::check(scene, &mut findings);
    nodes::check(scene, &mut findings);
    pools::check(scene, &mut findings);
    managed::check(scene, &mut findings);
    health::check(scene, &mut findings);
    autoscalers::check(scene, &mut findings);
    reachability::check(scene, &mut findings);
    workload::check(scene, &mut findings);
    drain::check(scene, &mut findings);
    groups::check(scene, &mut findings);
    quotas::check(scene, &mut findings);
    addresses::check(scene, &mut findings);
    permissions::check(scene, &mut findings);
    alternatives::check(scene, &mut findings);
    unread::check(scene, &mut findings);
    findings.sort_by_key(|finding| finding.severity());
    findings
}
