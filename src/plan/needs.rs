//! The steps that a step needs when it runs, or is undone, alone. Pure.

use crate::fixes;
use crate::goal::{Goal, Undo, undone_before};
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;

use super::{StepPlan, plan};

/// An error for each step that must run, or be undone, before the only step of the goal.
pub(crate) fn unmet_needs(scene: &Scene<'_>) -> Vec<Issue> {
    match scene.goal {
        Goal::Step(step) => must_run_before(scene, step),
        Goal::Undo(Undo::Only(step)) => must_be_undone_before(scene, step),
        Goal::Setup | Goal::Undo(_) => Vec::new(),
    }
}

/// The plan of one step if it has changes. Each is planned alone, because what a step undoes depends on the other steps
/// of the undo.
fn with_changes(scene: &Scene<'_>, goal: Goal) -> Vec<StepPlan> {
    let steps = plan(&scene.with(goal), Vec::new()).steps;
    steps.into_iter().filter(|step| !step.changes.is_empty()).collect()
}

fn resources(step: &StepPlan) -> String {
    step.changes.iter().map(|change| change.resource.clone()).collect::<Vec<_>>().join(", ")
}

fn must_run_before(scene: &Scene<'_>, step: Step) -> Vec<Issue> {
    // Cleaning up after an interrupted drain needs no other step.
    if step == Step::DrainNodes && scene.settings.drain.keep_old_nodes {
        return Vec::new();
    }
    // A step without changes needs no other step.
    if with_changes(scene, Goal::Step(step)).is_empty() {
        return Vec::new();
    }
    let unmet = step.needs().iter().flat_map(|needed| with_changes(scene, Goal::Step(*needed)));
    unmet
        .map(|needed| {
            Issue::error(id::RUN_001, format!("{} must run before {}", needed.step.name(), step.name()))
                .at(resources(&needed))
                .why("these changes are not made yet")
                .fix(fixes::command(scene.facts, needed.step.name()))
        })
        .collect()
}

fn must_be_undone_before(scene: &Scene<'_>, step: Step) -> Vec<Issue> {
    let others = undone_before(step).into_iter();
    others
        .flat_map(|other| with_changes(scene, Goal::Undo(Undo::Only(other))))
        .map(|other| {
            let what = format!("{} must be undone before {}", other.step.name(), step.name());
            Issue::error(id::RUN_001, what)
                .at(resources(&other))
                .why("these resources depend on what would be deleted")
                .fix(fixes::command(scene.facts, &format!("{} --undo", other.step.name())))
        })
        .collect()
}
