//! Makes pools of what was read. Pure.

use std::collections::BTreeMap;

use crate::facts::{
    AutoScalingGroup, Facts, Instances, ManagedNodeGroup, ManagedPool, Node, NodeKind, Owner, Pool,
    SUSPENDED, Sizes, TypeChoice, Unclear, owner,
};

use super::alike::{self, Alike};
use super::base::{base, instance, read_instance_profile, source};
use super::{arguments::arguments, labels, tags};

/// Hooks that EKS adds to the groups of managed node groups, and completes itself.
const HOOKS_OF_EKS: [&str; 2] = ["Launch-LC-Hook", "Terminate-LC-Hook"];

const BESIDE: &str = "scaling policies, scheduled actions and notifications";

/// One pool for each managed node group, each other Auto Scaling group, and each set of alike nodes without an owner;
/// sorted by name. Karpenter's nodes are in none.
pub(in crate::discover) fn pools(facts: &Facts) -> Vec<Pool> {
    let there = &facts.node_groups;
    let mut nodes: BTreeMap<Owner, Vec<&Node>> = BTreeMap::new();
    for node in &facts.nodes {
        nodes.entry(owner(facts, node)).or_default().push(node);
    }
    let mut of = |owner: &Owner| nodes.remove(owner).unwrap_or_default();
    let mut pools: Vec<Pool> = Vec::new();
    for managed in &there.managed {
        pools.push(of_managed(facts, managed, &of(&Owner::Managed(managed.name.clone()))));
    }
    for group in there.groups.values().filter(|group| there.manager(&group.name).is_none()) {
        pools.push(of_group(facts, group, &of(&Owner::Group(group.name.clone()))));
    }
    pools.extend(of_unowned(facts, &of(&Owner::Unowned)));
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    pools
}

fn of_managed(facts: &Facts, managed: &ManagedNodeGroup, nodes: &[&Node]) -> Pool {
    let (settings, cluster) = (&managed.settings, &facts.cluster.name);
    // EKS makes one group, with its own launch template, from the user's.
    let group = managed.groups.iter().find_map(|name| facts.node_groups.groups.get(name));
    let launch = group.and_then(|group| group.settings.launch.as_ref()).or(settings.launch.as_ref());
    let owner = Owner::Managed(managed.name.clone());
    let mut pool = base(facts, owner, &managed.name, source(facts, launch), &settings.pool.ami_type, nodes);
    pool.unclear.extend(settings.unclear.iter().cloned());
    if let Some(group) = group {
        set_properties(facts, &mut pool, group, &HOOKS_OF_EKS);
    }
    let given = settings.types.iter().map(|name| TypeChoice { name: name.clone(), weight: None });
    if !settings.types.is_empty() {
        pool.instances.types = given.collect();
    }
    pool.instances.spot = settings.spot;
    find_types(&mut pool, nodes);
    let mut of_eks = labels::common(nodes);
    of_eks.extend(settings.labels.clone());
    pool.eks_labels = labels::divided(of_eks, &[]).eks;
    // With an image of the user's own, the user data has labels and taints that EKS does not know.
    let registered = arguments(pool.family, &pool.template.user_data, facts.cluster.service_cidr);
    let mut given = registered.labels;
    given.extend(settings.labels.clone());
    let divided = labels::divided(given, &labels::of_eniconfigs(facts));
    let others = registered.taints.into_iter().filter(|taint| !settings.taints.contains(taint));
    pool.taints = settings.taints.iter().cloned().chain(others).collect();
    pool.labels = divided.own;
    pool.groups = managed.groups.iter().cloned().collect();
    pool.sizes = facts.node_groups.sizes_of(managed);
    pool.role = settings.role.clone();
    pool.subnets = settings.subnets.clone();
    let tags = tags::of_managed(&settings.pool.tags, cluster);
    pool.managed = Some(ManagedPool { tags, ..settings.pool.clone() });
    pool
}

fn of_group(facts: &Facts, group: &AutoScalingGroup, nodes: &[&Node]) -> Pool {
    let settings = &group.settings;
    let launched = source(facts, settings.launch.as_ref());
    let owner = Owner::Group(group.name.clone());
    let mut pool = base(facts, owner, &group.name, launched, "", nodes);
    set_properties(facts, &mut pool, group, &[]);
    find_types(&mut pool, nodes);
    set_labels_and_taints(facts, &mut pool, nodes);
    read_instance_profile(facts, &mut pool);
    pool.groups = [group.name.clone()].into();
    pool.sizes = group.sizes();
    pool.subnets = settings.subnets.clone();
    pool
}

fn of_unowned(facts: &Facts, nodes: &[&Node]) -> Vec<Pool> {
    let nodes = nodes.iter().copied().filter(|node| node.kind == NodeKind::Ec2);
    let sets = alike::sets(facts, nodes, |id| instance(facts, id)).into_iter().enumerate();
    sets.map(|(at, set)| of_alike(facts, at + 1, set)).collect()
}

fn of_alike(facts: &Facts, number: usize, set: Alike<'_>) -> Pool {
    let Alike { launched, tags, nodes } = set;
    let mut pool = base(facts, Owner::Unowned, &format!("unowned-{number}"), launched, "", &nodes);
    find_types(&mut pool, &nodes);
    set_labels_and_taints(facts, &mut pool, &nodes);
    read_instance_profile(facts, &mut pool);
    let count = i32::try_from(nodes.len()).unwrap_or(i32::MAX);
    pool.sizes = Sizes { min: count, desired: count, max: count };
    pool.subnets = nodes.iter().filter_map(|node| node.subnet.clone()).collect();
    pool.tags = tags::of_group(&tags, &facts.cluster.name);
    pool
}

/// What the group is like, what it starts, and its tags. `left_out`: names of lifecycle hooks.
fn set_properties(facts: &Facts, pool: &mut Pool, group: &AutoScalingGroup, left_out: &[&str]) {
    let settings = &group.settings;
    pool.instances = settings.instances.clone();
    pool.group = settings.properties.clone();
    pool.tags = tags::of_group(&settings.tags, &facts.cluster.name);
    pool.unclear.extend(settings.unclear.iter().cloned());
    let mut unclear = |what: &str, why: String| pool.unclear.push(Unclear { what: what.into(), why });
    match facts.launches.hooks.get(&group.name) {
        Some(Ok(hooks)) => {
            let own = hooks.iter().map(|hook| hook.property.clone());
            let is_own = |name: &str| !left_out.contains(&name);
            let own = own.filter(|hook| {
                hook.get("LifecycleHookName").and_then(|name| name.as_str()).is_some_and(is_own)
            });
            let own: Vec<_> = own.map(serde_json::Value::Object).collect();
            if !own.is_empty() {
                pool.group.insert("LifecycleHookSpecificationList".into(), own.into());
            }
        }
        Some(Err(why)) => unclear("lifecycle hooks", format!("they could not be read: {why}")),
        None => unclear("lifecycle hooks", "they were not read".into()),
    }
    match &facts.launches.beside {
        Some(Ok(beside)) => {
            for name in beside.scaling.get(&group.name).into_iter().flatten() {
                unclear(
                    name,
                    "it belongs to this Auto Scaling group, and a replacement is another one".into(),
                );
            }
            if let Some(notifications) = beside.notifications.get(&group.name) {
                pool.group.insert("NotificationConfigurations".into(), notifications.clone().into());
            }
        }
        Some(Err(why)) => unclear(BESIDE, format!("they could not be read: {why}")),
        None => unclear(BESIDE, "they were not read".into()),
    }
    // Those of a drain are resumed after it.
    let by_us = facts.record.suspended_by_us(&group.name);
    let before = facts.record.suspended_before.get(&group.name);
    let is_of_drain = |process: &String| {
        by_us.contains(process)
            || (SUSPENDED.contains(&process.as_str())
                && before.is_some_and(|before| !before.contains(process)))
    };
    for process in group.suspended.iter().filter(|process| !is_of_drain(process)) {
        let why = "somebody has suspended this process; those of a replacement run";
        unclear(&format!("suspended process {process}"), why.into());
    }
}

/// The instance types, by what decides first: the group, its launch template, the nodes.
fn find_types(pool: &mut Pool, nodes: &[&Node]) {
    let data = &pool.template.data;
    let text = |pointer: [&str; 2]| data.get(pointer[0])?.get(pointer[1])?.as_str().map(ToString::to_string);
    if text(["InstanceMarketOptions", "MarketType"]).as_deref() == Some("spot") {
        pool.instances.spot = true;
    }
    let by_group = pool.instances.requirements.is_some() || !pool.instances.types.is_empty();
    if !by_group {
        pool.instances.requirements = data.get("InstanceRequirements").cloned();
    }
    if pool.instances.requirements.is_none() && pool.instances.types.is_empty() {
        let of_template = data.get("InstanceType").and_then(|kind| kind.as_str());
        pool.instances.types.extend(of_template.map(|name| TypeChoice { name: name.into(), weight: None }));
    }
    if pool.instances.types.is_empty() {
        pool.instances = Instances { types: types_of(nodes), ..std::mem::take(&mut pool.instances) };
    }
}

/// The most common type first.
fn types_of(nodes: &[&Node]) -> Vec<TypeChoice> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node.instance_type.is_empty()) {
        *counted.entry(&node.instance_type).or_default() += 1;
    }
    let mut counted: Vec<(&str, usize)> = counted.into_iter().collect();
    counted.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
    counted.into_iter().map(|(name, _)| TypeChoice { name: name.into(), weight: None }).collect()
}

/// From the nodes; from the user data if there are none.
fn set_labels_and_taints(facts: &Facts, pool: &mut Pool, nodes: &[&Node]) {
    let registered = arguments(pool.family, &pool.template.user_data, facts.cluster.service_cidr);
    let found = if nodes.is_empty() { registered.labels } else { labels::common(nodes) };
    let divided = labels::divided(found, &labels::of_eniconfigs(facts));
    (pool.labels, pool.eks_labels) = (divided.own, divided.eks);
    pool.taints = labels::taints(nodes, &registered.taints);
    if let Some(why) = registered.unclear.filter(|_| nodes.is_empty()) {
        pool.unclear.push(Unclear {
            what: "labels and taints".into(),
            why: format!("no node of it runs, and its user data is not understood: {why}"),
        });
    }
}

#[cfg(test)]
mod tests;
