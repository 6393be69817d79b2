//! The volumes behind pods' claims.

use k8s_openapi::api::core::v1::NodeSelectorTerm;

/// Node labels for the zone: the current one, that of the EBS CSI driver, and the one before 1.17.
pub const ZONE_LABELS: [&str; 3] = [
    "topology.kubernetes.io/zone",
    "topology.ebs.csi.aws.com/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

/// A PersistentVolume that a claim is bound to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volume {
    pub name: String,
    /// UID of the claim that is bound to it.
    pub claim_uid: String,
    pub medium: Medium,
    /// Nodes that can attach it: one term is enough. Empty: any node.
    pub affinity: Vec<NodeSelectorTerm>,
    /// ReadWriteOnce or ReadWriteOncePod: one node can have it at a time.
    pub one_node: bool,
}

/// Where a volume keeps its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Medium {
    /// `local` or `hostPath`: on the disk of one node.
    NodeDisk,
    /// Wherever its driver keeps it; the node affinity shows where.
    Csi,
    #[default]
    Remote,
}
