//! What an undo works on: old groups that start nodes again, and what eni-custom created. Pure.

use std::collections::BTreeSet;

use crate::facts::{Facts, Node, Sizes, Subnet};

use super::karpenter::is_new;
use super::{CUSTOM_NETWORK, our_instances};

/// Auto Scaling groups that must start nodes again, including those of managed node groups.
pub(crate) fn returning(facts: &Facts) -> Vec<String> {
    let (record, there) = (&facts.record, &facts.node_groups);
    let fewer = |desired: i32, before: Option<&Sizes>| before.is_some_and(|before| desired < before.desired);
    let groups = there.groups.values().filter(|group| fewer(group.desired, record.groups.get(&group.name)));
    let managed = there
        .managed
        .iter()
        .filter(|group| fewer(there.sizes_of(group).desired, record.managed.get(&group.name)));
    let of_managed = managed.flat_map(|group| group.groups.iter().cloned());
    groups.map(|group| group.name.clone()).chain(of_managed).collect()
}

/// Old groups in the record that no longer exist.
pub(crate) fn missing(facts: &Facts) -> Vec<&str> {
    let there = &facts.node_groups;
    let groups = facts.record.groups.keys().filter(|name| !there.groups.contains_key(*name));
    let managed =
        facts.record.managed.keys().filter(|name| !there.managed.iter().any(|group| group.name == **name));
    groups.chain(managed).map(String::as_str).collect()
}

/// Nodes that have custom networking because of eni-custom: those of its node groups, and those that Karpenter has started
/// meanwhile and does not replace itself.
pub(crate) fn our_nodes(facts: &Facts) -> BTreeSet<String> {
    let ours = our_instances(facts);
    let is_ours = |id: &Option<String>| id.as_deref().is_some_and(|id| ours.contains(id));
    let drained = |node: &&Node| is_ours(&node.instance_id) || is_of_karpenter(facts, node);
    facts.ec2_nodes().filter(drained).map(|node| node.name.clone()).collect()
}

/// Whether an instance is a node that Karpenter replaces, or that is drained for it.
pub(crate) fn goes_with_karpenter(facts: &Facts, instance: &str) -> bool {
    let is_its = |node: &&Node| node.instance_id.as_deref() == Some(instance);
    facts.ec2_nodes().find(is_its).is_some_and(|node| returns(facts, node) || is_of_karpenter(facts, node))
}

/// Karpenter replaces it when its NodePool's template is restored.
fn returns(facts: &Facts, node: &Node) -> bool {
    let (Some(karpenter), Some(claim)) = (&facts.karpenter, &node.node_claim) else { return false };
    let claim = karpenter.claims.iter().find(|one| one.name == *claim);
    claim.is_some_and(|claim| facts.record.node_pools.contains_key(&claim.pool) && is_new(claim))
}

/// As long as custom networking is on, Karpenter would start nodes with it in their place.
fn is_of_karpenter(facts: &Facts, node: &Node) -> bool {
    let Some(undo) = &facts.undo else { return false };
    let ends = undo.ends_custom_networking || !facts.cni.is_on(CUSTOM_NETWORK);
    let configs = facts.eniconfigs.items.iter().map(|config| config.subnet.as_str());
    let subnets: BTreeSet<&str> =
        configs.chain(our_subnets(facts).map(|subnet| subnet.id.as_str())).collect();
    let is_custom = node.interfaces.iter().any(|interface| subnets.contains(interface.subnet.as_str()));
    ends && node.node_claim.is_some() && is_custom && !returns(facts, node)
}

/// Subnets that eni-custom created.
pub(crate) fn our_subnets(facts: &Facts) -> impl Iterator<Item = &Subnet> {
    facts.vpc.made_for(&facts.cluster.name)
}
