//! Which pods of a controller serve, and how many may leave.
//!
//! Counted are Ready pods that are neither terminating nor asked to go, whichever node they run on. What a controller
//! wants is read off its pods: a place that was vacated counts until another pod has come, so a place is free again only
//! when its replacement is Ready. (A Deployment creates the replacement when the pod begins to terminate, a StatefulSet
//! when it is gone.)

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use super::super::default_budget::Rule;
use crate::facts::Pod;

/// A controller that was scaled down, or whose Job is done, never fills the place.
pub const NOT_RECREATED: Duration = Duration::from_secs(60);
/// Pods that were not Ready when the drain began are waited for so long; then they count as if they were not wanted. Else
/// one pod that crashes all the time would keep its healthy neighbours on the old nodes for ever.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The pods of one controller, by UID.
#[derive(Debug, Default)]
pub struct Availability {
    ready: HashSet<String>,
    /// Not Ready, or not any more.
    starting: HashSet<String>,
    /// Their evictions were sent, and they are not seen terminating yet.
    asked: HashSet<String>,
    /// Places of pods that left, and since when these are gone; each until another pod has come.
    vacated: BTreeMap<String, Option<Instant>>,
    /// Places that nobody has filled in time.
    unfilled: usize,
    /// How many were Ready when the drain began, and how many of those that were not still are not.
    before: usize,
    sick: usize,
    /// A Ready pod left for the drain.
    disturbed: bool,
    /// When a replacement last became Ready, or the first place was vacated.
    pub progress: Option<Instant>,
}

impl Availability {
    /// The drain begins: what is so now was so before.
    pub fn begin(&mut self) {
        self.before = self.ready.len();
        self.sick = self.not_serving();
    }

    /// A pod as it is now.
    pub fn see(&mut self, pod: &Pod, now: Instant) {
        let uid = &pod.uid;
        if pod.deleting {
            // One that was terminating when it was first seen may have its replacement already.
            if self.forget(uid) {
                self.vacated.insert(uid.clone(), None);
            }
        } else if pod.is_finished() {
            // A Job's pod that is done; a failed one is recreated as another.
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
        self.sick = self.sick.min(self.not_serving());
    }

    /// A pod is gone. Answers whether its place is vacated now.
    pub fn gone(&mut self, uid: &str, now: Instant) -> bool {
        let left = self.forget(uid);
        match self.vacated.get_mut(uid) {
            Some(since) => *since = since.or(Some(now)),
            None if left => drop(self.vacated.insert(uid.to_string(), Some(now))),
            None => return false,
        }
        true
    }

    /// Its eviction is sent.
    pub fn ask(&mut self, uid: &str, now: Instant) {
        let served = self.ready.remove(uid);
        if served || self.starting.remove(uid) {
            self.asked.insert(uid.to_string());
        }
        if served && !self.disturbed {
            self.disturbed = true;
            self.progress = Some(now);
        }
    }

    /// It stays for now.
    pub fn take_back(&mut self, pod: &Pod) {
        if self.asked.remove(&pod.uid) {
            let back = if pod.ready { &mut self.ready } else { &mut self.starting };
            back.insert(pod.uid.clone());
        }
    }

    /// Whether the place of this pod is vacated, and since when the pod is gone.
    pub fn gone_since(&self, uid: &str) -> Option<Instant> {
        *self.vacated.get(uid)?
    }

    /// Nobody has come for the place of this pod.
    pub fn give_up(&mut self, uid: &str) {
        if self.vacated.remove(uid).is_some() {
            self.unfilled += 1;
        }
    }

    /// How many pods may leave now. After `PATIENCE`, pods that never were Ready count no more.
    pub fn allowed(&self, rule: Rule, patience_is_over: bool) -> usize {
        let expected = self.expected(patience_is_over);
        let stay = expected.saturating_sub(rule.most_unavailable(expected));
        self.ready.len().saturating_sub(stay)
    }

    /// How many pods the controller wants, as far as that can be seen.
    pub fn expected(&self, patience_is_over: bool) -> usize {
        let all = self.ready.len() + self.not_serving();
        all - if patience_is_over { self.sick } else { 0 }
    }

    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    pub fn has_sick(&self) -> bool {
        self.sick > 0
    }

    /// Ready pods fewer than when the drain began, though the controller has the pods or is about to.
    pub fn missing(&self) -> usize {
        if !self.disturbed {
            return 0;
        }
        self.before.min(self.expected(true)).saturating_sub(self.ready.len())
    }

    /// Pods fewer than when the drain began, and the controller created none in their place.
    pub fn not_recreated(&self) -> usize {
        if !self.disturbed {
            return 0;
        }
        self.unfilled.min(self.before.saturating_sub(self.ready.len() + self.missing()))
    }

    /// UIDs of those that are not Ready.
    pub fn starting(&self) -> BTreeSet<&String> {
        self.starting.iter().collect()
    }

    fn not_serving(&self) -> usize {
        self.starting.len() + self.asked.len() + self.vacated.len()
    }

    fn forget(&mut self, uid: &str) -> bool {
        self.ready.remove(uid) | self.starting.remove(uid) | self.asked.remove(uid)
    }

    /// A new pod takes the place that was vacated first; of those whose pods are gone, if there are any.
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
        (0..ready).for_each(|at| all.see(&one(&format!("r{at}")), now));
        (0..sick).for_each(|at| all.see(&Pod { ready: false, ..one(&format!("s{at}")) }, now));
        all.begin();
        all
    }

    #[test]
    fn a_place_is_free_again_only_when_its_replacement_is_ready() {
        let now = Instant::now();
        let mut all = of(8, 0);
        assert_eq!(all.allowed(Rule::Quarter, false), 2);
        all.ask("r0", now);
        assert_eq!(all.allowed(Rule::Quarter, false), 1);
        all.see(&Pod { deleting: true, ..one("r0") }, now);
        all.gone("r0", now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (1, 1));
        all.see(&Pod { ready: false, ..one("new") }, now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (1, 1));
        all.see(&one("new"), now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing()), (2, 0));
        // A refused eviction takes nothing.
        all.ask("r1", now);
        all.take_back(&one("r1"));
        assert_eq!(all.allowed(Rule::Quarter, false), 2);
    }

    #[test]
    fn pods_that_never_were_ready_hold_the_others_for_a_while_and_are_not_missed_at_the_end() {
        let now = Instant::now();
        let mut all = of(2, 2);
        assert_eq!((all.allowed(Rule::Quarter, false), all.allowed(Rule::Quarter, true)), (0, 1));
        all.ask("r0", now);
        assert_eq!(all.allowed(Rule::Quarter, true), 0, "the last Ready pod");
        all.see(&Pod { deleting: true, ..one("r0") }, now);
        all.see(&one("new"), now);
        assert_eq!((all.allowed(Rule::Quarter, true), all.missing()), (1, 0));
        // One of them is well now: it counts from here on.
        all.see(&one("s0"), now);
        assert_eq!(all.expected(true), 3);
    }

    #[test]
    fn a_controller_that_was_scaled_down_goes_on_and_is_said() {
        let now = Instant::now();
        let mut all = of(4, 0);
        all.ask("r0", now);
        all.gone("r0", now);
        assert_eq!((all.allowed(Rule::Quarter, false), all.not_recreated()), (0, 0));
        all.give_up("r0");
        assert_eq!((all.allowed(Rule::Quarter, false), all.missing(), all.not_recreated()), (1, 0, 1));
        all.see(&one("late"), now);
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
