//! Which pods of a drained node are evicted, left or refused, and why. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::facts::{Facts, Pod};
use crate::settings::Settings;

use super::local::LocalData;

/// Pods by what happens to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sorted<'a> {
    pub evict: Vec<&'a Pod>,
    pub leave: Vec<(&'a Pod, Leave)>,
    /// Pods that are evicted only with a flag.
    pub refuse: Vec<(&'a Pod, Refuse)>,
}

/// Why a pod needs no eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Its controller would recreate it on the same node.
    DaemonSet,
    /// A static pod: the kubelet reads it from a file, and it can't be evicted.
    Mirror,
    Finished,
}

/// Why a pod is not evicted without a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refuse {
    Bare,
    EmptyDir,
    /// Its volumes are on its node's disk.
    LocalVolume,
}

impl Refuse {
    pub(crate) fn flag(self) -> &'static str {
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
            Refuse::Bare => "no controller would recreate it",
            Refuse::EmptyDir => "data in its emptyDir or ephemeral volumes would be lost",
            Refuse::LocalVolume => "data in its volumes on the node's disk would be lost with the node",
        })
    }
}

/// Sorts the pods that run on these nodes, as kubectl drain does.
pub(crate) fn sort<'a>(facts: &'a Facts, nodes: &BTreeSet<String>, settings: &Settings) -> Sorted<'a> {
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

/// Whether one pod is evicted (`Ok(None)`), left (`Ok(Some)`) or refused (`Err`).
pub(crate) fn judge(pod: &Pod, settings: &Settings, local: &LocalData) -> Result<Option<Leave>, Refuse> {
    if pod.mirror {
        return Ok(Some(Leave::Mirror));
    }
    if pod.is_finished() {
        return Ok(Some(Leave::Finished));
    }
    if pod.is_of_daemon_set() {
        return Ok(Some(Leave::DaemonSet));
    }
    // A terminating pod needs no flag: the drain only waits for it.
    if pod.deleting {
        return Ok(None);
    }
    if pod.controller.is_none() && !settings.drain.evict_bare_pods {
        return Err(Refuse::Bare);
    }
    if pod.empty_dir && !settings.drain.delete_emptydir_data {
        return Err(Refuse::EmptyDir);
    }
    if !settings.drain.delete_local_volumes && local.is_lost_with(pod) {
        return Err(Refuse::LocalVolume);
    }
    Ok(None)
}
