//! An action, and when it is called.

use crate::step::Step;

use super::Grant;

/// One action.
#[derive(Debug)]
pub struct Action {
    /// `ec2:CreateSubnet`
    pub name: &'static str,
    pub why: &'static str,
    pub need: Need,
    pub by: By,
    pub only: Only,
    pub grants: &'static [Grant],
}

/// When it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// By every command that reads a cluster: `plan` too.
    Discovery,
    /// By whatever doesn't take back, when it reads the cluster.
    DiscoveryForward,
    /// By whatever takes back, when it reads the cluster: `undo --plan` too.
    DiscoveryBack,
    /// By these steps, when they have something to change, and by these, when they have something to take back.
    In { forward: &'static [Step], back: &'static [Step] },
}

impl Need {
    pub const fn forward(steps: &'static [Step]) -> Self {
        Need::In { forward: steps, back: &[] }
    }

    pub const fn back(steps: &'static [Step]) -> Self {
        Need::In { forward: &[], back: steps }
    }
}

/// Who calls it, in the caller's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Program,
    CloudFormation,
}

/// What must be so for it to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    Always,
    /// aws-node is EKS's add-on.
    Addon,
    /// The add-on creates the ENIConfigs.
    AddonEniconfigs,
    /// The add-on has an IAM role of its own.
    AddonRole,
    /// The cluster takes access entries.
    AccessEntries,
    /// Old nodes of managed node groups are drained.
    Managed,
    /// Old nodes of Auto Scaling groups are drained; a managed node group has one too.
    Owned,
    /// Old instances without an owner are to be terminated.
    Unowned,
    /// Something went wrong: a stack failed, or is rolled back.
    Trouble,
    /// What is taken back leaves the node groups' stacks where they are.
    StacksStay,
}
