//! All that a decision may look at: the goal, the settings, the facts, and the design made of them.

use crate::design::Design;
use crate::facts::Facts;
use crate::goal::{Goal, Undo};
use crate::settings::Settings;
use crate::step::Step;

#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub goal: Goal,
    pub settings: &'a Settings,
    pub facts: &'a Facts,
    pub design: &'a Design,
}

impl Scene<'_> {
    /// The steps in the order of the run.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.goal.steps(self.settings.cni.env_last)
    }

    /// Whether any of these steps is about to run.
    pub(crate) fn concerns(&self, steps: &[Step]) -> bool {
        self.steps().iter().any(|step| steps.contains(step))
    }

    pub(crate) fn undo(&self) -> Option<Undo> {
        self.goal.undo()
    }

    /// The same cluster with another goal.
    pub(crate) fn with(self, goal: Goal) -> Self {
        Scene { goal, ..self }
    }
}
