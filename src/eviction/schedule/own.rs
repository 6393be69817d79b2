//! How the schedule applies the default budget of controllers.

use std::time::Instant;

use super::{NOT_RECREATED, PATIENCE, QueueKey, Rule, Schedule};
use crate::facts::Pod;

impl Schedule {
    pub(super) fn note_availability(&mut self, pod: &Pod, now: Instant) {
        if pod.mirror || pod.is_of_daemon_set() {
            return;
        }
        let name = match self.members.get(&pod.uid) {
            Some(name) => name.clone(),
            None => {
                let Some(name) = pod.workload_name() else { return };
                let known = self.availability.get_key_value(name.as_str());
                let name = known.map_or_else(|| name.as_str().into(), |(known, _)| known.clone());
                self.members.insert(pod.uid.clone(), name.clone());
                name
            }
        };
        self.availability.entry(name).or_default().update(pod, now);
    }

    pub(super) fn note_gone(&mut self, uid: &str, now: Instant) {
        let of = self.members.get(uid).and_then(|name| self.availability.get_mut(name));
        match of.is_some_and(|pods| pods.gone(uid, now)) {
            true => self.vacated.push_back((now + NOT_RECREATED, uid.to_string())),
            false => drop(self.members.remove(uid)),
        }
    }

    /// Called before each decision; the first call starts the drain.
    pub(super) fn begin(&mut self, now: Instant) {
        match self.began {
            Some(began) => self.patience_is_over |= now >= began + PATIENCE,
            None => {
                self.began = Some(now);
                self.availability.values_mut().for_each(|pods| pods.begin());
            }
        }
    }

    /// Stops waiting for replacements that were not created in time.
    pub(super) fn free_unfilled(&mut self, now: Instant) {
        while let Some((until, uid)) = self.vacated.front() {
            if *until > now && self.is_vacated(uid) {
                break;
            }
            let Some((_, uid)) = self.vacated.pop_front() else { break };
            if let Some(name) = self.members.remove(&uid)
                && let Some(pods) = self.availability.get_mut(&name)
            {
                pods.give_up(&uid);
            }
        }
    }

    pub(super) fn is_vacated(&self, uid: &str) -> bool {
        let pods = self.members.get(uid).and_then(|name| self.availability.get(name));
        pods.is_some_and(|pods| pods.gone_since(uid).is_some())
    }

    /// The default budget's rule for the pods of a queue; none for bare pods.
    pub(super) fn rule(&self, key: &QueueKey) -> Option<Rule> {
        let name = key.controller.as_ref().filter(|_| self.controllers.default_budget)?;
        Some(Rule::of(!key.budgets.is_empty(), self.controllers.fail_closed.contains(name)))
    }

    /// How many Ready pods of a queue the default budget allows to evict now; none if there is no such budget.
    pub(super) fn allowed(&self, key: &QueueKey) -> Option<usize> {
        let rule = self.rule(key)?;
        let pods = self.availability.get(key.controller.as_deref()?)?;
        Some(pods.allowed(rule, self.patience_is_over))
    }

    /// How many pods a budget or a controller allows at a time, before the first eviction.
    pub(super) fn at_once(&self, held_by: &str) -> usize {
        if let Some(ledger) = self.ledgers.get(held_by) {
            return usize::try_from(ledger.budget.disruptions_allowed).unwrap_or_default();
        }
        let key = QueueKey { budgets: Vec::new(), controller: Some(held_by.into()) };
        self.allowed(&key).unwrap_or(usize::MAX)
    }
}
