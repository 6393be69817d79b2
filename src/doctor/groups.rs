//! Auto Scaling groups that a drain has left with suspended processes.

use crate::facts::Symptoms;
use crate::goal::Goal;
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;
use crate::suspended::{SuspendedBy, suspended, undo_interrupted_drain};

pub(super) fn diagnose(scene: &Scene<'_>, symptoms: &Symptoms) -> Vec<Issue> {
    if symptoms.run_at_work {
        return Vec::new();
    }
    let all = suspended(scene.facts, scene.settings);
    let of = |cause: SuspendedBy| all.iter().filter(move |one| one.cause == cause);
    let evidence = |cause: SuspendedBy| {
        of(cause)
            .map(|one| format!("{}: {} suspended", one.group, one.processes.join(", ")))
            .collect::<Vec<_>>()
    };
    let names = |cause: SuspendedBy| of(cause).map(|one| one.group.clone()).collect::<Vec<_>>();
    let mut findings = Vec::new();
    if scene.facts.record.drain_is_open() {
        let record = &scene.facts.record;
        let groups = record.held.keys().chain(&record.held_managed);
        let all = groups.chain(record.surged.keys()).chain(&record.cordoned).cloned().collect();
        findings.push(
            Issue::error(id::DOC_055, "a drain was interrupted, and its temporary changes are still in place")
                .why("until a run undoes them, node groups start no nodes, nodes stay cordoned, or Deployments have an extra replica")
                .evidence(evidence(SuspendedBy::Interrupted))
                .fix(format!(
                    "{} # undoes them; without --keep-old-nodes it continues the drain",
                    undo_interrupted_drain(scene.settings)
                ))
                .about(all),
        );
    }
    if of(SuspendedBy::Rebalance).next().is_some() {
        let name = scene.settings.target.cluster.clone().unwrap_or_default();
        findings.push(
            Issue::warning(id::DOC_056, "AZRebalance is suspended in partly drained node groups")
                .why("their zones have unequal numbers of nodes: AZRebalance would launch nodes and terminate others, ignoring PodDisruptionBudgets")
                .evidence(evidence(SuspendedBy::Rebalance))
                .fix(format!(
                    "{} # drains the rest; or restore the groups: eni-custom drain-nodes --undo --cluster {name} --confirm-cluster {name}",
                    scene.settings.command_line(Goal::Step(Step::DrainNodes))
                ))
                .about(names(SuspendedBy::Rebalance)),
        );
    }
    for one in of(SuspendedBy::Unrecorded) {
        findings.push(
            Issue::warning(id::DOC_057, format!("{} suspended in an Auto Scaling group that was drained", one.processes.join(" and ")))
                .why("they were not suspended before eni-custom drained it: a group with Launch suspended starts no nodes")
                .fix(&one.command)
                .about(vec![one.group.clone()]),
        );
    }
    findings
}
