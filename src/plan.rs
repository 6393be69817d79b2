//! The plan: the changes of each step. Pure.

mod needs;
pub(crate) mod outlook;
mod pools;
pub(crate) mod progress;

use schemars::JsonSchema;
use serde::Serialize;

use crate::alternatives::{Alternatives, alternatives};
use crate::goal::Goal;
use crate::issue::{Issue, Severity};
use crate::scene::Scene;
use crate::step::{Change, Sign, Step};
use crate::steps::{Rules, with_rules};

pub(crate) use needs::unmet_needs;
pub(crate) use outlook::{Outlook, Passage, SubnetOutlook, ZoneOutlook};
pub(crate) use pools::{PoolOutlook, PoolRow};

/// The plan of one step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct StepPlan {
    pub step: Step,
    pub number: u8,
    /// Empty if the step is up to date, or if `left_out` is set.
    pub changes: Vec<Change>,
    /// Why a step that is not done has no changes: a flag excludes them, or an error prevents planning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Estimated duration in seconds; absent if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u64>,
}

/// The changes of a run, and the issues that the checks found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Plan {
    pub format_version: u32,
    /// The cluster's ARN.
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// The steps are undone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    pub steps: Vec<StepPlan>,
    pub findings: Vec<Issue>,
    /// The effect of the plan; only for a whole setup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// What is replaced, and by what; only for a whole setup.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolOutlook>,
    /// Alternatives if the cluster only lacks addresses; only for a whole setup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<Alternatives>,
}

/// Plans the steps of the goal, in their order.
pub(crate) fn plan(scene: &Scene<'_>, findings: Vec<Issue>) -> Plan {
    let Scene { design, facts, settings, .. } = *scene;
    let mut planned: Vec<StepPlan> = scene.steps().into_iter().map(|step| step_plan(step, scene)).collect();
    // An error can leave a part of the design empty, and then the step has no changes although it is not done.
    let has_error = !scene.goal.is_undo() && findings.iter().any(|one| one.severity() == Severity::Error);
    for step in planned.iter_mut().filter(|step| has_error && step.changes.is_empty()) {
        if step.left_out.is_none() && !progress::is_done(step.step, design, facts) {
            step.left_out = Some("not planned because of an error".into());
        }
    }
    let seconds = planned.iter().filter_map(|step| step.estimated_seconds).sum();
    // The outlook and the alternatives describe a setup, not an undo.
    let whole = scene.goal == Goal::Setup;
    Plan {
        format_version: 2,
        cluster: facts.cluster.arn.clone(),
        account: facts.caller.account.clone(),
        region: facts.caller.region.clone(),
        undo: scene.goal.is_undo(),
        steps: planned,
        findings: findings.into_iter().map(|finding| finding.judged(&settings.run.accept)).collect(),
        outlook: whole.then(|| outlook::outlook(scene, seconds)),
        pools: if whole { pools::pools(scene) } else { Vec::new() },
        alternatives: whole.then(|| alternatives(settings, facts, design)).flatten(),
    }
}

fn step_plan(step: Step, scene: &Scene<'_>) -> StepPlan {
    let (changes, predicted, notes, left_out) = with_rules!(step, scene.goal.is_undo(), R => {
        let changes = <R as Rules>::changes(scene);
        let described: Vec<Change> = changes.iter().map(<R as Rules>::describe).collect();
        let notes = <R as Rules>::notes(scene);
        let left_out = <R as Rules>::left_out(scene);
        (described, <R as Rules>::predicted(&changes), notes, left_out)
    });
    let seconds = outlook::estimate(step, changes.len(), predicted, scene.design, scene.facts);
    let estimated_seconds = (!changes.is_empty()).then_some(seconds);
    StepPlan { step, number: step.number(), changes, left_out, notes, estimated_seconds }
}

impl StepPlan {
    /// Its changes of one kind.
    pub(crate) fn count(&self, sign: Sign) -> usize {
        self.changes.iter().filter(|change| change.sign == sign).count()
    }
}

impl Plan {
    /// The changes of one kind, of all steps.
    pub(crate) fn count(&self, sign: Sign) -> usize {
        self.steps.iter().map(|step| step.count(sign)).sum()
    }

    pub(crate) fn changes(&self) -> usize {
        self.steps.iter().map(|step| step.changes.len()).sum()
    }

    /// Findings that refuse the run.
    pub(crate) fn errors(&self) -> Vec<Issue> {
        self.findings.iter().filter(|finding| finding.severity() == Severity::Error).cloned().collect()
    }

    /// Warnings that are not accepted yet, to ask a person about. None if there is nothing to change.
    pub(crate) fn open_warnings(&self) -> Vec<Issue> {
        if self.changes() == 0 {
            return Vec::new();
        }
        let open = |finding: &&Issue| finding.severity() == Severity::Warning && !finding.accepted;
        self.findings.iter().filter(open).cloned().collect()
    }

    /// The risks among them: `--yes` does not cover these.
    pub(crate) fn open_risks(&self) -> Vec<Issue> {
        self.open_warnings().into_iter().filter(|finding| finding.risk).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use crate::design::design;
    use crate::facts::Facts;
    use crate::sample::{facts, set_up, settings};

    use super::*;

    fn planned(facts: &Facts, arguments: &[&str], findings: Vec<Issue>) -> Plan {
        let settings = settings(arguments);
        let design = design(&settings, facts);
        plan(&Scene { goal: Goal::Setup, settings: &settings, facts, design: &design }, findings)
    }

    fn left_out(plan: &Plan) -> Vec<(u8, &str)> {
        plan.steps.iter().filter_map(|step| Some((step.number, step.left_out.as_deref()?))).collect()
    }

    #[test]
    fn a_step_that_an_error_prevents_is_not_shown_as_up_to_date() {
        let error = || vec![Issue::error(id::NET_002, "the pod subnets don't fit")];
        let small = ["--cidr", "100.64.0.0/28"];
        let plan = planned(&facts(), &small, error());
        assert!(plan.steps[1].changes.is_empty());
        assert_eq!(
            left_out(&plan),
            [(2, "not planned because of an error"), (4, "not planned because of an error")]
        );
        let shown = crate::ui::plan_text(&plan);
        assert!(shown.contains("! 2 create-subnets not planned because of an error"), "{shown}");
        assert!(!shown.contains("= 2 create-subnets") && !shown.contains("Nothing to do"), "{shown}");
        assert!(shown.contains("Refused: fix 1 error first."), "{shown}");
        assert_eq!(left_out(&planned(&facts(), &small, Vec::new())), []);
    }

    #[test]
    fn step_9_is_not_done_while_old_nodes_are_kept() {
        let mut facts = set_up();
        facts.nodes.extend(self::facts().nodes);
        let plan = planned(&facts, &["--keep-old-nodes"], Vec::new());
        assert_eq!(left_out(&plan), [(9, "2 old nodes are kept (--keep-old-nodes)")]);
        let shown = crate::ui::plan_text(&plan);
        assert!(shown.contains("! 9 drain-nodes 2 old nodes are kept"), "{shown}");
        let some = planned(&facts, &["--node", "old-1"], Vec::new());
        assert_eq!(left_out(&some), [(9, "1 old node is not selected")]);
        assert_eq!(left_out(&planned(&facts, &[], Vec::new())), []);
    }
}
