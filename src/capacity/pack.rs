//! Places pods, the most particular and then the largest first, each on the first node that has room.
//!
//! Pods that ask for the same are placed together, so the work grows with the kinds of pods and not with the pods.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::NodeSelectorTerm;

use crate::facts::{Pod, Requests, Volume};

use super::placement::{Places, Wish};
use super::{Lack, Room};

/// Pods that are alike in all that is asked of a node.
pub struct Class<'a> {
    /// Its place among the wishes.
    pub wish: usize,
    pub requests: Requests,
    /// Requests of all other resources.
    pub others: Option<&'a BTreeMap<String, u64>>,
    /// It takes an address of the pod subnet.
    pub addressed: bool,
    pub pods: Vec<&'a Pod>,
}

/// What pods of a class have alike: their wish, cpu, memory, other resources, and whether they take an address.
type Kind<'a> = (usize, u64, u64, Option<&'a BTreeMap<String, u64>>, bool);

/// Sorts the pods into classes, in the order in which they come.
pub fn classes<'a>(
    pods: &[&'a Pod],
    volumes: &'a BTreeMap<String, Volume>,
) -> (Vec<Wish<'a>>, Vec<Class<'a>>) {
    let mut wishes: Vec<Wish<'a>> = Vec::new();
    let mut classes: Vec<Class<'a>> = Vec::new();
    let mut known_wishes: HashMap<Option<String>, usize> = HashMap::new();
    let mut known: HashMap<Kind<'_>, usize> = HashMap::new();
    for pod in pods {
        let held = held(pod, volumes);
        // Names of claims differ from pod to pod; what matters of them is the volumes' affinity. The API's types know no
        // order and no hash, but print all that they hold.
        let key = pod.placement.as_ref().map(|placement| {
            format!(
                "{:?}{:?}{:?}{held:?}",
                placement.node_selector, placement.node_affinity, placement.tolerations
            )
        });
        let wish = *known_wishes.entry(key).or_insert_with(|| {
            wishes.push(Wish { placement: pod.placement.as_deref(), volumes: held });
            wishes.len() - 1
        });
        let Requests { cpu_milli, memory } = pod.requests;
        let addressed = !pod.host_network;
        let others = pod.other_requests.as_deref();
        let class = *known.entry((wish, cpu_milli, memory, others, addressed)).or_insert_with(|| {
            classes.push(Class { wish, requests: pod.requests, others, addressed, pods: Vec::new() });
            classes.len() - 1
        });
        classes[class].pods.push(pod);
    }
    (wishes, classes)
}

/// Where each of the pod's volumes can be had.
fn held<'a>(pod: &Pod, volumes: &'a BTreeMap<String, Volume>) -> Vec<&'a [NodeSelectorTerm]> {
    let bound = pod.claims().filter_map(|claim| volumes.get(&claim));
    bound.map(|volume| volume.affinity.as_slice()).filter(|affinity| !affinity.is_empty()).collect()
}

/// What a target still has while pods are placed.
struct Left {
    pods: u64,
    cpu: u64,
    memory: u64,
    /// Nothing where it is unknown, and then it is not counted.
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

/// The pods of each class that found no place: how many (the last ones), for want of what, and in which zone where
/// it is one.
pub fn left_over<'a>(
    mut classes: Vec<Class<'a>>,
    places: &[Places],
    room: &Room,
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
    // What can stand on few nodes goes first: what can stand anywhere must not take its place.
    classes.sort_by_key(|class| (places[class.wish].len(), Reverse(weight(class.requests, biggest))));
    // Targets at the front that are full for every class of the same wish are not looked at again.
    let mut least: HashMap<usize, Requests> = HashMap::new();
    for class in &classes {
        let least = least.entry(class.wish).or_insert(class.requests);
        least.cpu_milli = least.cpu_milli.min(class.requests.cpu_milli);
        least.memory = least.memory.min(class.requests.memory);
    }
    let mut first: HashMap<usize, usize> = HashMap::new();
    let mut without = Vec::new();
    for class in classes {
        let places = &places[class.wish];
        let first = first.entry(class.wish).or_default();
        let least = least.get(&class.wish).copied().unwrap_or_default();
        while let Some(at) = places.get(*first)
            && is_full(&left[*at], least)
        {
            *first += 1;
        }
        let mut waiting = class.pods.len() as u64;
        for at in &places[*first..] {
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
            let zones: BTreeSet<&String> = places.iter().map(|at| &room.targets[*at].zone).collect();
            let zone = zones.first().filter(|_| zones.len() == 1).map(|zone| zone.to_string());
            let lack = most_lacking(&class, places.iter().map(|at| &left[*at]));
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

/// What most of the nodes that would do are out of. Where one has all of its own, it is its zone's addresses, and
/// more nodes would not help.
fn most_lacking<'a>(class: &Class<'_>, places: impl Iterator<Item = &'a Left>) -> Lack {
    let mut counted: BTreeMap<Lack, usize> = BTreeMap::new();
    for left in places {
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

/// The largest of the targets, in each of the two.
fn biggest(room: &Room) -> Requests {
    let known = || room.targets.iter().filter_map(|target| target.allocatable);
    Requests {
        cpu_milli: known().map(|all| all.cpu_milli).max().unwrap_or_default().max(1),
        memory: known().map(|all| all.memory).max().unwrap_or_default().max(1),
    }
}

/// Both requests on one scale, as parts of the largest node.
fn weight(requests: Requests, biggest: Requests) -> u128 {
    let part = |one: u64, of_other: u64| u128::from(one).saturating_mul(u128::from(of_other));
    part(requests.cpu_milli, biggest.memory).saturating_add(part(requests.memory, biggest.cpu_milli))
}
