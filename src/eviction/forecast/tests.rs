use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::facts::Controller;
use crate::sample::{budget, pod};

/// Pods of one budget, that take ten seconds to be Ready.
fn pods(count: usize) -> Vec<Pod> {
    let one = |at| Pod { seconds_to_ready: Some(10), ..pod("shop", &format!("cart-{at}")) };
    (0..count).map(one).collect()
}

/// One that covers all of the namespace, and whose pods are all healthy.
fn covering(least: Least, expected: i32) -> Budget {
    let desired = super::super::budgets::desired_healthy(&least, expected).unwrap();
    Budget {
        expected,
        desired_healthy: desired,
        current_healthy: expected,
        disruptions_allowed: (expected - desired).max(0),
        least,
        ..budget("shop", json!({}))
    }
}

fn min(value: &str) -> Least {
    Least::MinAvailable(value.into())
}

fn max(value: &str) -> Least {
    Least::MaxUnavailable(value.into())
}

fn of(pods: &[Pod], budgets: &[Budget]) -> Forecast {
    forecast(&pods.iter().collect::<Vec<_>>(), pods, budgets, None)
}

#[test]
fn a_budget_whose_spec_allows_no_disruption_is_reported() {
    for (least, replicas, expected) in [
        (max("0"), 3, "maxUnavailable 0 of 3 pods never allows a disruption, even when all are healthy"),
        (max("0%"), 3, "maxUnavailable 0% of 3 pods never allows a disruption, even when all are healthy"),
        (min("3"), 3, "minAvailable 3 of 3 pods never allows a disruption, even when all are healthy"),
        (min("7"), 3, "minAvailable 7 of 3 pods never allows a disruption, even when all are healthy"),
        (min("100%"), 3, "minAvailable 100% of 3 pods never allows a disruption, even when all are healthy"),
        (min("100%"), 1, "minAvailable 100% of 1 pod never allows a disruption, even when all are healthy"),
        (
            min("90%"),
            5,
            "minAvailable 90% of 5 pods never allows a disruption, even when all are healthy (percentages are rounded up)",
        ),
        (min("1"), 1, "minAvailable 1, and there is only one replica"),
        (min("50%"), 1, "minAvailable 50%, and there is only one replica"),
        (max("1%"), 3, ""),
        (min("66%"), 3, ""),
        (min("0"), 1, ""),
        (min("2"), 3, ""),
    ] {
        let count = i32::try_from(replicas).unwrap();
        let found = of(&pods(replicas), &[covering(least.clone(), count)]);
        let causes: Vec<String> = found.impossible.iter().map(|never| never.cause.to_string()).collect();
        assert_eq!(causes.join("; "), expected, "{least} of {replicas}");
        assert_eq!(found.not_now, [], "{least} of {replicas}");
    }
}

#[test]
fn the_fix_is_a_command_for_the_workload() {
    let mut one = pods(1);
    one[0].controller = Some(Controller { kind: "ReplicaSet".into(), name: "cart-5d4f".into() }.into());
    Arc::make_mut(&mut one[0].labels).insert("pod-template-hash".into(), "5d4f".into());
    let fix = |pods: &[Pod], least| of(pods, &[covering(least, 1)]).impossible[0].fix.clone();
    assert!(fix(&one, min("1")).ends_with("kubectl -n shop scale deployment/cart --replicas 2"));
    assert!(fix(&one, min("1")).starts_with("--surge-singletons"));
    one[0].controller = Some(Controller { kind: "StatefulSet".into(), name: "cart".into() }.into());
    assert!(fix(&one, min("1")).ends_with("kubectl -n shop scale statefulset/cart --replicas 2"));
    assert!(!fix(&one, min("1")).contains("--surge-singletons"), "that is for Deployments");
    assert!(fix(&one, max("0")).contains(r#"-p '{"spec":{"minAvailable":null,"maxUnavailable":1}}'"#));
}

#[test]
fn two_budgets_on_a_pod_are_reported_with_both_names() {
    let other = Budget { name: "other".into(), ..covering(max("2"), 3) };
    let mut three = pods(3);
    // The API server asks no budget about these two.
    three[0].phase = "Pending".into();
    three[1].deleting = true;
    let found = of(&three, &[covering(max("1"), 3), other]);
    let [never] = &found.impossible[..] else { panic!("{found:?}") };
    assert_eq!(never.cause, BudgetProblem::ManyBudgets);
    assert_eq!(never.budgets, ["shop/budget", "shop/other"]);
    assert_eq!(never.pods, ["shop/cart-2"]);
}

#[test]
fn an_unhealthy_pod_is_blocked_only_if_its_budget_is_not_met() {
    let mut three = pods(3);
    three[0].ready = false;
    three[0].not_ready_because = Some("containers with unready status: [redis]".into());
    let healthy = |healthy: i32| Budget {
        current_healthy: healthy,
        disruptions_allowed: (healthy - 2).max(0),
        ..covering(max("1"), 3)
    };
    // Met: the unhealthy one may go, and the healthy ones wait for it.
    let found = of(&three, &[healthy(2)]);
    assert_eq!((found.impossible.len(), found.not_now.len()), (0, 1));
    assert_eq!((found.not_now[0].healthy, found.not_now[0].desired), (2, 2));

    let found = of(&three, &[healthy(1)]);
    let [never] = &found.impossible[..] else { panic!("{found:?}") };
    assert_eq!(never.pods, ["shop/cart-0"]);
    assert!(
        never.cause.to_string().ends_with("1 healthy, 2 required (containers with unready status: [redis])")
    );
    assert!(never.fix.contains("AlwaysAllow"));

    // With AlwaysAllow it goes; only the healthy ones wait.
    let found = of(&three, &[Budget { unhealthy_may_go: true, ..healthy(1) }]);
    assert_eq!((found.impossible.len(), found.not_now[0].pods.len()), (0, 2));

    // The pods to be moved are well; another's trouble may end.
    let moving: Vec<&Pod> = three.iter().skip(1).collect();
    let found = forecast(&moving, &three, &[healthy(1)], None);
    assert_eq!((found.impossible.len(), found.not_now.len()), (0, 1));
}

#[test]
fn a_pod_that_the_status_counts_as_evicted_is_named() {
    let mut three = pods(3);
    // One that is terminating is on its way: nothing to be said about it.
    three[1].deleting = true;
    let noted = ["cart-0".to_string(), "cart-1".to_string()].into();
    let budget = Budget { disrupted: noted, disruptions_allowed: 0, ..covering(max("1"), 3) };
    assert_eq!(of(&three, &[budget]).not_now[0].evicted, ["shop/cart-0"]);
}

#[test]
fn a_budget_of_unready_pods_that_requires_none_allows_no_disruption() {
    let mut one = pods(1);
    one[0].ready = false;
    let all = Budget { current_healthy: 0, disruptions_allowed: 0, ..covering(max("100%"), 1) };
    let found = of(&one, &[all]);
    assert!(matches!(found.impossible[0].cause, BudgetProblem::Unhealthy { healthy: 0, desired: 0, .. }));
}

#[test]
fn a_budget_without_a_current_status_is_not_impossible() {
    let new = Budget {
        observed: false,
        expected: 0,
        current_healthy: 0,
        desired_healthy: 0,
        disruptions_allowed: 0,
        ..budget("shop", json!({}))
    };
    let found = of(&pods(3), std::slice::from_ref(&new));
    assert_eq!((found.impossible.len(), found.not_now.len()), (0, 1));
    // Its spec alone says that it never will.
    let found = of(&pods(3), &[Budget { least: min("3"), ..new }]);
    assert!(matches!(found.impossible[0].cause, BudgetProblem::Zero { expected: 3, .. }));
}

#[test]
fn a_budget_of_bare_pods_expects_none_unless_min_available_is_a_number() {
    let bare: Vec<Pod> = pods(2).into_iter().map(|pod| Pod { controller: None, ..pod }).collect();
    let none = |least| Budget { expected: 0, disruptions_allowed: 0, least, ..budget("shop", json!({})) };
    let found = of(&bare, &[none(max("1"))]);
    assert!(matches!(found.impossible[0].cause, BudgetProblem::Uncounted { .. }));
    assert_eq!(of(&bare, &[none(min("1"))]).impossible, []);
}

#[test]
fn time_follows_the_slowest_budget() {
    let seconds = |time: Time| (time.bound.as_secs_f64(), time.estimate.as_secs_f64());
    // 50 pods, 5 at once: 10 rounds, of which 9 wait for replacements.
    let time = of(&pods(50), &[covering(max("5"), 50)]).time;
    assert_eq!(seconds(time), (90.0, 90.0 + 10.0 + 30.0));
    // Without a budget: the API server's pace, and the pods' end.
    assert_eq!(seconds(of(&pods(100), &[]).time), (0.0, 2.0 + 30.0));
    // A long grace period is seldom used up; a short one bounds it.
    let mut short = pods(100);
    short.iter_mut().for_each(|pod| pod.grace_seconds = 5);
    short[0].grace_seconds = 3600;
    assert_eq!(seconds(of(&short[1..], &[]).time).1, 99.0 / 50.0 + 5.0);
    assert_eq!(seconds(of(&short, &[]).time).1, 2.0 + 30.0);
    // What never ends has no time, and takes none from the others.
    assert_eq!(seconds(of(&pods(50), &[covering(max("0"), 50)]).time), (0.0, 31.0));
    // No pod shows how long it takes; one that shows days lost Ready in between.
    let mut unknown = pods(3);
    unknown.iter_mut().for_each(|pod| pod.seconds_to_ready = None);
    unknown[0].seconds_to_ready = Some(300_000);
    assert_eq!(of(&unknown, &[covering(max("1"), 3)]).time.bound, Duration::from_secs(20));
}

#[test]
fn the_fix_for_a_budget_without_status_is_a_number() {
    let message = "kafkas.kafka.strimzi.io does not implement the scale subresource";
    for (least, count, number) in [(max("1"), 3, 2), (max("50%"), 4, 2), (min("80%"), 3, 2), (max("0"), 1, 0)]
    {
        let failed = Budget {
            sync_failed: Some(message.into()),
            observed: false,
            expected: 0,
            disruptions_allowed: 0,
            least,
            ..budget("shop", json!({}))
        };
        let found = of(&pods(count), &[failed]);
        let [never] = &found.impossible[..] else { panic!("{found:?}") };
        assert!(never.cause.to_string().ends_with(message), "{}", never.cause);
        let patch = format!(r#"{{"spec":{{"maxUnavailable":null,"minAvailable":{number}}}}}"#);
        assert!(never.fix.contains(&patch), "{}", never.fix);
    }
}

#[test]
fn the_default_budget_counts_in_the_forecast() {
    let bound = |pods: &[Pod], budgets: &[Budget], own: Option<&BTreeSet<String>>| {
        let moving: Vec<&Pod> = pods.iter().collect();
        forecast(&moving, pods, budgets, own).time.bound.as_secs()
    };
    let none = BTreeSet::new();
    // 50 pods, 13 at once: 4 rounds.
    assert_eq!(bound(&pods(50), &[], Some(&none)), 30);
    assert_eq!(bound(&pods(50), &[], None), 0);
    // A budget of the API's says how many; behind a webhook that fails closed it is one all the same.
    let most = [covering(max("5"), 50)];
    assert_eq!(bound(&pods(50), &most, Some(&none)), 90);
    let behind = ["replicaset/shop/set".to_string()].into();
    assert_eq!(bound(&pods(50), &most, Some(&behind)), 490);
    let bare: Vec<Pod> = pods(4).into_iter().map(|pod| Pod { controller: None, ..pod }).collect();
    assert_eq!(bound(&bare, &[], Some(&none)), 0);
}

#[test]
fn times_are_shown_in_readable_units() {
    for (bound, estimate, expected) in [
        (0, 31, "at least 0 s, about 31 s"),
        (90, 120, "at least 90 s, about 120 s"),
        (210, 211, "at least 3 min, about 4 min"),
        (7_260, 9_000, "at least 2 h 1 min, about 2 h 30 min"),
    ] {
        let time = Time { bound: Duration::from_secs(bound), estimate: Duration::from_secs(estimate) };
        assert_eq!(time.to_string(), expected);
    }
}

proptest! {
    #[test]
    fn the_estimate_is_never_below_the_bound(
        apps in prop::collection::vec((1..40usize, 1..10i32, 0..100u32, 0..120i64), 1..5),
    ) {
        let mut all = Vec::new();
        let mut budgets = Vec::new();
        let mut slowest = 0;
        for (app, (count, at_once, ready, grace)) in apps.into_iter().enumerate() {
            let namespace = format!("app-{app}");
            let one = |at| Pod {
                seconds_to_ready: Some(ready),
                grace_seconds: grace,
                ..pod(&namespace, &format!("pod-{at}"))
            };
            all.extend((0..count).map(one));
            budgets.push(Budget {
                namespace: namespace.clone(),
                ..covering(max(&at_once.to_string()), i32::try_from(count).unwrap())
            });
            let rounds = count.div_ceil(usize::try_from(at_once).unwrap()) as u64;
            slowest = slowest.max((rounds - 1) * u64::from(ready));
        }
        let found = of(&all, &budgets);
        prop_assert_eq!(found.time.bound, Duration::from_secs(slowest));
        prop_assert!(found.time.estimate >= found.time.bound);
        prop_assert_eq!(found.impossible, []);
    }

    /// What is allowed when all are healthy is neither impossible nor waited for, and the other way round.
    #[test]
    fn a_healthy_budget_is_either_impossible_or_free(value in 0..8i32, percent in any::<bool>(), least in any::<bool>(), count in 1..8usize) {
        let text = if percent { format!("{}%", value * 15) } else { value.to_string() };
        let spec = if least { min(&text) } else { max(&text) };
        let healthy = covering(spec, i32::try_from(count).unwrap());
        let found = of(&pods(count), std::slice::from_ref(&healthy));
        prop_assert_eq!(found.impossible.len(), usize::from(healthy.disruptions_allowed == 0));
        prop_assert_eq!(found.not_now, []);
    }
}
