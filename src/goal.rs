//! What a run is to reach: the whole setup, one step of it, or an undo. Pure.

use crate::step::Step;

/// The goal of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// All nine steps.
    Setup,
    /// One step alone.
    Step(Step),
    Undo(Undo),
}

/// Which steps to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    All {
        /// The new nodes stay, with all that they use.
        keep_nodes: bool,
    },
    DownTo {
        /// Number of the last step that stays done, 1 to 8.
        last: u8,
        keep_nodes: bool,
    },
    /// This step alone.
    Only(Step),
}

impl Goal {
    /// The steps in the order of the run.
    pub(crate) fn steps(self, env_last: bool) -> Vec<Step> {
        match self {
            Goal::Setup => Step::order(env_last),
            Goal::Step(step) => vec![step],
            Goal::Undo(undo) => undo.steps(),
        }
    }

    pub(crate) fn is_undo(self) -> bool {
        self.undo().is_some()
    }

    pub(crate) fn undo(self) -> Option<Undo> {
        match self {
            Goal::Undo(undo) => Some(undo),
            Goal::Setup | Goal::Step(_) => None,
        }
    }

    /// The subcommand that has this goal.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Goal::Setup => "setup",
            Goal::Step(step) | Goal::Undo(Undo::Only(step)) => step.name(),
            Goal::Undo(_) => "undo",
        }
    }
}

impl Undo {
    pub const WHOLE: Undo = Undo::All { keep_nodes: false };

    /// Whether the step is undone, if its resources are not kept with the nodes.
    pub fn covers(self, step: Step) -> bool {
        match self {
            Undo::All { .. } => true,
            Undo::DownTo { last, .. } => step.number() > last,
            Undo::Only(only) => step == only,
        }
    }

    pub fn keeps_nodes(self) -> bool {
        matches!(self, Undo::All { keep_nodes: true } | Undo::DownTo { keep_nodes: true, .. })
    }

    /// Custom networking is switched off first (why: `UndoSetEnv`). Then the old nodes start, and when they are Ready the
    /// new nodes are drained. Everything else is deleted in reverse order.
    pub fn steps(self) -> Vec<Step> {
        let order = [
            Step::SetEnv,
            Step::DrainNodes,
            Step::PatchSecurityGroups,
            Step::LaunchNodegroups,
            Step::WriteEniconfigs,
            Step::InstallCrd,
            Step::DetectCni,
            Step::CreateSubnets,
            Step::AssociateCidr,
        ];
        let of_nodes = [Step::DrainNodes, Step::PatchSecurityGroups, Step::LaunchNodegroups];
        let stays = |step: &Step| self.keeps_nodes() && of_nodes.contains(step);
        order.into_iter().filter(|step| self.covers(*step) && !stays(step)).collect()
    }
}

/// The steps that must be undone before this one, in that order.
pub(crate) fn undone_before(step: Step) -> Vec<Step> {
    let order = Undo::WHOLE.steps();
    let before = order.iter().take_while(|each| **each != step);
    // With custom networking on and no ENIConfig, a node that starts stays NotReady (CNI 1.13 and later).
    let needs_eniconfigs = |each: Step| each == Step::SetEnv && step == Step::WriteEniconfigs;
    before.copied().filter(|each| each.needs().contains(&step) || needs_eniconfigs(*each)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(steps: Vec<Step>) -> Vec<u8> {
        steps.into_iter().map(Step::number).collect()
    }

    #[test]
    fn a_step_is_undone_before_the_steps_it_needs() {
        let before = |step| numbers(undone_before(step));
        assert_eq!(before(Step::SetEnv), [0; 0]);
        assert_eq!(before(Step::PatchSecurityGroups), [9]);
        assert_eq!(before(Step::WriteEniconfigs), [3, 9, 8]);
        assert_eq!(before(Step::CreateSubnets), [7, 6]);
        assert_eq!(before(Step::AssociateCidr), [2]);
    }

    #[test]
    fn an_undo_covers_the_steps_it_names_and_keeps_nodes_with_their_groups() {
        let cases: [(Undo, &[u8]); 4] = [
            (Undo::WHOLE, &[3, 9, 8, 7, 6, 5, 4, 2, 1]),
            (Undo::All { keep_nodes: true }, &[3, 6, 5, 4, 2, 1]),
            (Undo::DownTo { last: 6, keep_nodes: false }, &[9, 8, 7]),
            (Undo::Only(Step::WriteEniconfigs), &[6]),
        ];
        for (undo, steps) in cases {
            assert_eq!(numbers(undo.steps()), steps, "{undo:?}");
        }
    }
}
