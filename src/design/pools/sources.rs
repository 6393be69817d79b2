//! What the new nodes replace: the old node groups, and old nodes that belong to none.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::kind::{GroupKind, kind};
use crate::design::machine::Wanted;
use crate::facts::{
    AmiFamily, Facts, Instances, ManagedNodeGroup, Node, Owner, Pool, Stack, TypeChoice, group,
};
use crate::settings::Settings;
use crate::tags::{TAG_CLUSTER, TAG_ENICONFIG, TAG_POOL};

use super::OTHER_NODES;

/// Old nodes that get new ones like them.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    /// The pool's name.
    pub name: String,
    /// `None` for nodes whose owner launches nothing like them again.
    pub pool: Option<&'a Pool>,
    /// The pool is of eni-custom's own groups: the old group is gone, or there was none.
    pub is_kept: bool,
    /// Its old nodes.
    pub nodes: Vec<&'a Node>,
}

impl<'a> Source<'a> {
    /// Subnets of its nodes in a zone; empty if it has no subnets of its own.
    pub(super) fn subnets(&self, facts: &Facts, zone: &str) -> Vec<String> {
        let subnets = self.pool.iter().flat_map(|pool| &pool.subnets);
        let in_zone = |id: &&String| facts.vpc.subnet(id).is_some_and(|subnet| subnet.zone == zone);
        subnets.filter(in_zone).cloned().collect()
    }

    /// Whether its nodes start in this zone.
    pub(super) fn uses(&self, facts: &Facts, zone: &str) -> bool {
        match self.pool {
            Some(pool) if !pool.subnets.is_empty() => !self.subnets(facts, zone).is_empty(),
            _ => true,
        }
    }

    /// A node's capacity units.
    pub(super) fn units(&self, facts: &Facts, node: &Node) -> u32 {
        let group = group(facts, node).and_then(|name| facts.node_groups.groups.get(name));
        group.map_or(1, |group| group.units_of(node))
    }

    /// The minimum and the maximum. A drain of an earlier run may have lowered those of the group.
    pub(super) fn bounds(&self, facts: &Facts) -> Option<(u32, u32)> {
        let pool = self.pool?;
        let before = match &pool.owner {
            Owner::Managed(name) => facts.record.managed.get(name),
            Owner::Group(name) => facts.record.groups.get(name),
            _ => None,
        };
        let sizes = before.unwrap_or(&pool.sizes);
        let size = |size: i32| u32::try_from(size).unwrap_or_default();
        Some((size(sizes.min), size(sizes.max)))
    }

    /// A zone's share of the minimum and the maximum. The sum of the minimums is the group's: where it does not divide
    /// evenly, the first zones get one more. The maximums are rounded up, so that each zone can grow as far.
    pub(super) fn share(&self, facts: &Facts, zone: &str) -> Option<(u32, u32)> {
        let pool = self.pool?;
        let zones: BTreeSet<&str> = pool
            .subnets
            .iter()
            .filter_map(|id| facts.vpc.subnet(id))
            .map(|subnet| subnet.zone.as_str())
            .collect();
        let at = u32::try_from(zones.iter().position(|one| *one == zone)?).ok()?;
        let count = u32::try_from(zones.len()).ok()?;
        let (min, max) = self.bounds(facts)?;
        Some((min / count + u32::from(at < min % count), max.div_ceil(count)))
    }
}

/// What is replaced, sorted by name.
pub(super) fn sources<'a>(
    settings: &Settings,
    facts: &'a Facts,
    old_nodes: &BTreeSet<String>,
) -> Vec<Source<'a>> {
    let mut of_pool: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    let mut others: Vec<&Node> = Vec::new();
    for node in facts.ec2_nodes().filter(|node| old_nodes.contains(&node.name)) {
        match pool_of(facts, node) {
            Some(pool) => of_pool.entry(&pool.name).or_default().push(node),
            // Karpenter starts the nodes that replace its own.
            None if node.node_claim.is_none() => others.push(node),
            None => {}
        }
    }
    let launched: BTreeSet<&str> =
        stacks(facts).filter_map(|stack| Some(stack.tags.get(TAG_POOL)?.as_str())).collect();
    let is_replaced = |pool: &&Pool| {
        let name = pool.name.as_str();
        // A group that is scaled to zero would start nodes of the old kind.
        let is_from_before =
            facts.record.pools.contains(name) || !facts.cni.is_on(crate::design::CUSTOM_NETWORK);
        !is_ours(facts, pool) && (of_pool.contains_key(name) || launched.contains(name) || is_from_before)
    };
    let chosen =
        |name: &str| settings.nodes.pools.is_empty() || settings.nodes.pools.iter().any(|pool| pool == name);
    let mut sources: Vec<Source<'_>> = facts
        .pools
        .iter()
        .filter(is_replaced)
        .map(|pool| Source {
            name: pool.name.clone(),
            pool: Some(pool),
            is_kept: false,
            nodes: of_pool.get(pool.name.as_str()).cloned().unwrap_or_default(),
        })
        .collect();
    // Pools whose old group is gone.
    let gone = launched.into_iter().filter(|name| sources.iter().all(|source| source.name != **name));
    let gone: Vec<Source<'_>> = gone
        .map(|name| Source {
            name: name.to_string(),
            pool: kept(facts, name),
            is_kept: true,
            nodes: Vec::new(),
        })
        .collect();
    sources.extend(gone);
    let starts_nodes = facts.karpenter.as_ref().is_some_and(|karpenter| !karpenter.pools.is_empty());
    if !others.is_empty() || (sources.is_empty() && !starts_nodes) {
        match sources.iter_mut().find(|source| source.name == OTHER_NODES) {
            Some(source) => source.nodes.extend(others),
            None => {
                let name = OTHER_NODES.into();
                sources.push(Source { name, pool: None, is_kept: false, nodes: others });
            }
        }
    }
    sources.retain(|source| chosen(&source.name));
    sources.sort_by(|one, other| one.name.cmp(&other.name));
    sources
}

/// The name of the pool that an old node belongs to.
pub(crate) fn pool_name<'a>(facts: &'a Facts, node: &Node) -> &'a str {
    pool_of(facts, node).map_or(OTHER_NODES, |pool| pool.name.as_str())
}

fn pool_of<'a>(facts: &'a Facts, node: &Node) -> Option<&'a Pool> {
    facts.pools.iter().find(|pool| pool.nodes.contains(&node.name))
}

/// One of eni-custom's own groups. A managed one may not have its Auto Scaling group yet.
fn is_ours(facts: &Facts, pool: &Pool) -> bool {
    let there = &facts.node_groups;
    let is_ours = |name: &String| there.groups.get(name).is_some_and(|group| there.is_ours(group));
    pool.groups.iter().any(is_ours) || managed(facts, pool).is_some_and(ManagedNodeGroup::is_ours)
}

fn managed<'a>(facts: &'a Facts, pool: &Pool) -> Option<&'a ManagedNodeGroup> {
    let Owner::Managed(name) = &pool.owner else { return None };
    facts.node_groups.managed.iter().find(|managed| managed.name == *name)
}

/// The stacks of eni-custom's node groups.
fn stacks(facts: &Facts) -> impl Iterator<Item = &Stack> {
    let of_group =
        |stack: &&Stack| stack.tags.contains_key(TAG_CLUSTER) && stack.tags.contains_key(TAG_ENICONFIG);
    facts.node_groups.stacks.values().filter(of_group)
}

/// What eni-custom's own groups of a pool launch, for a pool whose old group is gone.
fn kept<'a>(facts: &'a Facts, name: &str) -> Option<&'a Pool> {
    let is_named = |tags: &BTreeMap<String, String>| tags.get(TAG_POOL).is_some_and(|tag| tag == name);
    let groups = &facts.node_groups.groups;
    let is_kept = |pool: &&Pool| {
        pool.groups.iter().any(|group| groups.get(group).is_some_and(|group| is_named(&group.tags)))
            || managed(facts, pool).is_some_and(|managed| is_named(&managed.settings.pool.tags))
    };
    facts.pools.iter().find(is_kept)
}

/// What the new nodes of a pool are to be.
pub(super) fn wanted(settings: &Settings, facts: &Facts, source: &Source<'_>, kind: GroupKind) -> Wanted {
    let (nodes, pool) = (&settings.nodes, source.pool);
    let name = source.name.as_str();
    let (family, ami_id) = (nodes.ami_family.of(name), nodes.ami_id.of(name));
    let instances = match (nodes.instance_type.of(name), pool) {
        // Spot or On-Demand as before.
        (Some(type_name), _) => Instances {
            types: vec![choice(type_name)],
            requirements: None,
            ..pool.map(|pool| pool.instances.clone()).unwrap_or_default()
        },
        (None, Some(pool)) if !pool.instances.types.is_empty() => pool.instances.clone(),
        _ => Instances {
            types: usual_type(facts, source).map(choice).into_iter().collect(),
            ..Instances::default()
        },
    };
    let kept = pool.filter(|pool| pool.own_image && family.is_none());
    let own = ami_id.cloned().or(kept.and_then(|pool| Some(pool.image.as_ref()?.id.clone())));
    Wanted {
        instances,
        family: match (family, pool) {
            (Some(family), _) => Some(*family),
            (None, Some(pool)) => pool.family,
            (None, None) => Some(AmiFamily::default()),
        },
        ami_id: own.filter(|_| !kind.has_image_of_eks()),
        one_max_pods: kind.has_image_of_eks(),
    }
}

/// The same for all pools, before images and types are read.
pub(crate) fn all_wanted(settings: &Settings, facts: &Facts) -> Vec<Wanted> {
    let sources = sources(settings, facts, &crate::design::old_nodes(facts));
    let wanted = |source: &Source<'_>| {
        wanted(settings, facts, source, kind(&settings.nodes, facts, &source.name, source.pool))
    };
    sources.iter().map(wanted).collect()
}

fn choice(name: &str) -> TypeChoice {
    TypeChoice { name: name.into(), weight: None }
}

/// The most common type of the nodes that are replaced, or of all nodes if there are none; the first by name of equally
/// common ones.
fn usual_type<'a>(facts: &'a Facts, source: &Source<'a>) -> Option<&'a str> {
    let nodes = if source.nodes.is_empty() { facts.ec2_nodes().collect() } else { source.nodes.clone() };
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node.instance_type.is_empty()) {
        *counted.entry(&node.instance_type).or_default() += 1;
    }
    let most = counted.iter().max_by_key(|(name, nodes)| (**nodes, std::cmp::Reverse(**name)));
    most.map(|(name, _)| *name)
}
