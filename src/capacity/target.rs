//! The nodes that evicted pods can run on: existing ones, and those that step 8 will start.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::design::{Design, GroupDesign, PodSubnet, PoolDesign, ZONE_LABEL, ZoneDesign, daemon_pods};
use crate::facts::{Facts, Node, Pod, Requests, Shape};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::cidr::usable_addresses;
use crate::nodes::templates::DEFAULT_VOLUME_SIZE;

use super::selector::Candidate;

/// A node that accepts pods, or will.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    /// None if it is not started yet.
    pub name: Option<String>,
    pub zone: String,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<crate::facts::Taint>,
    /// How many more pods it accepts. Unknown values, here and below, are not checked.
    pub pods: Option<u32>,
    /// All of its CPU and memory, and the part that is not requested.
    pub allocatable: Option<Requests>,
    pub free: Option<Requests>,
    /// The same for all other resources.
    pub other_allocatable: Option<BTreeMap<String, u64>>,
    pub other_free: Option<BTreeMap<String, u64>>,
}

impl Target {
    /// A node that a group will start, like those that it had.
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

    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate { name: self.name.as_deref(), zone: &self.zone, labels: &self.labels }
    }

    /// A resource of which it has too little for even one pod with these requests.
    pub(crate) fn lacking<'a>(&self, others: Option<&'a BTreeMap<String, u64>>) -> Option<&'a str> {
        let all = self.other_allocatable.as_ref()?;
        let mut asked = others.into_iter().flatten();
        let lacking = asked.find(|(name, asked)| all.get(*name).copied().unwrap_or_default() < **asked);
        lacking.map(|(name, _)| name.as_str())
    }

    /// Whether a pod with these requests does not fit even on the empty node.
    pub(crate) fn is_too_small(&self, requests: Requests) -> bool {
        self.allocatable.is_some_and(|all| requests.cpu_milli > all.cpu_milli || requests.memory > all.memory)
    }
}

/// The capacity for evicted pods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capacity {
    pub targets: Vec<Target>,
    /// Free addresses for pods, by zone; a zone that is missing here is not checked.
    pub addresses: BTreeMap<String, u64>,
}

impl Capacity {
    /// The capacity of the new nodes; with `growing` also that of the nodes that step 8 will start.
    pub(crate) fn of(facts: &Facts, design: &Design, growing: bool) -> Self {
        let pods_by_node = pods_by_node(facts, |node| !design.old_nodes.contains(node));
        let on = |node: &Node| pods_by_node.get(node.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<&Node> = facts
            .ec2_nodes()
            .filter(|node| takes_pods(node) && !design.old_nodes.contains(&node.name))
            .collect();
        let mut room = Capacity::default();
        room.targets.extend(nodes.iter().map(|node| existing_node(node, on(node))));
        for zone in &design.zones {
            let mut planned = 0;
            for (pool, group) in design.groups_of(zone).filter(|_| growing) {
                let kinds = planned_kinds(facts, (pool, group), zone, &nodes);
                planned += kinds.len();
                let node = |kind| planned_node(facts, design, pool, zone, kind);
                room.targets.extend(kinds.into_iter().map(node));
            }
            if let Some(free) = free_addresses(facts, zone) {
                let in_zone = nodes.iter().filter(|node| node.zone == zone.zone);
                let held: u64 = in_zone.map(|node| unused_addresses(node, on(node))).sum();
                // Each new node's interface for pods takes one address.
                let free = u64::from(free).saturating_sub(planned as u64);
                room.addresses.insert(zone.zone.clone(), free + held);
            }
        }
        room
    }

    /// The capacity without the `leaving` nodes, and with the `coming` ones, by shape and count.
    pub(crate) fn without(facts: &Facts, leaving: &BTreeSet<String>, coming: &[(&Shape, usize)]) -> Self {
        let pods_by_node = pods_by_node(facts, |_| true);
        let on = |node: &Node| pods_by_node.get(node.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<&Node> =
            facts.ec2_nodes().filter(|node| takes_pods(node) && !leaving.contains(&node.name)).collect();
        let mut room = Capacity::default();
        room.targets.extend(nodes.iter().map(|node| existing_node(node, on(node))));
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
                *addresses += unused_addresses(node, on(node));
            }
        }
        // Each coming node takes one address itself.
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

/// The pods of each of these nodes. Finished pods use no capacity (scheduler, event handlers: terminal pods).
fn pods_by_node(facts: &Facts, on: impl Fn(&String) -> bool) -> HashMap<&str, Vec<&Pod>> {
    let mut pods_by_node: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in facts.pods.iter().filter(|pod| !pod.is_finished() && on(&pod.node)) {
        pods_by_node.entry(&pod.node).or_default().push(pod);
    }
    pods_by_node
}

fn existing_node(node: &Node, pods: &[&Pod]) -> Target {
    let used = |amount: fn(&Requests) -> u64| pods.iter().map(|pod| amount(&pod.requests)).sum::<u64>();
    let all = node.allocatable;
    Target {
        name: Some(node.name.clone()),
        zone: node.zone.clone(),
        labels: node.labels.clone(),
        // A node that accepts pods loses these taints moments later (node lifecycle controller, from Ready and
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

/// The resources besides CPU and memory that a planned node will have, of those that pods request.
///
/// Device plugins run on new nodes too, so a node of the same type has the same resources. A node of another type has
/// the devices of its accelerators (their number is unknown) and whatever else every old node has. Huge pages are
/// reserved in user data, and the user data of new nodes reserves none.
fn other_resources(
    facts: &Facts,
    design: &Design,
    pool: &PoolDesign,
    kind: usize,
) -> Option<BTreeMap<String, u64>> {
    let machine = &pool.machine;
    let kind = &machine.types.get(kind)?.kind.name;
    let old: Vec<&Node> = facts.ec2_nodes().filter(|node| design.old_nodes.contains(&node.name)).collect();
    let alike: Vec<&Node> = old.iter().copied().filter(|node| node.instance_type == *kind).collect();
    let devices = accelerator(kind).map(Accelerator::resources).filter(|prefix| !prefix.is_empty());
    let is_device = |name: &str| {
        [Accelerator::Nvidia, Accelerator::Neuron].iter().any(|one| name.starts_with(one.resources()))
    };
    let amount = |name: &str| match name {
        "ephemeral-storage" if pool.old.is_none() || machine.volume_size.is_some() => {
            u64::from(machine.volume_size.unwrap_or(DEFAULT_VOLUME_SIZE)) << 30
        }
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

/// Addresses that are assigned to the node and that no pod uses.
fn unused_addresses(node: &Node, pods: &[&Pod]) -> u64 {
    let with_address = pods.iter().filter(|pod| !pod.host_network).count() as u64;
    u64::from(node.pod_addresses).saturating_sub(with_address)
}

/// Nodes that a new group will have in a zone and that do not accept pods yet, each by the number of its instance type. Once step 8
/// has set the size, an autoscaler or the user may change it: then the group's own desired size counts. Auto Scaling or
/// EKS chooses between several types, so each takes its turn.
fn planned_kinds(
    facts: &Facts,
    (pool, new): (&PoolDesign, &GroupDesign),
    zone: &ZoneDesign,
    nodes: &[&Node],
) -> Vec<usize> {
    let group = new.there(facts);
    let stack = facts.node_groups.stacks.get(&new.stack);
    let grown = stack
        .and_then(|stack| stack.parameters.get("DesiredCapacity"))
        .is_some_and(|size| *size == new.size.to_string());
    let own_size = group.and_then(|group| u32::try_from(group.desired).ok()).filter(|_| grown);
    let in_zone = || nodes.iter().filter(|node| node.zone == zone.zone);
    let there: u32 = group.map_or(0, |group| in_zone().map(|node| group.units_of(node)).sum());
    let mut left = new.share(own_size.unwrap_or(new.size), zone).saturating_sub(there);
    let weights: Vec<u32> = pool.machine.types.iter().map(|one| one.weight.unwrap_or(1).max(1)).collect();
    let mut kinds = Vec::new();
    while left > 0 {
        let kind = kinds.len() % weights.len().max(1);
        left = left.saturating_sub(weights.get(kind).copied().unwrap_or(1));
        kinds.push(kind);
    }
    kinds
}

/// A node as step 8 will start it, with the labels that the kubelet and the cloud controller set.
fn planned_node(facts: &Facts, design: &Design, pool: &PoolDesign, zone: &ZoneDesign, kind: usize) -> Target {
    let machine = &pool.machine;
    let own = machine.types.get(kind);
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
    if let Some(instance_type) = own.map(|own| &own.kind) {
        label(&["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"], &instance_type.name);
    }
    if let Some(image) = &machine.image {
        let architecture = if image.architecture == "arm64" { "arm64" } else { "amd64" };
        label(&["kubernetes.io/arch", "beta.kubernetes.io/arch"], architecture);
    }
    // Its value is not known yet, so no selector can name it.
    label(&["kubernetes.io/hostname"], "");
    if design.labels_nodes() {
        label(&[&design.label_key], &zone.eniconfig);
    }
    labels.extend(pool.mirror.labels.clone());
    Target {
        zone: zone.zone.clone(),
        labels,
        taints: pool.mirror.taints.clone(),
        other_allocatable: other_resources(facts, design, pool, kind),
        other_free: other_resources(facts, design, pool, kind),
        pods: own.map(|own| own.max_pods.get().saturating_sub(daemon_pods(facts))),
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
