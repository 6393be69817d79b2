//! How many disruptions a PodDisruptionBudget still allows, as far as this program knows.
//!
//! The API server takes an eviction out of `status.disruptionsAllowed` and notes the pod in `status.disruptedPods`,
//! in one write; the disruption controller recounts when it sees the pod terminate (kubernetes, registry/core/pod,
//! eviction.go; controller/disruption). So a status that names the pod, or is read after the pod is gone, includes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::facts::{Budget, Pod};

/// A status this long after an eviction includes it, even if it does not name the pod: an eviction that the budget does
/// not count (of a pod that is not Ready) is never named.
pub(super) const SLOWEST_STATUS: Duration = Duration::from_secs(2);

/// Concurrent evictions under a budget that allows many disruptions. Each writes the budget's status, and one that meets
/// another write has a conflict, after which the API server waits half a second (kubernetes, registry/core/pod,
/// eviction.go, EvictionsRetry): narrow budgets get one eviction at a time. Wide ones have more evictions to send than
/// that. Eight at a time are not faster (drain-bench,
/// 10-nodes-one-deployment).
const SIDE_BY_SIDE: i64 = 4;

/// A budget, and the evictions sent since its status was written.
#[derive(Debug)]
pub(super) struct BudgetLedger {
    pub budget: Budget,
    /// Names of pods whose eviction was sent and is not in the status yet, by UID.
    charged: BTreeMap<String, String>,
    /// The API server refused an eviction that the status allowed: wait for a new status.
    parked: bool,
    /// UIDs of pods whose eviction has no answer yet and counts against the budget.
    unanswered: BTreeSet<String>,
}

/// A ledger during one round of decisions.
pub(super) struct LedgerView<'a> {
    ledger: &'a BudgetLedger,
    /// How many evictions are still allowed, and how many have no answer yet.
    room: i64,
    unanswered: i64,
}

impl BudgetLedger {
    pub(super) fn new(budget: Budget) -> Self {
        BudgetLedger { budget, charged: BTreeMap::new(), parked: false, unanswered: BTreeSet::new() }
    }

    /// Takes a new status. `is_known` says whether it includes an eviction. Returns whether the selector has changed.
    pub(super) fn update(&mut self, budget: &Budget, is_known: impl Fn(&String, &str) -> bool) -> bool {
        let selects_others = self.budget.selector != budget.selector;
        self.budget = budget.clone();
        self.parked = false;
        self.charged.retain(|uid, pod| !is_known(uid, pod));
        selects_others
    }

    pub(super) fn view(&self) -> LedgerView<'_> {
        let allowed = i64::from(self.budget.disruptions_allowed);
        let charged = count(self.charged.len());
        let room = if self.parked || !self.budget.observed { 0 } else { allowed.saturating_sub(charged) };
        LedgerView { ledger: self, room, unanswered: count(self.unanswered.len()) }
    }

    pub(super) fn charge(&mut self, pod: &Pod) {
        if !self.is_free_for(pod) {
            self.charged.insert(pod.uid.clone(), pod.name.clone());
            self.unanswered.insert(pod.uid.clone());
        }
    }

    /// The API server has answered, whatever it said.
    pub(super) fn answered(&mut self, uid: &str) {
        self.unanswered.remove(uid);
    }

    /// The eviction was not decided.
    pub(super) fn release(&mut self, uid: &str) {
        self.charged.remove(uid);
    }

    pub(super) fn refused(&mut self, uid: &str) {
        self.charged.remove(uid);
        self.parked = true;
    }

    /// Whether the eviction does not count against the budget: the pod is not Ready, and the budget is met without it or its
    /// policy always allows it.
    fn is_free_for(&self, pod: &Pod) -> bool {
        let budget = &self.budget;
        let is_met = budget.desired_healthy > 0 && budget.current_healthy >= budget.desired_healthy;
        pod.phase == "Pending" || (!pod.ready && (budget.unhealthy_may_go || is_met))
    }
}

impl LedgerView<'_> {
    /// Charges the budget for a pod; false if it allows no disruption now.
    pub(super) fn take(&mut self, pod: &Pod) -> bool {
        if self.ledger.parked {
            return false;
        }
        if self.ledger.is_free_for(pod) {
            return true;
        }
        let takes = self.has_room();
        if takes {
            self.room -= 1;
            self.unanswered += 1;
        }
        takes
    }

    /// Whether the pod can't be evicted now. Some pods that are not Ready do not count against the budget.
    pub(super) fn is_empty_for(&self, pod: &Pod) -> bool {
        self.ledger.parked || (pod.ready && !self.has_room())
    }

    fn has_room(&self) -> bool {
        let budget = &self.ledger.budget;
        let width = i64::from(budget.expected.saturating_sub(budget.desired_healthy));
        self.room > 0 && self.unanswered < (width / 4).clamp(1, SIDE_BY_SIDE)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
