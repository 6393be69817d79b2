//! Why pods stay in ContainerCreating or Pending.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{ClusterEvent, Facts, Node, Obstacle, Subnet, Symptoms, WaitingPod};
use crate::fixes;
use crate::issue::{Issue, Rated, id};
use crate::net::eniconfig::resolve;
use crate::text::counted;
use crate::verify::Report;

use super::of_node;

pub(super) fn diagnose(facts: &Facts, symptoms: &Symptoms, report: &Report) -> Vec<Issue> {
    let nodes: BTreeMap<&str, &Node> = facts.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let warned: BTreeSet<(&str, &str)> = symptoms
        .events
        .iter()
        .filter(|event| event.kind == "Pod")
        .map(|event| (event.namespace.as_str(), event.name.as_str()))
        .collect();
    let mut by_cause: BTreeMap<Explanation, Vec<&WaitingPod>> = BTreeMap::new();
    for pod in &symptoms.pods {
        // A young pod without a warning event may still start.
        if !pod.old && !warned.contains(&(pod.namespace.as_str(), pod.name.as_str())) {
            continue;
        }
        let cause = match nodes.get(pod.node.as_str()) {
            None if pod.node.is_empty() => unscheduled(facts, report, pod),
            // If the node is not Ready, `nodes` explains that.
            Some(node) if node.ready => not_started(facts, symptoms, report, pod, node),
            _ => continue,
        };
        by_cause.entry(cause).or_default().push(pod);
    }
    let issues = by_cause.into_iter().map(|(cause, pods)| {
        let names: Vec<String> = pods.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
        let state = if pods[0].node.is_empty() { "not scheduled" } else { "not started" };
        let fix = match cause.fix.is_empty() {
            true => format!("kubectl -n {} describe pod {}", pods[0].namespace, pods[0].name),
            false => cause.fix,
        };
        Issue::new(cause.rated, format!("{} {state}", counted(names.len(), "pod")))
            .why(cause.why)
            .fix(fix)
            .evidence(pods.iter().flat_map(|pod| evidence(symptoms, pod)))
            .about(names)
    });
    issues.collect()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Explanation {
    rated: Rated,
    why: String,
    /// Empty if only the description of the pod can help.
    fix: String,
}

fn events<'a>(symptoms: &'a Symptoms, pod: &'a WaitingPod) -> impl Iterator<Item = &'a ClusterEvent> {
    let is_its = |event: &&ClusterEvent| {
        event.kind == "Pod" && event.namespace == pod.namespace && event.name == pod.name
    };
    symptoms.events.iter().filter(is_its)
}

fn evidence(symptoms: &Symptoms, pod: &WaitingPod) -> Vec<String> {
    let events = events(symptoms, pod).map(|event| format!("{}: {}", event.reason, event.message));
    events.chain([pod.message.clone()]).collect()
}

fn unscheduled(facts: &Facts, report: &Report, pod: &WaitingPod) -> Explanation {
    let few = report.checks().find(|check| check.id == id::VFY_025);
    match (pod.obstacles.contains(&Obstacle::MaxPods), few) {
        (true, Some(check)) => Explanation {
            rated: id::DOC_020.error(),
            why: format!("the nodes have reached their max pods, and {}: {}", check.what, check.why),
            fix: check.fix.clone(),
        },
        (true, None) => Explanation {
            rated: id::DOC_020.error(),
            why: "the nodes have reached their max pods, which custom networking reduces".into(),
            fix: format!(
                "eni-custom max-pods {} # more nodes, larger ones, or prefix delegation",
                types(facts).join(" ")
            ),
        },
        (false, _) => Explanation {
            rated: id::DOC_021.warning(),
            why: match pod.message.is_empty() {
                true => "the scheduler has reported no reason".into(),
                false => pod.message.clone(),
            },
            fix: String::new(),
        },
    }
}

fn not_started(
    facts: &Facts,
    symptoms: &Symptoms,
    report: &Report,
    pod: &WaitingPod,
    node: &Node,
) -> Explanation {
    let mut named = events(symptoms, pod).map(|event| &event.obstacles).chain([&pod.obstacles]);
    let no_address = named.any(|obstacles| obstacles.contains(&Obstacle::NoAddress));
    let subnet = subnet_of(facts, node);
    let prefixes = facts.cni.is_on("ENABLE_PREFIX_DELEGATION");
    if !pod.host_network {
        if let Some(check) = of_node(report, &[id::VFY_024.id()], &node.name) {
            return Explanation {
                rated: id::DOC_010.error(),
                why: format!("{}: {}", check.what, check.why),
                fix: check.fix.clone(),
            };
        }
        if let Some(subnet) = subnet.filter(|subnet| no_address && (subnet.free == 0 || prefixes)) {
            return exhausted(facts, subnet);
        }
        if no_address {
            return Explanation {
                rated: id::DOC_012.error(),
                why: format!(
                    "the subnet has free addresses, but the CNI on {} could not attach an interface or get addresses",
                    node.name
                ),
                fix: fixes::ipamd_log(node),
            };
        }
    }
    Explanation {
        rated: id::DOC_013.warning(),
        why: match pod.message.is_empty() {
            true => "its kubelet reports no reason".into(),
            false => pod.message.clone(),
        },
        fix: String::new(),
    }
}

/// The instance types of the EC2 nodes, without duplicates.
fn types(facts: &Facts) -> Vec<&str> {
    let types: BTreeSet<&str> = facts.ec2_nodes().map(|node| node.instance_type.as_str()).collect();
    types.into_iter().collect()
}

fn exhausted(facts: &Facts, subnet: &Subnet) -> Explanation {
    match subnet.free {
        0 => Explanation {
            rated: id::DOC_011.error(),
            why: format!("the pod subnet {} ({}) has no free addresses", subnet.id, subnet.cidr),
            fix: fixes::more_addresses(facts, subnet),
        },
        free => Explanation {
            rated: id::DOC_014.error(),
            why: format!(
                "the pod subnet {} has {} left, but is too fragmented for a prefix, which needs 16 contiguous ones",
                subnet.id,
                counted(free, "address")
            ),
            fix: format!(
                "aws ec2 create-subnet-cidr-reservation --reservation-type prefix --subnet-id {} --cidr CIDR",
                subnet.id
            ),
        },
    }
}

/// The subnet from which the CNI of this node assigns pod addresses.
fn subnet_of<'a>(facts: &'a Facts, node: &Node) -> Option<&'a Subnet> {
    let name = resolve(&node.labels, &node.annotations, &facts.cni.env).name;
    let config = facts.eniconfigs.items.iter().find(|config| config.name == name);
    let custom = facts.cni.is_on(crate::design::CUSTOM_NETWORK);
    match config.filter(|_| custom) {
        Some(config) => facts.vpc.subnet(&config.subnet),
        None => node.subnet.as_deref().and_then(|id| facts.vpc.subnet(id)),
    }
}
