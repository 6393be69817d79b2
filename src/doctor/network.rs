//! Routes of the pod subnets that explain why pods can't reach something.

use std::collections::BTreeSet;

use crate::design::{CUSTOM_NETWORK, EXTERNAL_SNAT};
use crate::facts::{Facts, RouteTable, Subnet};
use crate::issue::{Issue, id};

pub(super) fn diagnose(facts: &Facts) -> Vec<Issue> {
    let mut findings = Vec::new();
    if !facts.cni.is_on(CUSTOM_NETWORK) {
        return findings;
    }
    let used: BTreeSet<&str> =
        facts.nodes.iter().flat_map(|node| &node.pod_subnets).map(String::as_str).collect();
    let named = facts.eniconfigs.items.iter().map(|config| config.subnet.as_str());
    let subnets: BTreeSet<&str> = named.filter(|subnet| used.contains(subnet)).collect();
    for subnet in subnets.into_iter().filter_map(|id| facts.vpc.subnet(id)) {
        findings.extend(route(facts, subnet));
    }
    findings
}

fn route(facts: &Facts, subnet: &Subnet) -> Option<Issue> {
    let table = facts.vpc.route_table_of(&subnet.id)?;
    let own = table.subnet_ids.contains(&subnet.id);
    // By default the CNI translates traffic to outside the VPC to the node's address, and it leaves through the node's
    // subnet. Only with this variable do the routes of the pod subnet decide.
    if facts.cni.is_on(EXTERNAL_SNAT) {
        let what = format!("pods in {} can't reach anything outside the VPC", subnet.zone);
        let cause = match table.default_target() {
            None => {
                format!("{EXTERNAL_SNAT} is true, and {} of {} has no default route", table.id, subnet.id)
            }
            Some(_) if table.is_public() => format!(
                "{EXTERNAL_SNAT} is true, and the default route of {} is an internet gateway: pods have no public address",
                table.id
            ),
            Some(_) => return main_table(facts, subnet, table, own),
        };
        return Some(
            Issue::error(id::DOC_030, what)
                .about(vec![subnet.id.clone()])
                .why(cause)
                .fix(match route_out(facts, subnet) {
                    Some(other) => associate(subnet, other),
                    None => format!(
                        "aws ec2 create-route --route-table-id {} --destination-cidr-block 0.0.0.0/0 --nat-gateway-id NAT",
                        table.id
                    ),
                }),
        );
    }
    main_table(facts, subnet, table, own)
}

fn associate(subnet: &Subnet, table: &RouteTable) -> String {
    format!("aws ec2 associate-route-table --route-table-id {} --subnet-id {}", table.id, subnet.id)
}

/// A route table of the zone with a default route to a NAT or transit gateway.
fn route_out<'a>(facts: &'a Facts, subnet: &Subnet) -> Option<&'a RouteTable> {
    let in_zone = |table: &&RouteTable| {
        let zones = table.subnet_ids.iter().filter_map(|id| facts.vpc.subnet(id));
        zones.into_iter().any(|other| other.zone == subnet.zone)
    };
    let leads_out = |table: &&RouteTable| {
        table.default_target().is_some_and(|target| target.starts_with("nat-") || target.starts_with("tgw-"))
    };
    facts.vpc.route_tables.iter().filter(leads_out).find(in_zone)
}

/// Pods in a subnet that uses the main route table may not reach what the nodes reach by theirs.
fn main_table(facts: &Facts, subnet: &Subnet, table: &RouteTable, own: bool) -> Option<Issue> {
    let nodes = facts.ec2_nodes().filter(|node| node.zone == subnet.zone);
    let mut theirs = nodes.filter_map(|node| facts.vpc.route_table_of(node.subnet.as_deref()?));
    let other = theirs.find(|theirs| theirs.id != table.id).filter(|_| !own)?;
    // A subnet that eni-custom created was associated, and has lost its route out of the VPC since.
    let nodes = facts.ec2_nodes().filter(|node| node.zone == subnet.zone);
    let lost = nodes
        .filter_map(|node| node.subnet.as_deref())
        .any(|nodes| facts.vpc.way_out_lost(&subnet.id, nodes).is_some());
    let rated = match lost && subnet.is_made_for(&facts.cluster.name) {
        true => id::DOC_031.error(),
        false => id::DOC_031.warning(),
    };
    Some(
        Issue::new(rated, format!("pod subnet {} has no route table of its own", subnet.id))
            .about(vec![subnet.id.clone()])
            .why(format!(
                "it uses the VPC's main route table {}; the nodes in {} use {}, so peerings and gateways may differ",
                table.id, subnet.zone, other.id
            ))
            .fix(associate(subnet, other)),
    )
}
