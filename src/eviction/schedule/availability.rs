//! How many pods of a controller are available, and how many may be evicted.
//!
//! A pod is available if it is Ready, not terminating and its eviction is not sent, on any node. The number of wanted pods
//! is derived from the pods: the place of a pod that left counts until another pod has come, so the next eviction is
//! allowed only when the replacement is Ready. (A Deployment creates the replacement when the pod begins to terminate, a
//! StatefulSet when it is gone.)

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use super::super::default_budget::Rule;
use crate::facts::Pod;

/// How long a replacement is waited for: a controller that was scaled down, or a finished Job, creates none.
pub(super) const NOT_RECREATED: Duration = Duration::from_secs(60);
/// How long pods that were not Ready when the drain began are waited for; then they no longer count. Otherwise one pod
/// that keeps crashing would keep its healthy siblings on the old nodes for ever.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// The pods of one controller, by UID.
#[derive(Debug, Default)]
pub(super) struct Availability {
    ready: HashSet<String>,
    /// Not Ready, or not any more.
    starting: HashSet<String>,
    /// Their evictions were sent, and they are not seen terminating yet.
    asked: HashSet<String>,
    /// Pods that left and have no replacement yet, with the time since when they are gone.
    vacated: BTreeMap<String, Option<Instant>>,
    /// Replacements that were not created in time.
    unfilled: usize,
    /// How many pods were Ready when the drain began, and how many of the others are still not Ready.
    ready_before: usize,
    unready_before: usize,
    /// The drain has evicted a Ready pod.
    disturbed: bool,
    /// When a replacement last became Ready, or the first pod was evicted.
    pub progress: Option<Instant>,
}

impl Availability {
    /// Takes the state before the drain.
    pub(super) fn begin(&mut self) {
        self.ready_before = self.ready.len();
        self.unready_before = self.not_serving();
    }

    /// Adds or updates a pod.
    pub(super) fn update(&mut self, pod: &Pod, now: Instant) {
        let uid = &pod.uid;
        if pod.deleting {
            // One that was terminating when it was first seen may have its replacement already.
            if self.forget(uid) {
                self.vacated.insert(uid.clone(), None);
            }
        } else if pod.is_finished() {
            // A pod of a Job that is finished; a failed one is recreated as another.
            self.forget(uid);
        } else if !self.asked.contains(uid) {
            if !self.ready.contains(uid) && !self.starting.contains(uid) {
                self.fill();
            }
            if pod.ready {
                self.starting.remove(uid);
                if self.ready.insert(uid.clone()) {
                    self.progress = Some(now);
                }
            } else {
                self.ready.remove(uid);
                self.starting.insert(uid.clone());
            }
        }
        self.unready_before = self.unready_before.min(self.not_serving());
    }

    /// A pod is gone. Returns whether a replacement is expected.
    pub(super) fn gone(&mut self, uid: &str, now: Instant) -> bool {
        let left = self.forget(uid);
        match self.vacated.get_mut(uid) {
            Some(since) => *since = since.or(Some(now)),
            None if left => drop(self.vacated.insert(uid.to_string(), Some(now))),
            None => return false,
        }
        true
    }

    /// The eviction of this pod is sent.
    pub(super) fn ask(&mut self, uid: &str, now: Instant) {
        let served = self.ready.remove(uid);
        if served || self.starting.remove(uid) {
            self.asked.insert(uid.to_string());
        }
        if served && !self.disturbed {
            self.disturbed = true;
            self.progress = Some(now);
        }
    }

    /// The eviction failed: the pod stays for now.
    pub(super) fn restore(&mut self, pod: &Pod) {
        if self.asked.remove(&pod.uid) {
            let to = if pod.ready { &mut self.ready } else { &mut self.starting };
            to.insert(pod.uid.clone());
        }
    }

    /// Since when this pod is gone, if its replacement is still expected.
    pub(super) fn gone_since(&self, uid: &str) -> Option<Instant> {
        *self.vacated.get(uid)?
    }

    /// No replacement was created for this pod.
    pub(super) fn give_up(&mut self, uid: &str) {
        if self.vacated.remove(uid).is_some() {
            self.unfilled += 1;
        }
    }

    /// How many pods may be evicted now. After `PATIENCE`, pods that never were Ready no longer count.
    pub(super) fn allowed(&self, rule: Rule, patience_is_over: bool) -> usize {
        let expected = self.expected(patience_is_over);
        let stay = expected.saturating_sub(rule.most_unavailable(expected));
        self.ready.len().saturating_sub(stay)
    }

    /// How many pods the controller wants, derived from its pods.
    pub(super) fn expected(&self, patience_is_over: bool) -> usize {
        let all = self.ready.len() + self.not_serving();
        all - if patience_is_over { self.unready_before } else { 0 }
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn has_unready_before(&self) -> bool {
        self.unready_before > 0
    }

    /// How many Ready pods are missing compared with the start of the drain, of pods that exist or are expected.
    pub(super) fn missing(&self) -> usize {
        if !self.disturbed {
            return 0;
        }
        self.ready_before.min(self.expected(true)).saturating_sub(self.ready.len())
    }

    /// How many pods are missing because the controller did not recreate them.
    pub(super) fn not_recreated(&self) -> usize {
        if !self.disturbed {
            return 0;
        }
        self.unfilled.min(self.ready_before.saturating_sub(self.ready.len() + self.missing()))
    }

    /// UIDs of those that are not Ready.
    pub(super) fn starting(&self) -> BTreeSet<&String> {
        self.starting.iter().collect()
    }

    fn not_serving(&self) -> usize {
        self.starting.len() + self.asked.len() + self.vacated.len()
    }

    fn forget(&mut self, uid: &str) -> bool {
        self.ready.remove(uid) | self.starting.remove(uid) | self.asked.remove(uid)
    }

    /// Counts a new pod as the replacement of the pod that left first; pods that are gone come first.
    fn fill(&mut self) {
        let first = self.vacated.iter().min_by_key(|(_, gone)| (gone.is_none(), **gone));
        match first.map(|(uid, _)| uid.clone()) {
            Some(uid) => drop(self.vacated.remove(&uid)),
            None => self.unfilled = self.unfilled.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::pod;

    fn one(uid: &str) -> Pod {
        Pod { uid: uid.into(), ..pod("shop", uid) }
    }

    fn of(ready: usize, sick: usize) -> Availability {
        let mut all = Availability::default();
        let now = Instant::now();
        (0..ready).for_each(|at| all.update(&one(&format!("r{at}")), now));
        (0..sick).for_each(|at| all.update(&Pod { ready: false, ..one(&format!("s{at}")) }, now));
        all.begin();
        all
    }

    #[test]
    fn the_next_eviction_waits_until_the_replacement_is_ready() {
        let now = Instant::now();
        let mut all = of(8, 0);
        assert_eq!(all.allowed(Rule::Quarter, false), 2);
        all.ask("r0", now);
        assert_eq!(all.allowed(Rule::Quarter, false), 1);
        all.update(&Pod { deleting: true, ..one("r0") }, now);
        all.gone("r0", now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (1, 1));
        all.update(&Pod { ready: false, ..one("new") }, now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (1, 1));
        all.update(&one("new"), now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (2, 0));
        // A refused eviction takes nothing.
        all.ask("r1", now);
        all.restore(&one("r1"));
        assert_eq!(all.allowed(Rule::Quarter, false), 2);
    }

    #[test]
    fn pods_that_never_were_ready_block_evictions_only_for_a_while() {
        let now = Instant::now();
        let mut all = of(2, 2);
        assert_eq!((all.allowed(Rule::Quarter, false), all.allowed(Rule::Quarter, true)), (0, 1));
        all.ask("r0", now);
        assert_eq!(all.allowed(Rule::Quarter, true), 0, "the last Ready pod");
        all.update(&Pod { deleting: true, ..one("r0") }, now);
        all.update(&one("new"), now);
        assert_eq!((all.allowed(Rule::Quarter, true), all.missing()), (1, 0));
        // One of them is well now: it counts from here on.
        all.update(&one("s0"), now);
        assert_eq!(all.expected(true), 3);
    }

    #[test]
    fn pods_that_are_not_recreated_are_reported() {
        let now = Instant::now();
        let mut all = of(4, 0);
        all.ask("r0", now);
        all.gone("r0", now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.not_recreated()), (0, 0));
        all.give_up("r0");
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing(), all.not_recreated()), (1, 0, 1));
        all.update(&one("late"), now);
        assert_eq!((all.missing(), all.not_recreated()), (0, 0));
    }

    #[test]
    fn a_budget_that_allows_all_still_leaves_the_last_ready_pod() {
        let now = Instant::now();
        let mut all = of(3, 0);
        assert_eq!(all.allowed(Rule::LastStays, false), 2);
        all.ask("r0", now);
        all.ask("r1", now);
        assert_eq!(all.allowed(Rule::LastStays, false), 0);
        assert_eq!(of(1, 0).allowed(Rule::LastStays, false), 1);
        assert_eq!(of(1, 1).allowed(Rule::LastStays, false), 0, "the other one may still become Ready");
    }
}
