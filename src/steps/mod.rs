//! The nine steps. Each implements `Rules`: what would change (pure), how a plan shows it (pure), how to change it, and
//! what to wait for. `Step` holds their order.

pub(crate) mod associate_cidr;
pub(crate) mod create_subnets;
pub(crate) mod detect_cni;
pub(crate) mod drain_nodes;
pub(crate) mod eniconfigs;
pub(crate) mod install_crd;
pub(crate) mod launch_nodegroups;
pub(crate) mod patch_security_groups;
pub(crate) mod set_env;
pub(crate) mod write_eniconfigs;

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::discover::Section;
use crate::error::Result;
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Step};

pub(crate) use associate_cidr::{AssociateCidr, UndoAssociateCidr};
pub(crate) use create_subnets::{CreateSubnets, UndoCreateSubnets};
pub(crate) use detect_cni::{DetectCni, UndoDetectCni};
pub(crate) use drain_nodes::{DrainNodes, UndoDrainNodes};
pub(crate) use install_crd::{InstallCrd, UndoInstallCrd};
pub(crate) use launch_nodegroups::{
    BaseOutputs, base_parameters, first_sizes, is_authorised, lacks_role, node_group_template, user_data,
};
pub(crate) use launch_nodegroups::{LaunchNodegroups, UndoLaunchNodegroups};
pub(crate) use patch_security_groups::grows;
pub(crate) use patch_security_groups::{PatchSecurityGroups, UndoPatchSecurityGroups};
pub(crate) use set_env::addon_configuration;
pub(crate) use set_env::{SetEnv, UndoSetEnv};
pub(crate) use write_eniconfigs::{UndoWriteEniconfigs, WriteEniconfigs};

/// What every step, and every undo of a step, implements.
pub(crate) trait Rules {
    /// One change, with all the data that it needs.
    type Change: Clone;
    const STEP: Step;
    /// The facts from which the step's changes are computed.
    const READS: &'static [Section];

    /// What differs from the design. Pure. Empty means that the step is done.
    fn changes(scene: &Scene<'_>) -> Vec<Self::Change>;

    fn describe(change: &Self::Change) -> Change;

    /// How long the changes take, if that can be computed from the facts.
    fn predicted(_: &[Self::Change]) -> Option<Duration> {
        None
    }

    /// What a flag excludes from the step although it differs from the design.
    fn left_out(_: &Scene<'_>) -> Option<String> {
        None
    }

    /// Further notes to the user.
    fn notes(_: &Scene<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Checks that all changes are possible before the first one is made.
    async fn rehearse(_: &Session, _: &[Self::Change]) -> Result<()> {
        Ok(())
    }

    async fn apply(session: &mut Session, change: Self::Change) -> Result<()>;

    /// The same for a change that can be made at the same time as the next ones that can. `apply` makes the first of them.
    fn beside<'a>(_: &'a Session, _: &'a Self::Change) -> Option<LocalBoxFuture<'a, Result<()>>> {
        None
    }

    /// Waits until everything that this step started has finished, also if an interrupted run started it.
    async fn settle(_: &mut Session) -> Result<()> {
        Ok(())
    }
}

/// Runs `$body` with `$rules` as the type that does, or with `$undo` undoes, a step known only at run time.
macro_rules! with_rules {
    ($step:expr, $undo:expr, $rules:ident => $body:expr) => {
        $crate::steps::with_rules!(@ $step, $undo, $rules, $body,
            AssociateCidr UndoAssociateCidr, CreateSubnets UndoCreateSubnets, SetEnv UndoSetEnv,
            DetectCni UndoDetectCni, InstallCrd UndoInstallCrd, WriteEniconfigs UndoWriteEniconfigs,
            LaunchNodegroups UndoLaunchNodegroups, PatchSecurityGroups UndoPatchSecurityGroups,
            DrainNodes UndoDrainNodes)
    };
    (@ $step:expr, $undo:expr, $rules:ident, $body:expr, $($step_name:ident $undo_name:ident),+) => {
        match ($step, $undo) { $(
            ($crate::step::Step::$step_name, false) => { type $rules = $crate::steps::$step_name; $body }
            ($crate::step::Step::$step_name, true) => { type $rules = $crate::steps::$undo_name; $body }
        )+ }
    };
}
pub(crate) use with_rules;
