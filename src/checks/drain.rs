//! Which nodes are drained, and whether the drain can work with the given flags.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::design::chosen;
use crate::eviction::filter::sort;
use crate::eviction::load_balancers;
use crate::issue::{Issue, id};
use crate::step::Step;
use crate::text::{flag_value, subject};

use crate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::DrainNodes]) || scene.settings.drain.keep_old_nodes {
        return;
    }
    selection(scene, findings);
    deadline(scene, findings);
    past_budgets(scene, findings);
}

fn selection(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, settings) = (scene.facts, scene.settings);
    let there: BTreeSet<&str> = facts.nodes.iter().map(|node| node.name.as_str()).collect();
    for name in settings.drain.node.iter().filter(|name| !there.contains(name.as_str())) {
        findings.push(
            Issue::error(id::DRN_001, format!("no node is named '{name}'"))
                .at(settings.named("node"))
                .why("it is not in the output of kubectl get nodes")
                .fix("use a name that kubectl get nodes shows, or omit the flag to drain all old nodes"),
        );
    }
    let groups: BTreeSet<&str> = facts
        .node_groups
        .managed
        .iter()
        .map(|group| group.name.as_str())
        .chain(facts.node_groups.groups.keys().map(String::as_str))
        .collect();
    for name in settings.drain.old_node_groups.iter().filter(|name| !groups.contains(name.as_str())) {
        findings.push(
            Issue::error(id::DRN_002, format!("no node group is named '{name}'"))
                .at(settings.named("old-node-group"))
                .why("the cluster has no managed node group or Auto Scaling group with this name")
                .fix(format!("use one of: {}", groups.iter().copied().collect::<Vec<_>>().join(", "))),
        );
    }
    let Some(chosen) = chosen(settings, facts) else { return };
    if chosen.is_empty() && findings.is_empty() {
        findings.push(
            Issue::error(id::DRN_003, "no node matches the selection")
                .at(settings.named("selector"))
                .why("no node has all of the given labels, names and groups")
                .fix("kubectl get nodes --show-labels"),
        );
    }
    let new: Vec<&str> =
        chosen.iter().filter(|name| !scene.design.old_nodes.contains(*name)).map(String::as_str).collect();
    if !new.is_empty() {
        findings.push(
            Issue::error(
                id::DRN_004,
                subject(new.len(), "selected node", "is not an old node", "are not old nodes"),
            )
            .at(new.iter().take(5).copied().collect::<Vec<_>>().join(", "))
            .why("their pods already have addresses from the pod subnets, or custom networking does not apply to them")
            .fix("select only old nodes; eni-custom plan counts them"),
        );
    }
}

/// A drain can't end before a pod's grace period or the load balancers' deregistration delay is over.
fn deadline(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let whole = scene.settings.drain_deadline();
    if let Some(wait) = load_balancers::wait(scene.facts, scene.settings).filter(|wait| *wait > whole) {
        findings.push(
            Issue::error(
                id::DRN_005,
                format!("{} s is shorter than load balancers need to deregister a node", whole.as_secs()),
            )
            .at(scene.settings.named("drain-timeout"))
            .why(format!("each empty node waits {} s", wait.as_secs()))
            .fix(format!("set --drain-timeout {} or more, or a shorter --lb-drain", flag_value(wait))),
        );
    }
    let sorted = sort(scene.facts, &scene.design.drained, scene.settings);
    let Some(slowest) = sorted.evict.iter().max_by_key(|pod| pod.grace_seconds) else { return };
    let grace = Duration::from_secs(u64::try_from(slowest.grace_seconds).unwrap_or_default());
    let limits = [
        (scene.settings.drain_deadline_flag(), Some(scene.settings.drain_deadline())),
        ("pod-timeout", scene.settings.drain.pod_timeout),
    ];
    for (flag, limit) in limits {
        let Some(limit) = limit.filter(|limit| *limit < grace) else { continue };
        findings.push(
            Issue::error(id::DRN_005, format!("{} s is shorter than a pod's grace period", limit.as_secs()))
                .at(scene.settings.named(flag))
                .why(format!("{} has a grace period of {} s", slowest.full_name(), grace.as_secs()))
                .fix(format!("set --{flag} {} or more", flag_value(grace))),
        );
    }
}

/// `--yes` does not cover this one.
fn past_budgets(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let name = &scene.facts.cluster.name;
    if !scene.settings.drain.disable_eviction || scene.settings.run.confirm_cluster.as_ref() == Some(name) {
        return;
    }
    findings.push(
        Issue::error(id::DRN_006, "--disable-eviction needs a confirmation")
            .at("--disable-eviction")
            .why("it deletes pods regardless of their PodDisruptionBudgets: workloads may be down during the drain")
            .fix(format!("add --confirm-cluster {name} to confirm, or omit --disable-eviction")),
    );
}

#[cfg(test)]
mod tests {
    use crate::goal::Goal;
    use crate::sample::{facts, pod};

    use super::*;

    #[test]
    fn the_flag_that_was_given_is_the_one_that_is_too_short() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        let blamed = |arguments: &[&str], given: &str| {
            let settings = crate::sample::settings(arguments).given(given);
            let design = crate::design::design(&settings, &facts);
            let scene = Scene { goal: Goal::Setup, settings: &settings, facts: &facts, design: &design };
            let mut findings = Vec::new();
            check(&scene, &mut findings);
            findings.into_iter().map(|finding| finding.fix).collect::<Vec<_>>()
        };
        assert_eq!(blamed(&["--timeout", "10s"], "timeout"), ["set --timeout 30s or more"]);
        let both = ["--timeout", "5m", "--drain-timeout", "10s"];
        assert_eq!(blamed(&both, "timeout"), ["set --drain-timeout 30s or more"]);
        assert_eq!(blamed(&["--timeout", "30s"], "timeout"), [""; 0]);
    }
}
