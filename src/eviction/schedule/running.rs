//! Whether evicted pods run again.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Schedule;
use crate::facts::Pod;

/// A controller with fewer Ready pods than before the drain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotRunning {
    /// By `Pod::workload_name`.
    pub controller: String,
    /// How many pods are missing, and of those, how many the controller did not create.
    pub missing: usize,
    pub not_recreated: usize,
    /// Its pods that are not Ready.
    pub pods: Vec<Pod>,
}

impl Schedule {
    /// Controllers that have fewer Ready pods than when the drain began, because of it.
    pub(crate) fn not_running(&self) -> Vec<NotRunning> {
        let short = self.availability.iter().filter(|(_, pods)| pods.missing() + pods.not_recreated() > 0);
        let mut short: BTreeMap<&str, NotRunning> = short
            .map(|(name, pods)| {
                let not_recreated = pods.not_recreated();
                let missing = pods.missing() + not_recreated;
                let controller = name.to_string();
                (&**name, NotRunning { controller, missing, not_recreated, pods: Vec::new() })
            })
            .collect();
        if short.is_empty() {
            return Vec::new();
        }
        for pod in self.unready.values() {
            if let Some(one) = pod.workload_name().and_then(|name| short.get_mut(name.as_str())) {
                one.pods.push(pod.clone());
            }
        }
        short.into_values().collect()
    }

    /// Once all nodes are empty: pods that are not Ready, of controllers that miss Ready pods, with the time of the last
    /// progress.
    pub(super) fn moved_and_unready(&self) -> impl Iterator<Item = (&Pod, Option<Instant>)> {
        let short: BTreeMap<&str, Option<Instant>> = match self.is_done() {
            true => {
                let short = self.availability.iter().filter(|(_, pods)| pods.missing() > 0);
                short.map(|(name, pods)| (&**name, pods.progress)).collect()
            }
            false => BTreeMap::new(),
        };
        let unready = self.unready.values().filter(|_| self.is_done());
        unready.filter_map(move |pod| Some((pod, *short.get(pod.workload_name()?.as_str())?)))
    }

    /// Whether a controller still misses Ready pods; controllers that recreated none in time do not count.
    pub(crate) fn awaits_replacements(&self) -> bool {
        self.availability.values().any(|pods| pods.missing() > 0)
    }

    /// When a replacement last became Ready, of controllers that miss Ready pods.
    pub(crate) fn last_replacement(&self) -> Option<Instant> {
        self.availability.values().filter(|pods| pods.missing() > 0).filter_map(|pods| pods.progress).max()
    }
}
