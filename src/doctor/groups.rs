//! Node groups that a drain has left suspended.

use crate::checks::Scene;
use crate::facts::Symptoms;
use crate::issue::Issue;
use crate::suspended::{Cause, put_back, suspended};

pub fn diagnose(scene: &Scene<'_>, symptoms: &Symptoms) -> Vec<Issue> {
    if symptoms.run_at_work {
        return Vec::new();
    }
    let all = suspended(scene.facts, scene.settings);
    let of = |cause: Cause| all.iter().filter(move |one| one.cause == cause);
    let evidence = |cause: Cause| {
        of(cause)
            .map(|one| format!("{}: {} suspended", one.group, one.processes.join(", ")))
            .collect::<Vec<_>>()
    };
    let names = |cause: Cause| of(cause).map(|one| one.group.clone()).collect::<Vec<_>>();
    let mut findings = Vec::new();
    if scene.facts.record.is_holding() {
        let record = &scene.facts.record;
        let groups = record.held.keys().chain(&record.held_managed);
        let all = groups.chain(record.surged.keys()).chain(&record.cordoned).cloned().collect();
        findings.push(
            Issue::error("EC-DOC-055", "a drain was interrupted, and what it changed is not put back")
                .why("its node groups start no node, its nodes take no pod, or Deployments have a replica more, until a run ends it")
                .evidence(evidence(Cause::Interrupted))
                .fix(format!(
                    "{} puts it back; without --keep-old-nodes it goes on with the drain",
                    put_back(scene.settings)
                ))
                .about(all),
        );
    }
    if of(Cause::Rebalance).next().is_some() {
        let name = scene.settings.cluster.clone().unwrap_or_default();
        findings.push(
            Issue::warning("EC-DOC-056", "AZRebalance is suspended in node groups that were drained in part")
                .why("their zones have unequal numbers of nodes: AZRebalance would launch nodes, and terminate others past every PodDisruptionBudget")
                .evidence(evidence(Cause::Rebalance))
                .fix(format!(
                    "{} drains the rest; eni-custom drain-nodes --undo --cluster {name} --confirm-cluster {name} restores the groups",
                    scene.settings.command_line("drain-nodes")
                ))
                .about(names(Cause::Rebalance)),
        );
    }
    for one in of(Cause::Unrecorded) {
        findings.push(
            Issue::warning("EC-DOC-057", format!("{} suspended in an Auto Scaling group that was drained", one.processes.join(" and ")))
                .why("they were not before this program drained it: a group whose Launch is suspended starts no node")
                .fix(&one.command)
                .about(vec![one.group.clone()]),
        );
    }
    findings
}
