//! The effect of a plan: addresses, pods and nodes before and after, duration, and instances during the run. Pure.
//!
//! Times are rough estimates: AWS guarantees none of them. Only the drain's is computed from the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::design::{Design, GroupDesign, PodSubnet, PoolDesign, ZoneDesign, options};
use crate::eviction::filter::sort;
use crate::facts::{Facts, Node};
use crate::net::cidr::usable_addresses;
use crate::net::max_pods::{Options, known, max_pods};
use crate::scene::Scene;
use crate::step::Step;

/// Seconds until DescribeVpcs shows a block as associated.
const ASSOCIATE: u64 = 15;
/// Seconds for the two calls for each subnet, and until it is available.
const SUBNET: u64 = 5;
/// Seconds for a Kubernetes object, and until controllers have seen it.
const OBJECT: u64 = 5;
/// Seconds to restart one aws-node pod. A rollout restarts a tenth of the pods at a time (maxUnavailable in AWS's manifest
/// and chart).
const AWS_NODE: u64 = 30;
const AT_A_TIME: usize = 10;
/// Seconds for the base stack. CloudFormation waits two minutes for the instance profile to reach all regions.
const BASE_STACK: u64 = 150;
/// Seconds for launch template and empty group; the groups' stacks are created in parallel.
const GROUP_STACK: u64 = 45;
/// Seconds for a stack update, the instance start, and until kubelet and CNI are Ready.
const NODES_READY: u64 = 180;
/// Seconds from the last eviction until EC2 has terminated the instances.
const TERMINATE: u64 = 90;

/// A number before and after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Shift {
    pub before: u32,
    pub after: u32,
}

/// A number before, during (while old and new nodes run in parallel) and after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Passage {
    pub before: u32,
    pub meanwhile: u32,
    pub after: u32,
}

/// A subnet's free addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SubnetOutlook {
    /// Null if the subnet does not exist yet.
    pub subnet: Option<String>,
    pub cidr: String,
    /// Usable addresses of the subnet.
    pub addresses: u32,
    /// Null if the subnet does not exist yet.
    pub free_before: Option<u32>,
    /// A lower bound: every new node is assumed to be full.
    pub free_after: u32,
}

/// One Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ZoneOutlook {
    pub zone: String,
    pub nodes: Shift,
    /// Pods that the zone's nodes can hold.
    pub pod_capacity: Shift,
    /// Pods on nodes that are to be drained.
    pub pods_to_move: u32,
    pub node_subnet: Option<SubnetOutlook>,
    pub pod_subnet: Option<SubnetOutlook>,
}

/// The effect of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Outlook {
    pub zones: Vec<ZoneOutlook>,
    /// EC2 instances that are the cluster's nodes.
    pub instances: Passage,
    /// vCPUs of these instances; null if an instance type's vCPUs are unknown.
    pub vcpus: Option<Passage>,
    /// Estimated duration of all steps, in seconds.
    pub estimated_seconds: u64,
}

pub(crate) fn outlook(scene: &Scene<'_>, estimated_seconds: u64) -> Outlook {
    let Scene { design, facts, settings: _, .. } = *scene;
    let all = Nodes::of(scene);
    let zones = design.zones.iter().map(|zone| zone_outlook(scene, &all, zone)).collect();
    let new: u32 = design.groups().map(|(pool, group)| pool.to_start(group, facts)).sum();
    let count = |nodes: &mut dyn Iterator<Item = &&Node>| number(nodes.count());
    let before = count(&mut all.nodes.iter());
    let instances = Passage {
        before,
        meanwhile: before + new,
        after: count(&mut all.nodes.iter().filter(|node| !all.is_drained(node))) + new,
    };
    Outlook { zones, instances, vcpus: vcpus(design, facts, &all), estimated_seconds }
}

/// The nodes of the cluster: which are drained, and which are ours.
struct Nodes<'a> {
    nodes: Vec<&'a Node>,
    drained: BTreeSet<&'a str>,
    /// Those that Karpenter replaces, each with the max pods of a new node of its type.
    replaced: BTreeMap<&'a str, u32>,
    /// Number of pods with their own addresses, by node.
    addresses: BTreeMap<&'a str, u32>,
}

impl<'a> Nodes<'a> {
    fn of(scene: &Scene<'a>) -> Self {
        let Scene { design, facts, settings, .. } = *scene;
        let drained = match settings.drain.keep_old_nodes {
            true => BTreeSet::new(),
            false => design.drained.iter().map(String::as_str).collect(),
        };
        let mut addresses: BTreeMap<&str, u32> = BTreeMap::new();
        let own = facts.pods.iter().filter(|pod| !pod.host_network && !pod.is_finished());
        for pod in own.filter(|pod| pod.address.is_some()) {
            *addresses.entry(&pod.node).or_default() += 1;
        }
        let custom = Options { custom: true, ..options(facts) };
        let limit = |node: &Node| {
            let kind = facts.machine.types.get(&node.instance_type).or_else(|| known(&node.instance_type));
            kind.and_then(|kind| max_pods(kind, &custom).ok()).map_or(node.max_pods, |pods| pods.get())
        };
        let replaced = facts.ec2_nodes().filter(|node| design.karpenter.replaced.contains(&node.name));
        Nodes {
            nodes: facts.ec2_nodes().collect(),
            drained,
            replaced: replaced.map(|node| (node.name.as_str(), limit(node))).collect(),
            addresses,
        }
    }

    /// Its pods move, to other nodes or to the one that replaces it.
    fn is_left(&self, node: &Node) -> bool {
        self.is_drained(node) || self.replaced.contains_key(node.name.as_str())
    }

    /// Max pods of a node that stays, or of the one that replaces it.
    fn pods_after(&self, node: &Node) -> u32 {
        self.replaced.get(node.name.as_str()).copied().unwrap_or(node.max_pods)
    }

    fn is_drained(&self, node: &Node) -> bool {
        self.drained.contains(node.name.as_str())
    }

    fn in_zone(&self, zone: &'a ZoneDesign) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().copied().filter(|node| node.zone == zone.zone)
    }
}

fn zone_outlook<'a>(scene: &Scene<'a>, all: &Nodes<'a>, zone: &'a ZoneDesign) -> ZoneOutlook {
    let Scene { design, facts, settings, .. } = *scene;
    let starting =
        || design.groups_of(zone).map(|(pool, group)| (&pool.machine, pool.to_start_in(zone, group, facts)));
    let new: u32 = starting().map(|(_, nodes)| nodes).sum();
    let new_pods: u32 =
        starting().map(|(machine, nodes)| nodes * machine.max_pods().map_or(0, |max| max.get())).sum();
    let new_addresses =
        starting().map(|(machine, nodes)| nodes.saturating_mul(machine.addresses_per_node())).sum();
    let stays = |node: &&Node| !all.is_drained(node);
    let going: BTreeSet<String> =
        all.in_zone(zone).filter(|node| all.is_left(node)).map(|node| node.name.clone()).collect();
    let sorted = sort(facts, &going, settings);
    ZoneOutlook {
        zone: zone.zone.clone(),
        nodes: Shift {
            before: number(all.in_zone(zone).count()),
            after: number(all.in_zone(zone).filter(stays).count()) + new,
        },
        pod_capacity: Shift {
            before: all.in_zone(zone).map(|node| node.max_pods).sum(),
            after: all.in_zone(zone).filter(stays).map(|node| all.pods_after(node)).sum::<u32>() + new_pods,
        },
        pods_to_move: number(sorted.evict.len() + sorted.refuse.len()),
        node_subnet: node_subnet(facts, all, zone, new),
        pod_subnet: pod_subnet(facts, zone, new_addresses),
    }
}

/// A new node uses one address: with custom networking its primary interface carries no pods. An old node releases its own
/// address and those that the CNI holds for its pods.
fn node_subnet<'a>(facts: &Facts, all: &Nodes<'a>, zone: &'a ZoneDesign, new: u32) -> Option<SubnetOutlook> {
    let subnet = facts.vpc.subnet(&zone.node_subnet)?;
    let released: u32 = all
        .in_zone(zone)
        .filter(|node| all.is_left(node) && node.subnet.as_deref() == Some(&subnet.id))
        .map(|node| {
            let own = u32::from(all.is_drained(node));
            own + node.pod_addresses.max(all.addresses.get(node.name.as_str()).copied().unwrap_or_default())
        })
        .sum();
    let addresses = usable_addresses(subnet.cidr);
    Some(SubnetOutlook {
        subnet: Some(subnet.id.clone()),
        cidr: subnet.cidr.to_string(),
        addresses,
        free_before: Some(subnet.free),
        free_after: (subnet.free + released).saturating_sub(new).min(addresses),
    })
}

fn pod_subnet(facts: &Facts, zone: &ZoneDesign, taken: u32) -> Option<SubnetOutlook> {
    match &zone.pod_subnet {
        PodSubnet::New { cidr } => {
            let addresses = usable_addresses(*cidr);
            Some(SubnetOutlook {
                subnet: None,
                cidr: cidr.to_string(),
                addresses,
                free_before: None,
                free_after: addresses.saturating_sub(taken),
            })
        }
        PodSubnet::There { id, .. } => facts.vpc.subnet(id).map(|subnet| SubnetOutlook {
            subnet: Some(subnet.id.clone()),
            cidr: subnet.cidr.to_string(),
            addresses: usable_addresses(subnet.cidr),
            free_before: Some(subnet.free),
            free_after: subnet.free.saturating_sub(taken),
        }),
        PodSubnet::Unknown => None,
    }
}

fn vcpus(design: &Design, facts: &Facts, all: &Nodes<'_>) -> Option<Passage> {
    let of = |node: &&Node| facts.machine.types.get(&node.instance_type)?.vcpus;
    let before: u32 = all.nodes.iter().map(of).sum::<Option<u32>>()?;
    let going: u32 = all.nodes.iter().filter(|node| all.is_drained(node)).map(of).sum::<Option<u32>>()?;
    let of_group = |(pool, group): (&PoolDesign, &GroupDesign)| match pool.to_start(group, facts) {
        0 => Some(0),
        new => Some(new * pool.machine.instance_type()?.vcpus?),
    };
    let added: u32 = design.groups().map(of_group).sum::<Option<u32>>()?;
    Some(Passage { before, meanwhile: before + added, after: before + added - going })
}

/// Estimated seconds for a step with `changes` changes; `predicted` is the step's own prediction.
pub(crate) fn estimate(
    step: Step,
    changes: usize,
    predicted: Option<Duration>,
    design: &Design,
    facts: &Facts,
) -> u64 {
    if changes == 0 {
        return 0;
    }
    let each = |seconds: u64| seconds * changes as u64;
    match step {
        Step::AssociateCidr => each(ASSOCIATE),
        Step::CreateSubnets => each(SUBNET),
        Step::SetEnv => {
            let nodes = facts.ec2_nodes().count();
            let at_once = nodes.div_ceil(AT_A_TIME).max(1);
            AWS_NODE * nodes.div_ceil(at_once) as u64
        }
        Step::DetectCni => 0,
        Step::InstallCrd | Step::WriteEniconfigs => OBJECT,
        Step::LaunchNodegroups => {
            let base = !facts.node_groups.stacks.contains_key(&design.base_stack);
            GROUP_STACK + if base { BASE_STACK } else { 0 }
        }
        Step::PatchSecurityGroups => NODES_READY,
        Step::DrainNodes => predicted.map_or(0, |time| time.as_secs()) + TERMINATE,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::facts::Facts;
    use crate::goal::Goal;
    use crate::sample::{facts, pod, settings};

    use super::*;

    fn look(facts: &Facts, arguments: &[&str]) -> Outlook {
        let settings = settings(&[&["--cidr", "100.64.0.0/16"][..], arguments].concat());
        let design = design(&settings, facts);
        outlook(&Scene { goal: Goal::Setup, settings: &settings, facts, design: &design }, 0)
    }

    #[test]
    fn old_nodes_release_their_addresses_and_new_ones_hold_fewer_pods() {
        let mut facts = facts();
        facts.nodes[0].pod_addresses = 18;
        facts.nodes[0].max_pods = 29;
        facts.pods = vec![pod("shop", "cart-0"), pod("shop", "cart-1")];
        let zone = &look(&facts, &["--nodes-per-zone", "2"]).zones[0];
        assert_eq!(zone.nodes, Shift { before: 1, after: 2 });
        assert_eq!(zone.pod_capacity, Shift { before: 29, after: 40 });
        assert_eq!(zone.pods_to_move, 2);
        let nodes = zone.node_subnet.as_ref().unwrap();
        assert_eq!((nodes.free_before, nodes.free_after), (Some(200), 200 + 19 - 2));
        let pods = zone.pod_subnet.as_ref().unwrap();
        assert_eq!((pods.cidr.as_str(), pods.addresses, pods.free_before), ("100.64.0.0/17", 32_763, None));
        assert_eq!(pods.addresses - pods.free_after, 2 * 20, "two interfaces of ten addresses each");
    }

    #[test]
    fn old_and_new_instances_run_in_parallel_for_a_while() {
        let facts = facts();
        let all = look(&facts, &["--nodes-per-zone", "2"]);
        assert_eq!(all.instances, Passage { before: 2, meanwhile: 6, after: 4 });
        assert_eq!(all.vcpus, Some(Passage { before: 4, meanwhile: 12, after: 8 }));
        let kept = look(&facts, &["--nodes-per-zone", "2", "--keep-old-nodes"]);
        assert_eq!(kept.instances, Passage { before: 2, meanwhile: 6, after: 6 });
        assert_eq!(kept.zones[0].pods_to_move, 0);
    }

    #[test]
    fn a_rollout_restarts_a_tenth_of_the_pods_at_a_time() {
        let mut facts = facts();
        let time = |facts: &Facts| {
            let settings = settings(&[]);
            estimate(Step::SetEnv, 1, None, &design(&settings, facts), facts)
        };
        assert_eq!(time(&facts), 2 * AWS_NODE);
        facts.nodes = (0..500).map(|at| crate::sample::node(&format!("n{at}"), "a")).collect();
        assert_eq!(time(&facts), 10 * AWS_NODE);
    }
}
