//! Places pods, the most particular and then the largest first, each on the first node that has room.
//!
//! Pods that ask for the same are placed together, so the work grows with the kinds of pods and not with the pods.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::facts::{Pod, Requests};

use super::placement::{Places, Wish};
use super::{Lack, Room};

/// Pods that are alike in all that is asked of a node.
pub struct Class<'a> {
    /// Its place among the wishes.
    pub wish: usize,
    pub requests: Requests,
    /// It takes an address of the pod subnet.
    pub addressed: bool,
    pub pods: Vec<&'a Pod>,
}

/// Sorts the pods into classes, in the order in which they come.
pub fn classes<'a>(
    pods: &[&'a Pod],
    volumes: &BTreeMap<String, BTreeSet<String>>,
) -> (Vec<Wish<'a>>, Vec<Class<'a>>) {
    let mut wishes: Vec<Wish<'a>> = Vec::new();
    let mut classes: Vec<Class<'a>> = Vec::new();
    let mut known_wishes: HashMap<Option<String>, usize> = HashMap::new();
    let mut known: HashMap<(usize, u64, u64, bool), usize> = HashMap::new();
    for pod in pods {
        let zones = volume_zones(pod, volumes);
        // Names of claims differ from pod to pod; what matters of them is in the zones. The API's types know no
        // order and no hash, but print all that they hold.
        let key = pod.placement.as_ref().map(|placement| {
            format!(
                "{:?}{:?}{:?}{zones:?}",
                placement.node_selector, placement.node_affinity, placement.tolerations
            )
        });
        let wish = *known_wishes.entry(key).or_insert_with(|| {
            wishes.push(Wish { placement: pod.placement.as_deref(), zones });
            wishes.len() - 1
        });
        let Requests { cpu_milli, memory } = pod.requests;
        let addressed = !pod.host_network;
        let class = *known.entry((wish, cpu_milli, memory, addressed)).or_insert_with(|| {
            classes.push(Class { wish, requests: pod.requests, addressed, pods: Vec::new() });
            classes.len() - 1
        });
        classes[class].pods.push(pod);
    }
    (wishes, classes)
}

/// Where all of the pod's volumes can be had.
fn volume_zones(pod: &Pod, volumes: &BTreeMap<String, BTreeSet<String>>) -> Option<BTreeSet<String>> {
    let zones = pod.claims().filter_map(|claim| volumes.get(&claim)).filter(|zones| !zones.is_empty());
    zones.cloned().reduce(|one, other| one.intersection(&other).cloned().collect())
}

/// What a target still has while pods are placed.
struct Left {
    pods: u64,
    cpu: u64,
    memory: u64,
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
