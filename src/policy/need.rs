//! An action, and when it is called.

use crate::step::Step;

use super::Grant;

/// One action.
#[derive(Debug)]
pub(crate) struct Action {
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
pub(crate) enum Need {
    /// By every command that reads a cluster: `plan` too.
    Discovery,
    /// By every command but undo, when it reads the cluster.
    DiscoverySetup,
    /// By every undo, when it reads the cluster: `undo --dry-run` too.
    DiscoveryUndo,
    /// By the steps `setup` when they have something to change, and by the undo of the steps `undo`.
    In { setup: &'static [Step], undo: &'static [Step] },
}

impl Need {
    pub(crate) const fn setup(steps: &'static [Step]) -> Self {
        Need::In { setup: steps, undo: &[] }
    }

    pub(crate) const fn undo(steps: &'static [Step]) -> Self {
        Need::In { setup: &[], undo: steps }
    }
}

/// Who calls it, in the caller's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Program,
    CloudFormation,
}

/// The condition under which it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    Always,
    /// aws-node is the EKS add-on.
    Addon,
    /// The add-on creates the ENIConfigs.
    AddonEniconfigs,
    /// The add-on has an IAM role of its own.
    AddonRole,
    /// The cluster accepts access entries.
    AccessEntries,
    /// The base stack creates a node role.
    NewRole,
    /// New nodes have another role than the old ones.
    OtherRole,
    /// A stack creates an instance profile.
    NewProfile,
    /// New managed node groups.
    NewManaged,
    /// The same, but only if their stack fails, or if the account never had one.
    NewManagedRarely,
    /// New self-managed node groups.
    NewGroups,
    /// An old group has lifecycle hooks.
    Hooks,
    /// An old group sends notifications.
    Notifications,
    /// An old group has group metrics.
    Metrics,
    /// Old nodes of managed node groups are drained.
    Managed,
    /// Old nodes of Auto Scaling groups are drained; a managed node group has one too.
    Owned,
    /// Old instances that no group owns are terminated.
    Unowned,
    /// Old managed node groups are deleted.
    OldGroups,
    /// A stack failed or is rolled back.
    Trouble,
    /// The undo keeps the stacks of the node groups.
    StacksStay,
    /// Some of these are managed node groups.
    ManagedStacksStay,
}
