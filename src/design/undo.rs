//! What there is to undo: old groups that get their nodes back, and what this program made. Pure.

use std::collections::BTreeSet;

use crate::facts::{Facts, Sizes, Subnet};

use super::our_instances;

/// Auto Scaling groups that are to start nodes again; a managed node group's by its own.
pub fn returning(facts: &Facts) -> Vec<String> {
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

/// Old groups that were recorded and are gone by now.
pub fn missing(facts: &Facts) -> Vec<&str> {
    let there = &facts.node_groups;
    let groups = facts.record.groups.keys().filter(|name| !there.groups.contains_key(*name));
    let managed =
        facts.record.managed.keys().filter(|name| !there.managed.iter().any(|group| group.name == **name));
    groups.chain(managed).map(String::as_str).collect()
}

/// Nodes of our groups.
pub fn our_nodes(facts: &Facts) -> BTreeSet<String> {
    let ours = our_instances(facts);
    let is_ours = |id: &Option<String>| id.as_deref().is_some_and(|id| ours.contains(id));
    facts.ec2_nodes().filter(|node| is_ours(&node.instance_id)).map(|node| node.name.clone()).collect()
}

/// Subnets that this program made.
pub fn our_subnets(facts: &Facts) -> impl Iterator<Item = &Subnet> {
    facts.vpc.made_for(&facts.cluster.name)
}
