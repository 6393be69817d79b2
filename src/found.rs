//! What a person should know about a cluster before the first question: addresses, node groups, the CNI. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::alternatives::is_short;
use crate::design::{CUSTOM_NETWORK, Design};
use crate::facts::{Facts, Owner, detected_version, env_owner, owner};
use crate::net::cidr::usable_addresses;

/// The cluster as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub cluster: String,
    /// Kubernetes version: `1.34`
    pub version: String,
    pub region: String,
    pub account: String,
    /// ARN of the caller.
    pub caller: String,
    pub vpc: String,
    /// The VPC's CIDR blocks, the primary one first.
    pub blocks: Vec<String>,
    /// The zones with nodes, sorted by name.
    pub zones: Vec<ZoneAddresses>,
    pub groups: Vec<FoundGroup>,
    /// `v1.20.4, EKS add-on vpc-cni`
    pub cni: String,
    /// Whether custom networking is already on.
    pub is_on: bool,
    /// Whatever starts nodes: the Cluster Autoscaler, Karpenter.
    pub autoscalers: Vec<String>,
}

/// The addresses of a zone's node subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZoneAddresses {
    pub zone: String,
    pub used: u32,
    /// Usable addresses: all but the five of each subnet that AWS reserves.
    pub of: u32,
    /// So few are free that pods will soon find none.
    pub short: bool,
}

impl ZoneAddresses {
    pub(crate) fn free(&self) -> u32 {
        self.of.saturating_sub(self.used)
    }
}

/// Nodes with one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundGroup {
    /// `managed node group web`
    pub owner: String,
    pub nodes: usize,
    pub types: BTreeSet<String>,
    pub zones: BTreeSet<String>,
    /// eni-custom created it.
    pub ours: bool,
}

/// The state of the cluster.
pub(crate) fn found(facts: &Facts, design: &Design) -> Found {
    let others = facts.vpc.blocks.iter().map(|block| block.cidr).filter(|cidr| *cidr != facts.vpc.primary);
    let blocks = std::iter::once(facts.vpc.primary).chain(others).map(|cidr| cidr.to_string());
    let version = detected_version(&facts.cni).map(|(version, _)| format!("v{version}"));
    let version = version.unwrap_or_else(|| "of an unknown version".into());
    Found {
        cluster: facts.cluster.name.clone(),
        version: facts.cluster.version.clone(),
        region: facts.caller.region.clone(),
        account: facts.caller.account.clone(),
        caller: facts.caller.arn.clone(),
        vpc: facts.vpc.id.clone(),
        blocks: blocks.collect(),
        zones: zones(facts),
        groups: groups(facts, design),
        cni: format!("VPC CNI {version}, settings owned by {}", env_owner(&facts.cni)),
        is_on: facts.cni.is_on(CUSTOM_NETWORK),
        autoscalers: autoscalers(facts),
    }
}

fn zones(facts: &Facts) -> Vec<ZoneAddresses> {
    let ids: BTreeSet<&str> = facts.ec2_nodes().filter_map(|node| node.subnet.as_deref()).collect();
    let mut zones: BTreeMap<&str, ZoneAddresses> = BTreeMap::new();
    for subnet in ids.into_iter().filter_map(|id| facts.vpc.subnet(id)) {
        let of = usable_addresses(subnet.cidr);
        let zone = zones.entry(&subnet.zone).or_insert_with(|| ZoneAddresses {
            zone: subnet.zone.clone(),
            used: 0,
            of: 0,
            short: false,
        });
        zone.of += of;
        zone.used += of.saturating_sub(subnet.free);
        zone.short |= is_short(subnet);
    }
    zones.into_values().collect()
}

/// The groups with the most nodes first.
fn groups(facts: &Facts, design: &Design) -> Vec<FoundGroup> {
    let mut groups: BTreeMap<String, FoundGroup> = BTreeMap::new();
    for node in facts.ec2_nodes() {
        let owner = match owner(facts, node) {
            // Each node has a NodeClaim of its own.
            Owner::NodeClaim(_) => "Karpenter".to_string(),
            owner => owner.to_string(),
        };
        let group = groups.entry(owner.clone()).or_insert_with(|| FoundGroup {
            owner,
            nodes: 0,
            types: BTreeSet::new(),
            zones: BTreeSet::new(),
            ours: !design.old_nodes.contains(&node.name),
        });
        group.nodes += 1;
        group.types.insert(node.instance_type.clone());
        group.zones.insert(node.zone.clone());
    }
    let mut groups: Vec<FoundGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.nodes));
    groups
}

fn autoscalers(facts: &Facts) -> Vec<String> {
    let mut names: Vec<String> =
        facts.integrations.autoscalers.keys().map(|name| format!("Cluster Autoscaler ({name})")).collect();
    if let Some(karpenter) = &facts.karpenter {
        let version = if karpenter.version.is_empty() { "" } else { " " };
        names.push(format!("Karpenter{version}{}", karpenter.version));
    }
    names
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::sample::{facts, settings};

    use super::*;

    fn of(facts: &Facts) -> Found {
        found(facts, &design(&settings(&[]), facts))
    }

    #[test]
    fn a_zone_counts_the_addresses_of_all_its_node_subnets() {
        let mut facts = facts();
        facts.vpc.subnets.iter_mut().for_each(|subnet| subnet.free = 20);
        let zones = of(&facts).zones;
        assert!(!zones.is_empty());
        for zone in &zones {
            assert_eq!((zone.free(), zone.short), (20, true), "{zone:?}");
        }
        facts.vpc.subnets.iter_mut().for_each(|subnet| subnet.free = usable_addresses(subnet.cidr));
        assert!(of(&facts).zones.iter().all(|zone| zone.used == 0 && !zone.short));
    }

    #[test]
    fn nodes_of_karpenter_are_one_group_and_other_nodes_are_counted_by_owner() {
        let mut facts = facts();
        let all = facts.nodes.len();
        facts.nodes[0].node_claim = Some("general-1".into());
        let groups = of(&facts).groups;
        assert_eq!(groups.iter().map(|group| group.nodes).sum::<usize>(), all);
        assert!(groups.iter().any(|group| group.owner == "Karpenter" && group.nodes == 1), "{groups:?}");
    }

    #[test]
    fn the_primary_block_is_first_and_not_repeated() {
        let facts = facts();
        let blocks = of(&facts).blocks;
        assert_eq!(blocks[0], facts.vpc.primary.to_string());
        assert_eq!(blocks.iter().filter(|block| **block == blocks[0]).count(), 1);
    }
}
