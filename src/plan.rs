//! What would be done, step by step. Pure.

mod outlook;

use schemars::JsonSchema;
use serde::Serialize;

use crate::alternatives::{Alternatives, alternatives};
use crate::design::Design;
use crate::facts::Facts;
use crate::finding::{Finding, Severity};
use crate::settings::Settings;
use crate::steps::{Change, Rules, Step, with_rules};

pub use outlook::{Outlook, Passage, Shift, SubnetOutlook, ZoneOutlook};

/// One step's part.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepPlan {
    pub step: Step,
    pub number: u8,
    /// Nothing means: as it should be.
    pub changes: Vec<Change>,
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
    pub findings: Vec<Finding>,
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
    findings: Vec<Finding>,
) -> Plan {
    let planned: Vec<StepPlan> = steps.iter().map(|step| step_plan(*step, design, facts, settings)).collect();
    let seconds = planned.iter().filter_map(|step| step.estimated_seconds).sum();
    // What they say is of the way there.
    let whole = steps.len() == Step::DOCUMENTED.len() && settings.undo.is_none();
    Plan {
        format_version: 1,
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
    let (changes, predicted, notes) = with_rules!(step, settings.undo.is_some(), R => {
        let changes = <R as Rules>::changes(design, facts, settings);
        let described: Vec<Change> = changes.iter().map(<R as Rules>::describe).collect();
        (described, <R as Rules>::predicted(&changes), <R as Rules>::notes(design, facts, settings))
    });
    let seconds = outlook::estimate(step, changes.len(), predicted, design, facts);
    let estimated_seconds = (!changes.is_empty()).then_some(seconds);
    StepPlan { step, number: step.number(), changes, notes, estimated_seconds }
}

impl Plan {
    pub fn changes(&self) -> usize {
        self.steps.iter().map(|step| step.changes.len()).sum()
    }

    /// Findings that forbid the first change.
    pub fn errors(&self) -> Vec<Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
    }

    /// Warnings that nobody has accepted, and that a person is asked about. Where nothing is to be changed there is
    /// nothing to ask.
    pub fn open_warnings(&self) -> Vec<Finding> {
        if self.changes() == 0 {
            return Vec::new();
        }
        let open = |finding: &&Finding| finding.severity == Severity::Warning && !finding.accepted;
        self.findings.iter().filter(open).cloned().collect()
    }

    /// Those of them that `--yes` is no answer to.
    pub fn open_risks(&self) -> Vec<Finding> {
        self.open_warnings().into_iter().filter(|finding| finding.risk).collect()
    }
}
