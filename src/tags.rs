//! Marks by which this program knows again what it made.

/// On all that is made, with the cluster's name.
pub const TAG_CLUSTER: &str = "eni-custom:cluster";
/// On what belongs to one ENIConfig.
pub const TAG_ENICONFIG: &str = "eni-custom:eniconfig";
/// On the stacks of a replacement for an old node group that is gone, with the cluster's name.
pub const TAG_STAND_IN: &str = "eni-custom:stand-in";
/// The name under which fields are owned in server-side apply.
pub const FIELD_MANAGER: &str = "eni-custom";
/// The namespace of aws-node, aws-auth and what this program writes down.
pub const NAMESPACE: &str = "kube-system";
