//! Data on the disks of the nodes, which is lost with them. Pure.
//!
//! A `local` or `hostPath` volume is on the disk of the node whose pod uses it. For a CSI volume only its node affinity
//! shows this: drivers that keep data on nodes' disks name those nodes there, each by a label of its own
//! (`topology.topolvm.io/node`, `kubernetes.io/hostname`, …); drivers of network storage name zones, or nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use crate::facts::{ControllerKind, Facts, Medium, Node, Pod, Volume, ZONE_LABELS};

use crate::capacity::selector::{Candidate, can_have};

/// Labels that many nodes share, so none of them names a single node.
const SHARED_LABELS: [&str; 8] = [
    "topology.k8s.aws/zone-id",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
    "kubernetes.io/os",
    "beta.kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/arch",
    "node.kubernetes.io/instance-type",
];

/// Claims whose data is lost with the drained nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalData {
    /// By `namespace/name`.
    lost: BTreeMap<String, Lost>,
    /// The StatefulSets' claim templates, as in `Facts`.
    templates: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost {
    uid: String,
    /// No node that stays can attach the volume, so a pod with this claim stays Pending.
    pinned: bool,
}

impl LocalData {
    /// What is lost when these nodes are terminated.
    pub(crate) fn of(facts: &Facts, nodes: &BTreeSet<String>) -> Self {
        let shares = Shares::of(facts);
        let stays = |volume: &Volume| {
            let mut staying = facts.nodes.iter().filter(|node| !nodes.contains(&node.name));
            staying.any(|node| can_have(&volume.affinity, candidate(node)))
        };
        let is_lost = |volume: &Volume| match volume.medium {
            Medium::NodeDisk => true,
            Medium::Csi => shares.name_nodes(&volume.affinity) && !stays(volume),
            Medium::Remote => false,
        };
        let lost = facts.volumes.iter().filter(|(_, volume)| is_lost(volume)).map(|(claim, volume)| {
            let lost = Lost { uid: volume.claim_uid.clone(), pinned: !volume.affinity.is_empty() };
            (claim.clone(), lost)
        });
        LocalData { lost: lost.collect(), templates: facts.stateful_sets.claim_templates.clone() }
    }

    /// Whether evicting this pod loses data on its node.
    pub(crate) fn is_lost_with(&self, pod: &Pod) -> bool {
        pod.host_path || (!self.lost.is_empty() && pod.claims().any(|claim| self.lost.contains_key(&claim)))
    }

    /// Claims that tie the pod to its node and that its StatefulSet recreates once they are deleted, with their UIDs.
    pub(crate) fn replaceable(&self, pod: &Pod) -> Vec<(String, String)> {
        let pinned = self.pinned(pod).filter(|(claim, _)| self.is_templated(pod, claim));
        pinned.map(|(claim, lost)| (claim, lost.uid.clone())).collect()
    }

    /// Claims that tie the pod to its node and that no controller recreates.
    pub(crate) fn irreplaceable(&self, pod: &Pod) -> Vec<String> {
        self.pinned(pod).filter(|(claim, _)| !self.is_templated(pod, claim)).map(|(claim, _)| claim).collect()
    }

    /// The volumes that still exist afterwards.
    pub(crate) fn others(&self, volumes: &BTreeMap<String, Volume>) -> BTreeMap<String, Volume> {
        let others = volumes.iter().filter(|(claim, _)| !self.lost.contains_key(*claim));
        others.map(|(claim, volume)| (claim.clone(), volume.clone())).collect()
    }

    fn pinned<'a>(&'a self, pod: &'a Pod) -> impl Iterator<Item = (String, &'a Lost)> {
        let lost = pod.claims().filter_map(|claim| Some((self.lost.get(&claim)?, claim)));
        lost.filter(|(lost, _)| lost.pinned).map(|(lost, claim)| (claim, lost))
    }

    /// A StatefulSet's claims are named after their template and their pod (StatefulSet controller,
    /// getPersistentVolumeClaimName).
    fn is_templated(&self, pod: &Pod, claim: &str) -> bool {
        let set = pod.controlled_by(&ControllerKind::StatefulSet);
        let templates = set.and_then(|set| self.templates.get(&format!("{}/{}", pod.namespace, set.name)));
        let is_of = |template: &String| claim == format!("{}/{template}-{}", pod.namespace, pod.name);
        templates.is_some_and(|templates| templates.iter().any(is_of))
    }
}

fn candidate(node: &Node) -> Candidate<'_> {
    Candidate { name: Some(&node.name), zone: &node.zone, labels: &node.labels }
}

/// How many nodes have each label with each value.
struct Shares<'a>(HashMap<(&'a str, &'a str), usize>);

impl<'a> Shares<'a> {
    fn of(facts: &'a Facts) -> Self {
        let mut shares = HashMap::new();
        // Needed only for CSI volumes.
        if facts.volumes.values().any(|volume| volume.medium == Medium::Csi) {
            for (key, value) in facts.nodes.iter().flat_map(|node| &node.labels) {
                *shares.entry((key.as_str(), value.as_str())).or_default() += 1;
            }
        }
        Shares(shares)
    }

    /// Whether every term names single nodes.
    fn name_nodes(&self, affinity: &[NodeSelectorTerm]) -> bool {
        !affinity.is_empty() && affinity.iter().all(|term| self.names_nodes(term))
    }

    fn names_nodes(&self, term: &NodeSelectorTerm) -> bool {
        let by_label = |one: &NodeSelectorRequirement| {
            let values = one.values.as_deref().unwrap_or_default();
            let alone = |value: &String| {
                self.0.get(&(one.key.as_str(), value.as_str())).is_none_or(|nodes| *nodes == 1)
            };
            one.operator == "In" && !is_shared(&one.key) && values.iter().all(alone)
        };
        term.match_fields.iter().flatten().any(|one| one.operator == "In")
            || term.match_expressions.iter().flatten().any(by_label)
    }
}

fn is_shared(key: &str) -> bool {
    ZONE_LABELS.contains(&key)
        || SHARED_LABELS.contains(&key)
        || key.starts_with("topology.ebs.csi.aws.com/")
        || key.ends_with("/zone")
        || key.ends_with("/region")
}

#[cfg(test)]
mod tests;
