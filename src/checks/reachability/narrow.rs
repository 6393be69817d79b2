//! Rules that allow the nodes' addresses, but not pods with addresses of another block.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::issue::{Issue, id};
use crate::net::firewall::{
    Barrier, Direction, Endpoint, Firewall, NetworkAcl, Peer, Ports, Protocol, Ruling, Traffic, Verdict,
};
use crate::reach::{firewall, pod_groups, targets};
use crate::scene::Scene;

use super::{join, pod_blocks, pod_subnets};

/// SSH is for administrators: no pod uses it.
pub(super) const SSH: Ports = Ports { from: 22, to: 22 };

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let nodes: BTreeSet<Ipv4Net> = scene
        .design
        .zones
        .iter()
        .filter_map(|zone| Some(scene.facts.vpc.subnet(&zone.node_subnet)?.cidr))
        .collect();
    groups(scene, &nodes, findings);
    acls(scene, &nodes, findings);
}

/// A sample of a rule's traffic, to test against the firewall.
pub(super) fn sample(traffic: Traffic) -> (Protocol, Ports) {
    (traffic.protocol.unwrap_or(Protocol::Tcp), traffic.ports)
}

pub(super) fn in_words(traffic: Traffic) -> String {
    match traffic.protocol {
        None => "all traffic".into(),
        Some(protocol) if traffic.ports == Ports::ALL => format!("all {protocol}"),
        Some(protocol) => format!("{protocol} {}", traffic.ports),
    }
}

/// Rules that allow pods by their current addresses, but not by their new ones.
fn groups(scene: &Scene<'_>, nodes: &BTreeSet<Ipv4Net>, findings: &mut Vec<Issue>) {
    let (design, facts) = (scene.design, scene.facts);
    let firewall = firewall(design, facts);
    let pods: Vec<Endpoint> = pod_subnets(design, facts)
        .into_iter()
        .map(|(subnet, addresses)| Endpoint {
            addresses,
            all: true,
            groups: pod_groups(design, facts),
            subnet: subnet.map(ToString::to_string),
        })
        .collect();
    let mut reported = BTreeSet::new();
    for (name, target) in targets(design, facts) {
        for group in target.groups.iter().filter_map(|id| firewall.groups.get(id)) {
            for rule in &group.ingress {
                let Peer::Cidr(cidr) = rule.peer else { continue };
                let (protocol, ports) = sample(rule.traffic);
                let about_nodes = nodes.iter().any(|node| cidr.contains(node)) && ports != SSH;
                if !about_nodes
                    || !pods.iter().any(|pods| is_blocked(&firewall, pods, &target, protocol, ports))
                {
                    continue;
                }
                let rule_in_words = format!("{} from {cidr}", in_words(rule.traffic));
                if !reported.insert((group.id.clone(), rule_in_words.clone())) {
                    continue;
                }
                let blocks = pod_blocks(design, facts);
                let commands = blocks.iter().map(|block| {
                    let traffic = match rule.traffic.protocol {
                        None => "--protocol -1".to_string(),
                        Some(protocol) => format!("--protocol {protocol} --port {ports}"),
                    };
                    format!(
                        "aws ec2 authorize-security-group-ingress --group-id {} {traffic} --cidr {block}",
                        group.id
                    )
                });
                findings.push(
                    Issue::warning(id::RCH_008, format!("{} allows {rule_in_words}, but not from the pods' {}", group.id, join(&blocks)))
                        .at(&group.id)
                        .why(format!("pods have addresses of {cidr} now; no rule for {name} allows their new addresses or groups"))
                        .fix(commands.collect::<Vec<_>>().join(" && ")),
                );
            }
        }
    }
}

/// Only security groups: network ACLs are checked separately.
pub(super) fn is_blocked(
    firewall: &Firewall,
    pods: &Endpoint,
    target: &Endpoint,
    protocol: Protocol,
    ports: Ports,
) -> bool {
    match firewall.flow(pods, target, protocol, ports) {
        Verdict::Denied { barriers } => barriers
            .iter()
            .any(|barrier| matches!(barrier, Barrier::SecurityGroups { direction: Direction::Ingress, .. })),
        _ => false,
    }
}

/// Entries that allow nodes but not pods.
fn acls(scene: &Scene<'_>, nodes: &BTreeSet<Ipv4Net>, findings: &mut Vec<Issue>) {
    let pods = pod_subnets(scene.design, scene.facts);
    for acl in acls_on_the_way(scene, &pods) {
        for direction in [Direction::Ingress, Direction::Egress] {
            let mut lacking: BTreeMap<i32, (Traffic, Ipv4Net)> = BTreeMap::new();
            for entry in acl.entries(direction).iter().filter(|entry| entry.allow) {
                let (protocol, ports) = sample(entry.traffic);
                let passes = |cidr| acl.ruling(direction, cidr, protocol, ports) == Ruling::Allowed;
                let for_nodes = nodes.iter().any(|node| entry.cidr.contains(node) && passes(*node));
                // Traffic within one subnet passes no network ACL.
                let mut others = pods.iter().filter(|(id, _)| {
                    id.is_none_or(|id| acl.subnets.len() != 1 || !acl.subnets.contains(id))
                });
                if for_nodes && ports != SSH && others.any(|(_, cidr)| !passes(*cidr)) {
                    lacking.insert(entry.number, (entry.traffic, entry.cidr));
                }
            }
            findings.extend(
                lacking.into_iter().map(|(number, (traffic, cidr))| {
                    acl_finding(scene, acl, direction, number, traffic, cidr)
                }),
            );
        }
    }
}

fn acl_finding(
    scene: &Scene<'_>,
    acl: &NetworkAcl,
    direction: Direction,
    number: i32,
    traffic: Traffic,
    cidr: Ipv4Net,
) -> Issue {
    let blocks = pod_blocks(scene.design, scene.facts);
    let (way, whom, flag) = match direction {
        Direction::Ingress => ("inbound", "from", "--ingress"),
        Direction::Egress => ("outbound", "to", "--egress"),
    };
    let (protocol, ports) = match traffic.protocol {
        None => ("-1".to_string(), String::new()),
        Some(protocol) => (
            protocol.to_string(),
            format!(" --port-range From={},To={}", traffic.ports.from, traffic.ports.to),
        ),
    };
    let mut free = acl.free_numbers(direction, number);
    let commands = blocks.iter().map(|block| {
        let number = free.next().map_or("N".into(), |number| number.to_string());
        format!(
            "aws ec2 create-network-acl-entry --network-acl-id {} {flag} --rule-number {number} --protocol {protocol}{ports} --cidr-block {block} --rule-action allow",
            acl.id
        )
    });
    let commands = commands.collect::<Vec<_>>().join(" && ");
    Issue::warning(
        id::RCH_009,
        format!(
            "{way} entry {number} of {} allows {} {whom} {cidr}, but no entry {whom} the pods' {}",
            acl.id,
            in_words(traffic),
            join(&blocks)
        ),
    )
    .at(&acl.id)
    .why("a network ACL filters by address, and pods will have addresses outside their nodes' CIDR")
    .fix(commands)
}

/// The network ACLs of all subnets: pods may call anything in the VPC. New subnets get the default one.
fn acls_on_the_way<'a>(scene: &'a Scene<'_>, pods: &[(Option<&str>, Ipv4Net)]) -> Vec<&'a NetworkAcl> {
    let to_be = pods.iter().any(|(id, _)| id.is_none());
    let acls = scene.facts.firewall.acls.iter();
    acls.filter(|acl| !acl.subnets.is_empty() || acl.default && to_be).collect()
}
