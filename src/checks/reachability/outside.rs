//! Routes out of the VPC and back: NAT, peerings, transit gateways, and how soon the control plane recognizes a block.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::design::{EXTERNAL_SNAT, PodSubnet, RouteChoice, ZoneDesign};
use crate::facts::{Peering, PeeringStatus, RouteTable};
use crate::issue::{Issue, id};
use crate::net::eniconfig::is_on;
use crate::reach::moving_webhooks;
use crate::scene::Scene;
use crate::step::Step;

use super::{join, pod_blocks};

const NETWORK_STEPS: [Step; 2] = [Step::AssociateCidr, Step::CreateSubnets];

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let pods = scene.concerns(&super::POD_STEPS);
    if pods || scene.concerns(&[Step::CreateSubnets, Step::SetEnv]) {
        for zone in &scene.design.zones {
            way_out(scene, zone, findings);
            missing_routes(scene, zone, findings);
        }
    }
    if pods || scene.concerns(&NETWORK_STEPS) {
        other_sides(scene, findings);
    }
    if pods && scene.concerns(&[Step::AssociateCidr]) {
        new_block(scene, findings);
    }
}

/// Whether pods leave the VPC with their own addresses, by the routes of their own subnets.
pub(crate) fn external_snat(scene: &Scene<'_>) -> bool {
    is_on(scene.design.env.get(EXTERNAL_SNAT).or(scene.facts.cni.env.get(EXTERNAL_SNAT)))
}

fn table_of_pods<'a>(scene: &'a Scene<'_>, zone: &ZoneDesign) -> Option<&'a RouteTable> {
    let vpc = &scene.facts.vpc;
    match (&zone.pod_subnet, &zone.route_table) {
        (PodSubnet::There { id, .. }, _) => vpc.route_table_of(id),
        (PodSubnet::New { .. }, RouteChoice::Table(id)) => {
            vpc.route_tables.iter().find(|table| table.id == *id)
        }
        // Another issue reports a missing route table.
        _ => None,
    }
}

/// `rtb-1, the VPC's main route table`: a subnet without an association uses it.
fn named(table: &RouteTable, zone: &ZoneDesign) -> String {
    let own = zone.pod_subnet.id().is_some_and(|id| table.subnet_ids.contains(id));
    match table.main && !own {
        true => format!("{}, the VPC's main route table, which the subnet uses by default", table.id),
        false => table.id.clone(),
    }
}

fn way_out(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let Some(table) = table_of_pods(scene, zone).filter(|_| external_snat(scene)) else { return };
    // Two routes with prefix length 1 make up a default route.
    if table.routes.iter().filter(|route| route.destination.prefix_len() == 1 && !route.blackhole).count()
        == 2
    {
        return;
    }
    let default = table.routes.iter().find(|route| route.destination.prefix_len() == 0);
    let why = match default {
        None => "it has no default route".to_string(),
        Some(route) if route.blackhole => {
            format!("its default route goes to {}, which no longer exists", route.target)
        }
        Some(route) if route.target.starts_with("igw-") => {
            format!("its default route goes to {}, but pods have no public address", route.target)
        }
        Some(_) => return,
    };
    let verb = if default.is_none() { "create-route" } else { "replace-route" };
    findings.push(
        Issue::error(id::RCH_007, format!("pods of {} would have no route to the internet", zone.zone))
            .at(&table.id)
            .why(format!("with {EXTERNAL_SNAT} they use the pod subnet's route table, {}: {why}", named(table, zone)))
            .fix(format!(
                "aws ec2 {verb} --route-table-id {} --destination-cidr-block 0.0.0.0/0 --nat-gateway-id nat-…; or keep {EXTERNAL_SNAT} off",
                table.id
            )),
    );
}

/// Networks connected to the nodes' subnet need routes back from the pod subnet too. NAT does not count: a pod goes out
/// with its node's address, and no one calls it through a NAT gateway.
fn missing_routes(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let PodSubnet::There { id, .. } = &zone.pod_subnet else { return };
    let vpc = &scene.facts.vpc;
    let (Some(nodes), Some(pods)) = (vpc.route_table_of(&zone.node_subnet), vpc.route_table_of(id)) else {
        return;
    };
    let leads_to_others = |target: &str| ["pcx-", "tgw-", "vgw-"].iter().any(|kind| target.starts_with(kind));
    let lacking: Vec<_> = nodes
        .routes
        .iter()
        .filter(|route| !route.blackhole && leads_to_others(&route.target))
        .filter(|route| {
            !pods.routes.iter().any(|own| {
                !own.blackhole && own.target != "local" && own.destination.contains(&route.destination)
            })
        })
        .collect();
    if lacking.is_empty() {
        return;
    }
    let commands = lacking.iter().map(|route| {
        let flag = match route.target.split('-').next() {
            Some("pcx") => "vpc-peering-connection-id",
            Some("tgw") => "transit-gateway-id",
            _ => "gateway-id",
        };
        format!(
            "aws ec2 create-route --route-table-id {} --destination-cidr-block {} --{flag} {}",
            pods.id, route.destination, route.target
        )
    });
    findings.push(
        Issue::warning(id::RCH_014, format!("the pod subnet of {} has no route to {}", zone.zone, join(lacking.iter().map(|route| route.destination))))
            .at(format!("{id}, {}", pods.id))
            .why(format!(
                "its route table is {}; the nodes' {} has the route through {}. Callers from there would get no reply from pods",
                named(pods, zone),
                nodes.id,
                join(lacking.iter().map(|route| &route.target))
            ))
            .fix(commands.collect::<Vec<_>>().join(" && ")),
    );
}

/// Connected networks have their own routes and firewalls, which can't be read from here.
fn other_sides(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let blocks = pod_blocks(scene.design, scene.facts);
    let new: Vec<&Ipv4Net> = blocks
        .iter()
        .filter(|block| !scene.facts.vpc.blocks.iter().any(|there| there.cidr == **block))
        .collect();
    // For an existing block the other side is already configured, or nothing depends on it.
    if new.is_empty() {
        return;
    }
    let vpc = &scene.facts.vpc;
    let tables: Vec<&RouteTable> =
        scene.design.zones.iter().filter_map(|zone| vpc.route_table_of(&zone.node_subnet)).collect();
    let targets: BTreeSet<&str> = tables
        .iter()
        .flat_map(|table| &table.routes)
        .filter(|route| !route.blackhole)
        .map(|route| route.target.as_str())
        .collect();
    let calls = match external_snat(scene) {
        true => "pods use their own addresses, so connections in both directions fail",
        false => "pods call out with their node's address, but connections from there to pods fail",
    };
    let issue = |what: String, place: &str, why: String, fix: String| {
        Issue::warning(id::RCH_010, what).at(place).why(format!("{why}; until it does, {calls}")).fix(fix)
    };
    let used =
        |peering: &&Peering| peering.status == PeeringStatus::Active && targets.contains(peering.id.as_str());
    for peering in vpc.peerings.iter().filter(used) {
        findings.push(issue(
            format!("the VPC behind {} ({}) has no route to {}", peering.id, join(&peering.peer_cidrs), join(&new)),
            &peering.id,
            format!("its routes, security groups and network ACLs only cover {}", vpc.primary),
            format!(
                "in that VPC: aws ec2 create-route --route-table-id rtb-… --destination-cidr-block {} --vpc-peering-connection-id {}",
                new.first().map(ToString::to_string).unwrap_or_default(),
                peering.id
            ),
        ));
    }
    for gateway in targets.iter().filter(|target| target.starts_with("tgw-")) {
        findings.push(issue(
            format!("networks behind {gateway} may have no route to {}", join(&new)),
            gateway,
            format!("propagated routes update automatically; static routes, and firewalls behind it, only cover {}", vpc.primary),
            format!(
                "aws ec2 search-transit-gateway-routes --transit-gateway-route-table-id tgw-rtb-… --filters Name=route-search.exact-match,Values={}",
                vpc.primary
            ),
        ));
    }
}

/// "It may take up to one hour for the cluster to recognize" a new block (EKS user guide, "Amazon EKS networking
/// requirements for VPC and subnets").
fn new_block(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let there = |block: &&Ipv4Net| scene.facts.vpc.blocks.iter().any(|known| known.cidr == **block);
    let new: Vec<&Ipv4Net> = scene.design.blocks.iter().filter(|block| !there(block)).collect();
    let webhooks = moving_webhooks(scene.facts);
    if new.is_empty() || webhooks.is_empty() {
        return;
    }
    let cluster = &scene.facts.cluster.name;
    let services: BTreeSet<&String> = webhooks.iter().map(|webhook| &webhook.service).collect();
    findings.push(
        Issue::warning(id::RCH_011, format!("for up to an hour the API server may not reach {}", join(services)))
            .at(join(&new))
            .why(format!(
                "EKS may take up to an hour to recognize a new CIDR block of the VPC; {} call pods that would move into it; exec and logs are affected too",
                join(webhooks.iter().flat_map(|webhook| &webhook.configurations).collect::<BTreeSet<_>>())
            ))
            .fix(format!("eni-custom associate-cidr --cluster {cluster} # then run setup an hour later")),
    );
}
