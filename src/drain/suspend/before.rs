//! The state of node groups before they are changed, for the record. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Facts, Node, Owner, Record, SUSPENDED, Shape, Sizes, chosen, group, owner};

/// Records the state of the groups before they are changed.
pub(super) fn record_state(
    record: &mut Record,
    sizes: (BTreeMap<String, Sizes>, BTreeMap<String, Sizes>),
    shapes: BTreeMap<String, Vec<Shape>>,
    by_others: &BTreeMap<String, BTreeSet<String>>,
    managed: &BTreeSet<String>,
) {
    for (group, shapes) in shapes {
        record.shapes.entry(group).or_insert(shapes);
    }
    for (name, sizes) in sizes.0 {
        record.groups.entry(name).or_insert(sizes);
    }
    for (name, sizes) in sizes.1.into_iter().filter(|(name, _)| managed.contains(name)) {
        record.managed.entry(name).or_insert(sizes);
    }
    record.held_managed.extend(managed.iter().cloned());
    let all: BTreeSet<String> = SUSPENDED.iter().map(ToString::to_string).collect();
    for (name, by_others) in by_others {
        let by_us = all.difference(by_others).cloned();
        record.held.entry(name.clone()).or_default().extend(by_us);
        record.rebalance_suspended.remove(name);
        record.suspended_before.entry(name.clone()).or_insert_with(|| by_others.clone());
    }
}

/// Current sizes of these Auto Scaling groups, and of managed node groups.
pub(super) fn sizes(
    facts: &Facts,
    groups: &BTreeSet<String>,
) -> (BTreeMap<String, Sizes>, BTreeMap<String, Sizes>) {
    let there = &facts.node_groups;
    // A group managed by eni-custom is deleted with its stack, and never restored.
    let own = groups
        .iter()
        .filter_map(|name| there.groups.get(name))
        .filter(|group| !there.is_ours(group) && there.manager(&group.name).is_none())
        .map(|group| (group.name.clone(), group.sizes()));
    let managed = there.managed.iter().filter(|one| !one.is_ours());
    let managed = managed.map(|one| (one.name.clone(), there.sizes_of(one)));
    (own.collect(), managed.collect())
}

/// The shapes of the drained nodes, by node group.
pub(super) fn shapes(facts: &Facts, nodes: &BTreeSet<String>) -> BTreeMap<String, Vec<Shape>> {
    let mut of: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    for node in chosen(facts, nodes) {
        let name = match owner(facts, node) {
            Owner::Group(name) | Owner::Managed(name) => name,
            _ => continue,
        };
        let group = group(facts, node).and_then(|name| facts.node_groups.groups.get(name));
        if !group.is_some_and(|group| facts.node_groups.is_ours(group)) {
            of.entry(name).or_default().push(node);
        }
    }
    of.into_iter().map(|(name, nodes)| (name, Shape::of_all(nodes))).collect()
}
