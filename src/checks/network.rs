//! CIDR blocks, subnets and routes.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::design::{Design, PodSubnet, RouteChoice, ZoneDesign, addressing};
use crate::facts::Facts;
use crate::finding::Finding;
use crate::net::cidr::{check_secondary, suggest_block, usable_addresses};
use crate::steps::Step;
use crate::verify::mend::way_out;
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

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    if scene.concerns(&[Step::AssociateCidr, Step::CreateSubnets]) {
        shared(scene, findings);
    }
    if scene.concerns(&[Step::AssociateCidr]) {
        blocks(scene, findings);
    }
    if scene.concerns(&SUBNET_STEPS) {
        let own = ["EC-NET-001", "EC-NET-002"];
        findings.extend(scene.design.findings.iter().filter(|finding| own.contains(&finding.id)).cloned());
        given_subnets(scene, findings);
        nodes_block(scene, findings);
        outside_of_the_region(scene, findings);
        untagged(scene, findings);
        for zone in &scene.design.zones {
            routes(scene, zone, findings);
            room(scene, zone, findings);
        }
        unknown_zones(scene, findings);
    }
}

/// Subnets of a shared VPC can be used; blocks, subnets and route tables are made by its owner alone (VPC user guide,
/// "Share your VPC subnets with other accounts").
fn shared(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
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
        Finding::error("EC-NET-012", format!("{} belongs to account {owner}, and is shared with {account}", facts.vpc.id))
            .at(&facts.vpc.id)
            .why("only a VPC's owner can associate CIDR blocks, and create subnets and give them routes")
            .mend(format!(
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
fn blocks(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let mut vpc = addressing(&scene.facts.vpc);
    for block in &scene.design.blocks {
        // A block that is there already was accepted.
        if scene.facts.vpc.blocks.iter().any(|there| there.cidr == *block) {
            continue;
        }
        for refusal in check_secondary(*block, &vpc) {
            findings.push(
                Finding::error("EC-NET-003", format!("AWS would refuse CIDR block {block}"))
                    .at(scene.settings.named("cidr"))
                    .why(refusal.to_string())
                    .mend(refusal.mend()),
            );
        }
        vpc = vpc.with(*block);
    }
}

fn given_subnets(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (facts, design) = (scene.facts, scene.design);
    let flag = scene.settings.named("subnet");
    let zones: Vec<&str> = design.zones.iter().map(|zone| zone.zone.as_str()).collect();
    for (zone, id) in &scene.settings.subnets {
        if !zones.contains(&zone.as_str()) {
            findings.push(
                Finding::error("EC-NET-004", format!("no node of the cluster is in {zone}"))
                    .at(format!("{flag} {zone}={id}"))
                    .why("a pod subnet serves the nodes of its own zone alone")
                    .mend(format!("the nodes are in {}", zones.join(", "))),
            );
            continue;
        }
        let Some(subnet) = facts.vpc.subnet(id) else {
            findings.push(
                Finding::error("EC-NET-005", format!("{id} is no subnet of the cluster's VPC"))
                    .at(format!("{flag} {zone}={id}"))
                    .why(format!("the VPC is {}", facts.vpc.id))
                    .mend(format!("aws ec2 describe-subnets --filters Name=vpc-id,Values={}", facts.vpc.id)),
            );
            continue;
        };
        if subnet.zone != *zone {
            findings.push(
                Finding::error("EC-NET-006", format!("{id} is in {}, not in {zone}", subnet.zone))
                    .at(format!("{flag} {zone}={id}"))
                    .why("an interface can be attached only to an instance of its own zone")
                    .mend(format!("{flag} {}={id}, and another subnet for {zone}", subnet.zone)),
            );
        }
        if let Some(block) = node_block(facts, design, subnet.cidr) {
            findings.push(
                Finding::error(
                    "EC-NET-007",
                    format!("{id} is in {block}, the CIDR block of the nodes' subnets"),
                )
                .at(format!("{flag} {zone}={id}"))
                .why("AWS documents custom networking for subnets of another VPC CIDR block than the nodes'")
                .mend(format!(
                    "a subnet of another block; or leave {flag} out, and give {}",
                    free_block(scene)
                )),
            );
        }
    }
}

/// A block that AWS would take, as a flag.
fn free_block(scene: &Scene<'_>) -> String {
    let avoid: Vec<Ipv4Net> = scene.facts.cluster.service_cidr.into_iter().collect();
    let block = suggest_block(&addressing(&scene.facts.vpc), &avoid);
    format!("{} {}", scene.settings.named("cidr"), block.map_or("BLOCK".into(), |block| block.to_string()))
}

/// Pod subnets that are cut from a secondary block in which nodes are.
fn nodes_block(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (facts, design) = (scene.facts, scene.design);
    let mut blocks: BTreeMap<Ipv4Net, bool> = BTreeMap::new();
    for zone in &design.zones {
        let (cidr, new) = match &zone.pod_subnet {
            PodSubnet::New { cidr } => (Some(*cidr), true),
            // One that was given has a finding of its own.
            PodSubnet::There { id, .. } if !scene.settings.subnets.values().any(|given| given == id) => {
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
            true => Finding::error("EC-NET-013", what),
            false => Finding::warning("EC-NET-013", what),
        };
        findings.push(
            finding
                .at(scene.settings.named("cidr"))
                .why("AWS documents custom networking for subnets of another VPC CIDR block than the nodes'")
                .mend(match new {
                    true => free_block(scene),
                    false => format!(
                        "nothing, where that is meant; else {} --replace-eniconfigs",
                        free_block(scene)
                    ),
                }),
        );
    }
}

/// The same for a block that is still to be associated: a part of one that is there, or around it.
fn block_of_nodes(facts: &Facts, design: &Design, cidr: Ipv4Net) -> Option<Ipv4Net> {
    let nodes = design.zones.iter().filter_map(|zone| facts.vpc.subnet(&zone.node_subnet));
    let asked = design.blocks.iter().filter(|block| block.contains(&cidr));
    let around = asked.copied().find(|block| nodes.clone().any(|node| block.contains(&node.cidr)));
    around.or_else(|| node_block(facts, design, cidr))
}

/// Nodes on Outposts, in Local Zones and in Wavelength Zones.
fn outside_of_the_region(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    for zone in &scene.design.zones {
        let outpost = facts.vpc.subnet(&zone.node_subnet).and_then(|subnet| subnet.outpost.as_ref());
        let finding = match (outpost, zone_kind(&zone.zone, &facts.caller.region)) {
            (Some(outpost), _) => Finding::error(
                "EC-NET-014",
                format!("nodes of {} are on an Outpost", zone.zone),
            )
            .at(format!("{}, {outpost}", zone.node_subnet))
            .why("their pods' subnet must be on the same Outpost, and one ENIConfig serves the whole zone, with the nodes in the Region")
            .mend("give these nodes ENIConfigs of their own by hand (label vpc.amazonaws.com/externalEniConfig), on subnets of the Outpost; this program does not"),
            (None, Some(kind)) => Finding::warning(
                "EC-NET-014",
                format!("nodes of {} are in a {kind}", zone.zone),
            )
            .at(&zone.node_subnet)
            .why(format!("new nodes and their pods' subnet are started there too: a {kind} offers few instance types, and often no NAT gateway"))
            .mend(format!(
                "aws ec2 describe-instance-type-offerings --location-type availability-zone --filters Name=location,Values={} lists its types; then --accept EC-NET-014",
                zone.zone
            )),
            (None, None) => continue,
        };
        findings.push(finding);
    }
}

/// `us-west-2a` is an Availability Zone, `us-west-2-lax-1a` a Local Zone, `us-west-2-wl1-las-wlz-1` a Wavelength Zone
/// (EC2 user guide, "Regions and Zones").
fn zone_kind(zone: &str, region: &str) -> Option<&'static str> {
    let rest = zone.strip_prefix(region)?;
    match rest.strip_prefix('-') {
        None => None,
        Some(rest) if rest.starts_with("wl") => Some("Wavelength Zone"),
        Some(_) => Some("Local Zone"),
    }
}

/// Without the role tag on any subnet the AWS Load Balancer Controller takes private subnets by their routes, pod
/// subnets too ("Subnet Discovery" in its documentation).
fn untagged(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    const ROLE: &str = "kubernetes.io/role/internal-elb";
    let (facts, design) = (scene.facts, scene.design);
    let tagged = facts.vpc.subnets.iter().any(|subnet| subnet.tags.contains_key(ROLE));
    if !facts.neighbours.load_balancers || tagged || !scene.concerns(&[Step::CreateSubnets]) {
        return;
    }
    let nodes: BTreeSet<&str> = design.zones.iter().map(|zone| zone.node_subnet.as_str()).collect();
    let nodes: Vec<&str> = nodes.into_iter().collect();
    findings.push(
        Finding::note("EC-NET-015", "internal load balancers may be placed in pod subnets")
            .at(&facts.vpc.id)
            .why(format!(
                "no subnet is tagged {ROLE}, so the AWS Load Balancer Controller chooses among all private ones; a load balancer there takes pods' addresses, and holds the subnet when it is to be deleted"
            ))
            .mend(format!("aws ec2 create-tags --tags Key={ROLE},Value=1 --resources {}", nodes.join(" "))),
    );
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

fn routes(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Finding>) {
    if let (PodSubnet::New { .. }, RouteChoice::None(reason)) = (&zone.pod_subnet, &zone.route_table) {
        findings.push(
            Finding::error(
                "EC-NET-008",
                format!("no route table can be chosen for the pods of {}", zone.zone),
            )
            .at(&zone.node_subnet)
            .why(reason)
            .mend(format!("name one: --route-table {}=rtb-…", zone.zone)),
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
            Finding::warning("EC-NET-016", format!("the pod subnet of {} has no way out of the VPC", zone.zone))
                .at(format!("{id}, {}", pods.id))
                .why(format!(
                    "it uses the VPC's main route table; the nodes' {} leads out. Pods leave by their node's subnet, and who calls them from outside of the VPC gets no answer",
                    nodes.id
                ))
                .mend(way_out(scene.facts, subnet, pods, nodes)),
        );
    }
    if scene.facts.vpc.route_table_of(id).is_some_and(|table| table.is_public()) {
        findings.push(
            Finding::warning("EC-NET-009", format!("the pod subnet of {} is public", zone.zone))
                .at(id)
                .why("pods have no public address: through an internet gateway nothing comes back to them")
                .mend("associate it with a route table that leads to a NAT gateway"),
        );
    }
}

/// Addresses for the nodes asked for, with all their pods.
fn room(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Finding>) {
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
            Finding::error("EC-NET-010", format!("too few addresses for the pods of {}", zone.zone))
                .at(place)
                .why(format!(
                    "a node of {} takes up to {}, and {} {needed}; the subnet has {free}",
                    instance_type.name,
                    counted(per_node, "address"),
                    subject(zone.size, "node", "takes", "take")
                ))
                .mend(format!(
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
            Finding::error("EC-NET-011", format!("too few addresses for the new nodes of {}", zone.zone))
                .at(&subnet.id)
                .why(format!(
                    "{} beside the old ones for a while; {} free",
                    subject(zone.size, "new node", "runs", "run"),
                    subject(subnet.free, "address", "is", "are")
                ))
                .mend("fewer nodes with --nodes-per-zone, or free addresses in the node subnet"),
        );
    }
}

fn unknown_zones(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    for (flag, zones) in
        [("route-table", &scene.settings.route_tables), ("eniconfig-name", &scene.settings.eniconfig_names)]
    {
        for (zone, value) in zones {
            if !scene.design.zones.iter().any(|known| known.zone == *zone) {
                findings.push(
                    Finding::error("EC-NET-004", format!("no node of the cluster is in {zone}"))
                        .at(format!("{} {zone}={value}", scene.settings.named(flag)))
                        .why("the zones are those in which the cluster has nodes")
                        .mend("leave it out, or name a zone that has nodes"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::told;
    use crate::facts::{Route, RouteTable};
    use crate::sample::{custom, facts};

    fn ids(facts: &Facts, arguments: &[&str], wanted: &str) -> Vec<String> {
        told(check, facts, arguments).into_iter().filter(|line| line.starts_with(wanted)).collect()
    }

    /// Nodes in the secondary block.
    fn in_secondary() -> Facts {
        let mut facts = facts();
        for (subnet, cidr) in facts.vpc.subnets.iter_mut().zip(["100.64.0.0/24", "100.64.1.0/24"]) {
            subnet.cidr = cidr.parse().unwrap();
        }
        facts
    }

    #[test]
    fn pods_get_another_block_than_their_nodes_have() {
        let facts = in_secondary();
        let settings = crate::sample::settings(&[]);
        let design = crate::design::design(&settings, &facts);
        assert_eq!(design.blocks, ["100.65.0.0/16".parse().unwrap()]);
        assert_eq!(ids(&facts, &[], "EC-NET-013"), [""; 0]);
        let asked = super::super::found(check, &facts, &["--cidr", "100.64.0.0/16"]);
        let block = asked.iter().find(|finding| finding.id == "EC-NET-013").unwrap();
        assert_eq!(block.what, "100.64.0.0/16 holds the nodes' subnets");
        assert_eq!(block.mend, "--cidr 100.65.0.0/16");
        // One that an ENIConfig names already is taken as it is.
        let mut there = custom();
        for subnet in there.vpc.subnets.iter_mut().filter(|subnet| subnet.id == "subnet-a") {
            subnet.cidr = "100.64.200.0/24".parse().unwrap();
        }
        assert_eq!(
            ids(&there, &[], "EC-NET-013"),
            ["EC-NET-013 Warning: 100.64.0.0/16 holds the nodes' subnets"]
        );
        let mut facts = facts;
        let like = facts.vpc.subnets[0].clone();
        let own =
            crate::facts::Subnet { id: "subnet-p".into(), cidr: "100.64.9.0/24".parse().unwrap(), ..like };
        facts.vpc.subnets.push(own);
        let found = super::super::found(check, &facts, &["--subnet", "a=subnet-p"]);
        let given = found.iter().find(|finding| finding.id == "EC-NET-007").unwrap();
        assert!(given.mend.ends_with("leave --subnet out, and give --cidr 100.65.0.0/16"), "{}", given.mend);
    }

    #[test]
    fn nodes_outside_of_the_region_s_zones_are_told() {
        let kind = |zone| zone_kind(zone, "us-west-2");
        assert_eq!(kind("us-west-2a"), None);
        assert_eq!(kind("us-west-2-lax-1a"), Some("Local Zone"));
        assert_eq!(kind("us-west-2-wl1-las-wlz-1"), Some("Wavelength Zone"));
        let mut facts = facts();
        facts.vpc.subnets[0].outpost = Some("arn:aws:outposts:r:1:outpost/op-1".into());
        for subnet in facts.vpc.subnets.iter_mut().skip(1) {
            subnet.zone = "r-lax-1a".into();
        }
        assert_eq!(
            ids(&facts, &[], "EC-NET-014"),
            [
                "EC-NET-014 Error: nodes of a are on an Outpost",
                "EC-NET-014 Warning: nodes of r-lax-1a are in a Local Zone"
            ]
        );
    }

    #[test]
    fn untagged_subnets_matter_where_the_load_balancer_controller_runs() {
        let mut facts = facts();
        assert_eq!(ids(&facts, &[], "EC-NET-015"), [""; 0]);
        facts.neighbours.load_balancers = true;
        let found = super::super::found(check, &facts, &[]);
        let note = found.iter().find(|finding| finding.id == "EC-NET-015").unwrap();
        let mend = "aws ec2 create-tags --tags Key=kubernetes.io/role/internal-elb,Value=1 --resources subnet-a subnet-b";
        assert_eq!(note.mend, mend);
        facts.vpc.subnets[0].tags.insert("kubernetes.io/role/internal-elb".into(), "1".into());
        assert_eq!(ids(&facts, &[], "EC-NET-015"), [""; 0]);
    }

    #[test]
    fn a_given_subnet_on_a_main_table_that_leads_nowhere_is_told_with_its_nodes_table() {
        let mut facts = custom();
        let table = |id: &str, main, subnets: &[&str], routes| RouteTable {
            id: id.into(),
            main,
            subnet_ids: subnets.iter().map(ToString::to_string).collect(),
            routes,
        };
        let out =
            Route { destination: "0.0.0.0/0".parse().unwrap(), target: "nat-1".into(), blackhole: false };
        facts.vpc.route_tables = vec![
            table("rtb-main", true, &[], vec![]),
            table("rtb-nat", false, &["subnet-a", "subnet-b", "pods-b"], vec![out.clone()]),
        ];
        let found = super::super::found(check, &facts, &[]);
        let told: Vec<_> = found.iter().filter(|finding| finding.id == "EC-NET-016").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].mend, "aws ec2 associate-route-table --route-table-id rtb-nat --subnet-id pods-a");
        assert_eq!(
            ids(&facts, &["--external-snat"], "EC-NET-016"),
            [""; 0],
            "another finding is an error then"
        );
        facts.vpc.route_tables[0].routes.push(out);
        assert_eq!(ids(&facts, &[], "EC-NET-016"), [""; 0]);
    }
}
