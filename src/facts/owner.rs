//! Who owns a node's instance, and would launch a replacement. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Facts, Node};

/// Who launched an instance, and would launch a replacement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Managed(String),
    Group(String),
    NodeClaim(String),
    Unowned,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Managed(name) => write!(f, "managed node group {name}"),
            Owner::Group(name) => write!(f, "Auto Scaling group {name}"),
            Owner::NodeClaim(_) => f.write_str("Karpenter"),
            Owner::Unowned => f.write_str("no owner"),
        }
    }
}

/// Who owns a node.
pub fn owner(facts: &Facts, node: &Node) -> Owner {
    if let Some(claim) = &node.node_claim {
        return Owner::NodeClaim(claim.clone());
    }
    let Some(group) = group(facts, node) else { return Owner::Unowned };
    match facts.node_groups.manager(group) {
        Some(managed) => Owner::Managed(managed.name.clone()),
        None => Owner::Group(group.to_string()),
    }
}

/// The Auto Scaling group of a node's instance. If the group could not be read, the instance's tag decides: an instance
/// that is taken for unowned would be terminated, and its group would launch another.
pub fn group<'a>(facts: &'a Facts, node: &'a Node) -> Option<&'a str> {
    let groups = &facts.node_groups.groups;
    let tagged = node.group.as_deref().filter(|name| groups.get(*name).is_none_or(|group| group.holds(node)));
    tagged.or_else(|| groups.values().find(|group| group.holds(node)).map(|group| group.name.as_str()))
}

/// The nodes with these names.
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
