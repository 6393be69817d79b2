//! Instance type, image and number of the new nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{AmiFamily, Facts, Image};
use crate::issue::{Issue, id};
use crate::net::max_pods::{InstanceType, MaxPods, Options, Warm, max_pods, subnet_addresses};
use crate::settings::Settings;

/// The machine of the new nodes. An unknown value has a finding.
#[derive(Debug, Clone)]
pub(crate) struct MachineDesign {
    pub family: AmiFamily,
    pub instance_type: Option<InstanceType>,
    pub image: Option<Image>,
    pub max_pods: Option<MaxPods>,
    /// Pod subnet addresses that a full node uses.
    pub addresses_per_node: u32,
    pub volume_size: u32,
}

pub(super) fn machine(settings: &Settings, facts: &Facts, findings: &mut Vec<Issue>) -> MachineDesign {
    let name = wanted_type(settings, facts);
    let instance_type = name.as_ref().and_then(|name| facts.machine.types.get(name)).cloned();
    let max_pods = instance_type.as_ref().and_then(|instance_type| {
        max_pods(instance_type, &options(facts))
            .map_err(|error| {
                findings.push(
                    Issue::error(
                        id::NOD_002,
                        format!("{} can't be used with custom networking", instance_type.name),
                    )
                    .at(settings.named("instance-type"))
                    .why(error.to_string())
                    .fix("choose another instance type; to list them: eni-custom max-pods --all"),
                );
            })
            .ok()
    });
    let addresses_per_node =
        instance_type.as_ref().and_then(|kind| subnet_addresses(kind, &options(facts)).ok());
    MachineDesign {
        family: settings.nodes.ami_family,
        instance_type,
        image: facts.machine.image.clone(),
        max_pods,
        addresses_per_node: addresses_per_node.unwrap_or_default(),
        volume_size: settings.nodes.volume_size,
    }
}

/// The address settings in aws-node's environment.
pub(crate) fn options(facts: &Facts) -> Options {
    let number = |name: &str| facts.cni.env.get(name).and_then(|value| value.parse::<u32>().ok());
    Options {
        custom: true,
        prefix: facts.cni.is_on("ENABLE_PREFIX_DELEGATION"),
        pod_eni: facts.cni.is_on("ENABLE_POD_ENI"),
        max_eni: number("MAX_ENI").filter(|max| *max > 0),
        cap: true,
        warm: Warm {
            enis: number("WARM_ENI_TARGET"),
            prefixes: number("WARM_PREFIX_TARGET"),
            addresses: number("WARM_IP_TARGET"),
            least_addresses: number("MINIMUM_IP_TARGET"),
        },
    }
}

/// The instance type of new nodes: the one set by flag, else the most common one.
pub(crate) fn wanted_type(settings: &Settings, facts: &Facts) -> Option<String> {
    settings.nodes.instance_type.clone().or_else(|| usual_type(facts, &super::old_nodes(facts)))
}

/// The most common type of the old nodes, or of all nodes if there are none; the first by name of equally common ones.
fn usual_type(facts: &Facts, old_nodes: &BTreeSet<String>) -> Option<String> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for node in facts.ec2_nodes().filter(|node| old_nodes.is_empty() || old_nodes.contains(&node.name)) {
        if !node.instance_type.is_empty() {
            *counted.entry(&node.instance_type).or_default() += 1;
        }
    }
    counted
        .iter()
        .max_by_key(|(name, nodes)| (**nodes, std::cmp::Reverse(**name)))
        .map(|(name, _)| name.to_string())
}

/// Size and maximum of a zone's group. A group with nodes keeps its size: the nodes that it replaced may be gone.
pub(super) fn sizes(
    settings: &Settings,
    facts: &Facts,
    machine: &MachineDesign,
    old_nodes: &BTreeSet<String>,
    zone: &str,
    stack: &str,
) -> (u32, u32) {
    let number = |stack: &crate::facts::Stack, key: &str| {
        stack.parameters.get(key).and_then(|value| value.parse().ok())
    };
    let grown = facts.node_groups.stacks.get(stack).and_then(|stack| {
        let size = number(stack, "DesiredCapacity").filter(|size: &u32| *size > 0)?;
        Some((size, number(stack, "MaxSize").unwrap_or(size)))
    });
    let asked = settings.nodes.nodes_per_zone;
    let size = asked.or(grown.map(|(size, _)| size)).unwrap_or_else(|| {
        let nodes: Vec<_> =
            facts.ec2_nodes().filter(|node| old_nodes.contains(&node.name) && node.zone == zone).collect();
        let names: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let pods = facts.pods.iter().filter(|pod| names.contains(pod.node.as_str()));
        let moving = pods.filter(|pod| !pod.is_finished() && !pod.is_of_daemon_set()).count();
        let free = machine.max_pods.map_or(u32::MAX, |max| capacity(max, daemon_pods(facts)));
        let needed = u32::try_from(moving).unwrap_or(u32::MAX).div_ceil(free.max(1));
        u32::try_from(nodes.len()).unwrap_or(u32::MAX).max(needed).max(1)
    });
    let max = settings
        .nodes
        .max_nodes_per_zone
        .or(grown.map(|(_, max)| max).filter(|_| asked.is_none()))
        .unwrap_or_else(|| size.saturating_mul(2));
    (size, max.max(size))
}

/// Pods that fit on a node besides those of DaemonSets.
fn capacity(max_pods: MaxPods, daemon_pods: u32) -> u32 {
    max_pods.get().saturating_sub(daemon_pods)
}

/// The largest number of DaemonSet pods on one node.
pub(crate) fn daemon_pods(facts: &Facts) -> u32 {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in facts.pods.iter().filter(|pod| pod.is_of_daemon_set()) {
        *counted.entry(&pod.node).or_default() += 1;
    }
    counted.into_values().max().unwrap_or_default()
}
