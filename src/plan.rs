//! What would be done, step by step. Pure.

use serde::Serialize;

use crate::design::Design;
use crate::facts::Facts;
use crate::finding::{Finding, Severity};
use crate::settings::Settings;
use crate::steps::{Change, Rules, Step, with_rules};

/// One step's part.
#[derive(Debug, Clone, Serialize)]
pub struct StepPlan {
    pub step: Step,
    pub number: u8,
    /// Nothing means: as it should be.
    pub changes: Vec<Change>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a run would do, and what stands in its way.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    /// The steps are taken back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    pub steps: Vec<StepPlan>,
    pub findings: Vec<Finding>,
}

/// The plan of these steps, in this order.
pub fn plan(
    design: &Design,
    facts: &Facts,
    settings: &Settings,
    steps: &[Step],
    findings: Vec<Finding>,
) -> Plan {
    Plan {
        format_version: 1,
        cluster: facts.cluster.arn.clone(),
        account: facts.caller.account.clone(),
        region: facts.caller.region.clone(),
        undo: settings.undo.is_some(),
        steps: steps.iter().map(|step| step_plan(*step, design, facts, settings)).collect(),
        findings,
    }
}

fn step_plan(step: Step, design: &Design, facts: &Facts, settings: &Settings) -> StepPlan {
    let (changes, notes) = with_rules!(step, settings.undo.is_some(), R => {
        let changes = <R as Rules>::changes(design, facts, settings);
        (changes.iter().map(<R as Rules>::describe).collect(), <R as Rules>::notes(design, facts, settings))
    });
    StepPlan { step, number: step.number(), changes, notes }
}

impl Plan {
    pub fn changes(&self) -> usize {
        self.steps.iter().map(|step| step.changes.len()).sum()
    }

    /// Findings that forbid the first change.
    pub fn errors(&self) -> Vec<Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
    }
}
