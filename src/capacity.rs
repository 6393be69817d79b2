//! Whether the evicted pods fit on the new nodes, before anything is changed. Pure.
//!
//! It checks what these scheduler filters check: NodeResourcesFit, NodeAffinity, TaintToleration
//! and VolumeBinding, and the free addresses for the CNI. Spread constraints and (anti-)affinity between pods are not
//! checked: a pod that fits here may still stay Pending, but a pod that does not fit here always will.

mod pack;
mod placement;
pub(crate) mod selector;
mod target;

use std::collections::BTreeMap;

use crate::facts::{Pod, Volume};

pub(crate) use target::{Capacity, Target};

/// Why pods do not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    /// There is no new node, and none will be started.
    Nodes,
    /// A label that their node selector or affinity requires, and that no new node has: `disk=ssd`.
    Label(String),
    /// The zones of their volumes; no otherwise suitable new node is there.
    VolumeZone(String),
    /// Labels of the nodes that can attach their volumes; no new node has them.
    VolumeNode(String),
    /// A taint that they don't tolerate: `gpu=true:NoSchedule`.
    Taint(String),
    /// One pod requests more CPU or memory than any suitable node has.
    Size,
    MaxPods,
    Cpu,
    Memory,
    /// A resource of which no new node has enough for one pod.
    Resource(String),
    /// A resource of which the new nodes have too little for all.
    Shared(String),
    /// Of the pod subnet.
    Addresses,
}

/// The nodes on which pods are to run: new ones in a setup, old ones in an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    New,
    Old,
}

impl Lack {
    /// As text, about nodes of this age.
    pub(crate) fn text(&self, age: Age) -> String {
        let (node, one) = match age {
            Age::New => ("new node", "a new node"),
            Age::Old => ("old node", "an old node"),
        };
        match self {
            Lack::Nodes => format!("no {node} accepts pods"),
            Lack::Label(label) => format!("no {node} has {label}"),
            Lack::VolumeZone(zones) => format!("their volumes are in {zones}, and no suitable {node} is"),
            Lack::VolumeNode(labels) => {
                format!("their volumes are on nodes with {labels}, and no {node} matches")
            }
            Lack::Taint(taint) => format!("they don't tolerate the taint {taint}"),
            Lack::Size => format!("one pod alone requests more CPU or memory than {one} has"),
            Lack::MaxPods => format!("the {node}s are full: max pods"),
            Lack::Cpu => format!("the {node}s are full: cpu requests"),
            Lack::Memory => format!("the {node}s are full: memory requests"),
            Lack::Resource(name) => format!("no {node} has enough {name} for one pod"),
            Lack::Shared(name) => format!("the {node}s are full: {name} requests"),
            Lack::Addresses => "the pod subnet has too few free addresses".into(),
        }
    }
}

/// Pods that do not fit, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shortage {
    pub lack: Lack,
    /// The only zone in which they could run; none if there are several.
    pub zone: Option<String>,
    /// The first few, as `namespace/name`.
    pub pods: Vec<String>,
    pub count: usize,
}

/// Names that a message shows.
const NAMES: usize = 5;

/// What is missing for all these pods to run on the new nodes; empty if they fit.
///
/// `volumes` are those of their claims, as `Facts::volumes`.
pub(crate) fn shortages(pods: &[&Pod], volumes: &BTreeMap<String, Volume>, room: &Capacity) -> Vec<Shortage> {
    let (requirements, classes) = pack::classes(pods, volumes);
    let mut missing: BTreeMap<(Lack, Option<String>), (Vec<String>, usize)> = BTreeMap::new();
    let mut lacking = |lack: Lack, zone: Option<String>, pods: &[&Pod]| {
        let (names, count) = missing.entry((lack, zone)).or_default();
        let more = pods.iter().take(NAMES - names.len()).map(|pod| pod.full_name());
        names.extend(more);
        *count += pods.len();
    };
    let mut possible = Vec::new();
    let suitable = placement::suitable(&requirements, &room.targets);
    for class in classes {
        match &suitable[class.requirement] {
            Err(lack) => lacking(lack.clone(), None, &class.pods),
            Ok(suitable) => match too_small(&class, suitable.iter().map(|at| &room.targets[*at])) {
                Some(lack) => lacking(lack, None, &class.pods),
                None => possible.push(class),
            },
        }
    }
    let suitable: Vec<placement::Suitable> = suitable.into_iter().map(Result::unwrap_or_default).collect();
    for (class, left, lack, zone) in pack::left_over(possible, &suitable, room) {
        lacking(lack, zone, &class.pods[class.pods.len() - left..]);
    }
    let shortage = |((lack, zone), (pods, count))| Shortage { lack, zone, pods, count };
    missing.into_iter().map(shortage).collect()
}

/// The resource of which none of these nodes has enough for one such pod.
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
