//! Who owns a node's instance, and how it is ended so that its owner doesn't start another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::{Error, Result};
use crate::facts::{Facts, Node};
use crate::k8s::nodes as kube_nodes;
use crate::walk::{Clients, Walk};

/// Who started an instance, and would start the next one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Managed(String),
    Group(String),
    NodeClaim(String),
    Nobody,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Managed(name) => write!(f, "managed node group {name}"),
            Owner::Group(name) => write!(f, "Auto Scaling group {name}"),
            Owner::NodeClaim(_) => f.write_str("Karpenter"),
            Owner::Nobody => f.write_str("no owner"),
        }
    }
}

/// Who owns a node.
pub fn owner(facts: &Facts, node: &Node) -> Owner {
    if let Some(claim) = &node.node_claim {
        return Owner::NodeClaim(claim.clone());
    }
    let Some(group) = group(facts, node) else { return Owner::Nobody };
    match facts.node_groups.manager(group) {
        Some(managed) => Owner::Managed(managed.name.clone()),
        None => Owner::Group(group.to_string()),
    }
}

/// The Auto Scaling group that a node's instance is in. The instance's own tag counts where the group could not be read:
/// an instance that is taken for unowned is terminated, and its group starts another.
pub fn group<'a>(facts: &'a Facts, node: &'a Node) -> Option<&'a str> {
    let groups = &facts.node_groups.groups;
    let tagged = node.group.as_deref().filter(|name| groups.get(*name).is_none_or(|group| group.holds(node)));
    tagged.or_else(|| groups.values().find(|group| group.holds(node)).map(|group| group.name.as_str()))
}

/// The nodes of these names.
pub fn chosen<'a>(facts: &'a Facts, nodes: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Node> {
    facts.nodes.iter().filter(|node| nodes.contains(&node.name))
}

/// How many of the nodes each owner has.
pub fn count(facts: &Facts, nodes: &BTreeSet<String>) -> Vec<(String, usize)> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for node in chosen(facts, nodes) {
        *counted.entry(owner(facts, node).to_string()).or_default() += 1;
    }
    counted.into_iter().collect()
}

/// What it takes to end one node, for a task of its own.
#[derive(Clone)]
pub struct End {
    pub node: String,
    instance: Option<String>,
    owner: Owner,
}

impl End {
    pub fn of(walk: &Walk, node: &str) -> Option<Self> {
        let found = walk.facts.nodes.iter().find(|each| each.name == node)?;
        let owner = owner(&walk.facts, found);
        Some(End { node: node.to_string(), instance: found.instance_id.clone(), owner })
    }

    /// Ends the node's instance. A managed node group's goes as the cluster-autoscaler ends it too: through the
    /// Auto Scaling group, so that it is this node and not another of the group.
    pub async fn now(self, clients: Clients, terminate_unowned: bool) -> Result<()> {
        match (self.owner, self.instance) {
            (Owner::Group(_) | Owner::Managed(_), Some(id)) => {
                clients.aws.autoscaling.terminate_and_shrink(&id).await
            }
            (Owner::NodeClaim(name), _) => kube_nodes::delete_node_claim(&clients.kube.client, &name).await,
            // Asked for with a flag, or refused by the checks.
            (Owner::Nobody, Some(id)) if terminate_unowned => clients.aws.ec2.terminate(&id).await,
            _ => Ok(()),
        }
    }
}

/// Whether an end that failed may succeed a moment later.
pub fn is_passing(error: &Error) -> bool {
    matches!(error.code(), "ScalingActivityInProgress" | "ResourceContention")
}
