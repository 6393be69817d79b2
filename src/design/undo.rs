//! What an undo works on: old groups that start nodes again, and what eni-custom created. Pure.

use std::collections::BTreeSet;

use crate::facts::{Facts, Node, NodeClaim, Sizes, Subnet};

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
    let is_ours = |node: &&Node| node.instance_id.as_deref().is_some_and(|id| ours.contains(id));
    let of_karpenter = KarpenterNodes::of(facts).drained;
    facts.ec2_nodes().filter(is_ours).chain(of_karpenter).map(|node| node.name.clone()).collect()
}

/// Instances that are nodes of Karpenter and go with an undo.
pub(crate) fn instances_of_karpenter(facts: &Facts) -> BTreeSet<&str> {
    let KarpenterNodes { returning, drained } = KarpenterNodes::of(facts);
    returning.into_iter().chain(drained).filter_map(|node| node.instance_id.as_deref()).collect()
}

/// Nodes of Karpenter that have custom networking.
struct KarpenterNodes<'a> {
    /// Karpenter replaces them when their NodePools' templates are restored.
    returning: Vec<&'a Node>,
    /// The others. As long as custom networking is on, Karpenter would start nodes with it in their place.
    drained: Vec<&'a Node>,
}

impl<'a> KarpenterNodes<'a> {
    fn of(facts: &'a Facts) -> Self {
        let returns = |claim: &&NodeClaim| facts.record.node_pools.contains_key(&claim.pool) && is_new(claim);
        let claims = facts.karpenter.iter().flat_map(|karpenter| &karpenter.claims).filter(returns);
        let claims: BTreeSet<&str> = claims.map(|claim| claim.name.as_str()).collect();
        let configs = facts.eniconfigs.items.iter().map(|config| config.subnet.as_str());
        let subnets: BTreeSet<&str> =
            configs.chain(our_subnets(facts).map(|subnet| subnet.id.as_str())).collect();
        let ends = facts
            .undo
            .as_ref()
            .is_some_and(|undo| undo.ends_custom_networking || !facts.cni.is_on(CUSTOM_NETWORK));
        let (mut returning, mut drained) = (Vec::new(), Vec::new());
        for node in facts.ec2_nodes() {
            let Some(claim) = &node.node_claim else { continue };
            let is_custom = || node.interfaces.iter().any(|one| subnets.contains(one.subnet.as_str()));
            if claims.contains(claim.as_str()) {
                returning.push(node);
            } else if ends && is_custom() {
                drained.push(node);
            }
        }
        KarpenterNodes { returning, drained }
    }
}

/// Subnets that eni-custom created.
pub(crate) fn our_subnets(facts: &Facts) -> impl Iterator<Item = &Subnet> {
    facts.vpc.made_for(&facts.cluster.name)
}
