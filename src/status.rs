//! Where a cluster stands, step by step: what `plan` would still do, in one line each. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use crate::design::Design;
use crate::facts::{Facts, LockHolder};
use crate::plan::reached::reached;
use crate::plan::{StepPlan, plan};
use crate::settings::Settings;
use crate::step::Step;
use crate::suspended::{Suspended, suspended};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has nothing left to do.
    Done,
    Partly,
    Not,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepStatus {
    pub step: Step,
    pub number: u8,
    pub state: State,
    /// In one line.
    pub what: String,
}

/// A run of this program that is at work now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnderWay {
    /// `host/boot/process`
    pub holder: String,
    /// When it began, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Status {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    pub steps: Vec<StepStatus>,
    pub run: Option<UnderWay>,
    /// A drain was begun, and what it held back (node groups, cordons) is held still.
    pub drain_cut: bool,
    /// Auto Scaling groups whose processes are suspended because of this program, while no run is at work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<Suspended>,
}

/// The nine steps as they stand; `holder` is the lock's.
pub fn status(design: &Design, facts: &Facts, settings: &Settings, holder: Option<LockHolder>) -> Status {
    let plan = plan(design, facts, settings, &Step::DOCUMENTED, Vec::new());
    let run = holder.map(|holder| UnderWay { holder: holder.identity, since: holder.since });
    let suspended = if run.is_some() { Vec::new() } else { suspended(facts, settings) };
    Status {
        format_version: 1,
        cluster: plan.cluster,
        account: plan.account,
        region: plan.region,
        steps: plan.steps.iter().map(|step| step_status(step, design, facts)).collect(),
        drain_cut: run.is_none() && facts.record.is_holding(),
        suspended,
        run,
    }
}

fn step_status(plan: &StepPlan, design: &Design, facts: &Facts) -> StepStatus {
    let (there, of, what) = reached(plan.step, design, facts);
    let state = match (plan.changes.is_empty(), there) {
        // Nothing to change is not the same as done: what an error forbids, or a flag leaves out, is not there.
        (true, there) if there == of => State::Done,
        (_, 0) => State::Not,
        _ => State::Partly,
    };
    StepStatus { step: plan.step, number: plan.number, state, what }
}

#[cfg(test)]
mod tests;
