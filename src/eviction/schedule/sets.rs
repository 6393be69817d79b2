//! StatefulSets whose pods are evicted one at a time, from the highest ordinal down, each when the one before is Ready
//! again, as their controller rolls them (Kubernetes documentation, StatefulSet, "Deployment and Scaling Guarantees").

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{PendingPod, Schedule};
use crate::facts::{ControllerKind, Pod};

/// A StatefulSet that was scaled down never recreates the pod.
pub(super) const SET_GIVES_UP: Duration = Duration::from_secs(60);

/// A StatefulSet whose pods are evicted one at a time.
#[derive(Debug, Default)]
pub(super) struct Set {
    /// The pod being evicted: its name, its UID, and since when it is gone.
    pub moving: Option<(String, String, Option<Instant>)>,
    /// Whether its successor was seen.
    pub successor: bool,
    /// Queued pods: ordinal and UID.
    pub waiting: BTreeSet<(u64, String)>,
}

impl Set {
    /// When the next pod may be evicted although this one was not recreated; never while a successor is not Ready yet.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        let (_, _, gone) = self.moving.as_ref().filter(|_| !self.successor)?;
        Some((*gone)? + SET_GIVES_UP)
    }
}

impl Schedule {
    pub(super) fn set_name(&self, pod: &Pod) -> Option<String> {
        set_name(&self.controllers.ordered, pod)
    }

    pub(super) fn set_of(&self, uid: &str) -> Option<String> {
        self.set_name(&self.pending.get(uid)?.pod)
    }

    /// Whether no other pod of its StatefulSet is being evicted, and none with a higher ordinal is queued.
    pub(super) fn is_next_in_its_set(&self, entry: &PendingPod) -> bool {
        let Some(set) = self.set_name(&entry.pod).and_then(|name| self.sets.get(&name)) else {
            return true;
        };
        set.moving.is_none() && set.waiting.last().is_some_and(|(_, uid)| *uid == entry.pod.uid)
    }

    /// The next pod of a StatefulSet may be evicted when the evicted one is recreated and Ready.
    pub(super) fn note_successor(&mut self, pod: &Pod) {
        let Some(set) = self.set_name(pod).and_then(|name| self.sets.get_mut(&name)) else { return };
        let Some((name, uid, _)) = &set.moving else { return };
        if *name == pod.name && *uid != pod.uid {
            set.successor = true;
            if pod.ready {
                set.moving = None;
            }
        }
    }

    pub(super) fn free_sets(&mut self, now: Instant) {
        for set in self.sets.values_mut().filter(|set| set.gives_up_at().is_some_and(|at| now >= at)) {
            set.moving = None;
        }
    }
}

/// The StatefulSet of a pod, if its pods are evicted one at a time.
pub(super) fn set_name(ordered: &BTreeSet<String>, pod: &Pod) -> Option<String> {
    let controller = pod.controlled_by(&ControllerKind::StatefulSet)?;
    let name = format!("{}/{}", pod.namespace, controller.name);
    ordered.contains(&name).then_some(name)
}

/// The number at the end of the name of a StatefulSet's pod.
pub(super) fn ordinal(pod: &Pod) -> u64 {
    let of_set = pod.controlled_by(&ControllerKind::StatefulSet).is_some();
    let number = pod.name.rsplit_once('-').filter(|_| of_set).and_then(|(_, number)| number.parse().ok());
    number.unwrap_or_default()
}
