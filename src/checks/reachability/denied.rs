//! Denied flows: one issue for each security group or network ACL that denies them, with the missing rule.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::facts::Webhook;
use crate::issue::{Issue, Rated, Severity, id};
use crate::net::firewall::{Barrier, Direction, Ports, Protocol, Verdict};
use crate::reach::{Flow, NODE_GROUP_TO_BE, Purpose};
use crate::scene::Scene;

use super::join;

/// Flows that one barrier denies.
#[derive(Default)]
struct Stopped<'a> {
    froms: BTreeSet<&'a str>,
    tos: BTreeSet<&'a str>,
    traffic: BTreeSet<(Protocol, Ports)>,
    barriers: BTreeSet<&'a Barrier>,
}

/// The same id and severity, denied by the same group or ACL.
type Key<'a> = (Rated, &'a Purpose, Culprit<'a>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Culprit<'a> {
    Groups(Direction, &'a BTreeSet<String>),
    Acl(&'a str),
}

pub(super) fn check(scene: &Scene<'_>, flows: &[Flow], findings: &mut Vec<Issue>) {
    let mut stopped: BTreeMap<Key<'_>, Stopped<'_>> = BTreeMap::new();
    for flow in flows {
        let Verdict::Denied { barriers } = &flow.verdict else { continue };
        let rated = rated(flow, flows);
        for barrier in barriers {
            let culprit = match barrier {
                Barrier::SecurityGroups { direction, groups, .. } => Culprit::Groups(*direction, groups),
                Barrier::NetworkAcl { id, .. } => Culprit::Acl(id),
            };
            let entry = stopped.entry((rated, &flow.purpose, culprit)).or_default();
            entry.froms.insert(&flow.from);
            entry.tos.insert(&flow.to);
            entry.traffic.insert((flow.protocol, flow.port));
            entry.barriers.insert(barrier);
        }
    }
    for ((rated, purpose, culprit), stopped) in stopped {
        findings.push(finding(scene, rated, purpose, &culprit, &stopped));
    }
}

/// The issue id and severity of a denied flow.
fn rated(flow: &Flow, flows: &[Flow]) -> Rated {
    // EKS places its interfaces in some of the cluster's subnets; which ones is unknown.
    let elsewhere = |other: &&Flow| {
        let same_other_side = match flow.purpose {
            Purpose::Api | Purpose::NodeApi => other.from == flow.from,
            _ => other.to == flow.to,
        };
        same_other_side
            && other.control_plane
            && (&other.purpose, other.protocol, other.port) == (&flow.purpose, flow.protocol, flow.port)
    };
    let somewhere = flow.control_plane
        && flows.iter().filter(elsewhere).any(|other| !matches!(other.verdict, Verdict::Denied { .. }));
    match &flow.purpose {
        Purpose::Api if somewhere => id::RCH_001.warning(),
        Purpose::Api => id::RCH_001.error(),
        Purpose::Dns => id::RCH_002.error(),
        Purpose::NodeApi if somewhere => id::RCH_003.warning(),
        Purpose::NodeApi => id::RCH_003.error(),
        Purpose::Kubelet => id::RCH_004.warning(),
        Purpose::Webhook { must_answer: true, works_now: true, .. } if !somewhere => id::RCH_005.error(),
        Purpose::Webhook { .. } => id::RCH_005.warning(),
        Purpose::Pods => id::RCH_006.warning(),
    }
}

fn finding(
    scene: &Scene<'_>,
    rated: Rated,
    purpose: &Purpose,
    culprit: &Culprit<'_>,
    stopped: &Stopped<'_>,
) -> Issue {
    let ports = in_words(&stopped.traffic);
    let what = match purpose {
        Purpose::Api => format!("pods could not reach the API server ({ports})"),
        Purpose::NodeApi => format!("new nodes could not reach the API server ({ports})"),
        Purpose::Dns => format!("pods could not reach CoreDNS ({ports})"),
        Purpose::Kubelet => format!("kubelets could not be reached ({ports})"),
        Purpose::Webhook { service, aggregated, .. } => {
            let kind = if *aggregated { "aggregated API" } else { "webhook" };
            format!("the API server could not call {kind} {service} once its pods have moved ({ports})")
        }
        Purpose::Pods => format!("pods could no longer reach each other ({ports})"),
    };
    let place = match culprit {
        Culprit::Groups(_, groups) => join(*groups),
        Culprit::Acl(id) => (*id).to_string(),
    };
    let before_after = format!("from {} to {}", join(&stopped.froms), join(&stopped.tos));
    let reasons: BTreeSet<String> = stopped.barriers.iter().map(|barrier| reason(barrier)).collect();
    let mut why = format!("{} ({before_after})", join(reasons));
    if let Purpose::Webhook { .. } = purpose
        && let Some(called_by) = called_by(scene, purpose)
    {
        why.push_str(&called_by);
    }
    let is_error = matches!(purpose, Purpose::Api | Purpose::Dns | Purpose::NodeApi);
    if is_error && rated.severity() == Severity::Warning {
        why.push_str("; EKS may place its network interfaces in any of the cluster's subnets");
    }
    Issue::new(rated, what).at(place).why(why).fix(fixes(scene, purpose, stopped))
}

fn called_by(scene: &Scene<'_>, purpose: &Purpose) -> Option<String> {
    let Purpose::Webhook { service: named, must_answer, aggregated, .. } = purpose else { return None };
    let is_it = |webhook: &&Webhook| webhook.service == *named && webhook.aggregated == *aggregated;
    let webhook = scene.facts.backends.webhooks.iter().find(is_it)?;
    let without = match must_answer {
        _ if *aggregated => "its API would be unavailable",
        true => "the API server would reject the requests that it covers",
        false => "the API server would skip it",
    };
    Some(format!("; it is configured in {}: {without}", join(&webhook.configurations)))
}

fn in_words(traffic: &BTreeSet<(Protocol, Ports)>) -> String {
    join(traffic.iter().map(|(protocol, ports)| format!("{protocol} {ports}")))
}

fn reason(barrier: &Barrier) -> String {
    match barrier {
        Barrier::SecurityGroups { direction, groups, peers, .. } => {
            let (way, whom) = match direction {
                Direction::Ingress => ("inbound", "from"),
                Direction::Egress => ("outbound", "to"),
            };
            format!("no {way} rule of {} allows it {whom} {}", join(groups), join(peers))
        }
        Barrier::NetworkAcl { direction, id, number, remote, protocol, ports, answer } => {
            let number = if *number == 32_767 { "*".into() } else { number.to_string() };
            let (way, whom) = match direction {
                Direction::Ingress => ("inbound", "from"),
                Direction::Egress => ("outbound", "to"),
            };
            let what = if *answer { "the reply, " } else { "" };
            format!("{way} entry {number} of {id} denies {what}{protocol} {ports} {whom} {remote}")
        }
    }
}

/// Commands that add the missing rules.
fn fixes(scene: &Scene<'_>, purpose: &Purpose, stopped: &Stopped<'_>) -> String {
    let mut commands: Vec<String> = Vec::new();
    // Each entry of a network ACL needs its own rule number per direction.
    let mut taken: BTreeSet<(&str, Direction, i32)> = BTreeSet::new();
    for barrier in &stopped.barriers {
        let command = match barrier {
            Barrier::SecurityGroups { direction, groups, peers, remote, protocol, ports } => {
                // Where all ports are open, all protocols are.
                let all = matches!(purpose, Purpose::Pods) && *ports == Ports::ALL;
                let traffic = (!all).then_some((*protocol, *ports));
                authorize(scene, *direction, groups, peers, *remote, traffic)
            }
            Barrier::NetworkAcl { direction, id, number, remote, protocol, ports, .. } => {
                let acl = scene.facts.firewall.acls.iter().find(|acl| acl.id == *id);
                let free = acl.into_iter().flat_map(|acl| acl.free_numbers(*direction, *number));
                let number = free.into_iter().find(|free| !taken.contains(&(id, *direction, *free)));
                taken.extend(number.map(|number| (id.as_str(), *direction, number)));
                let number = number.map_or("N".into(), |number| number.to_string());
                let way = match direction {
                    Direction::Ingress => "--ingress",
                    Direction::Egress => "--egress",
                };
                format!(
                    "aws ec2 create-network-acl-entry --network-acl-id {id} {way} --rule-number {number} --protocol {protocol} --port-range From={},To={} --cidr-block {remote} --rule-action allow",
                    ports.from, ports.to
                )
            }
        };
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands.join(" && ")
}

/// A rule between two groups if both exist, else with addresses.
fn authorize(
    scene: &Scene<'_>,
    direction: Direction,
    groups: &BTreeSet<String>,
    peers: &BTreeSet<String>,
    remote: Ipv4Net,
    traffic: Option<(Protocol, Ports)>,
) -> String {
    // The cluster security group is on many interfaces; a more specific group is better if there is one.
    let best = |groups: &BTreeSet<String>| {
        let there = groups.iter().filter(|group| *group != NODE_GROUP_TO_BE);
        let own = there.clone().find(|group| **group != scene.facts.cluster.security_group);
        own.or_else(|| there.into_iter().next()).cloned()
    };
    let group = best(groups).unwrap_or_else(|| NODE_GROUP_TO_BE.into());
    let (verb, peer) = match direction {
        Direction::Ingress => ("ingress", best(peers)),
        Direction::Egress => ("egress", best(peers)),
    };
    let traffic = match traffic {
        None => "IpProtocol=-1".to_string(),
        Some((protocol, ports)) => {
            format!("IpProtocol={protocol},FromPort={},ToPort={}", ports.from, ports.to)
        }
    };
    let peer = match peer {
        Some(peer) => format!("UserIdGroupPairs=[{{GroupId={peer}}}]"),
        None => format!("IpRanges=[{{CidrIp={remote}}}]"),
    };
    format!("aws ec2 authorize-security-group-{verb} --group-id {group} --ip-permissions '{traffic},{peer}'")
}
