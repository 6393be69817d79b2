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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::Facts;
use crate::settings::{Settings, Undo};
use crate::walk::Walk;

pub(crate) use associate_cidr::AssociateCidr;
pub(crate) use create_subnets::CreateSubnets;
pub(crate) use detect_cni::DetectCni;
pub use detect_cni::{Version, VersionSource, detected_version};
pub(crate) use drain_nodes::DrainNodes;
pub(crate) use install_crd::InstallCrd;
pub(crate) use launch_nodegroups::LaunchNodegroups;
pub use launch_nodegroups::{base_parameters, node_group_parameters, user_data};
pub(crate) use patch_security_groups::PatchSecurityGroups;
pub use patch_security_groups::grows;
pub(crate) use set_env::SetEnv;
pub use set_env::{Owner, addon_configuration, owner};
pub(crate) use write_eniconfigs::WriteEniconfigs;

/// A step, by its number in AWS's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    AssociateCidr = 1,
    CreateSubnets,
    SetEnv,
    DetectCni,
    InstallCrd,
    WriteEniconfigs,
    LaunchNodegroups,
    PatchSecurityGroups,
    DrainNodes,
}

impl Step {
    /// The documented order.
    pub const DOCUMENTED: [Step; 9] = [
        Step::AssociateCidr,
        Step::CreateSubnets,
        Step::SetEnv,
        Step::DetectCni,
        Step::InstallCrd,
        Step::WriteEniconfigs,
        Step::LaunchNodegroups,
        Step::PatchSecurityGroups,
        Step::DrainNodes,
    ];

    /// The order of a run. With `env_last`, custom networking is switched on only when ENIConfigs are there: a node
    /// that starts without one stays NotReady (CNI 1.13 and later).
    pub fn order(env_last: bool) -> Vec<Step> {
        let mut order = Step::DOCUMENTED.to_vec();
        if env_last {
            order.retain(|step| *step != Step::SetEnv);
            let after = order.iter().position(|step| *step == Step::WriteEniconfigs).map_or(0, |at| at + 1);
            order.insert(after, Step::SetEnv);
        }
        order
    }

    /// The order in which steps are taken back: custom networking off first (why: `set_env::Back`), then the old nodes
    /// in, and only when they are Ready the new ones out; then what these were made from, the last made first.
    pub fn order_back(undo: Undo) -> Vec<Step> {
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
        let stays = |step: &Step| undo.keep_nodes && of_nodes.contains(step);
        order.into_iter().filter(|step| undo.takes_back(*step) && !stays(step)).collect()
    }

    /// What must be taken back before this step is, in that order.
    pub fn built_on_by(self) -> Vec<Step> {
        let order = Step::order_back(Undo::default());
        let before = order.iter().take_while(|step| **step != self);
        // Custom networking without ENIConfigs leaves each node that starts NotReady (CNI 1.13 and later).
        let needs_eniconfigs = |step: Step| step == Step::SetEnv && self == Step::WriteEniconfigs;
        before.copied().filter(|step| step.needs().contains(&self) || needs_eniconfigs(*step)).collect()
    }

    pub fn number(self) -> u8 {
        self as u8
    }

    /// The subcommand's name.
    pub fn name(self) -> &'static str {
        match self {
            Step::AssociateCidr => "associate-cidr",
            Step::CreateSubnets => "create-subnets",
            Step::SetEnv => "set-env",
            Step::DetectCni => "detect-cni",
            Step::InstallCrd => "install-crd",
            Step::WriteEniconfigs => "write-eniconfigs",
            Step::LaunchNodegroups => "launch-nodegroups",
            Step::PatchSecurityGroups => "patch-security-groups",
            Step::DrainNodes => "drain-nodes",
        }
    }

    /// What a step alone builds on.
    pub fn needs(self) -> &'static [Step] {
        match self {
            Step::AssociateCidr | Step::SetEnv | Step::DetectCni | Step::InstallCrd => &[],
            Step::CreateSubnets => &[Step::AssociateCidr],
            Step::WriteEniconfigs => &[Step::CreateSubnets, Step::InstallCrd],
            Step::LaunchNodegroups => &[Step::CreateSubnets],
            Step::PatchSecurityGroups => &[Step::SetEnv, Step::WriteEniconfigs, Step::LaunchNodegroups],
            Step::DrainNodes => &[Step::SetEnv, Step::WriteEniconfigs, Step::PatchSecurityGroups],
        }
    }
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    Create,
    Change,
    Remove,
}

impl Sign {
    /// As a plan shows it.
    pub fn mark(self) -> char {
        match self {
            Sign::Create => '+',
            Sign::Change => '~',
            Sign::Remove => '-',
        }
    }
}

/// One change as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub sign: Sign,
    /// `subnet us-west-2a`
    pub resource: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Nothing where it is known only after the change.
    pub after: Option<String>,
    /// Says what to expect, and is no part of the change.
    #[serde(skip)]
    pub forecast: bool,
}

impl Change {
    pub fn new(sign: Sign, resource: impl Into<String>) -> Self {
        Change { sign, resource: resource.into(), fields: Vec::new() }
    }

    pub fn to(self, name: impl Into<String>, after: impl Into<String>) -> Self {
        self.push(name.into(), None, Some(after.into()), false)
    }

    /// What to expect of it; another run may well expect something else.
    pub fn expect(self, name: impl Into<String>, after: impl Into<String>) -> Self {
        self.push(name.into(), None, Some(after.into()), true)
    }

    pub fn from_to(
        self,
        name: impl Into<String>,
        before: Option<impl Into<String>>,
        after: impl Into<String>,
    ) -> Self {
        self.push(name.into(), before.map(Into::into), Some(after.into()), false)
    }

    pub fn later(self, name: impl Into<String>) -> Self {
        self.push(name.into(), None, None, false)
    }

    fn push(mut self, name: String, before: Option<String>, after: Option<String>, forecast: bool) -> Self {
        self.fields.push(Field { name, before, after, forecast });
        self
    }
}

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
    async fn rehearse(_: &Walk, _: &[Self::Change]) -> Result<()> {
        Ok(())
    }

    async fn apply(walk: &mut Walk, change: Self::Change) -> Result<()>;

    /// Waits until what was started here is really so; also what a run that was cut had started.
    async fn settle(_: &mut Walk) -> Result<()> {
        Ok(())
    }
}

/// Calls something generic over the rules of a step that is known at run time only; `$back` takes it back.
macro_rules! with_rules {
    ($step:expr, $back:expr, $rules:ident => $body:expr) => {
        match ($step, $back) {
            ($crate::steps::Step::AssociateCidr, false) => {
                type $rules = $crate::steps::AssociateCidr;
                $body
            }
            ($crate::steps::Step::AssociateCidr, true) => {
                type $rules = $crate::steps::associate_cidr::Back;
                $body
            }
            ($crate::steps::Step::CreateSubnets, false) => {
                type $rules = $crate::steps::CreateSubnets;
                $body
            }
            ($crate::steps::Step::CreateSubnets, true) => {
                type $rules = $crate::steps::create_subnets::Back;
                $body
            }
            ($crate::steps::Step::SetEnv, false) => {
                type $rules = $crate::steps::SetEnv;
                $body
            }
            ($crate::steps::Step::SetEnv, true) => {
                type $rules = $crate::steps::set_env::Back;
                $body
            }
            ($crate::steps::Step::DetectCni, false) => {
                type $rules = $crate::steps::DetectCni;
                $body
            }
            ($crate::steps::Step::DetectCni, true) => {
                type $rules = $crate::steps::detect_cni::Back;
                $body
            }
            ($crate::steps::Step::InstallCrd, false) => {
                type $rules = $crate::steps::InstallCrd;
                $body
            }
            ($crate::steps::Step::InstallCrd, true) => {
                type $rules = $crate::steps::install_crd::Back;
                $body
            }
            ($crate::steps::Step::WriteEniconfigs, false) => {
                type $rules = $crate::steps::WriteEniconfigs;
                $body
            }
            ($crate::steps::Step::WriteEniconfigs, true) => {
                type $rules = $crate::steps::write_eniconfigs::Back;
                $body
            }
            ($crate::steps::Step::LaunchNodegroups, false) => {
                type $rules = $crate::steps::LaunchNodegroups;
                $body
            }
            ($crate::steps::Step::LaunchNodegroups, true) => {
                type $rules = $crate::steps::launch_nodegroups::Back;
                $body
            }
            ($crate::steps::Step::PatchSecurityGroups, false) => {
                type $rules = $crate::steps::PatchSecurityGroups;
                $body
            }
            ($crate::steps::Step::PatchSecurityGroups, true) => {
                type $rules = $crate::steps::patch_security_groups::Back;
                $body
            }
            ($crate::steps::Step::DrainNodes, false) => {
                type $rules = $crate::steps::DrainNodes;
                $body
            }
            ($crate::steps::Step::DrainNodes, true) => {
                type $rules = $crate::steps::drain_nodes::Back;
                $body
            }
        }
    };
}
pub(crate) use with_rules;

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn env_last_moves_step_three_behind_six_and_nothing_else() {
        assert_eq!(Step::order(false), Step::DOCUMENTED);
        let numbers: Vec<u8> = Step::order(true).into_iter().map(Step::number).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6, 3, 7, 8, 9]);
    }

    #[test]
    fn a_step_is_taken_back_before_what_it_is_built_on() {
        let numbers = |step: Step| step.built_on_by().into_iter().map(Step::number).collect::<Vec<_>>();
        assert_eq!(numbers(Step::SetEnv), [0; 0]);
        assert_eq!(numbers(Step::PatchSecurityGroups), [9]);
        assert_eq!(numbers(Step::WriteEniconfigs), [3, 9, 8]);
        assert_eq!(numbers(Step::CreateSubnets), [7, 6]);
        assert_eq!(numbers(Step::AssociateCidr), [2]);
    }

    #[test]
    fn a_step_needs_only_steps_that_come_before_it_in_either_order() {
        for env_last in [false, true] {
            let order = Step::order(env_last);
            for (at, step) in order.iter().enumerate() {
                for needed in step.needs() {
                    assert!(order[..at].contains(needed), "{step:?} needs {needed:?}");
                }
            }
        }
    }
}
