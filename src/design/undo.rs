//! What an undo works on: old groups that start nodes again, and what eni-custom created. Pure.

use std::collections::BTreeSet;

use crate::facts::{Facts, Sizes, Subnet};

use super::our_instances;

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

/// Nodes of eni-custom's node groups.
pub(crate) fn our_nodes(facts: &Facts) -> BTreeSet<String> {
    let ours = our_instances(facts);
    let is_ours = |id: &Option<String>| id.as_deref().is_some_and(|id| ours.contains(id));
    facts.ec2_nodes().filter(|node| is_ours(&node.instance_id)).map(|node| node.name.clone()).collect()
}

/// Subnets that eni-custom created.
pub(crate) fn our_subnets(facts: &Facts) -> impl Iterator<Item = &Subnet> {
    facts.vpc.made_for(&facts.cluster.name)
}
