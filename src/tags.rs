//! Tags and names that mark what eni-custom created.

/// On everything that eni-custom creates; its value is the cluster's name.
pub(crate) const TAG_CLUSTER: &str = "eni-custom:cluster";
/// On everything that belongs to one ENIConfig.
pub(crate) const TAG_ENICONFIG: &str = "eni-custom:eniconfig";
/// On the stack of each new node group, and so on the group; its value is the pool's name.
pub(crate) const TAG_POOL: &str = "eni-custom:pool";
/// On the stacks of a replacement for an old node group that is gone; its value is the cluster's name.
pub(crate) const TAG_REPLACEMENT: &str = "eni-custom:replacement";
/// The field manager in server-side apply.
pub(crate) const FIELD_MANAGER: &str = "eni-custom";
/// The namespace of aws-node, aws-auth and eni-custom's record.
pub(crate) const NAMESPACE: &str = "kube-system";
