//! The addresses of the VPC as a page shows them: its blocks with their subnets, and the subnets of each zone. Pure.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::design::PodSubnet;
use crate::facts::{BlockState, Facts, Subnet};
use crate::net::cidr::usable_addresses;
use crate::plan::{Plan, SubnetOutlook};
use crate::scene::Scene;

/// What a subnet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Nodes,
    Pods,
    /// Neither nodes nor pods of this cluster.
    Other,
}

impl Role {
    /// Its name, also of its style.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Nodes => "nodes",
            Role::Pods => "pods",
            Role::Other => "other",
        }
    }
}

/// A subnet that exists, or that will be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubnetMap {
    pub role: Role,
    pub zone: String,
    pub zone_id: String,
    /// `None` if it does not exist yet.
    pub id: Option<String>,
    pub cidr: Ipv4Net,
    /// Usable addresses.
    pub addresses: u32,
    /// Used addresses now: 0 if it does not exist yet.
    pub used: u32,
    /// Used addresses after the run: `None` if the plan does not change them, or nothing is planned.
    pub used_after: Option<u32>,
}

/// A block of the VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockMap {
    pub cidr: Ipv4Net,
    pub is_primary: bool,
    /// It will be associated.
    pub is_new: bool,
    pub subnets: Vec<SubnetMap>,
}

/// An Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZoneMap {
    pub zone: String,
    pub zone_id: String,
    pub nodes: usize,
    /// Those for nodes first, then those for pods.
    pub subnets: Vec<SubnetMap>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddressMap {
    pub vpc: String,
    pub blocks: Vec<BlockMap>,
    /// Sorted by name; only those with nodes or pods.
    pub zones: Vec<ZoneMap>,
    /// The subnets that are for neither, of all zones.
    pub others: Vec<SubnetMap>,
    /// Numbers after the run are known.
    pub is_planned: bool,
}

impl AddressMap {
    /// The cluster as it is.
    pub(super) fn now(facts: &Facts) -> Self {
        let nodes: BTreeSet<&str> = facts.ec2_nodes().filter_map(|node| node.subnet.as_deref()).collect();
        let of_configs = facts.eniconfigs.items.iter().map(|config| config.subnet.as_str());
        let of_nodes = facts.ec2_nodes().flat_map(|node| node.pod_subnets.iter().map(String::as_str));
        let pods: BTreeSet<&str> = of_configs.chain(of_nodes).collect();
        let role = |id: &str| match (nodes.contains(id), pods.contains(id)) {
            (true, _) => Role::Nodes,
            (false, true) => Role::Pods,
            (false, false) => Role::Other,
        };
        let subnets = facts.vpc.subnets.iter().map(|subnet| existing(subnet, role(&subnet.id)));
        Self::of(facts, &[], subnets.collect(), false)
    }

    /// The cluster now and after the run.
    pub(super) fn planned(scene: &Scene<'_>, plan: &Plan) -> Self {
        let Scene { facts, design, .. } = *scene;
        let outlooks = || plan.outlook.iter().flat_map(|outlook| &outlook.zones);
        let after = |id: &str| {
            let subnets = outlooks().flat_map(|zone| zone.node_subnet.iter().chain(&zone.pod_subnet));
            let mut its = subnets.filter(|subnet| subnet.subnet.as_deref() == Some(id));
            its.next().map(used_after)
        };
        let nodes: BTreeSet<&str> = facts
            .ec2_nodes()
            .filter_map(|node| node.subnet.as_deref())
            .chain(design.zones.iter().map(|zone| zone.node_subnet.as_str()))
            .collect();
        let pods: BTreeSet<&str> = design.zones.iter().filter_map(|zone| zone.pod_subnet.id()).collect();
        let role = |id: &str| match (pods.contains(id), nodes.contains(id)) {
            (true, _) => Role::Pods,
            (false, true) => Role::Nodes,
            (false, false) => Role::Other,
        };
        let there = facts
            .vpc
            .subnets
            .iter()
            .map(|subnet| SubnetMap { used_after: after(&subnet.id), ..existing(subnet, role(&subnet.id)) });
        let new = design.zones.iter().filter_map(|zone| match &zone.pod_subnet {
            PodSubnet::New { cidr } => {
                let outlook = outlooks().find(|one| one.zone == zone.zone)?.pod_subnet.as_ref();
                Some(SubnetMap {
                    role: Role::Pods,
                    zone: zone.zone.clone(),
                    zone_id: zone.zone_id.clone(),
                    id: None,
                    cidr: *cidr,
                    addresses: usable_addresses(*cidr),
                    used: 0,
                    used_after: outlook.map(used_after),
                })
            }
            PodSubnet::There { .. } | PodSubnet::Unknown => None,
        });
        Self::of(facts, &design.blocks, there.chain(new).collect(), true)
    }

    fn of(facts: &Facts, designed: &[Ipv4Net], mut subnets: Vec<SubnetMap>, is_planned: bool) -> Self {
        subnets.sort_by_key(|subnet| (subnet.role, subnet.cidr));
        let is_there = |state: &BlockState| *state == BlockState::Associated;
        let there: Vec<Ipv4Net> =
            facts.vpc.blocks.iter().filter(|block| is_there(&block.state)).map(|block| block.cidr).collect();
        let new = designed.iter().filter(|block| !there.contains(block)).map(|block| (*block, true));
        let blocks = there.iter().map(|block| (*block, false)).chain(new);
        let block = |(cidr, is_new): (Ipv4Net, bool)| {
            let own = subnets.iter().filter(|subnet| cidr.contains(&subnet.cidr));
            BlockMap { cidr, is_primary: cidr == facts.vpc.primary, is_new, subnets: own.cloned().collect() }
        };
        let (others, own): (Vec<_>, Vec<_>) = subnets.iter().partition(|subnet| subnet.role == Role::Other);
        let zones: BTreeSet<(&str, &str)> =
            own.iter().map(|subnet| (subnet.zone.as_str(), subnet.zone_id.as_str())).collect();
        let zone = |(zone, zone_id): (&str, &str)| ZoneMap {
            zone: zone.to_string(),
            zone_id: zone_id.to_string(),
            nodes: facts.ec2_nodes().filter(|node| node.zone == zone).count(),
            subnets: own
                .iter()
                .filter(|subnet| subnet.zone == zone)
                .map(|subnet| (*subnet).clone())
                .collect(),
        };
        AddressMap {
            vpc: facts.vpc.id.clone(),
            blocks: blocks.map(block).collect(),
            zones: zones.into_iter().map(zone).collect(),
            others: others.into_iter().cloned().collect(),
            is_planned,
        }
    }
}

fn existing(subnet: &Subnet, role: Role) -> SubnetMap {
    let addresses = usable_addresses(subnet.cidr);
    SubnetMap {
        role,
        zone: subnet.zone.clone(),
        zone_id: subnet.zone_id.clone(),
        id: Some(subnet.id.clone()),
        cidr: subnet.cidr,
        addresses,
        used: addresses.saturating_sub(subnet.free),
        used_after: None,
    }
}

fn used_after(outlook: &SubnetOutlook) -> u32 {
    outlook.addresses.saturating_sub(outlook.free_after)
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::goal::Goal;
    use crate::plan::plan;
    use crate::sample::{custom, facts, settings};

    use super::*;

    fn planned(facts: &Facts, arguments: &[&str]) -> AddressMap {
        let settings = settings(arguments);
        let design = design(&settings, facts);
        let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
        AddressMap::planned(&scene, &plan(&scene, Vec::new()))
    }

    #[test]
    fn new_subnets_and_blocks_are_planned_beside_those_that_exist() {
        let mut facts = facts();
        facts.vpc.blocks.truncate(1);
        let map = planned(&facts, &["--cidr", "100.64.0.0/16"]);
        let blocks: Vec<_> = map.blocks.iter().map(|block| (block.cidr.to_string(), block.is_new)).collect();
        assert_eq!(blocks, [("10.0.0.0/16".into(), false), ("100.64.0.0/16".into(), true)]);
        assert_eq!(map.blocks[1].subnets.len(), 2);
        assert_eq!(map.zones.len(), 2);
        let [nodes, pods] = &map.zones[0].subnets[..] else { panic!("{:?}", map.zones[0]) };
        assert_eq!((nodes.role, nodes.used, nodes.addresses), (Role::Nodes, 51, 251));
        assert!(nodes.used_after.is_some());
        assert_eq!((pods.role, pods.id.as_deref(), pods.used), (Role::Pods, None, 0));
    }

    #[test]
    fn the_map_of_a_cluster_as_it_is_says_nothing_of_later() {
        let map = AddressMap::now(&custom());
        assert!(!map.is_planned);
        let roles: Vec<Role> = map.zones[1].subnets.iter().map(|subnet| subnet.role).collect();
        assert_eq!(roles, [Role::Nodes, Role::Pods]);
        assert!(map.zones.iter().flat_map(|zone| &zone.subnets).all(|subnet| subnet.used_after.is_none()));
    }

    #[test]
    fn a_subnet_of_neither_nodes_nor_pods_is_shown_in_its_block_only_as_another() {
        let mut facts = facts();
        let mut other = facts.vpc.subnets[0].clone();
        (other.id, other.zone, other.cidr) = ("subnet-x".into(), "x".into(), "10.0.9.0/24".parse().unwrap());
        facts.vpc.subnets.push(other);
        let map = AddressMap::now(&facts);
        assert_eq!(map.zones.iter().map(|zone| zone.zone.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(map.blocks[0].subnets.last().unwrap().role, Role::Other);
        assert_eq!(map.others.len(), 1);
    }
}
