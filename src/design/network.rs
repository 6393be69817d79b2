//! Selects the zones, the CIDR blocks of their pod subnets, and the route table of each.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::facts::{Facts, PeeringStatus, RouteTable, Subnet, Vpc};
use crate::issue::{Issue, id};
use crate::net::cidr::{PeerBlock, RouteDestination, VpcAddressing, split, suggest_block};
use crate::settings::Settings;
use crate::tags::{TAG_CLUSTER, TAG_ENICONFIG};

use super::convention;

/// A zone's subnet for pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodSubnet {
    /// It exists: set by flag, found in an ENIConfig, or created earlier.
    There {
        id: String,
        ours: bool,
    },
    New {
        cidr: Ipv4Net,
    },
    /// No free range or no subnet was found; a finding says why.
    Unknown,
}

impl PodSubnet {
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            PodSubnet::There { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// The route table of a subnet that eni-custom creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RouteChoice {
    Table(String),
    /// The reason why none could be chosen.
    None(String),
}

/// One zone's part of the network.
pub(super) struct NetworkZone {
    pub name: String,
    pub id: String,
    pub node_subnet: String,
    pub pod_subnet: PodSubnet,
    pub route_table: RouteChoice,
}

pub(super) struct Network {
    pub blocks: Vec<Ipv4Net>,
    pub zones: Vec<NetworkZone>,
}

pub(super) fn network(
    settings: &Settings,
    facts: &Facts,
    label_key: &str,
    findings: &mut Vec<Issue>,
) -> Network {
    let zones = zones(facts);
    let mut there: BTreeMap<&str, (String, bool)> = BTreeMap::new();
    for zone in zones.keys() {
        if let Some(found) = existing_subnet(settings, facts, label_key, zone) {
            there.insert(zone, found);
        }
    }
    let all_there = zones.keys().all(|zone| there.contains_key(zone.as_str()));
    let blocks = blocks(settings, facts, &zones, &there, all_there, findings);
    let new = if all_there {
        BTreeMap::new()
    } else {
        new_subnets(settings, facts, &zones, &there, &blocks, findings)
    };
    let zones = zones
        .iter()
        .map(|(name, node_subnet)| NetworkZone {
            name: name.clone(),
            id: zone_id(&facts.vpc, name),
            node_subnet: node_subnet.clone(),
            pod_subnet: match (there.get(name.as_str()), new.get(name)) {
                (Some((id, ours)), _) => PodSubnet::There { id: id.clone(), ours: *ours },
                (None, Some(cidr)) => PodSubnet::New { cidr: *cidr },
                (None, None) => PodSubnet::Unknown,
            },
            route_table: route_table(settings, &facts.vpc, name, node_subnet),
        })
        .collect();
    Network { blocks, zones }
}

/// Each zone that has nodes or a pod subnet of ours, with the subnet that most of its nodes use. A cluster without
/// nodes uses the zones of its own subnets.
fn zones(facts: &Facts) -> BTreeMap<String, String> {
    let vpc = &facts.vpc;
    let mut counted: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for node in facts.ec2_nodes() {
        if let Some(subnet) = node.subnet.as_deref().and_then(|id| vpc.subnet(id)) {
            *counted.entry(subnet.zone.clone()).or_default().entry(&subnet.id).or_default() += 1;
        }
    }
    // For a zone without nodes: the cluster's own subnets, private before public.
    let of_cluster = |zone: &str| {
        let mut subnets: Vec<&Subnet> = vpc
            .subnets
            .iter()
            .filter(|subnet| subnet.zone == zone && facts.cluster.subnet_ids.contains(&subnet.id))
            .collect();
        subnets.sort_by_key(|subnet| {
            (vpc.route_table_of(&subnet.id).is_some_and(RouteTable::is_public), &subnet.id)
        });
        subnets.first().map(|subnet| subnet.id.clone())
    };
    let mut names: BTreeSet<String> = counted.keys().cloned().collect();
    names
        .extend(vpc.subnets.iter().filter(|subnet| is_ours(subnet, facts)).map(|subnet| subnet.zone.clone()));
    // Karpenter may start a node in each zone of its subnets.
    let of_karpenter = starting(facts);
    names.extend(of_karpenter.keys().map(ToString::to_string));
    if names.is_empty() {
        let ids = facts.cluster.subnet_ids.iter();
        names.extend(ids.filter_map(|id| vpc.subnet(id)).map(|subnet| subnet.zone.clone()));
    }
    let node_subnet = |zone: &String| {
        let most = counted.get(zone).and_then(|subnets| {
            subnets
                .iter()
                .max_by_key(|(id, nodes)| (**nodes, std::cmp::Reverse(**id)))
                .map(|(id, _)| id.to_string())
        });
        most.or_else(|| of_cluster(zone)).or_else(|| of_karpenter.get(zone.as_str()).map(|id| id.to_string()))
    };
    names.into_iter().filter_map(|zone| node_subnet(&zone).map(|subnet| (zone, subnet))).collect()
}

/// The zones in which Karpenter may start nodes, each with a subnet of an EC2NodeClass.
fn starting(facts: &Facts) -> BTreeMap<&str, &str> {
    let Some(karpenter) = &facts.karpenter else { return BTreeMap::new() };
    let is_for_pods = |subnet: &Subnet| {
        is_ours(subnet, facts) || facts.eniconfigs.items.iter().any(|config| config.subnet == subnet.id)
    };
    let starts = |subnet: &&Subnet| {
        let classes = karpenter.classes_in(Some(&subnet.id), &subnet.tags);
        let mut pools = classes.into_iter().flat_map(|class| karpenter.pools_of(class));
        !is_for_pods(subnet) && pools.any(|pool| pool.may_use(&subnet.zone))
    };
    let subnets = facts.vpc.subnets.iter().filter(starts);
    subnets.rev().map(|subnet| (subnet.zone.as_str(), subnet.id.as_str())).collect()
}

fn zone_id(vpc: &Vpc, zone: &str) -> String {
    vpc.subnets
        .iter()
        .find(|subnet| subnet.zone == zone)
        .map(|subnet| subnet.zone_id.clone())
        .unwrap_or_default()
}

fn is_ours(subnet: &Subnet, facts: &Facts) -> bool {
    subnet.is_made_for(&facts.cluster.name)
}

/// An existing subnet for a zone's pods, and whether eni-custom created it: the one set by flag, the one we created, the
/// one its ENIConfig names, or the only unused one in a block set by flag.
fn existing_subnet(
    settings: &Settings,
    facts: &Facts,
    label_key: &str,
    zone: &str,
) -> Option<(String, bool)> {
    let name = &convention::eniconfig(settings, facts, label_key, zone);
    if let Some(id) = settings.network.subnets.get(zone) {
        let ours = facts.vpc.subnet(id).is_some_and(|subnet| is_ours(subnet, facts));
        return Some((id.clone(), ours));
    }
    let in_zone = || facts.vpc.subnets.iter().filter(|subnet| subnet.zone == zone);
    let tagged = |subnet: &&Subnet| {
        is_ours(subnet, facts) && subnet.tags.get(TAG_ENICONFIG).is_none_or(|of| of == name)
    };
    if let Some(subnet) = in_zone().find(tagged) {
        return Some((subnet.id.clone(), true));
    }
    let nodes: BTreeSet<&str> = facts.ec2_nodes().filter_map(|node| node.subnet.as_deref()).collect();
    let usable = |subnet: &&Subnet| {
        !facts.vpc.primary.contains(&subnet.cidr)
            && !nodes.contains(subnet.id.as_str())
            && !facts.cluster.subnet_ids.contains(&subnet.id)
            && !subnet.tags.contains_key(TAG_CLUSTER)
    };
    let named = facts.eniconfigs.items.iter().find(|config| config.name == *name);
    if let Some(subnet) =
        named.and_then(|config| in_zone().filter(usable).find(|subnet| subnet.id == config.subnet))
    {
        return Some((subnet.id.clone(), false));
    }
    let mut in_block = in_zone()
        .filter(usable)
        .filter(|subnet| settings.network.cidrs.iter().any(|block| block.contains(&subnet.cidr)));
    match (in_block.next(), in_block.next()) {
        (Some(only), None) => Some((only.id.clone(), false)),
        _ => None,
    }
}

/// The blocks of the pod subnets: those set by flag; else those that already contain pod subnets; else a block of the
/// shared address space that the VPC has and that contains no node; else a free block of the shared address space.
fn blocks(
    settings: &Settings,
    facts: &Facts,
    zones: &BTreeMap<String, String>,
    there: &BTreeMap<&str, (String, bool)>,
    all_there: bool,
    findings: &mut Vec<Issue>,
) -> Vec<Ipv4Net> {
    if !settings.network.cidrs.is_empty() {
        return settings.network.cidrs.clone();
    }
    let secondary =
        || facts.vpc.blocks.iter().map(|block| block.cidr).filter(|block| *block != facts.vpc.primary);
    let used: Vec<Ipv4Net> = secondary()
        .filter(|block| {
            there
                .values()
                .filter_map(|(id, _)| facts.vpc.subnet(id))
                .any(|subnet| block.contains(&subnet.cidr))
        })
        .collect();
    if !used.is_empty() || all_there {
        return used;
    }
    let shared = Ipv4Net::new_assert(std::net::Ipv4Addr::new(100, 64, 0, 0), 10);
    // AWS documents custom networking with pods in another VPC CIDR block than the nodes.
    let holds_nodes = |block: &Ipv4Net| {
        zones.values().filter_map(|id| facts.vpc.subnet(id)).any(|subnet| block.contains(&subnet.cidr))
    };
    if let Some(block) = secondary().find(|block| shared.contains(block) && !holds_nodes(block)) {
        return vec![block];
    }
    match suggest_block(&addressing(&facts.vpc), &facts.cluster.service_cidr.into_iter().collect::<Vec<_>>())
    {
        Some(block) => vec![block],
        None => {
            findings.push(
                Issue::error(id::NET_001, "no block of 100.64.0.0/10 can be added to the VPC")
                    .at(&facts.vpc.id)
                    .why("every block overlaps a CIDR block, a route or a peering of the VPC, or the quota is reached")
                    .fix("set a block with --cidr, or existing subnets with --subnet"),
            );
            Vec::new()
        }
    }
}

fn new_subnets(
    settings: &Settings,
    facts: &Facts,
    zones: &BTreeMap<String, String>,
    there: &BTreeMap<&str, (String, bool)>,
    blocks: &[Ipv4Net],
    findings: &mut Vec<Issue>,
) -> BTreeMap<String, Ipv4Net> {
    if blocks.is_empty() {
        return BTreeMap::new();
    }
    let cidr_of = |id: &str| facts.vpc.subnet(id).map(|subnet| subnet.cidr);
    // A zone that has a subnet in another block needs none of these.
    let inside = |cidr: &Ipv4Net| blocks.iter().any(|block| block.contains(cidr));
    let own: BTreeMap<String, Ipv4Net> = there
        .iter()
        .filter_map(|(zone, (id, ours))| Some((zone.to_string(), cidr_of(id).filter(|_| *ours)?)))
        .filter(|(_, cidr)| inside(cidr))
        .collect();
    let names: Vec<String> = zones
        .keys()
        .filter(|zone| own.contains_key(*zone) || !there.contains_key(zone.as_str()))
        .cloned()
        .collect();
    let taken: Vec<Ipv4Net> = facts
        .vpc
        .subnets
        .iter()
        .map(|subnet| subnet.cidr)
        .filter(|cidr| !own.values().any(|own| own == cidr))
        .collect();
    match split(blocks, &names, &taken, &own, settings.network.subnet_prefix) {
        Ok(subnets) => subnets,
        Err(error) => {
            findings.push(
                Issue::error(id::NET_002, "the pod subnets don't fit")
                    .at(blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
                    .why(error.to_string())
                    .fix(format!("set a larger or an additional block with {}", settings.named("cidr"))),
            );
            BTreeMap::new()
        }
    }
}

/// The table that the zone's private node subnet uses. If the nodes are in a public subnet: the zone's table that leads to
/// a NAT or transit gateway, never the nodes' own, because a pod has no public address.
fn route_table(settings: &Settings, vpc: &Vpc, zone: &str, node_subnet: &str) -> RouteChoice {
    if let Some(id) = settings.network.route_tables.get(zone) {
        return match vpc.route_tables.iter().any(|table| table.id == *id) {
            true => RouteChoice::Table(id.clone()),
            false => RouteChoice::None(format!("{id} is not a route table of {}", vpc.id)),
        };
    }
    let Some(table) = vpc.route_table_of(node_subnet) else {
        return RouteChoice::None(format!("{node_subnet} has no route table"));
    };
    if !table.is_public() {
        return match table.main && !table.subnet_ids.contains(node_subnet) {
            true => RouteChoice::None(format!(
                "{node_subnet} uses the VPC's main route table {} by default",
                table.id
            )),
            false => RouteChoice::Table(table.id.clone()),
        };
    }
    let in_zone = |table: &&RouteTable| {
        table.subnet_ids.iter().filter_map(|id| vpc.subnet(id)).any(|subnet| subnet.zone == zone)
    };
    let leads_out = |table: &&RouteTable| {
        let target = table.default_target().unwrap_or_default();
        target.starts_with("nat-") || target.starts_with("tgw-")
    };
    match vpc.route_tables.iter().filter(leads_out).find(in_zone) {
        Some(table) => RouteChoice::Table(table.id.clone()),
        None => RouteChoice::None(format!(
            "the nodes of {zone} are in a public subnet, and no route table of the zone leads to a NAT or transit gateway"
        )),
    }
}

/// The VPC's data for the rules about a new block.
pub(crate) fn addressing(vpc: &Vpc) -> VpcAddressing {
    let routes = vpc.route_tables.iter().flat_map(|table| {
        table
            .routes
            .iter()
            .filter(|route| route.target != "local")
            .map(|route| RouteDestination { route_table: table.id.clone(), destination: route.destination })
    });
    let active = vpc.peerings.iter().filter(|peering| peering.status == PeeringStatus::Active);
    VpcAddressing {
        primary: vpc.primary,
        secondaries: vpc
            .blocks
            .iter()
            .map(|block| block.cidr)
            .filter(|block| *block != vpc.primary)
            .collect(),
        routes: routes.collect(),
        peers: active
            .flat_map(|peering| {
                peering.peer_cidrs.iter().map(|cidr| PeerBlock { peering: peering.id.clone(), cidr: *cidr })
            })
            .collect(),
        pending_requests: vpc
            .peerings
            .iter()
            .filter(|peering| peering.we_requested && peering.status == PeeringStatus::PendingAcceptance)
            .map(|peering| peering.id.clone())
            .collect(),
        block_quota: vpc.block_quota,
    }
}
