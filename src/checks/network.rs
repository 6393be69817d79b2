//! CIDR blocks, subnets and routes.

mod pods_block;
mod zones;

use ipnet::Ipv4Net;

use crate::design::{PodSubnet, RouteChoice, ZoneDesign, addressing};
use crate::fixes::way_out;
use crate::issue::Issue;
use crate::net::cidr::{check_secondary, usable_addresses};
use crate::step::Step;
use crate::words::{counted, subject};

use super::Scene;
use super::reach::external_snat;

/// Steps that need to know the pod subnets.
const SUBNET_STEPS: [Step; 5] = [
    Step::CreateSubnets,
    Step::WriteEniconfigs,
    Step::LaunchNodegroups,
    Step::PatchSecurityGroups,
    Step::DrainNodes,
];

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&[Step::AssociateCidr, Step::CreateSubnets]) {
        shared(scene, findings);
    }
    if scene.concerns(&[Step::AssociateCidr]) {
        blocks(scene, findings);
    }
    if scene.concerns(&SUBNET_STEPS) {
        let own = ["EC-NET-001", "EC-NET-002"];
        findings.extend(scene.design.findings.iter().filter(|finding| own.contains(&finding.id)).cloned());
        pods_block::given_subnets(scene, findings);
        pods_block::nodes_block(scene, findings);
        zones::outside_of_the_region(scene, findings);
        zones::untagged(scene, findings);
        for zone in &scene.design.zones {
            routes(scene, zone, findings);
            room(scene, zone, findings);
        }
        unknown_zones(scene, findings);
    }
}

/// Subnets of a shared VPC can be used; blocks, subnets and route tables are made by its owner alone (VPC user guide,
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
        Issue::error("EC-NET-012", format!("{} belongs to account {owner}, and is shared with {account}", facts.vpc.id))
            .at(&facts.vpc.id)
            .why("only a VPC's owner can associate CIDR blocks, and create subnets and give them routes")
            .fix(format!(
                "let account {owner} make a subnet of a secondary block in {}, with its route table, and share it with account {account} by AWS RAM; then {} ZONE=subnet-…",
                join_or(&zones, "each zone"),
                scene.settings.named("subnet")
            )),
    );
}

fn join_or(names: &[&str], none: &str) -> String {
    if names.is_empty() { none.into() } else { names.join(", ") }
}

/// AWS's own rules, asked before AWS is.
fn blocks(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let mut vpc = addressing(&scene.facts.vpc);
    for block in &scene.design.blocks {
        // A block that is there already was accepted.
        if scene.facts.vpc.blocks.iter().any(|there| there.cidr == *block) {
            continue;
        }
        for refusal in check_secondary(*block, &vpc) {
            findings.push(
                Issue::error("EC-NET-003", format!("AWS would refuse CIDR block {block}"))
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
            Issue::error("EC-NET-008", format!("no route table can be chosen for the pods of {}", zone.zone))
                .at(&zone.node_subnet)
                .why(reason)
                .fix(format!("name one: --route-table {}=rtb-…", zone.zone)),
        );
    }
    let PodSubnet::There { id, ours } = &zone.pod_subnet else { return };
    // One of ours is associated again by step 2; with EXTERNALSNAT another finding is an error.
    if !ours
        && !external_snat(scene)
        && scene.facts.vpc.uses_main_table(id)
        && let Some((pods, nodes)) = scene.facts.vpc.way_out_lost(id, &zone.node_subnet)
        && let Some(subnet) = scene.facts.vpc.subnet(id)
    {
        findings.push(
            Issue::warning("EC-NET-016", format!("the pod subnet of {} has no way out of the VPC", zone.zone))
                .at(format!("{id}, {}", pods.id))
                .why(format!(
                    "it uses the VPC's main route table; the nodes' {} leads out. Pods leave by their node's subnet, and who calls them from outside of the VPC gets no answer",
                    nodes.id
                ))
                .fix(way_out(scene.facts, subnet, pods, nodes)),
        );
    }
    if scene.facts.vpc.route_table_of(id).is_some_and(|table| table.is_public()) {
        findings.push(
            Issue::warning("EC-NET-009", format!("the pod subnet of {} is public", zone.zone))
                .at(id)
                .why("pods have no public address: through an internet gateway nothing comes back to them")
                .fix("associate it with a route table that leads to a NAT gateway"),
        );
    }
}

/// Addresses for the nodes asked for, with all their pods.
fn room(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let Some(instance_type) = &scene.design.machine.instance_type else { return };
    let (place, free) = match &zone.pod_subnet {
        PodSubnet::New { cidr } => (cidr.to_string(), usable_addresses(*cidr)),
        PodSubnet::There { id, .. } => match scene.facts.vpc.subnet(id) {
            Some(subnet) => (id.clone(), usable_addresses(subnet.cidr)),
            None => return,
        },
        PodSubnet::Unknown => return,
    };
    let per_node = scene.design.machine.addresses_per_node;
    let needed = zone.size.saturating_mul(per_node);
    if needed > free {
        findings.push(
            Issue::error("EC-NET-010", format!("too few addresses for the pods of {}", zone.zone))
                .at(place)
                .why(format!(
                    "a node of {} takes up to {}, and {} {needed}; the subnet has {free}",
                    instance_type.name,
                    counted(per_node, "address"),
                    subject(zone.size, "node", "takes", "take")
                ))
                .fix(format!(
                    "give a larger block with {}, or fewer nodes with --nodes-per-zone",
                    scene.settings.named("cidr")
                )),
        );
    }
    let growing = scene.concerns(&[Step::PatchSecurityGroups]);
    let new = scene
        .facts
        .node_groups
        .stacks
        .get(&zone.stack)
        .and_then(|stack| stack.parameters.get("DesiredCapacity"));
    let grown = new.is_some_and(|size| size != "0");
    if let Some(subnet) = scene.facts.vpc.subnet(&zone.node_subnet)
        && growing
        && !grown
        && subnet.free < zone.size
    {
        findings.push(
            Issue::error("EC-NET-011", format!("too few addresses for the new nodes of {}", zone.zone))
                .at(&subnet.id)
                .why(format!(
                    "{} beside the old ones for a while; {} free",
                    subject(zone.size, "new node", "runs", "run"),
                    subject(subnet.free, "address", "is", "are")
                ))
                .fix("fewer nodes with --nodes-per-zone, or free addresses in the node subnet"),
        );
    }
}

fn unknown_zones(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    for (flag, zones) in
        [("route-table", &scene.settings.route_tables), ("eniconfig-name", &scene.settings.eniconfig_names)]
    {
        for (zone, value) in zones {
            if !scene.design.zones.iter().any(|known| known.zone == *zone) {
                findings.push(
                    Issue::error("EC-NET-004", format!("no node of the cluster is in {zone}"))
                        .at(format!("{} {zone}={value}", scene.settings.named(flag)))
                        .why("the zones are those in which the cluster has nodes")
                        .fix("leave it out, or name a zone that has nodes"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
