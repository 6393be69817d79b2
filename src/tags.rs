//! Tags and names that mark what eni-custom created.

use sha2::{Digest, Sha256};

/// On everything that eni-custom creates; its value is the cluster's name.
pub(crate) const TAG_CLUSTER: &str = "eni-custom:cluster";
/// On everything that belongs to one ENIConfig.
pub(crate) const TAG_ENICONFIG: &str = "eni-custom:eniconfig";
/// On the stack of each new node group, and so on the group; its value is the pool's name.
pub(crate) const TAG_POOL: &str = "eni-custom:pool";
/// On the stack of each managed node group, and on the group, with the value [`MANAGED`]; self-managed ones have none.
pub(crate) const TAG_KIND: &str = "eni-custom:kind";
pub(crate) const MANAGED: &str = "managed";
/// On the stacks of a replacement for an old node group that is gone; its value is the cluster's name.
pub(crate) const TAG_REPLACEMENT: &str = "eni-custom:replacement";
/// The field manager in server-side apply.
pub(crate) const FIELD_MANAGER: &str = "eni-custom";
/// Characters that the name of a managed node group may have (EKS API reference, CreateNodegroup).
const LONGEST_NODE_GROUP: usize = 63;

/// The name of the managed node group in a stack: the stack's, shortened where EKS allows no such long one.
pub(crate) fn node_group_name(stack: &str) -> String {
    if stack.len() <= LONGEST_NODE_GROUP {
        return stack.to_string();
    }
    let hash = &hex::encode(Sha256::digest(stack))[..8];
    let kept: String = stack.chars().take(LONGEST_NODE_GROUP - hash.len() - 1).collect();
    format!("{kept}-{hash}")
}

/// The namespace of aws-node, aws-auth and eni-custom's record.
pub(crate) const NAMESPACE: &str = "kube-system";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_node_groups_fit_and_differ_as_their_stacks_do() {
        assert_eq!(node_group_name("eni-custom-shop-web-managed"), "eni-custom-shop-web-managed");
        let long = ["a", "b"].map(|end| node_group_name(&format!("eni-custom-{}-{end}", "c".repeat(90))));
        assert_ne!(long[0], long[1]);
        assert!(long.iter().all(|name| name.len() == LONGEST_NODE_GROUP), "{long:?}");
    }
}
