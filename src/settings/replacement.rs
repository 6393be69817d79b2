//! What replaces an old node group.

use std::fmt;
use std::str::FromStr;

/// The kind of node group that replaces a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplaceWith {
    /// Auto Scaling groups, as in AWS's documented procedure.
    #[default]
    SelfManaged,
    /// Managed node groups of EKS.
    Managed,
    /// Managed node groups for managed ones, and self-managed ones for all others.
    Same,
}

/// Where the image of a managed node group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagedImage {
    /// EKS chooses the newest of the family, and updates it when asked to. It writes part of the user data, and max pods.
    Eks,
    /// The launch template names it. EKS writes nothing into the user data.
    Own,
}

/// Who replaces the nodes that Karpenter started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KarpenterMove {
    /// Karpenter: their NodePools' templates change, so the nodes have drifted.
    #[default]
    Drift,
    /// eni-custom: it drains the nodes and deletes their NodeClaims.
    Drain,
}

impl fmt::Display for ReplaceWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReplaceWith::SelfManaged => "self-managed",
            ReplaceWith::Managed => "managed",
            ReplaceWith::Same => "same",
        })
    }
}

impl FromStr for ReplaceWith {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [ReplaceWith::SelfManaged, ReplaceWith::Managed, ReplaceWith::Same];
        let found = all.into_iter().find(|one| one.to_string() == text);
        found.ok_or("expected self-managed, managed or same")
    }
}

impl fmt::Display for ManagedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagedImage::Eks => "eks",
            ManagedImage::Own => "own",
        })
    }
}

impl FromStr for ManagedImage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [ManagedImage::Eks, ManagedImage::Own].into_iter().find(|one| one.to_string() == text);
        found.ok_or("expected eks or own")
    }
}

impl fmt::Display for KarpenterMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KarpenterMove::Drift => "drift",
            KarpenterMove::Drain => "drain",
        })
    }
}

impl FromStr for KarpenterMove {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found =
            [KarpenterMove::Drift, KarpenterMove::Drain].into_iter().find(|one| one.to_string() == text);
        found.ok_or("expected drift or drain")
    }
}
