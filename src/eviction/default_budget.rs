//! The default budget of each controller during a drain, in addition to its PodDisruptionBudgets. Pure.
//!
//! Without a PodDisruptionBudget the API server would allow evicting all pods of a Deployment at once. A budget can allow
//! that too (`maxUnavailable: 100%`, or one budget for several Deployments). And if no pod behind a webhook with
//! failurePolicy Fail is Ready, replacement pods can't be created.

use std::collections::BTreeSet;

use crate::facts::{Facts, Pod};
use crate::text::counted;

/// How many pods of a controller may be unavailable at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No PodDisruptionBudget covers the pods: as with `maxUnavailable: 25%`.
    Quarter,
    /// The pods serve a webhook whose failurePolicy is Fail: one at a time.
    One,
    /// A PodDisruptionBudget covers the pods and sets the limit; the last Ready pod stays.
    LastStays,
}

impl Rule {
    /// For pods that a PodDisruptionBudget covers, or none; behind a webhook that fails closed, or not.
    pub(crate) fn of(covered: bool, fail_closed: bool) -> Self {
        match (fail_closed, covered) {
            (true, _) => Rule::One,
            (false, true) => Rule::LastStays,
            (false, false) => Rule::Quarter,
        }
    }

    /// The limit for this many pods. A percentage is rounded up, as in a PodDisruptionBudget; that keeps one of two. A
    /// single pod is evicted, because it has no replacement.
    pub(crate) fn most_unavailable(self, expected: usize) -> usize {
        match self {
            Rule::Quarter => expected.div_ceil(4),
            Rule::One => 1,
            Rule::LastStays => expected.saturating_sub(1).max(1),
        }
    }

    /// The limit as text: `at most 2 of 8 pods unavailable at a time`.
    pub(crate) fn describe(self, expected: usize) -> String {
        let most = self.most_unavailable(expected);
        match self {
            Rule::Quarter | Rule::One => {
                format!("at most {most} of {} unavailable at a time", counted(expected, "pod"))
            }
            Rule::LastStays => format!("at least 1 of {} stays Ready", counted(expected, "pod")),
        }
    }
}

/// Controllers of pods behind webhooks whose failurePolicy is Fail, by `Pod::workload_name`.
pub(crate) fn fail_closed(facts: &Facts) -> BTreeSet<String> {
    let webhooks = facts.backends.webhooks.iter().filter(|webhook| webhook.must_answer);
    let behind: BTreeSet<&String> = webhooks.flat_map(|webhook| webhook.backend.pods.keys()).collect();
    if behind.is_empty() {
        return BTreeSet::new();
    }
    facts.pods.iter().filter(|pod| behind.contains(&pod.full_name())).filter_map(Pod::workload_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_of_two_or_more_keeps_one_and_the_only_pod_may_go() {
        for rule in [Rule::Quarter, Rule::One, Rule::LastStays] {
            assert_eq!(rule.most_unavailable(1), 1, "{rule:?}");
            for expected in 2..200 {
                let most = rule.most_unavailable(expected);
                assert!((1..expected).contains(&most), "{rule:?} of {expected}: {most}");
            }
        }
        for (expected, most) in [(2, 1), (4, 1), (5, 2), (8, 2), (9, 3), (50, 13)] {
            assert_eq!(Rule::Quarter.most_unavailable(expected), most, "a quarter of {expected}");
        }
    }

    #[test]
    fn a_webhook_that_fails_closed_outweighs_a_budget_that_allows_more() {
        assert_eq!(Rule::of(true, true), Rule::One);
        assert_eq!(Rule::of(false, true), Rule::One);
        assert_eq!(Rule::of(true, false), Rule::LastStays);
        assert_eq!(Rule::of(false, false), Rule::Quarter);
    }
}
