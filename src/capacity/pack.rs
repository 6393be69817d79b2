//! Places pods on nodes: those with the fewest suitable nodes first, then the largest, each on the first node with
//! capacity.
//!
//! Identical pods are placed together, so the work grows with the kinds of pods and not with their number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::NodeSelectorTerm;

use crate::facts::{Pod, Requests, Volume};

use super::placement::{Requirements, Suitable};
use super::{Capacity, Lack};

/// Pods with identical requirements and requests.
pub(super) struct Class<'a> {
    /// Its index in the requirements.
    pub requirement: usize,
    pub requests: Requests,
    /// Requests of all other resources.
    pub others: Option<&'a BTreeMap<String, u64>>,
    /// It takes an address of the pod subnet.
    pub addressed: bool,
    pub pods: Vec<&'a Pod>,
}

/// What the pods of a class have in common: their requirement, cpu, memory, other resources, and whether they need an
/// address.
type Kind<'a> = (usize, u64, u64, Option<&'a BTreeMap<String, u64>>, bool);

/// Groups the pods into classes, in their order.
pub(super) fn classes<'a>(
    pods: &[&'a Pod],
    volumes: &'a BTreeMap<String, Volume>,
) -> (Vec<Requirements<'a>>, Vec<Class<'a>>) {
    let mut requirements: Vec<Requirements<'a>> = Vec::new();
    let mut classes: Vec<Class<'a>> = Vec::new();
    let mut known_requirements: HashMap<Option<String>, usize> = HashMap::new();
    let mut known: HashMap<Kind<'_>, usize> = HashMap::new();
    for pod in pods {
        let held = held(pod, volumes);
        // Claim names differ from pod to pod; only the volumes' affinity matters. The API types implement neither Ord nor
        // Hash, so their debug text is the key.
        let key = pod.placement.as_ref().map(|placement| {
            format!(
                "{:?}{:?}{:?}{held:?}",
                placement.node_selector, placement.node_affinity, placement.tolerations
            )
        });
        let requirement = *known_requirements.entry(key).or_insert_with(|| {
            requirements.push(Requirements { placement: pod.placement.as_deref(), volumes: held });
            requirements.len() - 1
        });
        let Requests { cpu_milli, memory } = pod.requests;
        let addressed = !pod.host_network;
        let others = pod.other_requests.as_deref();
        let class = *known.entry((requirement, cpu_milli, memory, others, addressed)).or_insert_with(|| {
            classes.push(Class { requirement, requests: pod.requests, others, addressed, pods: Vec::new() });
            classes.len() - 1
        });
        classes[class].pods.push(pod);
    }
    (requirements, classes)
}

/// The node affinity of each of the pod's volumes.
fn held<'a>(pod: &Pod, volumes: &'a BTreeMap<String, Volume>) -> Vec<&'a [NodeSelectorTerm]> {
    let bound = pod.claims().filter_map(|claim| volumes.get(&claim));
    bound.map(|volume| volume.affinity.as_slice()).filter(|affinity| !affinity.is_empty()).collect()
}

/// What a target still has while pods are placed.
struct Left {
    pods: u64,
    cpu: u64,
    memory: u64,
    /// None if unknown; then it is not checked.
    others: Option<BTreeMap<String, u64>>,
}

impl Left {
    /// How many pods with these requests fit, and what limits them.
    fn fitting<'a>(&self, others: Option<&'a BTreeMap<String, u64>>) -> (u64, Option<&'a str>) {
        let Some(left) = &self.others else { return (u64::MAX, None) };
        let each = others.into_iter().flatten();
        let fitting = each.map(|(name, asked)| {
            (times(left.get(name).copied().unwrap_or_default(), *asked), Some(name.as_str()))
        });
        fitting.min_by_key(|(times, _)| *times).unwrap_or((u64::MAX, None))
    }

    fn take(&mut self, others: Option<&BTreeMap<String, u64>>, pods: u64) {
        let Some(left) = &mut self.others else { return };
        for (name, asked) in others.into_iter().flatten() {
            if let Some(left) = left.get_mut(name) {
                *left = left.saturating_sub(asked.saturating_mul(pods));
            }
        }
    }
}

/// The pods of each class that do not fit: how many (the last ones), what is missing, and in which zone if there is only
/// one.
pub(super) fn left_over<'a>(
    mut classes: Vec<Class<'a>>,
    suitable: &[Suitable],
    room: &Capacity,
) -> Vec<(Class<'a>, usize, Lack, Option<String>)> {
    let mut left: Vec<Left> = room
        .targets
        .iter()
        .map(|target| Left {
            pods: target.pods.map_or(u64::MAX, u64::from),
            cpu: target.free.map_or(u64::MAX, |free| free.cpu_milli),
            memory: target.free.map_or(u64::MAX, |free| free.memory),
            others: target.other_free.clone(),
        })
        .collect();
    let mut addresses = room.addresses.clone();
    let biggest = biggest(room);
    // Pods with few suitable nodes are placed first, so that other pods do not take their capacity.
    classes
        .sort_by_key(|class| (suitable[class.requirement].len(), Reverse(weight(class.requests, biggest))));
    // Targets at the front that are full for every class of the same requirement are skipped.
    let mut least: HashMap<usize, Requests> = HashMap::new();
    for class in &classes {
        let least = least.entry(class.requirement).or_insert(class.requests);
        least.cpu_milli = least.cpu_milli.min(class.requests.cpu_milli);
        least.memory = least.memory.min(class.requests.memory);
    }
    let mut first: HashMap<usize, usize> = HashMap::new();
    let mut without = Vec::new();
    for class in classes {
        let suitable = &suitable[class.requirement];
        let first = first.entry(class.requirement).or_default();
        let least = least.get(&class.requirement).copied().unwrap_or_default();
        while let Some(at) = suitable.get(*first)
            && is_full(&left[*at], least)
        {
            *first += 1;
        }
        let mut waiting = class.pods.len() as u64;
        for at in &suitable[*first..] {
            if waiting == 0 {
                break;
            }
            let (target, left) = (&room.targets[*at], &mut left[*at]);
            let mut more = left.pods.min(times(left.cpu, class.requests.cpu_milli));
            more = more.min(times(left.memory, class.requests.memory)).min(waiting);
            more = more.min(left.fitting(class.others).0);
            if more == 0 {
                continue;
            }
            if let Some(free) = addresses.get_mut(&target.zone).filter(|_| class.addressed) {
                more = more.min(*free);
                *free -= more;
            }
            left.pods -= more;
            left.cpu -= more * class.requests.cpu_milli;
            left.memory -= more * class.requests.memory;
            left.take(class.others, more);
            waiting -= more;
        }
        if waiting > 0 {
            let zones: BTreeSet<&String> = suitable.iter().map(|at| &room.targets[*at].zone).collect();
            let zone = zones.first().filter(|_| zones.len() == 1).map(|zone| zone.to_string());
            let lack = most_lacking(&class, suitable.iter().map(|at| &left[*at]));
            let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
            without.push((class, waiting, lack, zone));
        }
    }
    without
}

fn is_full(left: &Left, least: Requests) -> bool {
    left.pods == 0 || left.cpu < least.cpu_milli || left.memory < least.memory
}

/// How many requests of this size fit.
fn times(free: u64, request: u64) -> u64 {
    free.checked_div(request).unwrap_or(u64::MAX)
}

/// What most of the suitable nodes lack. If one of them has everything, its zone has no free addresses, and more nodes
/// would not help.
fn most_lacking<'a>(class: &Class<'_>, suitable: impl Iterator<Item = &'a Left>) -> Lack {
    let mut counted: BTreeMap<Lack, usize> = BTreeMap::new();
    for left in suitable {
        let lack = if left.pods == 0 {
            Lack::MaxPods
        } else if left.cpu < class.requests.cpu_milli {
            Lack::Cpu
        } else if left.memory < class.requests.memory {
            Lack::Memory
        } else if let (0, Some(name)) = left.fitting(class.others) {
            Lack::Shared(name.to_string())
        } else {
            return Lack::Addresses;
        };
        *counted.entry(lack).or_default() += 1;
    }
    let most = counted.into_iter().max_by_key(|(lack, nodes)| (*nodes, Reverse(lack.clone())));
    most.map_or(Lack::Nodes, |(lack, _)| lack)
}

/// The most CPU and the most memory that any target has.
fn biggest(room: &Capacity) -> Requests {
    let known = || room.targets.iter().filter_map(|target| target.allocatable);
    Requests {
        cpu_milli: known().map(|all| all.cpu_milli).max().unwrap_or_default().max(1),
        memory: known().map(|all| all.memory).max().unwrap_or_default().max(1),
    }
}

/// CPU and memory requests as one number, relative to the largest node.
fn weight(requests: Requests, biggest: Requests) -> u128 {
    let part = |one: u64, of_other: u64| u128::from(one).saturating_mul(u128::from(of_other));
    part(requests.cpu_milli, biggest.memory).saturating_add(part(requests.memory, biggest.cpu_milli))
}
