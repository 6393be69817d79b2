//! How long a drain takes: the lower bound, and an estimate.
//!
//! A drain is not faster than its slowest budget, which allows d of its k pods at a time and waits each time until the
//! replacements are Ready.

use std::fmt;
use std::time::Duration;

use crate::facts::Pod;
use crate::text::{about, at_least};

/// Used if no pod of a budget shows how long it took to become Ready.
const SECONDS_TO_READY: u32 = 10;
/// Longer times are ignored: the pod lost Ready and became Ready again, so they are not start times.
const TOO_LONG: u32 = 3600;
/// Most programs stop well before the end of their grace period; 30 s is the default.
const LONGEST_STOP: i64 = 30;
/// From a Ready pod to the next eviction: the disruption controller, the watch and the call.
const ROUND: f64 = 1.0;
/// What an API server with default limits handles besides its other load.
const EVICTIONS_PER_SECOND: f64 = 50.0;

/// Predicted for a whole drain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// The lower bound, if all pods stopped immediately.
    pub bound: Duration,
    /// With pods that stop at the end of their grace period, or after half a minute, and what each call costs.
    pub estimate: Duration,
}

/// The pods that wait for one budget.
pub(crate) struct BudgetQueue {
    rounds: u64,
    seconds_to_ready: u32,
    grace: i64,
}

impl BudgetQueue {
    /// `pods` are to be evicted, `members` are all that the budget covers, `allowed` is the number at a time.
    pub(crate) fn new(pods: &[&Pod], members: &[&Pod], allowed: i32) -> Self {
        let seen = members.iter().filter_map(|pod| pod.seconds_to_ready);
        let mut seen: Vec<u32> = seen.filter(|seconds| *seconds <= TOO_LONG).collect();
        seen.sort_unstable();
        // A budget that allows none is reported as an issue, and has no time.
        let rounds = match u64::try_from(allowed) {
            Ok(at_once @ 1..) => (pods.len() as u64).div_ceil(at_once),
            _ => 0,
        };
        BudgetQueue {
            rounds,
            seconds_to_ready: seen.get(seen.len() / 2).copied().unwrap_or(SECONDS_TO_READY),
            grace: longest_stop(pods),
        }
    }

    fn bound(&self) -> f64 {
        self.rounds.saturating_sub(1) as f64 * f64::from(self.seconds_to_ready)
    }

    fn estimate(&self) -> f64 {
        self.bound() + self.rounds as f64 * ROUND + self.grace as f64
    }
}

impl Time {
    /// Of these pods in all, some of which wait in queues.
    pub(crate) fn of(moving: &[&Pod], queues: &[BudgetQueue]) -> Self {
        let rate = moving.iter().filter(|pod| !pod.deleting).count() as f64 / EVICTIONS_PER_SECOND;
        let longest = |of: fn(&BudgetQueue) -> f64| queues.iter().map(of).fold(0.0, f64::max);
        let bound = longest(BudgetQueue::bound);
        let estimate = (rate + longest_stop(moving) as f64).max(longest(BudgetQueue::estimate));
        Time { bound: Duration::from_secs_f64(bound), estimate: Duration::from_secs_f64(estimate) }
    }
}

fn longest_stop(pods: &[&Pod]) -> i64 {
    pods.iter().map(|pod| pod.grace_seconds.clamp(0, LONGEST_STOP)).max().unwrap_or_default()
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bound, estimate) = (self.bound.as_secs(), self.estimate.as_secs_f64().ceil() as u64);
        write!(f, "at least {}, about {}", at_least(bound), about(estimate))
    }
}
