//! The nine steps with their names and order, and how a change is shown. Pure.

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

    /// The order of a run. With `env_last`, custom networking is switched on after the ENIConfigs exist: a node
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

    /// The steps that must be done before this one is run alone.
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

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sign {
    Create,
    Change,
    Remove,
}

impl Sign {
    /// The character that a plan shows.
    pub(crate) fn mark(self) -> char {
        match self {
            Sign::Create => '+',
            Sign::Change => '~',
            Sign::Remove => '-',
        }
    }
}

/// One change to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Change {
    pub sign: Sign,
    /// `subnet us-west-2a`
    pub resource: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Field {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Null if it is known only after the change.
    pub after: Option<String>,
    /// A prediction, not part of the change: a saved plan leaves it out.
    #[serde(skip)]
    pub forecast: bool,
}

impl Change {
    pub(crate) fn new(sign: Sign, resource: impl Into<String>) -> Self {
        Change { sign, resource: resource.into(), fields: Vec::new() }
    }

    pub(crate) fn to(self, name: impl Into<String>, after: impl Into<String>) -> Self {
        self.push(name.into(), None, Some(after.into()), false)
    }

    /// Adds a prediction. Another run may predict something else.
    pub(crate) fn expect(self, name: impl Into<String>, after: impl Into<String>) -> Self {
        self.push(name.into(), None, Some(after.into()), true)
    }

    pub(crate) fn before_after(
        self,
        name: impl Into<String>,
        before: Option<impl Into<String>>,
        after: impl Into<String>,
    ) -> Self {
        self.push(name.into(), before.map(Into::into), Some(after.into()), false)
    }

    pub(crate) fn later(self, name: impl Into<String>) -> Self {
        self.push(name.into(), None, None, false)
    }

    fn push(mut self, name: String, before: Option<String>, after: Option<String>, forecast: bool) -> Self {
        self.fields.push(Field { name, before, after, forecast });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_last_moves_only_step_3_behind_step_6() {
        assert_eq!(Step::order(false), Step::DOCUMENTED);
        let numbers: Vec<u8> = Step::order(true).into_iter().map(Step::number).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6, 3, 7, 8, 9]);
    }

    #[test]
    fn a_step_needs_only_earlier_steps_in_either_order() {
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
