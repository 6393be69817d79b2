//! What would be done, step by step. Pure.

mod outlook;
pub mod reached;

use schemars::JsonSchema;
use serde::Serialize;

use crate::alternatives::{Alternatives, alternatives};
use crate::design::Design;
use crate::facts::Facts;
use crate::issue::{Issue, Severity};
use crate::settings::Settings;
use crate::step::{Change, Step};
use crate::steps::{Rules, with_rules};

pub use outlook::{Outlook, Passage, Shift, SubnetOutlook, ZoneOutlook};

/// One step's part.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepPlan {
    pub step: Step,
    pub number: u8,
    /// Nothing means: up to date, unless `left_out` says otherwise.
    pub changes: Vec<Change>,
    /// Why nothing is to be changed though the step is not done: a flag leaves it out, or an error is in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// About how long it takes; nothing where there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u64>,
}

/// What a run would do, and what stands in its way.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    pub format_version: u32,
    /// Its ARN.
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// The steps are taken back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    pub steps: Vec<StepPlan>,
    pub findings: Vec<Issue>,
    /// What it comes to; of a whole set-up alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// Other ways out, where nothing but addresses is short; of a whole set-up alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<Alternatives>,
}

/// The plan of these steps, in this order.
pub fn plan(
    design: &Design,
    facts: &Facts,
    settings: &Settings,
    steps: &[Step],
    findings: Vec<Issue>,
) -> Plan {
    let mut planned: Vec<StepPlan> =
        steps.iter().map(|step| step_plan(*step, design, facts, settings)).collect();
    // What an error forbids can't be designed, and what can't be designed has no changes.
    let forbidden = settings.undo.is_none() && findings.iter().any(|one| one.severity == Severity::Error);
    for step in planned.iter_mut().filter(|step| forbidden && step.changes.is_empty()) {
        if step.left_out.is_none() && !reached::is_done(step.step, design, facts) {
            step.left_out = Some("not planned: an error is in the way".into());
        }
    }
    let seconds = planned.iter().filter_map(|step| step.estimated_seconds).sum();
    // What they say is of the way there.
    let whole = steps.len() == Step::DOCUMENTED.len() && settings.undo.is_none();
    Plan {
        format_version: 2,
        cluster: facts.cluster.arn.clone(),
        account: facts.caller.account.clone(),
        region: facts.caller.region.clone(),
        undo: settings.undo.is_some(),
        steps: planned,
        findings: findings.into_iter().map(|finding| finding.judged(&settings.accept)).collect(),
        outlook: whole.then(|| outlook::outlook(design, facts, settings, seconds)),
        alternatives: whole.then(|| alternatives(settings, facts, design)).flatten(),
    }
}

fn step_plan(step: Step, design: &Design, facts: &Facts, settings: &Settings) -> StepPlan {
    let (changes, predicted, notes, left_out) = with_rules!(step, settings.undo.is_some(), R => {
        let changes = <R as Rules>::changes(design, facts, settings);
        let described: Vec<Change> = changes.iter().map(<R as Rules>::describe).collect();
        let notes = <R as Rules>::notes(design, facts, settings);
        let left_out = <R as Rules>::left_out(design, facts, settings);
        (described, <R as Rules>::predicted(&changes), notes, left_out)
    });
    let seconds = outlook::estimate(step, changes.len(), predicted, design, facts);
    let estimated_seconds = (!changes.is_empty()).then_some(seconds);
    StepPlan { step, number: step.number(), changes, left_out, notes, estimated_seconds }
}

impl Plan {
    pub fn changes(&self) -> usize {
        self.steps.iter().map(|step| step.changes.len()).sum()
    }

    /// Findings that forbid the first change.
    pub fn errors(&self) -> Vec<Issue> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
    }

    /// Warnings that nobody has accepted, and that a person is asked about. Where nothing is to be changed there is
    /// nothing to ask.
    pub fn open_warnings(&self) -> Vec<Issue> {
        if self.changes() == 0 {
            return Vec::new();
        }
        let open = |finding: &&Issue| finding.severity == Severity::Warning && !finding.accepted;
        self.findings.iter().filter(open).cloned().collect()
    }

    /// Those of them that `--yes` is no answer to.
    pub fn open_risks(&self) -> Vec<Issue> {
        self.open_warnings().into_iter().filter(|finding| finding.risk).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::sample::{facts, set_up, settings};

    use super::*;

    fn planned(facts: &Facts, arguments: &[&str], findings: Vec<Issue>) -> Plan {
        let settings = settings(arguments);
        plan(&design(&settings, facts), facts, &settings, &Step::DOCUMENTED, findings)
    }

    fn left_out(plan: &Plan) -> Vec<(u8, &str)> {
        plan.steps.iter().filter_map(|step| Some((step.number, step.left_out.as_deref()?))).collect()
    }

    #[test]
    fn a_step_that_an_error_forbids_is_neither_done_nor_nothing_to_do() {
        let error = || vec![Issue::error("EC-NET-002", "the pod subnets don't fit")];
        let small = ["--cidr", "100.64.0.0/28"];
        let plan = planned(&facts(), &small, error());
        assert!(plan.steps[1].changes.is_empty());
        assert_eq!(
            left_out(&plan),
            [(2, "not planned: an error is in the way"), (4, "not planned: an error is in the way")]
        );
        let shown = crate::ui::plan_text(&plan);
        assert!(shown.contains("! 2 create-subnets not planned: an error is in the way"), "{shown}");
        assert!(!shown.contains("= 2 create-subnets") && !shown.contains("Nothing to do"), "{shown}");
        assert!(shown.contains("Refused: nothing is changed before 1 error is fixed."), "{shown}");
        assert_eq!(left_out(&planned(&facts(), &small, Vec::new())), []);
    }

    #[test]
    fn old_nodes_that_stay_are_not_step_9_done() {
        let mut facts = set_up();
        facts.nodes.extend(self::facts().nodes);
        let plan = planned(&facts, &["--keep-old-nodes"], Vec::new());
        assert_eq!(left_out(&plan), [(9, "2 old nodes stay as they are (--keep-old-nodes)")]);
        let shown = crate::ui::plan_text(&plan);
        assert!(shown.contains("! 9 drain-nodes 2 old nodes stay as they are"), "{shown}");
        let some = planned(&facts, &["--node", "old-1"], Vec::new());
        assert_eq!(left_out(&some), [(9, "1 old node is not chosen")]);
        assert_eq!(left_out(&planned(&facts, &[], Vec::new())), []);
    }
}
