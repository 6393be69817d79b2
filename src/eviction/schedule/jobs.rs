//! Pods that must go, and the queues they wait in: one for each controller and the budgets that cover its pods.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::sets::{ordinal, set_name};
use super::{Schedule, covers};
use crate::facts::Pod;

/// A pod that must go.
#[derive(Debug)]
pub struct Job {
    pub pod: Pod,
    pub queue: QueueKey,
    pub turn: Turn,
    pub state: State,
    /// When it began to end, or was first refused for another reason than a budget.
    pub since: Instant,
    /// The last answer said nothing about a budget.
    pub refused_before: bool,
    /// It was terminating when it was first seen.
    pub was_ending: bool,
}

impl Job {
    /// When its grace period is over, or was; for one that is ending.
    pub fn overdue_from(&self) -> Instant {
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

/// What holds a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    /// Names of the PodDisruptionBudgets that cover it.
    pub budgets: Vec<String>,
    /// Its controller, by `Pod::workload_name`; nothing for a bare pod.
    pub controller: Option<String>,
}

impl QueueKey {
    /// What sets the pace: the API's budgets, else the controller's own.
    pub fn held_by(&self) -> impl Iterator<Item = &str> {
        let own = self.controller.as_ref().filter(|_| self.budgets.is_empty());
        self.budgets.iter().chain(own).map(String::as_str)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Waiting,
    /// Not again before this.
    Later(Instant, String),
    /// Asked for; no answer yet.
    Asked(Instant),
    /// Let go, or being deleted by somebody else.
    Ending(Instant),
    Never(String),
}

/// Pods that wait for the same. Those that are not Ready may go where there is no room for others, so they
/// stand apart: looking through all for them, at each event, would take longer than the drain.
#[derive(Debug, Default)]
pub struct Queue {
    pub unready: BTreeSet<Turn>,
    pub ready: BTreeSet<Turn>,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.unready.len() + self.ready.len()
    }

    fn insert(&mut self, pod: &Pod, turn: Turn) {
        if pod.ready {
            self.ready.insert(turn)
        } else {
            self.unready.insert(turn)
        };
    }

    fn remove(&mut self, turn: &Turn) {
        self.ready.remove(turn);
        self.unready.remove(turn);
    }
}

/// A pod's place in its queue: nodes that can be empty soonest first, and of a StatefulSet the highest ordinal.
pub type Turn = (usize, std::cmp::Reverse<u64>, String);

impl Schedule {
    pub(super) fn job(&mut self, pod: Pod, now: Instant) {
        let uid = pod.uid.clone();
        let ending = pod.deleting;
        if let Some(job) = self.jobs.get_mut(&uid) {
            if ending && !matches!(job.state, State::Ending(_)) {
                job.state = State::Ending(now);
                job.since = now;
            }
            // What was known of its end when it was first seen goes with the time of then.
            let end = job.pod.terminating.take().filter(|_| job.was_ending);
            job.pod = pod;
            job.pod.terminating = end.or(job.pod.terminating.take());
        } else {
            if let Some(place) = self.nodes.get_mut(&pod.node) {
                place.jobs.insert(uid.clone());
                place.refused.remove(&uid);
            }
            self.total += 1;
            let state = if ending { State::Ending(now) } else { State::Waiting };
            let turn = (0, std::cmp::Reverse(0), uid.clone());
            let queue = self.queue_of(&pod);
            self.jobs.insert(
                uid.clone(),
                Job { pod, queue, turn, state, since: now, refused_before: false, was_ending: ending },
            );
        }
        self.enqueue(&uid);
    }

    /// Puts a job where it belongs: into its queue while it waits, out of it else.
    pub(super) fn enqueue(&mut self, uid: &str) {
        let Some(job) = self.jobs.get_mut(uid) else { return };
        if let Some(queue) = self.queues.get_mut(&job.queue) {
            queue.remove(&job.turn);
        }
        let rank = self.nodes.get(&job.pod.node).map_or(usize::MAX, |place| place.rank);
        let ordinal = ordinal(&job.pod);
        job.turn = (rank, std::cmp::Reverse(ordinal), uid.to_string());
        let waits = matches!(job.state, State::Waiting | State::Later(..));
        match job.state {
            State::Asked(_) | State::Ending(_) => self.on_their_way.insert(uid.to_string()),
            _ => self.on_their_way.remove(uid),
        };
        match job.state {
            State::Later(until, _) => drop(self.later.insert(uid.to_string(), until)),
            _ => drop(self.later.remove(uid)),
        }
        if waits {
            self.queues.entry(job.queue.clone()).or_default().insert(&job.pod, job.turn.clone());
        }
        if let Some(name) = set_name(&self.controllers.ordered, &job.pod) {
            let set = self.sets.entry(name).or_default();
            if waits {
                set.waiting.insert((ordinal, uid.to_string()));
            } else {
                set.waiting.remove(&(ordinal, uid.to_string()));
            }
        }
    }

    pub(super) fn ask(&mut self, uid: &str, now: Instant) -> Option<Pod> {
        let job = self.jobs.get_mut(uid)?;
        job.state = State::Asked(now);
        let pod = job.pod.clone();
        if let [one] = job.queue.budgets.as_slice()
            && let Some(purse) = self.purses.get_mut(one)
        {
            purse.spend(&pod);
            self.asking.insert(uid.to_string(), one.clone());
        }
        if let Some(leaves) = self.members.get(uid).and_then(|name| self.availability.get_mut(name)) {
            leaves.ask(uid, now);
        }
        self.enqueue(uid);
        Some(pod)
    }

    pub(super) fn finish(&mut self, uid: &str, now: Instant) {
        let Some(job) = self.jobs.remove(uid) else { return };
        self.moved += 1;
        self.on_their_way.remove(uid);
        self.later.remove(uid);
        if let Some(queue) = self.queues.get_mut(&job.queue) {
            queue.remove(&job.turn);
        }
        if let Some(place) = self.nodes.get_mut(&job.pod.node) {
            place.jobs.remove(uid);
        }
        if let Some(set) = self.set_name(&job.pod).and_then(|name| self.sets.get_mut(&name)) {
            set.waiting.remove(&(ordinal(&job.pod), uid.to_string()));
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
        let budgets = self.purses.range(start.clone()..).take_while(|(name, _)| name.starts_with(&start));
        let covering = budgets.filter(|(_, purse)| covers(&purse.budget, pod));
        QueueKey {
            budgets: covering.map(|(name, _)| name.clone()).collect(),
            controller: pod.workload_name(),
        }
    }

    /// A budget came, went or changed whom it selects.
    pub(super) fn cover_anew(&mut self, namespace: &str) {
        let uids: Vec<String> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.pod.namespace == namespace)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in uids {
            let Some(job) = self.jobs.get(&uid) else { continue };
            let queue = self.queue_of(&job.pod);
            if let Some(job) = self.jobs.get_mut(&uid) {
                if let Some(old) = self.queues.get_mut(&job.queue) {
                    old.remove(&job.turn);
                }
                job.queue = queue;
                if matches!(job.state, State::Never(_)) {
                    job.state = State::Waiting;
                }
            }
            self.enqueue(&uid);
        }
    }
}
