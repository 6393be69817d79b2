//! What room a PodDisruptionBudget has left, as far as it is known here.
//!
//! The API server takes an eviction out of `status.disruptionsAllowed` and notes the pod in `status.disruptedPods`,
//! in one write; the disruption controller counts anew when it sees the pod end (kubernetes, registry/core/pod,
//! eviction.go; controller/disruption). So a status that names the pod, or is read after the pod's end, knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::facts::{Budget, Pod};

/// A status that comes so long after an eviction was let go knows of it, whatever it names: one that took nothing out
/// of the budget (a pod that was not Ready) is never named.
pub const SLOWEST_STATUS: Duration = Duration::from_secs(2);

/// Evictions at a time under a budget that lets go many pods. Each writes the budget's status, and one that meets
/// another write has a conflict, for which the API server lets it wait half a second (kubernetes, registry/core/pod,
/// eviction.go, EvictionsRetry): narrow budgets are asked for one pod after the other. Wide ones have more to send than
/// can be sent so before their replacements are Ready. Eight at a time were no quicker (drain-bench,
/// 10-nodes-one-deployment).
const SIDE_BY_SIDE: i64 = 4;

/// A budget, and what was taken out of it since its status was written.
#[derive(Debug)]
pub struct Purse {
    pub budget: Budget,
    /// By UID: names of pods whose eviction was sent and that the status doesn't know of.
    spent: BTreeMap<String, String>,
    /// The API server said no to what we took for room: wait until the status moves.
    parked: bool,
    /// UIDs of pods whose eviction it has yet to answer, where that takes something out of the budget.
    asking: BTreeSet<String>,
}

/// A purse that is being paid from.
pub struct Looked<'a> {
    purse: &'a Purse,
    /// What may still be taken, and how much of what was taken has no answer yet.
    room: i64,
    asking: i64,
}

impl Purse {
    pub fn new(budget: Budget) -> Self {
        Purse { budget, spent: BTreeMap::new(), parked: false, asking: BTreeSet::new() }
    }

    /// Takes a new status. `is_known` tells whether it knows of an eviction. Answers whether it selects others now.
    pub fn now(&mut self, budget: &Budget, is_known: impl Fn(&String, &str) -> bool) -> bool {
        let selects_others = self.budget.selector != budget.selector;
        self.budget = budget.clone();
        self.parked = false;
        self.spent.retain(|uid, pod| !is_known(uid, pod));
        selects_others
    }

    pub fn look(&self) -> Looked<'_> {
        let allowed = i64::from(self.budget.disruptions_allowed);
        let spent = count(self.spent.len());
        let room = if self.parked || !self.budget.observed { 0 } else { allowed.saturating_sub(spent) };
        Looked { purse: self, room, asking: count(self.asking.len()) }
    }

    pub fn spend(&mut self, pod: &Pod) {
        if !self.is_free_for(pod) {
            self.spent.insert(pod.uid.clone(), pod.name.clone());
            self.asking.insert(pod.uid.clone());
        }
    }

    /// The API server has answered, whatever it said.
    pub fn answered(&mut self, uid: &str) {
        self.asking.remove(uid);
    }

    /// The eviction never came to a decision.
    pub fn take_back(&mut self, uid: &str) {
        self.spent.remove(uid);
    }

    pub fn refused(&mut self, uid: &str) {
        self.spent.remove(uid);
        self.parked = true;
    }

    /// Whether the pod may go without taking anything out of the budget: one that serves nobody, where the budget is
    /// met without it or its policy lets it go in any case.
    fn is_free_for(&self, pod: &Pod) -> bool {
        let budget = &self.budget;
        let is_met = budget.desired_healthy > 0 && budget.current_healthy >= budget.desired_healthy;
        pod.phase == "Pending" || (!pod.ready && (budget.unhealthy_may_go || is_met))
    }
}

impl Looked<'_> {
    /// Takes room for a pod; false where there is none for it now.
    pub fn pay(&mut self, pod: &Pod) -> bool {
        if self.purse.parked {
            return false;
        }
        if self.purse.is_free_for(pod) {
            return true;
        }
        let pays = self.takes_more();
        if pays {
            self.room -= 1;
            self.asking += 1;
        }
        pays
    }

    /// Nobody can pay any more; of pods that are not Ready some need not.
    pub fn is_empty_for(&self, pod: &Pod) -> bool {
        self.purse.parked || (pod.ready && !self.takes_more())
    }

    fn takes_more(&self) -> bool {
        let budget = &self.purse.budget;
        let width = i64::from(budget.expected.saturating_sub(budget.desired_healthy));
        self.room > 0 && self.asking < (width / 4).clamp(1, SIDE_BY_SIDE)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
