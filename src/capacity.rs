//! Whether the pods that are to be moved find room on the new nodes, before anything is changed. Pure.
//!
//! Counted is what the scheduler's filters of the same names count: NodeResourcesFit, NodeAffinity, TaintToleration
//! and VolumeBinding, and the addresses that the CNI must have. Spread constraints and (anti-)affinity between pods
//! are not: what fits here may still wait there, but what doesn't fit here never will.

mod pack;
mod placement;
pub mod selector;
mod target;

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::{Pod, Volume};

pub use target::{Room, Target};

/// Why pods find no place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// There is no new node, and none is going to be started.
    Nodes,
    /// What their node selector or affinity asks for, and no new node has: `disk=ssd`.
    Label(String),
    /// Zones of their volumes, where no new node that would do otherwise is.
    VolumeZone(String),
    /// Labels of the nodes that have their volumes, and no new node has them.
    VolumeNode(String),
    /// A taint that they don't tolerate: `gpu=true:NoSchedule`.
    Taint(String),
    /// One pod asks for more than any node that would do has in all.
    Size,
    MaxPods,
    Cpu,
    Memory,
    /// A resource that no new node has, or not as much of it as one pod asks for.
    Resource(String),
    /// A resource of which the new nodes have too little for all.
    Shared(String),
    /// Of the pod subnet.
    Addresses,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::Nodes => f.write_str("there is no new node that takes pods"),
            Lack::Label(label) => write!(f, "no new node has {label}"),
            Lack::VolumeZone(zones) => {
                write!(f, "their volumes are in {zones}, and no new node that would do is")
            }
            Lack::VolumeNode(labels) => {
                write!(f, "their volumes are on nodes with {labels}, and no new node has it")
            }
            Lack::Taint(taint) => write!(f, "they don't tolerate the taint {taint}"),
            Lack::Size => f.write_str("one alone asks for more processor or memory than a new node has"),
            Lack::MaxPods => f.write_str("the new nodes are full: max pods"),
            Lack::Cpu => f.write_str("the new nodes are full: cpu requests"),
            Lack::Memory => f.write_str("the new nodes are full: memory requests"),
            Lack::Resource(name) => write!(f, "no new node has {name}, or as much of it as one pod asks for"),
            Lack::Shared(name) => write!(f, "the new nodes are full: {name} requests"),
            Lack::Addresses => f.write_str("the pod subnet has too few free addresses"),
        }
    }
}

/// Pods that find no place for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    pub lack: Lack,
    /// The one zone in which they could be; nothing where there are several.
    pub zone: Option<String>,
    /// The first few, as `namespace/name`.
    pub pods: Vec<String>,
    pub count: usize,
}

/// As many names as a message shows.
const NAMES: usize = 5;

/// What is lacking for all of these pods to stand on the new nodes at once; nothing where there is room.
///
/// `volumes` are those of their claims, as `Facts::volumes`.
pub fn shortages(pods: &[&Pod], volumes: &BTreeMap<String, Volume>, room: &Room) -> Vec<Shortage> {
    let (wishes, classes) = pack::classes(pods, volumes);
    let mut missing: BTreeMap<(Lack, Option<String>), (Vec<String>, usize)> = BTreeMap::new();
    let mut lacking = |lack: Lack, zone: Option<String>, pods: &[&Pod]| {
        let (names, count) = missing.entry((lack, zone)).or_default();
        let more = pods.iter().take(NAMES - names.len()).map(|pod| pod.full_name());
        names.extend(more);
        *count += pods.len();
    };
    let mut possible = Vec::new();
    let places = placement::places(&wishes, &room.targets);
    for class in classes {
        match &places[class.wish] {
            Err(lack) => lacking(lack.clone(), None, &class.pods),
            Ok(places) => match too_small(&class, places.iter().map(|at| &room.targets[*at])) {
                Some(lack) => lacking(lack, None, &class.pods),
                None => possible.push(class),
            },
        }
    }
    let places: Vec<placement::Places> = places.into_iter().map(Result::unwrap_or_default).collect();
    for (class, left, lack, zone) in pack::left_over(possible, &places, room) {
        lacking(lack, zone, &class.pods[class.pods.len() - left..]);
    }
    let shortage = |((lack, zone), (pods, count))| Shortage { lack, zone, pods, count };
    missing.into_iter().map(shortage).collect()
}

/// What none of these nodes has enough of for one such pod.
fn too_small<'a>(class: &pack::Class<'_>, targets: impl Iterator<Item = &'a Target>) -> Option<Lack> {
    let mut lack = None;
    for target in targets {
        match (target.lacking(class.others), target.is_too_small(class.requests)) {
            (None, false) => return None,
            (None, true) => lack = Some(Lack::Size),
            (Some(name), _) => lack = lack.or_else(|| Some(Lack::Resource(name.to_string()))),
        }
    }
    lack
}

#[cfg(test)]
mod tests;
