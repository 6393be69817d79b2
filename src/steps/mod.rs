//! The nine steps. Each is a file of one shape: what would change (pure), how it reads in a plan (pure), how it is
//! changed, and what must be waited for. The order is here and nowhere else.

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

/// The shape of a step.
pub(crate) trait Rules {
    /// One thing to be changed, with all that the change needs.
    type Change: Clone;
    const STEP: Step;
    /// What the step's changes are read from.
    const READS: &'static [Section];

    /// What is not yet as designed. Pure. Nothing left means done.
    fn changes(design: &Design, facts: &Facts, settings: &Settings) -> Vec<Self::Change>;

    fn describe(change: &Self::Change) -> Change;

    /// How long the changes take, where that can be computed from what is in the cluster.
    fn predicted(_: &[Self::Change]) -> Option<Duration> {
        None
    }

    /// What the step leaves as it is though it is not as designed: a flag says so.
    fn left_out(_: &Design, _: &Facts, _: &Settings) -> Option<String> {
        None
    }

    /// What else the step has to say.
    fn notes(_: &Design, _: &Facts, _: &Settings) -> Vec<String> {
        Vec::new()
    }

    /// Proves all changes possible before the first one is made.
    async fn rehearse(_: &Session, _: &[Self::Change]) -> Result<()> {
        Ok(())
    }

    async fn apply(session: &mut Session, change: Self::Change) -> Result<()>;

    /// Waits until what was started here is really so; also what a run that was cut had started.
    async fn settle(_: &mut Session) -> Result<()> {
        Ok(())
    }
}

/// Calls something generic over the rules of a step that is known at run time only; `$back` takes it back.
macro_rules! with_rules {
    ($step:expr, $back:expr, $rules:ident => $body:expr) => {
        match ($step, $back) {
            ($crate::step::Step::AssociateCidr, false) => {
                type $rules = $crate::steps::AssociateCidr;
                $body
            }
            ($crate::step::Step::AssociateCidr, true) => {
                type $rules = $crate::steps::associate_cidr::Back;
                $body
            }
            ($crate::step::Step::CreateSubnets, false) => {
                type $rules = $crate::steps::CreateSubnets;
                $body
            }
            ($crate::step::Step::CreateSubnets, true) => {
                type $rules = $crate::steps::create_subnets::Back;
                $body
            }
            ($crate::step::Step::SetEnv, false) => {
                type $rules = $crate::steps::SetEnv;
                $body
            }
            ($crate::step::Step::SetEnv, true) => {
                type $rules = $crate::steps::set_env::Back;
                $body
            }
            ($crate::step::Step::DetectCni, false) => {
                type $rules = $crate::steps::DetectCni;
                $body
            }
            ($crate::step::Step::DetectCni, true) => {
                type $rules = $crate::steps::detect_cni::Back;
                $body
            }
            ($crate::step::Step::InstallCrd, false) => {
                type $rules = $crate::steps::InstallCrd;
                $body
            }
            ($crate::step::Step::InstallCrd, true) => {
                type $rules = $crate::steps::install_crd::Back;
                $body
            }
            ($crate::step::Step::WriteEniconfigs, false) => {
                type $rules = $crate::steps::WriteEniconfigs;
                $body
            }
            ($crate::step::Step::WriteEniconfigs, true) => {
                type $rules = $crate::steps::write_eniconfigs::Back;
                $body
            }
            ($crate::step::Step::LaunchNodegroups, false) => {
                type $rules = $crate::steps::LaunchNodegroups;
                $body
            }
            ($crate::step::Step::LaunchNodegroups, true) => {
                type $rules = $crate::steps::launch_nodegroups::Back;
                $body
            }
            ($crate::step::Step::PatchSecurityGroups, false) => {
                type $rules = $crate::steps::PatchSecurityGroups;
                $body
            }
            ($crate::step::Step::PatchSecurityGroups, true) => {
                type $rules = $crate::steps::patch_security_groups::Back;
                $body
            }
            ($crate::step::Step::DrainNodes, false) => {
                type $rules = $crate::steps::DrainNodes;
                $body
            }
            ($crate::step::Step::DrainNodes, true) => {
                type $rules = $crate::steps::drain_nodes::Back;
                $body
            }
        }
    };
}
pub(crate) use with_rules;
