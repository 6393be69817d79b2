//! Compares what the witness saw with the documented end state. Pure code. Each fault names its resource.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::witness::{Eni, EniConfig, Seen};
use super::{Karpenter, Pools, Sandbox};

const CUSTOM_NETWORKING: &str = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG";
const LABEL: &str = "ENI_CONFIG_LABEL_DEF";
/// The label that the CNI uses if ENI_CONFIG_LABEL_DEF is not set.
const OWN_LABEL: &str = "k8s.amazonaws.com/eniConfig";
const ZONE: &str = "topology.kubernetes.io/zone";

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) instance: String,
    pub(crate) ready: bool,
    pub(crate) max_pods: u64,
}

impl Node {
    pub(crate) fn of(node: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let provider = text(&node["spec"]["providerID"]);
        Self {
            name: text(&node["metadata"]["name"]),
            zone: text(&node["metadata"]["labels"][ZONE]),
            instance: provider.rsplit('/').next().unwrap_or_default().to_string(),
            ready: ready(node),
            max_pods: text(&node["status"]["allocatable"]["pods"]).parse().unwrap_or(0),
        }
    }

    /// The address of a pod on this node, if it has its own.
    pub(crate) fn pod_address<'a>(&self, pod: &'a Value) -> Option<&'a str> {
        let here = pod["spec"]["nodeName"] == self.name.as_str() && has_own_address(pod);
        pod["status"]["podIP"].as_str().filter(|_| here)
    }
}

fn ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether the pod neither uses hostNetwork nor has finished.
fn has_own_address(pod: &Value) -> bool {
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    pod["spec"]["hostNetwork"] != true && !over
}

fn name(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{} {}/{}", object["kind"].as_str().unwrap_or_default(), part("namespace"), part("name"))
}

pub(crate) fn faults(seen: &Seen, sandbox: &Sandbox) -> Vec<String> {
    let mut faults = Vec::new();
    network(seen, sandbox, &mut faults);
    cni(seen, &mut faults);
    nodes(seen, sandbox, &mut faults);
    pods(seen, &mut faults);
    for (name, status) in &seen.stacks {
        if !matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
            faults.push(format!("stack {name} is {status}"));
        }
    }
    // One stack for what the node groups share, and one for each ENIConfig; stacks of old nodes don't count.
    // CloudFormation starts the names of a stack's resources with the stack's name.
    let old = |stack: &str| sandbox.aws.self_managed_asgs.iter().any(|group| group.starts_with(stack));
    let stacks = seen.stacks.keys().filter(|name| !old(name)).count();
    // Karpenter starts the nodes by itself there.
    let groups = if sandbox.shape.karpenter == Some(Karpenter::Alone) { 0 } else { seen.eniconfigs.len() };
    if stacks <= groups {
        faults.push(format!("{stacks} new stacks for {} ENIConfigs", seen.eniconfigs.len()));
    }
    faults
}

fn in_secondary_block(seen: &Seen, block: &Ipv4Net) -> bool {
    seen.blocks.iter().skip(1).any(|secondary| secondary.contains(block))
}

/// Steps 1, 2 and 6: blocks, subnets, ENIConfigs.
fn network(seen: &Seen, sandbox: &Sandbox, faults: &mut Vec<String>) {
    if seen.blocks.len() < 2 {
        faults.push(format!("VPC {} has no associated secondary CIDR block", sandbox.aws.vpc_id));
    }
    for zone in sandbox.shape.zones() {
        let in_zone = |config: &&EniConfig| seen.subnets.get(&config.subnet).is_some_and(|s| s.zone == zone);
        if seen.eniconfigs.values().filter(in_zone).count() != 1 {
            faults.push(format!("{zone} does not have exactly one ENIConfig"));
        }
    }
    for (name, config) in &seen.eniconfigs {
        let id = &config.subnet;
        let Some(subnet) = seen.subnets.get(id) else {
            faults.push(format!("ENIConfig {name}: subnet {id} does not exist"));
            continue;
        };
        if !subnet.available || !in_secondary_block(seen, &subnet.block) {
            faults.push(format!("ENIConfig {name}: {id} is not available, or not in a secondary block"));
        }
        let (is, wanted) = (seen.route_tables.get(id), sandbox.aws.private_route_tables.get(&subnet.zone));
        if is.is_none() || is != wanted {
            faults.push(format!(
                "subnet {id} has route table {is:?}, expected the zone's private one {wanted:?}"
            ));
        }
    }
}

fn variable<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    let aws_node =
        seen.workloads.iter().find(|object| self::name(object) == "DaemonSet kube-system/aws-node")?;
    let containers = aws_node["spec"]["template"]["spec"]["containers"].as_array()?;
    let container = containers.iter().find(|container| container["name"] == "aws-node")?;
    container["env"].as_array()?.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}

/// Steps 3 and 5: the variables on aws-node and in the add-on, which would overwrite them.
fn cni(seen: &Seen, faults: &mut Vec<String>) {
    // The values that Go's ParseBool accepts as true. Without a label key the CNI uses its default, which nodes must
    // then have.
    let on = ["1", "t", "T", "TRUE", "true", "True"];
    for name in [CUSTOM_NETWORKING, LABEL] {
        let is = variable(seen, name);
        let wrong = match name {
            LABEL => {
                is.is_none()
                    && !seen.nodes.iter().all(|node| node["metadata"]["labels"][OWN_LABEL].is_string())
            }
            _ => !is.is_some_and(|value| on.contains(&value)),
        };
        if wrong {
            faults.push(format!("DaemonSet aws-node has {name}={}", is.unwrap_or("(not set)")));
        }
        // The next update of the add-on would restore its own values.
        if let Some(addon) = &seen.addon
            && addon["env"][name].as_str() != is
        {
            faults.push(format!("add-on vpc-cni has {name}={}", addon["env"][name]));
        }
    }
    if variable(seen, "ENI_CONFIG_ANNOTATION_DEF").is_some() {
        faults
            .push("DaemonSet aws-node has ENI_CONFIG_ANNOTATION_DEF, which overrides the label".to_string());
    }
}

/// Steps 7, 8 and 9: node groups, security groups, old nodes.
fn nodes(seen: &Seen, sandbox: &Sandbox, faults: &mut Vec<String>) {
    let cluster_group = &sandbox.aws.cluster_security_group;
    let unlike = sandbox.shape.pools != Pools::Plain || sandbox.shape.karpenter.is_some();
    for id in seen.instances.keys().filter(|id| sandbox.old_instances.contains(*id)) {
        faults.push(format!("old instance {id} still exists"));
    }
    let nodes: Vec<Node> = seen.nodes.iter().map(Node::of).collect();
    for id in seen.instances.keys().filter(|id| nodes.iter().all(|node| node.instance != **id)) {
        faults.push(format!("instance {id} has no node"));
    }
    for zone in sandbox.shape.zones() {
        if nodes.iter().all(|node| node.zone != zone) {
            faults.push(format!("{zone} has no node"));
        }
    }
    let label = variable(seen, LABEL).unwrap_or(OWN_LABEL);
    for (node, object) in nodes.iter().zip(&seen.nodes) {
        let Node { name, instance, .. } = node;
        let Some(kind) = seen.instances.get(instance) else {
            faults.push(format!("node {name}: its instance {instance} does not exist"));
            continue;
        };
        if !node.ready || object["spec"]["unschedulable"] == true {
            faults.push(format!("node {name} is not Ready, or is cordoned"));
        }
        let wanted = seen.max_pods.get(kind).copied().unwrap_or_default();
        // A group of several types may have one number for all: the lowest.
        let lower = unlike && (1..=wanted).contains(&node.max_pods);
        if node.max_pods != wanted && !lower {
            faults.push(format!("node {name} ({kind}): max pods is {}, expected {wanted}", node.max_pods));
        }
        let on_it = |eni: &&Eni| eni.attached.as_ref().is_some_and(|(id, _)| id == instance);
        let index = |eni: &Eni| eni.attached.as_ref().map_or(0, |(_, index)| *index);
        let (first, others): (Vec<&Eni>, Vec<&Eni>) =
            seen.enis.iter().filter(on_it).partition(|eni| index(eni) == 0);
        // Pods need the groups of their nodes: the node group's own and the cluster's.
        let mut groups: BTreeSet<String> = first.iter().flat_map(|eni| eni.groups.clone()).collect();
        groups.insert(cluster_group.clone());
        // Unlike groups have further ones, which `witness::pools` compares.
        if groups.len() != 2 && !unlike {
            faults.push(format!(
                "node {name}: expected the cluster's security group and one of its node group, not {groups:?}"
            ));
        }
        let config = object["metadata"]["labels"][label].as_str().and_then(|name| seen.eniconfigs.get(name));
        let Some(config) = config else {
            faults.push(format!("node {name}: its label {label} names no ENIConfig"));
            continue;
        };
        // Which other groups pods of unlike node groups get is a choice.
        let fits = if unlike { config.groups.contains(cluster_group) } else { config.groups == groups };
        if !fits {
            faults.push(format!(
                "node {name}: its ENIConfig has groups {:?}, expected {groups:?}",
                config.groups
            ));
        }
        if others.is_empty() {
            faults.push(format!("node {name} has no ENI for pods"));
        }
        for eni in others.iter().filter(|eni| eni.subnet != config.subnet || eni.groups != config.groups) {
            faults.push(format!("node {name}: {} does not match its ENIConfig: {eni:?}", eni.id));
        }
    }
}

fn pods(seen: &Seen, faults: &mut Vec<String>) {
    for pod in seen.pods.iter().filter(|pod| has_own_address(pod)) {
        let address: Option<Ipv4Addr> = pod["status"]["podIP"].as_str().and_then(|text| text.parse().ok());
        let secondary = |address: &Ipv4Addr| seen.blocks.iter().skip(1).any(|block| block.contains(address));
        if !address.as_ref().is_some_and(secondary) {
            let address = pod["status"]["podIP"].as_str().unwrap_or("(none)");
            faults.push(format!("{} has address {address}, which is in no secondary block", name(pod)));
        }
        if !ready(pod) {
            faults.push(format!("{} is not Ready", name(pod)));
        }
    }
    for object in &seen.workloads {
        let (spec, status) = (&object["spec"], &object["status"]);
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let (is, wanted) = match object["kind"].as_str() {
            Some("DaemonSet") => (
                number(&status["numberReady"]).min(number(&status["updatedNumberScheduled"])),
                seen.nodes.len() as u64,
            ),
            Some("PodDisruptionBudget") => {
                (number(&status["currentHealthy"]), number(&status["desiredHealthy"]))
            }
            _ => (number(&status["readyReplicas"]), number(&spec["replicas"])),
        };
        if is < wanted {
            faults.push(format!("{}: {is} of {wanted} pods are Ready", name(object)));
        }
    }
}
