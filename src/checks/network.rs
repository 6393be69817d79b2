//! CIDR blocks, subnets and routes.

mod pods_block;
mod zones;

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::design::{GroupDesign, PodSubnet, PoolDesign, RouteChoice, ZoneDesign, addressing};
use crate::fixes::way_out;
use crate::issue::{Issue, id};
use crate::net::cidr::{check_secondary, usable_addresses};
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{counted, subject};

use super::reachability::external_snat;

/// Steps that need to know the pod subnets.
const SUBNET_STEPS: [Step; 5] = [
    Step::CreateSubnets,
    Step::WriteEniconfigs,
    Step::LaunchNodegroups,
    Step::PatchSecurityGroups,
    Step::DrainNodes,
];

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&[Step::AssociateCidr, Step::CreateSubnets]) {
        shared(scene, findings);
    }
    if scene.concerns(&[Step::AssociateCidr]) {
        blocks(scene, findings);
    }
    if scene.concerns(&SUBNET_STEPS) {
        let own = |finding: &&Issue| finding.id == id::NET_001 || finding.id == id::NET_002;
        findings.extend(scene.design.findings.iter().filter(own).cloned());
        pods_block::given_subnets(scene, findings);
        pods_block::nodes_block(scene, findings);
        zones::outside_of_the_region(scene, findings);
        zones::untagged(scene, findings);
        for zone in &scene.design.zones {
            routes(scene, zone, findings);
            capacity(scene, zone, findings);
        }
        unknown_zones(scene, findings);
    }
}

/// Subnets of a shared VPC can be used; only its owner can create blocks, subnets and route tables (VPC user guide,
/// "Share your VPC subnets with other accounts").
fn shared(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design) = (scene.facts, scene.design);
    let (owner, account) = (&facts.vpc.owner, &facts.caller.account);
    if owner.is_empty() || owner == account {
        return;
    }
    let there = |block: &&Ipv4Net| !facts.vpc.blocks.iter().any(|known| known.cidr == **block);
    let new = |zone: &&ZoneDesign| matches!(zone.pod_subnet, PodSubnet::New { .. });
    let zones: Vec<&str> = design.zones.iter().filter(new).map(|zone| zone.zone.as_str()).collect();
    let blocks: Vec<String> = design.blocks.iter().filter(there).map(ToString::to_string).collect();
    if zones.is_empty() && blocks.is_empty() {
        return;
    }
    findings.push(
        Issue::error(id::NET_012, format!("{} belongs to account {owner} and is shared with {account}", facts.vpc.id))
            .at(&facts.vpc.id)
            .why("only the owner of a VPC can associate CIDR blocks, create subnets and associate route tables")
            .fix(format!(
                "in account {owner}, create a subnet from a secondary CIDR block in {}, with a route table, and share it with account {account} through AWS RAM; then set {} ZONE=subnet-…",
                join_or(&zones, "each zone"),
                scene.settings.named("subnet")
            )),
    );
}

fn join_or(names: &[&str], none: &str) -> String {
    if names.is_empty() { none.into() } else { names.join(", ") }
}

/// AWS's own rules, checked before the call.
fn blocks(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let mut vpc = addressing(&scene.facts.vpc);
    for block in &scene.design.blocks {
        // AWS has already accepted an associated block.
        if scene.facts.vpc.blocks.iter().any(|there| there.cidr == *block) {
            continue;
        }
        for refusal in check_secondary(*block, &vpc) {
            findings.push(
                Issue::error(id::NET_003, format!("AWS would reject CIDR block {block}"))
                    .at(scene.settings.named("cidr"))
                    .why(refusal.to_string())
                    .fix(refusal.fix()),
            );
        }
        vpc = vpc.with(*block);
    }
}

fn routes(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    if let (PodSubnet::New { .. }, RouteChoice::None(reason)) = (&zone.pod_subnet, &zone.route_table) {
        findings.push(
            Issue::error(
                id::NET_008,
                format!("can't choose a route table for the pod subnet of {}", zone.zone),
            )
            .at(&zone.node_subnet)
            .why(reason)
            .fix(format!("set --route-table {}=rtb-…", zone.zone)),
        );
    }
    let PodSubnet::There { id, ours } = &zone.pod_subnet else { return };
    // Step 2 associates a managed subnet again; with EXTERNALSNAT another issue is an error.
    if !ours
        && !external_snat(scene)
        && scene.facts.vpc.uses_main_table(id)
        && let Some((pods, nodes)) = scene.facts.vpc.way_out_lost(id, &zone.node_subnet)
        && let Some(subnet) = scene.facts.vpc.subnet(id)
    {
        findings.push(
            Issue::warning(id::NET_016, format!("the pod subnet of {} has no route out of the VPC", zone.zone))
                .at(format!("{id}, {}", pods.id))
                .why(format!(
                    "it uses the VPC's main route table, which has no route out; the nodes' {} has one. Pods can call out through their node's subnet, but callers from outside the VPC get no reply",
                    nodes.id
                ))
                .fix(way_out(scene.facts, subnet, pods, nodes)),
        );
    }
    if scene.facts.vpc.route_table_of(id).is_some_and(|table| table.is_public()) {
        findings.push(
            Issue::warning(id::NET_009, format!("the pod subnet of {} is public", zone.zone))
                .at(id)
                .why("pods have no public address, so they get no replies through an internet gateway")
                .fix("associate it with a route table that routes to a NAT gateway"),
        );
    }
}

/// Addresses for the requested nodes, with all their pods.
fn capacity(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let (place, free) = match &zone.pod_subnet {
        PodSubnet::New { cidr } => (cidr.to_string(), usable_addresses(*cidr)),
        PodSubnet::There { id, .. } => match scene.facts.vpc.subnet(id) {
            Some(subnet) => (id.clone(), usable_addresses(subnet.cidr)),
            None => return,
        },
        PodSubnet::Unknown => return,
    };
    let needed = addresses_needed(scene, zone);
    if needed > free {
        findings.push(
            Issue::error(id::NET_010, format!("too few addresses for the pods of {}", zone.zone))
                .at(place)
                .why(format!("{}; the subnet has {free}", shown_need(scene, zone)))
                .fix(format!(
                    "set a larger block with {}, or fewer nodes with --nodes-per-zone",
                    scene.settings.named("cidr")
                )),
        );
    }
    let growing = scene.concerns(&[Step::PatchSecurityGroups]);
    let starting = || scene.design.groups_of(zone).filter(|(_, group)| !group.is_grown(scene.facts));
    let in_zone = |group: &GroupDesign| -> Vec<String> {
        let own = group.zones.iter().filter(|one| one.eniconfig == zone.eniconfig);
        own.flat_map(|one| one.node_subnets.clone()).collect()
    };
    let subnets: BTreeSet<String> = starting().flat_map(|(_, group)| in_zone(group)).collect();
    for subnet in subnets.iter().filter_map(|id| scene.facts.vpc.subnet(id)).filter(|_| growing) {
        // Auto Scaling spreads a group's nodes over its subnets of the zone, and skips a full one.
        let here = starting().filter(|(_, group)| in_zone(group) == [subnet.id.as_str()]);
        let new: u32 = here.map(|(pool, group)| pool.nodes(group.share(group.size, zone))).sum();
        if subnet.free >= new {
            continue;
        }
        findings.push(
            Issue::error(id::NET_011, format!("too few addresses for the new nodes of {}", zone.zone))
                .at(&subnet.id)
                .why(format!(
                    "{} alongside the old nodes for a while; {} free",
                    subject(new, "new node", "runs", "run"),
                    subject(subnet.free, "address", "is", "are")
                ))
                .fix("set fewer nodes with --nodes-per-zone, or free addresses in the node subnet"),
        );
    }
}

/// Addresses that the pods of a zone's new nodes use, including the CNI's warm targets.
fn addresses_needed(scene: &Scene<'_>, zone: &ZoneDesign) -> u32 {
    let needed = |pool: &PoolDesign, group: &GroupDesign| {
        let units = group.largest_share(group.size);
        pool.nodes(units).saturating_mul(pool.machine.addresses_per_node())
    };
    scene.design.groups_of(zone).map(|(pool, group)| needed(pool, group)).fold(0, u32::saturating_add)
}

/// `a m5.large node uses up to 20 addresses, so 2 nodes need 40`
fn shown_need(scene: &Scene<'_>, zone: &ZoneDesign) -> String {
    let of_group = |(pool, group): (&PoolDesign, &GroupDesign)| {
        let machine = &pool.machine;
        let (kind, nodes) = (machine.type_names(), pool.nodes(group.largest_share(group.size)));
        let each = counted(machine.addresses_per_node(), "address");
        let needed = nodes.saturating_mul(machine.addresses_per_node());
        format!("a {kind} node uses up to {each}, so {} {needed}", subject(nodes, "node", "needs", "need"))
    };
    scene.design.groups_of(zone).map(of_group).collect::<Vec<_>>().join("; ")
}

fn unknown_zones(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    for (flag, zones) in [
        ("route-table", &scene.settings.network.route_tables),
        ("eniconfig-name", &scene.settings.cni.eniconfig_names),
    ] {
        for (zone, value) in zones {
            if !scene.design.zones.iter().any(|known| known.zone == *zone) {
                findings.push(
                    Issue::error(id::NET_004, format!("no node of the cluster is in {zone}"))
                        .at(format!("{} {zone}={value}", scene.settings.named(flag)))
                        .why("only zones in which the cluster has nodes can be used")
                        .fix("omit it, or use a zone that has nodes"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
