//! The replacement of each pool: what its nodes are, and its node groups. Pure.

mod sources;

use std::collections::BTreeSet;

use crate::client_token::client_token;
use crate::facts::{AutoScalingGroup, Cluster, Facts, Node, Pool, Stack};
use crate::issue::Issue;
use crate::settings::Settings;
use crate::tags::{MANAGED, TAG_ENICONFIG, TAG_KIND, TAG_POOL};

use super::kind::{GroupKind, kind};
use super::machine::{self, MachineDesign};
use super::mirror::{Mirror, mirror};
use super::{ZONE_LABEL, ZoneDesign, stack_name};

use sources::wanted;
use sources::{Source, sources};
pub(crate) use sources::{all_wanted, pool_name};

/// The pool of nodes whose owner launches nothing like them again, and of a cluster without nodes.
pub(crate) const OTHER_NODES: &str = "nodes";

/// New nodes that are alike, in one node group for each zone, or in one for all zones.
#[derive(Debug, Clone)]
pub(crate) struct PoolDesign {
    pub name: String,
    /// What they replace; `None` for nodes without a node group.
    pub old: Option<Pool>,
    /// `old` is of eni-custom's own groups, because nothing else is left of the pool.
    pub is_kept: bool,
    pub kind: GroupKind,
    pub machine: MachineDesign,
    pub mirror: Mirror,
    pub groups: Vec<GroupDesign>,
}

/// One node group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupDesign {
    /// Where its nodes start: one zone, unless it is a managed node group whose nodes find their ENIConfig by their zone.
    pub zones: Vec<GroupZone>,
    pub stack: String,
    /// Sizes in capacity units: nodes, unless the pool's instance types have weights.
    pub min_size: u32,
    pub size: u32,
    pub max_size: u32,
}

/// A zone of a node group, whose pods there use one ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupZone {
    pub zone: String,
    pub eniconfig: String,
    /// Subnets of the nodes, all in the zone; not the pods' subnet.
    pub node_subnets: Vec<String>,
}

impl PoolDesign {
    /// How many nodes these capacity units are, at most.
    pub(crate) fn nodes(&self, units: u32) -> u32 {
        let lightest = self.machine.types.iter().filter_map(|one| one.weight).min();
        units.div_ceil(lightest.unwrap_or(1).max(1))
    }

    /// How many nodes its new groups have, at most.
    pub(crate) fn new_nodes(&self) -> u32 {
        self.groups.iter().map(|group| self.nodes(group.size)).sum()
    }

    /// How many of a group's nodes have not joined yet, at most.
    pub(crate) fn to_start(&self, group: &GroupDesign, facts: &Facts) -> u32 {
        self.nodes(group.size.saturating_sub(group.joined(facts, |_| true)))
    }

    /// The same in one of its zones.
    pub(crate) fn to_start_in(&self, zone: &ZoneDesign, group: &GroupDesign, facts: &Facts) -> u32 {
        let joined = group.joined(facts, |node| node.zone == zone.zone);
        self.nodes(group.share(group.size, zone).saturating_sub(joined))
    }
}

impl GroupDesign {
    /// Its Auto Scaling group, once the stack has created it.
    pub(crate) fn there<'a>(&self, facts: &'a Facts) -> Option<&'a AutoScalingGroup> {
        facts.node_groups.groups.values().find(|group| group.is_of(&self.stack))
    }

    /// Whether its stack has been given nodes.
    pub(crate) fn is_grown(&self, facts: &Facts) -> bool {
        let stack = facts.node_groups.stacks.get(&self.stack);
        stack.and_then(|stack| stack.parameters.get("DesiredCapacity")).is_some_and(|size| size != "0")
    }

    /// Capacity units of those of its nodes that have joined and pass the filter.
    fn joined(&self, facts: &Facts, counts: impl Fn(&Node) -> bool) -> u32 {
        let Some(group) = self.there(facts) else { return 0 };
        facts.ec2_nodes().filter(|node| counts(node)).map(|node| group.units_of(node)).sum()
    }

    /// Subnets of its nodes, of all zones.
    pub(crate) fn node_subnets(&self) -> Vec<String> {
        self.zones.iter().flat_map(|zone| zone.node_subnets.clone()).collect()
    }

    /// Names of its zones, as text.
    pub(crate) fn zone_names(&self) -> String {
        self.zones.iter().map(|zone| zone.zone.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Of these capacity units, those in one of its zones: Auto Scaling distributes a group evenly.
    pub(crate) fn share(&self, units: u32, zone: &ZoneDesign) -> u32 {
        let at = self.zones.iter().position(|one| one.zone == zone.zone).unwrap_or_default();
        let count = self.zones.len().max(1);
        let further = (units as usize) % count > at;
        units / u32::try_from(count).unwrap_or(1) + u32::from(further)
    }

    /// The most of these capacity units that one zone gets.
    pub(crate) fn largest_share(&self, units: u32) -> u32 {
        units.div_ceil(u32::try_from(self.zones.len()).unwrap_or(1).max(1))
    }
}

/// The design of each pool.
pub(super) fn pools(
    settings: &Settings,
    facts: &Facts,
    zones: &[ZoneDesign],
    label_key: &str,
    old_nodes: &BTreeSet<String>,
    findings: &mut Vec<Issue>,
) -> Vec<PoolDesign> {
    let sources = sources(settings, facts, old_nodes);
    let is_only = sources.len() == 1;
    let pool = |source: &Source<'_>| {
        let kind = kind(&settings.nodes, facts, &source.name, source.pool);
        let wanted = wanted(settings, facts, source, kind);
        let machine = machine::machine(settings, facts, &source.name, &wanted, findings);
        let own: Vec<&ZoneDesign> = zones.iter().filter(|zone| source.uses(facts, &zone.zone)).collect();
        // A label with the name of an ENIConfig is the same on all nodes of a managed node group.
        let is_whole = kind.is_managed() && label_key == ZONE_LABEL;
        let groups = own.chunks(if is_whole { own.len().max(1) } else { 1 });
        let group = |zones: &[&ZoneDesign]| {
            let part = if is_whole { MANAGED } else { zones[0].eniconfig.as_str() };
            let stack = stack(facts, &source.name, part, is_only);
            group(settings, facts, (source, kind), &machine, zones, stack)
        };
        PoolDesign {
            name: source.name.clone(),
            old: source.pool.cloned(),
            is_kept: source.is_kept,
            kind,
            mirror: mirror(settings, facts, &source.name, source.pool, kind, &machine),
            groups: groups.map(group).collect(),
            machine,
        }
    };
    sources.iter().map(pool).collect()
}

fn group(
    settings: &Settings,
    facts: &Facts,
    (source, kind): (&Source<'_>, GroupKind),
    machine: &MachineDesign,
    zones: &[&ZoneDesign],
    stack: String,
) -> GroupDesign {
    let (min_size, size, max_size) = sizes(settings, facts, source, machine, zones, &stack);
    let zone = |zone: &&ZoneDesign| {
        let own = source.subnets(facts, &zone.zone);
        GroupZone {
            zone: zone.zone.clone(),
            eniconfig: zone.eniconfig.clone(),
            node_subnets: if own.is_empty() { vec![zone.node_subnet.clone()] } else { own },
        }
    };
    GroupDesign {
        zones: zones.iter().map(zone).collect(),
        stack,
        min_size,
        size,
        // EKS accepts no smaller maximum.
        max_size: if kind.is_managed() { max_size.max(1) } else { max_size },
    }
}

/// The name of a group's stack: that of the stack with its tags, else one that depends only on the names. The stacks of
/// a cluster's only pool are named after their ENIConfigs alone. `part`: the ENIConfig, or [`MANAGED`] for the group of all
/// zones.
fn stack(facts: &Facts, pool: &str, part: &str, is_only: bool) -> String {
    let has = |stack: &Stack, tag: &str, value: &str| stack.tags.get(tag).is_some_and(|tag| tag == value);
    let tag = if part == MANAGED { TAG_KIND } else { TAG_ENICONFIG };
    let there = facts.node_groups.stacks.values();
    let there = there.filter(|stack| has(stack, TAG_POOL, pool) && has(stack, tag, part));
    if let Some(stack) = there.min_by_key(|stack| &stack.name) {
        return stack.name.clone();
    }
    group_stack(&facts.cluster, (!is_only).then_some(pool), part)
}

/// The name of the stack of a pool's group; without a pool, that of the cluster's only one.
pub(crate) fn group_stack(cluster: &Cluster, pool: Option<&str>, last: &str) -> String {
    let Some(pool) = pool else { return stack_name(&cluster.name, last) };
    let part = format!("{pool}-{last}");
    let name = stack_name(&cluster.name, &part);
    if name.ends_with(&part) {
        return name;
    }
    // Group names can be longer than CloudFormation allows, and contain other characters.
    let token = client_token(&cluster.arn, TAG_POOL, &part);
    let hash = &token.trim_start_matches("eni-custom-")[..6];
    let others = stack_name(&cluster.name, &format!("-{hash}-{last}")).len();
    let pool: String = pool.chars().take(128_usize.saturating_sub(others)).collect();
    stack_name(&cluster.name, &format!("{pool}-{hash}-{last}"))
}

/// Minimum, size and maximum of a group. A group with nodes keeps its size: the nodes that it replaced may be gone.
fn sizes(
    settings: &Settings,
    facts: &Facts,
    source: &Source<'_>,
    machine: &MachineDesign,
    zones: &[&ZoneDesign],
    stack: &str,
) -> (u32, u32, u32) {
    let (settings, pool) = (&settings.nodes, source.name.as_str());
    let number =
        |stack: &Stack, key: &str| stack.parameters.get(key).and_then(|value| value.parse::<u32>().ok());
    let grown = facts.node_groups.stacks.get(stack).and_then(|stack| {
        let size = number(stack, "DesiredCapacity").filter(|size| *size > 0)?;
        Some((number(stack, "MinSize").unwrap_or(size), size, number(stack, "MaxSize").unwrap_or(size)))
    });
    let in_all = |number: &u32| number.saturating_mul(u32::try_from(zones.len()).unwrap_or(1));
    let asked = settings.nodes_per_zone.of(pool).map(in_all);
    // A cluster without nodes gets one in each zone; a group that was scaled to zero stays so.
    let least = u32::from(source.name == OTHER_NODES && (source.is_kept || source.pool.is_none()));
    let size = asked.or(grown.map(|(_, size, _)| size)).unwrap_or_else(|| {
        let needed = zones.iter().map(|zone| needed(facts, source, machine, &zone.zone).max(least));
        needed.fold(0, u32::saturating_add)
    });
    let bounds = match zones {
        [zone] => source.share(facts, &zone.zone),
        _ => source.bounds(facts),
    };
    let bounds = bounds.filter(|_| least == 0);
    let max = settings
        .max_nodes_per_zone
        .of(pool)
        .map(in_all)
        .or(grown.map(|(.., max)| max).filter(|_| asked.is_none()))
        .or(bounds.map(|(_, max)| max).filter(|_| asked.is_none()))
        .unwrap_or_else(|| size.saturating_mul(2));
    let min = grown.map(|(min, ..)| min).or(bounds.map(|(min, _)| min)).unwrap_or(size);
    (min.min(size), size, max.max(size))
}

/// The capacity units that replace those of a zone.
fn needed(facts: &Facts, source: &Source<'_>, machine: &MachineDesign, zone: &str) -> u32 {
    let nodes: Vec<&Node> = source.nodes.iter().filter(|node| node.zone == zone).copied().collect();
    let names: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let pods = facts.pods.iter().filter(|pod| names.contains(pod.node.as_str()));
    let moving = pods.filter(|pod| !pod.is_finished() && !pod.is_of_daemon_set()).count();
    let free = machine::capacity(machine, facts).max(1);
    let needed = u32::try_from(moving).unwrap_or(u32::MAX).div_ceil(free);
    let units: u32 = nodes.iter().map(|node| source.units(facts, node)).sum();
    // A new node has the weight of the lightest type at least.
    let lightest = machine.types.iter().filter_map(|one| one.weight).min().unwrap_or(1);
    units.max(needed.saturating_mul(lightest))
}

#[cfg(test)]
mod tests;
