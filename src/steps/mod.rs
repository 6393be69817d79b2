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

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::Facts;
use crate::session::Session;
use crate::settings::Settings;
use crate::step::{Change, Step};

pub(crate) use associate_cidr::AssociateCidr;
pub(crate) use create_subnets::CreateSubnets;
pub(crate) use detect_cni::DetectCni;
pub(crate) use drain_nodes::DrainNodes;
pub(crate) use install_crd::InstallCrd;
pub(crate) use launch_nodegroups::LaunchNodegroups;
pub use launch_nodegroups::{base_parameters, node_group_parameters, user_data};
pub(crate) use patch_security_groups::PatchSecurityGroups;
pub use patch_security_groups::grows;
pub(crate) use set_env::SetEnv;
pub use set_env::addon_configuration;
pub(crate) use write_eniconfigs::WriteEniconfigs;

/// What every step, and every undo of a step, implements.
pub(crate) trait Rules {
    /// One change, with all the data that it needs.
    type Change: Clone;
    const STEP: Step;
    /// The facts from which the step's changes are computed.
    const READS: &'static [Section];

    /// What differs from the design. Pure. Empty means that the step is done.
    fn changes(design: &Design, facts: &Facts, settings: &Settings) -> Vec<Self::Change>;

    fn describe(change: &Self::Change) -> Change;

    /// How long the changes take, if that can be computed from the facts.
    fn predicted(_: &[Self::Change]) -> Option<Duration> {
        None
    }

    /// What a flag excludes from the step although it differs from the design.
    fn left_out(_: &Design, _: &Facts, _: &Settings) -> Option<String> {
        None
    }

    /// Further notes to the user.
    fn notes(_: &Design, _: &Facts, _: &Settings) -> Vec<String> {
        Vec::new()
    }

    /// Checks that all changes are possible before the first one is made.
    async fn rehearse(_: &Session, _: &[Self::Change]) -> Result<()> {
        Ok(())
    }

    async fn apply(session: &mut Session, change: Self::Change) -> Result<()>;

    /// Waits until everything that this step started has finished, also if an interrupted run started it.
    async fn settle(_: &mut Session) -> Result<()> {
        Ok(())
    }
}

/// Runs `$body` with `$rules` as the type that does (`$undo` false) or undoes (`$undo` true) a step known only at run time.
macro_rules! with_rules {
    ($step:expr, $undo:expr, $rules:ident => $body:expr) => {
        match ($step, $undo) {
            ($crate::step::Step::AssociateCidr, false) => {
                type $rules = $crate::steps::AssociateCidr;
                $body
            }
            ($crate::step::Step::AssociateCidr, true) => {
                type $rules = $crate::steps::associate_cidr::UndoAssociateCidr;
                $body
            }
            ($crate::step::Step::CreateSubnets, false) => {
                type $rules = $crate::steps::CreateSubnets;
                $body
            }
            ($crate::step::Step::CreateSubnets, true) => {
                type $rules = $crate::steps::create_subnets::UndoCreateSubnets;
                $body
            }
            ($crate::step::Step::SetEnv, false) => {
                type $rules = $crate::steps::SetEnv;
                $body
            }
            ($crate::step::Step::SetEnv, true) => {
                type $rules = $crate::steps::set_env::UndoSetEnv;
                $body
            }
            ($crate::step::Step::DetectCni, false) => {
                type $rules = $crate::steps::DetectCni;
                $body
            }
            ($crate::step::Step::DetectCni, true) => {
                type $rules = $crate::steps::detect_cni::UndoDetectCni;
                $body
            }
            ($crate::step::Step::InstallCrd, false) => {
                type $rules = $crate::steps::InstallCrd;
                $body
            }
            ($crate::step::Step::InstallCrd, true) => {
                type $rules = $crate::steps::install_crd::UndoInstallCrd;
                $body
            }
            ($crate::step::Step::WriteEniconfigs, false) => {
                type $rules = $crate::steps::WriteEniconfigs;
                $body
            }
            ($crate::step::Step::WriteEniconfigs, true) => {
                type $rules = $crate::steps::write_eniconfigs::UndoWriteEniconfigs;
                $body
            }
            ($crate::step::Step::LaunchNodegroups, false) => {
                type $rules = $crate::steps::LaunchNodegroups;
                $body
            }
            ($crate::step::Step::LaunchNodegroups, true) => {
                type $rules = $crate::steps::launch_nodegroups::UndoLaunchNodegroups;
                $body
            }
            ($crate::step::Step::PatchSecurityGroups, false) => {
                type $rules = $crate::steps::PatchSecurityGroups;
                $body
            }
            ($crate::step::Step::PatchSecurityGroups, true) => {
                type $rules = $crate::steps::patch_security_groups::UndoPatchSecurityGroups;
                $body
            }
            ($crate::step::Step::DrainNodes, false) => {
                type $rules = $crate::steps::DrainNodes;
                $body
            }
            ($crate::step::Step::DrainNodes, true) => {
                type $rules = $crate::steps::drain_nodes::UndoDrainNodes;
                $body
            }
        }
    };
}
pub(crate) use with_rules;
