//! Tests of the benchmark itself: its lower bound and its count of healthy pods.

use std::collections::BTreeMap;

use serde_json::json;

use super::bound::{Bound, Rates};
use super::ledger::{Budget, Ledger, Pod};
use super::scenario::{self, App, Scenario};

fn workload(replicas: u32, budget: Option<scenario::Budget>) -> Scenario {
    let app = App { namespace: "shop".into(), name: "app".into(), replicas, budget, ready_after: 5 };
    Scenario::new("", "", (1, 1, 1), vec![app.clone(), App { replicas: 1, ..app }])
}

#[test]
fn the_bound_excludes_the_wait_after_the_slowest_deployment_s_last_round() {
    use scenario::Budget::{Keep, Percent, Pods};
    let cases = [
        (50, Some(Pods(1)), 49.0 * 5.0),
        (50, Some(Pods(5)), 9.0 * 5.0),
        // 12.5 pods, rounded up: 13 + 13 + 13 + 11.
        (50, Some(Percent(25)), 3.0 * 5.0),
        (10, Some(Keep(8)), 4.0 * 5.0),
        // The default budget: a quarter, rounded up.
        (50, None, 3.0 * 5.0),
        // The last Ready pod stays: 49 + 1.
        (50, Some(Pods(60)), 5.0),
    ];
    for (replicas, budget, seconds) in cases {
        let bound = Bound::of(&workload(replicas, budget), None);
        assert!((bound.seconds() - seconds).abs() < 1e-9, "{replicas} pods, {budget:?}: {}", bound.seconds());
        let slower = Bound::of(&workload(replicas, budget).slower(3), None);
        assert!((slower.seconds() - 3.0 * seconds).abs() < 1e-9, "{replicas} pods, {budget:?}");
    }
}

#[test]
fn on_a_slow_machine_evictions_and_the_replacements_they_need_set_the_bound() {
    let rates = Some(Rates { gone: 10.0, replaced: 2.0 });
    let all_at_once = Bound::of(&workload(99, Some(scenario::Budget::Pods(99))), rates);
    assert!((all_at_once.seconds() - 10.0).abs() < 1e-9);
    // Of 99 pods the last 9 need no replacement.
    let by_nines = Bound::of(&workload(99, Some(scenario::Budget::Pods(9))), rates);
    assert_eq!(by_nines.machine, Some(45.0));
    assert_eq!((all_at_once.set_by(), by_nines.set_by()), ("machine", "budgets"));
}

fn pod(uid: &str, node: &str, healthy: bool) -> Pod {
    Pod {
        uid: uid.into(),
        namespace: "shop".into(),
        name: uid.into(),
        node: Some(node.into()),
        labels: BTreeMap::from([("app".into(), "cart".into())]),
        healthy,
        of_daemon_set: false,
    }
}

fn budget(most: u32) -> Budget {
    Budget {
        uid: "budget".into(),
        namespace: "shop".into(),
        name: "cart".into(),
        spec: json!({ "maxUnavailable": most, "selector": { "matchLabels": { "app": "cart" } } }),
        allowed: most.into(),
        desired: u64::from(3 - most),
    }
}

/// Three healthy pods on an old node, of which two must stay available.
fn begun() -> Ledger {
    let mut ledger = Ledger::new(["old".to_string()].into());
    ledger.budgets_listed(vec![budget(1)]);
    ledger.pods_listed(["a", "b", "c"].map(|uid| pod(uid, "old", true)).to_vec());
    assert!(ledger.budgets_are_settled());
    ledger.begin();
    ledger
}

#[test]
fn evicting_one_pod_after_another_violates_no_budget() {
    let mut ledger = begun();
    for (old, new) in [("a", "d"), ("b", "e"), ("c", "f")] {
        ledger.pod_seen(pod(old, "old", false));
        ledger.pod_seen(pod(new, "new", false));
        ledger.pod_gone(old);
        ledger.pod_seen(pod(new, "new", true));
    }
    assert!(ledger.emptied_at() < ledger.available_at());
    let (violations, budgets) = ledger.end();
    assert_eq!(violations, Vec::<String>::new());
    assert_eq!((budgets[0].lowest, budgets[0].least), (2, 2));
}

#[test]
fn one_pod_too_many_is_one_violation_however_long_it_lasts() {
    let mut ledger = begun();
    ledger.pod_seen(pod("a", "old", false));
    ledger.pod_seen(pod("b", "old", false));
    ledger.pod_seen(pod("b", "old", false));
    ledger.pod_gone("b");
    assert_eq!(ledger.emptied_at(), None);
    let (violations, budgets) = ledger.end();
    assert_eq!(violations, ["shop/cart: 1 healthy, minimum 2"]);
    assert_eq!(budgets[0].lowest, 1);
}

#[test]
fn loosening_or_deleting_a_budget_is_a_violation() {
    let mut ledger = begun();
    ledger.budget_seen(budget(2));
    ledger.budget_gone("budget");
    assert_eq!(ledger.end().0, ["shop/cart was changed", "shop/cart was deleted"]);
}

#[test]
fn pods_that_disappear_unseen_are_detected_by_the_next_list() {
    let mut ledger = begun();
    ledger.pods_listed(vec![pod("c", "new", true)]);
    assert_eq!(ledger.counts().pods, 1);
    assert!(ledger.emptied_at().is_some());
    assert_eq!(ledger.end().1[0].lowest, 1);
}
