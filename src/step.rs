//! The nine steps by name and order, what of them is to be undone, and a change as a person reads it. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// What is to be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undo {
    /// Number of the last step that stays done; nothing where none does.
    pub to_step: Option<u8>,
    pub keep_nodes: bool,
    /// One step alone.
    pub only: Option<Step>,
}

impl Undo {
    pub fn takes_back(self, step: Step) -> bool {
        match self.only {
            Some(only) => only == step,
            None => step.number() > self.to_step.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
