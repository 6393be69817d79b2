//! Which PodDisruptionBudgets cover a pod, and how many disruptions a budget allows by its spec. Pure.

use std::collections::{BTreeMap, HashMap};

use kube::core::{Expression, Selector, SelectorExt as _};

use crate::facts::{Budget, Least, Pod};

/// What it means that `status.disruptedPods` names a pod that is not terminating. The disruption controller drops the
/// entry when it sees the pod terminate, else two minutes after the eviction (kubernetes, pkg/controller/disruption,
/// buildDisruptedPodMap and DeletionTimeout). A StatefulSet's next pod has the name of the one before.
pub(crate) const COUNTED_AS_EVICTED: &str = "the budget's status.disruptedPods still counts it as evicted; the disruption \
                                      controller removes the entry at most 2 minutes after the eviction";

/// Whether the budget's selector matches the pod.
pub(crate) fn covers(budget: &Budget, pod: &Pod) -> bool {
    budget.namespace == pod.namespace && selects(budget.selector.as_ref(), &pod.labels)
}

/// For each pod, in the order given, the indexes in `budgets` of the budgets that cover it, in order.
///
/// Budgets are indexed by namespace and one of their labels, because a namespace can have thousands of pods and hundreds
/// of budgets.
pub(crate) fn cover<'a>(pods: impl IntoIterator<Item = &'a Pod>, budgets: &[Budget]) -> Vec<Vec<usize>> {
    let asked: Vec<_> = budgets.iter().map(|budget| budget.selector.as_ref().and_then(one_label)).collect();
    let mut by_label: HashMap<(&str, &str, &str), Vec<usize>> = HashMap::new();
    let mut without_label: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, (budget, asked)) in budgets.iter().zip(&asked).enumerate() {
        match asked {
            Some((key, value)) => by_label.entry((&budget.namespace, key, value)).or_default().push(at),
            None => without_label.entry(&budget.namespace).or_default().push(at),
        }
    }
    let covering = |pod: &Pod| {
        let namespace = pod.namespace.as_str();
        let labelled = pod
            .labels
            .iter()
            .filter_map(|(key, value)| by_label.get(&(namespace, key.as_str(), value.as_str())));
        let near = labelled.chain(without_label.get(namespace)).flatten().copied();
        let mut found: Vec<usize> =
            near.filter(|at| selects(budgets[*at].selector.as_ref(), &pod.labels)).collect();
        found.sort_unstable();
        found
    };
    pods.into_iter().map(covering).collect()
}

/// Whether a budget's selector selects a pod with these labels: a missing selector selects no pod, an empty one all
/// (apimachinery, meta/v1, LabelSelectorAsSelector).
fn selects(selector: Option<&Selector>, labels: &BTreeMap<String, String>) -> bool {
    selector.is_some_and(|selector| selector.matches(labels))
}

/// A label that every selected pod has, with its value.
fn one_label(selector: &Selector) -> Option<(String, String)> {
    selector.clone().into_iter().find_map(|expression| match expression {
        Expression::Equal(key, value) => Some((key, value)),
        _ => None,
    })
}

/// How many of `expected` pods must stay healthy, as the disruption controller computes it; none if the spec is invalid.
pub(crate) fn desired_healthy(least: &Least, expected: i32) -> Option<i32> {
    match least {
        Least::MinAvailable(value) => scaled(value, expected),
        Least::MaxUnavailable(value) => Some(expected.saturating_sub(scaled(value, expected)?).max(0)),
    }
}

/// Disruptions that the budget allows at a time while all `expected` pods are healthy; none if it expects no pods (disruption
/// controller, updatePdbStatus).
pub(crate) fn most_allowed(least: &Least, expected: i32) -> Option<i32> {
    Some(expected.saturating_sub(desired_healthy(least, expected)?).max(0))
}

/// A number, or a percentage of the whole. Both minAvailable and maxUnavailable are rounded up (disruption
/// controller, getExpectedPodCount: GetScaledValueFromIntOrPercent with roundUp).
fn scaled(value: &str, whole: i32) -> Option<i32> {
    let Some(percent) = value.strip_suffix('%') else { return value.parse().ok() };
    let percent: i64 = percent.parse().ok()?;
    let hundredths = percent.checked_mul(i64::from(whole.max(0)))?;
    i32::try_from(hundredths.div_euclid(100) + i64::from(hundredths.rem_euclid(100) > 0)).ok()
}

#[cfg(test)]
mod tests;
