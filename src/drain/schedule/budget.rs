//! What room a PodDisruptionBudget has left, as far as it is known here.
//!
//! The API server takes an eviction out of `status.disruptionsAllowed` and notes the pod in `status.disruptedPods`,
//! in one write; the disruption controller counts anew when it sees the pod end (kubernetes, registry/core/pod,
//! eviction.go; controller/disruption). So a status that names the pod, or is read after the pod's end, knows of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::facts::{Budget, Pod};

/// A status that comes so long after an eviction was let go knows of it, whatever it names: one that took nothing out
/// of the budget (a pod that was not Ready) is never named.
pub const SLOWEST_STATUS: Duration = Duration::from_secs(2);

/// A budget, and what was taken out of it since its status was written.
#[derive(Debug)]
pub struct Purse {
    pub budget: Budget,
    /// By UID: names of pods whose eviction was sent and that the status doesn't know of.
    spent: BTreeMap<String, String>,
    /// The API server said no to what we took for room: wait until the status moves.
    parked: bool,
    /// UID of the pod whose eviction it has yet to answer, where that takes something out of the budget.
    asking: Option<String>,
}

/// A purse that is being paid from.
pub struct Looked<'a> {
    purse: &'a Purse,
    room: i64,
    asks: bool,
}

impl Purse {
    pub fn new(budget: Budget) -> Self {
        Purse { budget, spent: BTreeMap::new(), parked: false, asking: None }
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
        let spent = i64::try_from(self.spent.len()).unwrap_or(i64::MAX);
        let room = if self.parked || !self.budget.observed { 0 } else { allowed.saturating_sub(spent) };
        Looked { purse: self, room, asks: self.asking.is_some() }
    }

    pub fn spend(&mut self, pod: &Pod) {
        if !self.is_free_for(pod) {
            self.spent.insert(pod.uid.clone(), pod.name.clone());
            self.asking = Some(pod.uid.clone());
        }
    }

    /// The API server has answered, whatever it said.
    pub fn answered(&mut self, uid: &str) {
        self.asking.take_if(|asking| asking == uid);
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
    /// Takes room for a pod; false where there is none for it.
    ///
    /// One eviction at a time: each writes the budget's status, and of two at once one meets a conflict, for which
    /// the API server lets it wait half a second (kubernetes, registry/core/pod, eviction.go, EvictionsRetry).
    pub fn pay(&mut self, pod: &Pod) -> bool {
        if self.purse.parked {
            return false;
        }
        if self.purse.is_free_for(pod) {
            return true;
        }
        let pays = self.room > 0 && !self.asks;
        self.asks |= pays;
        pays
    }

    /// Nobody can pay any more; of pods that are not Ready some need not.
    pub fn is_empty_for(&self, pod: &Pod) -> bool {
        self.purse.parked || ((self.room <= 0 || self.asks) && pod.ready)
    }
}
