//! The nodes that pods can be moved to: those that are there, and those that step 8 is going to start.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::design::{Design, PodSubnet, ZONE_LABEL, ZoneDesign, daemon_pods};
use crate::facts::{Facts, Node, Pod, Requests, Shape};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::cidr::usable_addresses;

use super::selector::Candidate;

/// A node that takes pods, or will.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Nothing where it is yet to start.
    pub name: Option<String>,
    pub zone: String,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<crate::facts::Taint>,
    /// Pods that it still takes. What is unknown, here and below, is not counted.
    pub pods: Option<u32>,
    /// What it has in all, and what of that nobody has requested.
    pub allocatable: Option<Requests>,
    pub free: Option<Requests>,
    /// The same of all other resources.
    pub other_allocatable: Option<BTreeMap<String, u64>>,
    pub other_free: Option<BTreeMap<String, u64>>,
}

impl Target {
    /// A node that a group starts anew, like those that it had.
    fn like(shape: &Shape, facts: &Facts) -> Self {
        Target {
            zone: shape.zone.clone(),
            labels: shape.labels.clone(),
            taints: shape.taints.clone(),
            pods: Some(shape.max_pods.saturating_sub(daemon_pods(facts))),
            allocatable: Some(shape.allocatable),
            free: Some(shape.allocatable),
            other_allocatable: shape.other_allocatable.clone(),
            other_free: shape.other_allocatable.clone(),
            ..Target::default()
        }
    }

    pub fn candidate(&self) -> Candidate<'_> {
        Candidate { name: self.name.as_deref(), zone: &self.zone, labels: &self.labels }
    }

    /// A resource that not even one pod with these requests would find enough of.
    pub fn lacking<'a>(&self, others: Option<&'a BTreeMap<String, u64>>) -> Option<&'a str> {
        let all = self.other_allocatable.as_ref()?;
        let mut asked = others.into_iter().flatten();
        let lacking = asked.find(|(name, asked)| all.get(*name).copied().unwrap_or_default() < **asked);
        lacking.map(|(name, _)| name.as_str())
    }

    /// Not even alone would a pod with these requests fit.
    pub fn is_too_small(&self, requests: Requests) -> bool {
        self.allocatable.is_some_and(|all| requests.cpu_milli > all.cpu_milli || requests.memory > all.memory)
    }
}

/// Where pods can go.
#[derive(Debug, Clone, Default)]
pub struct Room {
    pub targets: Vec<Target>,
    /// Addresses that pods can still get, by zone; a zone that is left out is not counted.
    pub addresses: BTreeMap<String, u64>,
}

impl Room {
    /// The room that there is, and, where step 8 is about to run, that of the nodes which it starts.
    pub fn of(facts: &Facts, design: &Design, growing: bool) -> Self {
        let standing = standing(facts, |node| !design.old_nodes.contains(node));
        let on = |node: &Node| standing.get(node.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<&Node> = facts
            .ec2_nodes()
            .filter(|node| takes_pods(node) && !design.old_nodes.contains(&node.name))
            .collect();
        let mut room = Room::default();
        room.targets.extend(nodes.iter().map(|node| there(node, on(node))));
        for zone in &design.zones {
            let planned = if growing { planned(facts, zone, &nodes) } else { 0 };
            room.targets.extend(std::iter::repeat_n(to_come(facts, design, zone), planned));
            if let Some(free) = free_addresses(facts, zone) {
                let in_zone = nodes.iter().filter(|node| node.zone == zone.zone);
                let held: u64 = in_zone.map(|node| held(node, on(node))).sum();
                // Each new node's interface for pods takes an address that no pod gets.
                let free = u64::from(free).saturating_sub(planned as u64);
                room.addresses.insert(zone.zone.clone(), free + held);
            }
        }
        room
    }

    /// The room that there is without these nodes, and that of nodes which are to come, each shape so many times.
    pub fn without(facts: &Facts, leaving: &BTreeSet<String>, coming: &[(&Shape, usize)]) -> Self {
        let standing = standing(facts, |_| true);
        let on = |node: &Node| standing.get(node.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<&Node> =
            facts.ec2_nodes().filter(|node| takes_pods(node) && !leaving.contains(&node.name)).collect();
        let mut room = Room::default();
        room.targets.extend(nodes.iter().map(|node| there(node, on(node))));
        let mut subnets: BTreeSet<&str> = nodes.iter().filter_map(|node| node.subnet.as_deref()).collect();
        for (shape, count) in coming {
            room.targets.extend(std::iter::repeat_n(Target::like(shape, facts), *count));
            subnets.insert(&shape.subnet);
        }
        for subnet in subnets.into_iter().filter_map(|id| facts.vpc.subnet(id)) {
            *room.addresses.entry(subnet.zone.clone()).or_default() += u64::from(subnet.free);
        }
        for node in nodes {
            if let Some(addresses) = room.addresses.get_mut(&node.zone) {
                *addresses += held(node, on(node));
            }
        }
        // Each node that comes takes an address itself.
        for (shape, count) in coming {
            if let Some(addresses) = room.addresses.get_mut(&shape.zone) {
                *addresses = addresses.saturating_sub(*count as u64);
            }
        }
        room
    }
}

fn takes_pods(node: &Node) -> bool {
    node.ready && !node.unschedulable
}

/// The pods of each of these nodes. What has finished has given back its room (scheduler, event handlers: terminal
/// pods).
fn standing(facts: &Facts, on: impl Fn(&String) -> bool) -> HashMap<&str, Vec<&Pod>> {
    let mut standing: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in facts.pods.iter().filter(|pod| !pod.is_finished() && on(&pod.node)) {
        standing.entry(&pod.node).or_default().push(pod);
    }
    standing
}

fn there(node: &Node, pods: &[&Pod]) -> Target {
    let used = |amount: fn(&Requests) -> u64| pods.iter().map(|pod| amount(&pod.requests)).sum::<u64>();
    let all = node.allocatable;
    Target {
        name: Some(node.name.clone()),
        zone: node.zone.clone(),
        labels: node.labels.clone(),
        // A node that takes pods loses these by itself, moments later (node lifecycle controller, from Ready and from
        // spec.unschedulable).
        taints: node
            .taints
            .iter()
            .filter(|taint| {
                !matches!(
                    taint.key.as_str(),
                    "node.kubernetes.io/not-ready"
                        | "node.kubernetes.io/unreachable"
                        | "node.kubernetes.io/unschedulable"
                )
            })
            .cloned()
            .collect(),
        pods: Some(node.max_pods.saturating_sub(u32::try_from(pods.len()).unwrap_or(u32::MAX))),
        allocatable: Some(all),
        free: Some(Requests {
            cpu_milli: all.cpu_milli.saturating_sub(used(|requests| requests.cpu_milli)),
            memory: all.memory.saturating_sub(used(|requests| requests.memory)),
        }),
        other_allocatable: Some(node.other_allocatable.clone()),
        other_free: Some(other_free(node, pods)),
    }
}

fn other_free(node: &Node, pods: &[&Pod]) -> BTreeMap<String, u64> {
    let mut free = node.other_allocatable.clone();
    for (name, used) in pods.iter().filter_map(|pod| pod.other_requests.as_deref()).flatten() {
        if let Some(free) = free.get_mut(name) {
            *free = free.saturating_sub(*used);
        }
    }
    free
}

/// What a node that is yet to start has beside processors and memory, of what pods ask for.
///
/// Device plugins run on new nodes as on old ones, so a node of the same type has what those have. Of another type it
/// has the devices that its accelerators are, how many is not known, and whatever else every old node has. Huge pages
/// are set aside in user data, and the user data of new nodes sets none aside.
fn other_resources(facts: &Facts, design: &Design) -> Option<BTreeMap<String, u64>> {
    let machine = &design.machine;
    let kind = &machine.instance_type.as_ref()?.name;
    let old: Vec<&Node> = facts.ec2_nodes().filter(|node| design.old_nodes.contains(&node.name)).collect();
    let alike: Vec<&Node> = old.iter().copied().filter(|node| node.instance_type == *kind).collect();
    let devices = accelerator(kind).map(Accelerator::resources).filter(|prefix| !prefix.is_empty());
    let is_device = |name: &str| {
        [Accelerator::Nvidia, Accelerator::Neuron].iter().any(|one| name.starts_with(one.resources()))
    };
    let amount = |name: &str| match name {
        "ephemeral-storage" => u64::from(machine.volume_size) << 30,
        name if name.starts_with("hugepages-") => 0,
        name if alike.is_empty() && devices.is_some_and(|prefix| name.starts_with(prefix)) => u64::MAX,
        name if alike.is_empty() && is_device(name) => 0,
        name => {
            let like = if alike.is_empty() { &old } else { &alike };
            let least = like.iter().map(|node| node.other_allocatable.get(name).copied().unwrap_or_default());
            least.min().unwrap_or_default()
        }
    };
    let asked = facts.pods.iter().filter_map(|pod| pod.other_requests.as_deref()).flat_map(BTreeMap::keys);
    let names: BTreeSet<&String> = asked.collect();
    Some(names.into_iter().map(|name| (name.clone(), amount(name))).collect())
}

/// Addresses that the node holds already, and no pod has.
fn held(node: &Node, pods: &[&Pod]) -> u64 {
    let with_address = pods.iter().filter(|pod| !pod.host_network).count() as u64;
    u64::from(node.pod_addresses).saturating_sub(with_address)
}

/// Nodes that the zone's group is to have and that don't take pods yet. A group that has its size from step 8 is the
/// autoscaler's and the user's by now: it has what it says itself.
fn planned(facts: &Facts, zone: &ZoneDesign, nodes: &[&Node]) -> usize {
    let group = facts.node_groups.groups.values().find(|group| group.stack() == Some(&zone.stack));
    let stack = facts.node_groups.stacks.get(&zone.stack);
    let grown = stack
        .and_then(|stack| stack.parameters.get("DesiredCapacity"))
        .is_some_and(|size| *size == zone.size.to_string());
    let own_size = group.and_then(|group| usize::try_from(group.desired).ok()).filter(|_| grown);
    let in_group = |node: &&&Node| group.is_some_and(|group| group.holds(node));
    own_size.unwrap_or(zone.size as usize).saturating_sub(nodes.iter().filter(in_group).count())
}

/// A node as step 8 starts it, with the labels that the kubelet and the cloud controller give it.
fn to_come(facts: &Facts, design: &Design, zone: &ZoneDesign) -> Target {
    let machine = &design.machine;
    let mut labels = BTreeMap::new();
    let mut label = |keys: &[&str], value: &str| {
        labels.extend(keys.iter().map(|key| (key.to_string(), value.to_string())));
    };
    label(
        &[ZONE_LABEL, "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone"],
        &zone.zone,
    );
    label(
        &["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"],
        &facts.caller.region,
    );
    label(&["topology.k8s.aws/zone-id"], &zone.zone_id);
    label(&["kubernetes.io/os", "beta.kubernetes.io/os"], "linux");
    if let Some(instance_type) = &machine.instance_type {
        label(&["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"], &instance_type.name);
    }
    if let Some(image) = &machine.image {
        let architecture = if image.architecture == "arm64" { "arm64" } else { "amd64" };
        label(&["kubernetes.io/arch", "beta.kubernetes.io/arch"], architecture);
    }
    // There will be one, and nobody can have asked for its value.
    label(&["kubernetes.io/hostname"], "");
    if design.labels_nodes() {
        label(&[&design.label_key], &zone.eniconfig);
    }
    Target {
        zone: zone.zone.clone(),
        labels,
        other_allocatable: other_resources(facts, design),
        other_free: other_resources(facts, design),
        pods: machine.max_pods.map(|max| max.get().saturating_sub(daemon_pods(facts))),
        ..Target::default()
    }
}

fn free_addresses(facts: &Facts, zone: &ZoneDesign) -> Option<u32> {
    match &zone.pod_subnet {
        PodSubnet::There { id, .. } => facts.vpc.subnet(id).map(|subnet| subnet.free),
        PodSubnet::New { cidr } => Some(usable_addresses(*cidr)),
        PodSubnet::Unknown => None,
    }
}
