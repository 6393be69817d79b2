//! The CIDR block of the pod subnets must differ from that of the nodes' subnets.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::design::{Design, PodSubnet, addressing};
use crate::facts::Facts;
use crate::issue::{Issue, id};
use crate::net::cidr::suggest_block;
use crate::scene::Scene;

pub(super) fn given_subnets(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design) = (scene.facts, scene.design);
    let flag = scene.settings.named("subnet");
    let zones: Vec<&str> = design.zones.iter().map(|zone| zone.zone.as_str()).collect();
    for (zone, id) in &scene.settings.network.subnets {
        if !zones.contains(&zone.as_str()) {
            findings.push(
                Issue::error(id::NET_004, format!("no node of the cluster is in {zone}"))
                    .at(format!("{flag} {zone}={id}"))
                    .why("a pod subnet serves only the nodes of its own zone")
                    .fix(format!("the nodes are in {}", zones.join(", "))),
            );
            continue;
        }
        let Some(subnet) = facts.vpc.subnet(id) else {
            findings.push(
                Issue::error(id::NET_005, format!("{id} is not a subnet of the cluster's VPC"))
                    .at(format!("{flag} {zone}={id}"))
                    .why(format!("the VPC is {}", facts.vpc.id))
                    .fix(format!("aws ec2 describe-subnets --filters Name=vpc-id,Values={}", facts.vpc.id)),
            );
            continue;
        };
        if subnet.zone != *zone {
            findings.push(
                Issue::error(id::NET_006, format!("{id} is in {}, not in {zone}", subnet.zone))
                    .at(format!("{flag} {zone}={id}"))
                    .why("a network interface can be attached only to an instance in its own zone")
                    .fix(format!("set {flag} {}={id}, and another subnet for {zone}", subnet.zone)),
            );
        }
        if let Some(block) = node_block(facts, design, subnet.cidr) {
            findings.push(
                Issue::error(
                    id::NET_007,
                    format!("{id} is in {block}, the CIDR block of the nodes' subnets"),
                )
                .at(format!("{flag} {zone}={id}"))
                .why("AWS documents custom networking only for pod subnets outside the nodes' CIDR block")
                .fix(format!("use a subnet of another block; or omit {flag} and set {}", free_block(scene))),
            );
        }
    }
}

/// Pod subnets in a secondary block that also holds nodes' subnets.
pub(super) fn nodes_block(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design) = (scene.facts, scene.design);
    let mut blocks: BTreeMap<Ipv4Net, bool> = BTreeMap::new();
    for zone in &design.zones {
        let (cidr, new) = match &zone.pod_subnet {
            PodSubnet::New { cidr } => (Some(*cidr), true),
            // A subnet given by flag has its own issue.
            PodSubnet::There { id, .. }
                if !scene.settings.network.subnets.values().any(|given| given == id) =>
            {
                (facts.vpc.subnet(id).map(|subnet| subnet.cidr), false)
            }
            _ => (None, false),
        };
        let Some(block) = cidr.and_then(|cidr| block_of_nodes(facts, design, cidr)) else { continue };
        *blocks.entry(block).or_default() |= new;
    }
    for (block, new) in blocks {
        let what = format!("{block} holds the nodes' subnets");
        let finding = match new {
            true => Issue::error(id::NET_013, what),
            false => Issue::warning(id::NET_013, what),
        };
        findings.push(
            finding
                .at(scene.settings.named("cidr"))
                .why("AWS documents custom networking only for pod subnets outside the nodes' CIDR block")
                .fix(match new {
                    true => free_block(scene),
                    false => format!(
                        "nothing to do if this is intended; otherwise set {} --replace-eniconfigs",
                        free_block(scene)
                    ),
                }),
        );
    }
}

/// The same for a block that is not associated yet: inside an existing block, or around it.
fn block_of_nodes(facts: &Facts, design: &Design, cidr: Ipv4Net) -> Option<Ipv4Net> {
    let nodes = design.zones.iter().filter_map(|zone| facts.vpc.subnet(&zone.node_subnet));
    let requested = design.blocks.iter().filter(|block| block.contains(&cidr));
    let around = requested.copied().find(|block| nodes.clone().any(|node| block.contains(&node.cidr)));
    around.or_else(|| node_block(facts, design, cidr))
}

/// The VPC's block that holds both this subnet and a node's.
fn node_block(facts: &Facts, design: &Design, cidr: Ipv4Net) -> Option<Ipv4Net> {
    let nodes: BTreeSet<Ipv4Net> = design
        .zones
        .iter()
        .filter_map(|zone| facts.vpc.subnet(&zone.node_subnet))
        .map(|subnet| subnet.cidr)
        .collect();
    let blocks = facts.vpc.blocks.iter().map(|block| block.cidr);
    blocks.filter(|block| block.contains(&cidr)).find(|block| nodes.iter().any(|node| block.contains(node)))
}

/// A block that AWS would accept, as a flag.
fn free_block(scene: &Scene<'_>) -> String {
    let avoid: Vec<Ipv4Net> = scene.facts.cluster.service_cidr.into_iter().collect();
    let block = suggest_block(&addressing(&scene.facts.vpc), &avoid);
    format!("{} {}", scene.settings.named("cidr"), block.map_or("BLOCK".into(), |block| block.to_string()))
}
