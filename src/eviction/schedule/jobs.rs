//! Pods to evict, and their queues: one for each combination of a controller and the budgets that cover its pods.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::sets::{ordinal, set_name};
use super::{Schedule, covers};
use crate::facts::Pod;

/// A pod to evict.
#[derive(Debug)]
pub(super) struct PendingPod {
    pub pod: Pod,
    pub queue: QueueKey,
    pub position: QueuePosition,
    pub state: PodState,
    /// When it began to terminate, or its eviction first failed for another reason than a budget.
    pub since: Instant,
    /// The last answer was not about a budget.
    pub refused_before: bool,
    /// It was terminating when it was first seen.
    pub was_ending: bool,
}

impl PendingPod {
    /// When the grace period of a terminating pod ends or ended.
    pub(super) fn overdue_from(&self) -> Instant {
        let grace = Duration::from_secs(u64::try_from(self.pod.grace_seconds).unwrap_or_default());
        match &self.pod.terminating {
            Some(end) if self.was_ending => {
                let past = Duration::from_secs(end.overdue.unsigned_abs());
                let earlier = self.since.checked_sub(past).unwrap_or(self.since);
                if end.overdue < 0 { self.since + past } else { earlier }
            }
            _ => self.since + grace,
        }
    }
}

/// What limits the eviction of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct QueueKey {
    /// Names of the PodDisruptionBudgets that cover it.
    pub budgets: Vec<String>,
    /// Its controller, by `Pod::workload_name`; none for a bare pod.
    pub controller: Option<String>,
}

impl QueueKey {
    /// The PodDisruptionBudgets, or without one the controller's default budget.
    pub(super) fn held_by(&self) -> impl Iterator<Item = &str> {
        let own = self.controller.as_ref().filter(|_| self.budgets.is_empty());
        self.budgets.iter().chain(own).map(String::as_str)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PodState {
    Waiting,
    /// To retry, not before this time.
    Retry(Instant, String),
    /// Its eviction is sent; no answer yet.
    Asked(Instant),
    /// Evicted, or deleted by somebody else.
    Terminating(Instant),
    Blocked(String),
}

/// Pods that wait for the same budgets. Pods that are not Ready may be evicted when Ready ones may not, so they are kept
/// apart: a search through all pods at each event would take too long.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub unready: BTreeSet<QueuePosition>,
    pub ready: BTreeSet<QueuePosition>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.unready.len() + self.ready.len()
    }

    fn insert(&mut self, pod: &Pod, position: QueuePosition) {
        if pod.ready {
            self.ready.insert(position)
        } else {
            self.unready.insert(position)
        };
    }

    fn remove(&mut self, position: &QueuePosition) {
        self.ready.remove(position);
        self.unready.remove(position);
    }
}

/// A pod's position in its queue: the rank of its node, then the highest ordinal of a StatefulSet, then its UID.
pub(super) type QueuePosition = (usize, std::cmp::Reverse<u64>, String);

impl Schedule {
    pub(super) fn note_pending(&mut self, pod: Pod, now: Instant) {
        let uid = pod.uid.clone();
        let ending = pod.deleting;
        if let Some(entry) = self.pending.get_mut(&uid) {
            if ending && !matches!(entry.state, PodState::Terminating(_)) {
                entry.state = PodState::Terminating(now);
                entry.since = now;
            }
            // The termination as first seen belongs to the time when it was first seen.
            let end = entry.pod.terminating.take().filter(|_| entry.was_ending);
            entry.pod = pod;
            entry.pod.terminating = end.or(entry.pod.terminating.take());
        } else {
            if let Some(node) = self.nodes.get_mut(&pod.node) {
                node.pods.insert(uid.clone());
                node.refused.remove(&uid);
            }
            self.total += 1;
            let state = if ending { PodState::Terminating(now) } else { PodState::Waiting };
            let position = (0, std::cmp::Reverse(0), uid.clone());
            let queue = self.queue_of(&pod);
            self.pending.insert(
                uid.clone(),
                PendingPod {
                    pod,
                    queue,
                    position,
                    state,
                    since: now,
                    refused_before: false,
                    was_ending: ending,
                },
            );
        }
        self.enqueue(&uid);
    }

    /// Puts a pod into its queue while it waits, and takes it out otherwise.
    pub(super) fn enqueue(&mut self, uid: &str) {
        let Some(entry) = self.pending.get_mut(uid) else { return };
        if let Some(queue) = self.queues.get_mut(&entry.queue) {
            queue.remove(&entry.position);
        }
        let rank = self.nodes.get(&entry.pod.node).map_or(usize::MAX, |node| node.rank);
        let ordinal = ordinal(&entry.pod);
        entry.position = (rank, std::cmp::Reverse(ordinal), uid.to_string());
        let waits = matches!(entry.state, PodState::Waiting | PodState::Retry(..));
        match entry.state {
            PodState::Asked(_) | PodState::Terminating(_) => self.evicting.insert(uid.to_string()),
            _ => self.evicting.remove(uid),
        };
        match entry.state {
            PodState::Retry(until, _) => drop(self.later.insert(uid.to_string(), until)),
            _ => drop(self.later.remove(uid)),
        }
        if waits {
            self.queues.entry(entry.queue.clone()).or_default().insert(&entry.pod, entry.position.clone());
        }
        if let Some(name) = set_name(&self.controllers.ordered, &entry.pod) {
            let set = self.sets.entry(name).or_default();
            if waits {
                set.waiting.insert((ordinal, uid.to_string()));
            } else {
                set.waiting.remove(&(ordinal, uid.to_string()));
            }
        }
    }

    pub(super) fn ask(&mut self, uid: &str, now: Instant) -> Option<Pod> {
        let entry = self.pending.get_mut(uid)?;
        entry.state = PodState::Asked(now);
        let pod = entry.pod.clone();
        if let [one] = entry.queue.budgets.as_slice()
            && let Some(ledger) = self.ledgers.get_mut(one)
        {
            ledger.charge(&pod);
            self.unanswered.insert(uid.to_string(), one.clone());
        }
        if let Some(leaves) = self.members.get(uid).and_then(|name| self.availability.get_mut(name)) {
            leaves.ask(uid, now);
        }
        self.enqueue(uid);
        Some(pod)
    }

    pub(super) fn finish(&mut self, uid: &str, now: Instant) {
        let Some(entry) = self.pending.remove(uid) else { return };
        self.moved += 1;
        self.evicting.remove(uid);
        self.later.remove(uid);
        if let Some(queue) = self.queues.get_mut(&entry.queue) {
            queue.remove(&entry.position);
        }
        if let Some(node) = self.nodes.get_mut(&entry.pod.node) {
            node.pods.remove(uid);
        }
        if let Some(set) = self.set_name(&entry.pod).and_then(|name| self.sets.get_mut(&name)) {
            set.waiting.remove(&(ordinal(&entry.pod), uid.to_string()));
            if let Some((_, moving, gone)) = &mut set.moving
                && moving == uid
            {
                *gone = Some(now);
            }
        }
    }

    /// Budgets that cover a pod, and its controller.
    fn queue_of(&self, pod: &Pod) -> QueueKey {
        let start = format!("{}/", pod.namespace);
        let budgets = self.ledgers.range(start.clone()..).take_while(|(name, _)| name.starts_with(&start));
        let covering = budgets.filter(|(_, ledger)| covers(&ledger.budget, pod));
        QueueKey {
            budgets: covering.map(|(name, _)| name.clone()).collect(),
            controller: pod.workload_name(),
        }
    }

    /// Reassigns the pods of a namespace to queues after a budget was added, removed or changed its selector.
    pub(super) fn update_coverage(&mut self, namespace: &str) {
        let uids: Vec<String> = self
            .pending
            .iter()
            .filter(|(_, entry)| entry.pod.namespace == namespace)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in uids {
            let Some(entry) = self.pending.get(&uid) else { continue };
            let queue = self.queue_of(&entry.pod);
            if let Some(entry) = self.pending.get_mut(&uid) {
                if let Some(old) = self.queues.get_mut(&entry.queue) {
                    old.remove(&entry.position);
                }
                entry.queue = queue;
                if matches!(entry.state, PodState::Blocked(_)) {
                    entry.state = PodState::Waiting;
                }
            }
            self.enqueue(&uid);
        }
    }
}
