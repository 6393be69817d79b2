//! The status of each step, in one line each. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use crate::design::{Design, PoolDesign, pool_name};
use crate::facts::{Facts, LockHolder, Node};
use crate::plan::progress::reached;
use crate::plan::{StepPlan, plan};
use crate::scene::Scene;
use crate::step::Step;
use crate::suspended::{Suspended, suspended};

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StepState {
    /// The step has no changes left.
    Done,
    /// Some of its changes are made.
    Partial,
    /// None of its changes are made.
    Pending,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct StepStatus {
    pub step: Step,
    pub number: u8,
    pub state: StepState,
    /// The progress in one line.
    pub what: String,
}

/// A pool on its way from old nodes to new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PoolStatus {
    pub name: String,
    /// How many new node groups it gets, and how many of them exist.
    pub groups: usize,
    pub groups_exist: usize,
    /// New nodes that have joined, and those of them that are Ready.
    pub new_nodes: usize,
    pub new_nodes_ready: usize,
    /// Nodes that predate custom networking.
    pub old_nodes: usize,
}

/// A run of eni-custom that is in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct UnderWay {
    /// `host/boot/process`
    pub holder: String,
    /// When it started, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Status {
    pub format_version: u32,
    pub cluster: String,
    pub account: String,
    pub region: String,
    pub steps: Vec<StepStatus>,
    pub pools: Vec<PoolStatus>,
    pub run: Option<UnderWay>,
    /// A drain was interrupted, and node groups are still suspended or nodes still cordoned.
    pub drain_interrupted: bool,
    /// Auto Scaling groups whose processes eni-custom suspended, if no run is in progress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<Suspended>,
}

/// The status of the nine steps; `holder` is the holder of the lock.
pub(crate) fn status(scene: &Scene<'_>, holder: Option<LockHolder>) -> Status {
    let Scene { design, facts, settings, .. } = *scene;
    let plan = plan(scene, Vec::new());
    let run = holder.map(|holder| UnderWay { holder: holder.identity, since: holder.since });
    let suspended = if run.is_some() { Vec::new() } else { suspended(facts, settings) };
    Status {
        format_version: 2,
        cluster: plan.cluster,
        account: plan.account,
        region: plan.region,
        steps: plan.steps.iter().map(|step| step_status(step, design, facts)).collect(),
        pools: design.pools.iter().map(|pool| pool_status(pool, design, facts)).collect(),
        drain_interrupted: run.is_none() && facts.record.drain_is_open(),
        suspended,
        run,
    }
}

fn pool_status(pool: &PoolDesign, design: &Design, facts: &Facts) -> PoolStatus {
    let there = pool.groups.iter().filter(|group| facts.node_groups.stacks.contains_key(&group.stack));
    let groups: Vec<_> = pool.groups.iter().filter_map(|group| group.there(facts)).collect();
    let is_new = |node: &&Node| groups.iter().any(|group| group.holds(node));
    let is_old = |node: &&Node| design.old_nodes.contains(&node.name) && pool_name(facts, node) == pool.name;
    PoolStatus {
        name: pool.name.clone(),
        groups: pool.groups.len(),
        groups_exist: there.count(),
        new_nodes: facts.nodes.iter().filter(is_new).count(),
        new_nodes_ready: facts.nodes.iter().filter(is_new).filter(|node| node.ready).count(),
        old_nodes: facts.nodes.iter().filter(is_old).count(),
    }
}

fn step_status(plan: &StepPlan, design: &Design, facts: &Facts) -> StepStatus {
    let (there, of, what) = reached(plan.step, design, facts);
    let state = match (plan.changes.is_empty(), there) {
        // No changes does not mean done: an error may prevent them, or a flag exclude them.
        (true, there) if there == of => StepState::Done,
        (_, 0) => StepState::Pending,
        _ => StepState::Partial,
    };
    StepStatus { step: plan.step, number: plan.number, state, what }
}

#[cfg(test)]
mod tests;
