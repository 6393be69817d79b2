//! What happens to each pod on a node that is drained, and why. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::facts::{Facts, Pod};
use crate::settings::Settings;

use super::local::LocalData;

/// Pods by what happens to them.
#[derive(Debug, Clone, Default)]
pub struct Sorted<'a> {
    pub evict: Vec<&'a Pod>,
    pub leave: Vec<(&'a Pod, Leave)>,
    /// Not without a flag.
    pub refuse: Vec<(&'a Pod, Refuse)>,
}

/// Why a pod needs no eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Its controller would put it on the same node again.
    DaemonSet,
    /// The kubelet reads it from a file: it can't be evicted.
    Mirror,
    Finished,
}

/// Why a pod may not be evicted unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refuse {
    Bare,
    EmptyDir,
    /// In volumes on its node's disk.
    LocalVolume,
}

impl Refuse {
    pub fn flag(self) -> &'static str {
        match self {
            Refuse::Bare => "--evict-bare-pods",
            Refuse::EmptyDir => "--delete-emptydir-data",
            Refuse::LocalVolume => "--delete-local-volumes",
        }
    }
}

impl fmt::Display for Refuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refuse::Bare => "no controller would make it anew",
            Refuse::EmptyDir => "data in its emptyDir or ephemeral volumes would be lost",
            Refuse::LocalVolume => "data in its volumes on the node's disk would be lost with the node",
        })
    }
}

/// Sorts the pods that stand on these nodes, as kubectl drain does.
pub fn sort<'a>(facts: &'a Facts, nodes: &BTreeSet<String>, settings: &Settings) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    let local = LocalData::of(facts, nodes);
    for pod in facts.pods.iter().filter(|pod| nodes.contains(&pod.node)) {
        match judge(pod, settings, &local) {
            Ok(None) => sorted.evict.push(pod),
            Ok(Some(reason)) => sorted.leave.push((pod, reason)),
            Err(reason) => sorted.refuse.push((pod, reason)),
        }
    }
    sorted
}

/// What happens to one pod: nothing to be done about it and why, or it must go, or it may not.
pub fn judge(pod: &Pod, settings: &Settings, local: &LocalData) -> Result<Option<Leave>, Refuse> {
    if pod.mirror {
        return Ok(Some(Leave::Mirror));
    }
    if pod.is_finished() {
        return Ok(Some(Leave::Finished));
    }
    if pod.is_of_daemon_set() {
        return Ok(Some(Leave::DaemonSet));
    }
    // A pod that is ending already is only waited for.
    if pod.deleting {
        return Ok(None);
    }
    if pod.controller.is_none() && !settings.evict_bare_pods {
        return Err(Refuse::Bare);
    }
    if pod.empty_dir && !settings.delete_emptydir_data {
        return Err(Refuse::EmptyDir);
    }
    if !settings.delete_local_volumes && local.is_lost_with(pod) {
        return Err(Refuse::LocalVolume);
    }
    Ok(None)
}
