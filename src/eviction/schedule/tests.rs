mod cluster;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::sets::SET_GIVES_UP;
use super::*;
use crate::facts::{Controller, Least, Terminating};
use crate::sample::pod;
use cluster::{play, wanted};

const ALL: Limits = Limits { in_flight: usize::MAX, nodes: usize::MAX, pod: None, skip: None };

fn nodes(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn schedule(names: &[&str], limits: Limits) -> Schedule {
    Schedule::new(&nodes(names), Controllers::default(), limits, |_| Ok(None))
}

fn on(node: &str, name: &str, app: &str) -> Pod {
    Pod {
        uid: format!("uid-{name}"),
        node: node.into(),
        phase: "Running".into(),
        ready: true,
        labels: Arc::new([("app".into(), app.into())].into()),
        controller: None,
        ..pod("shop", name)
    }
}

fn allowing(app: &str, allowed: i32, expected: i32) -> Budget {
    Budget {
        namespace: "shop".into(),
        name: app.into(),
        selector: Some([("app".to_string(), app.to_string())].into_iter().collect()),
        least: Least::MaxUnavailable(allowed.to_string()),
        unhealthy_may_go: false,
        disruptions_allowed: allowed,
        current_healthy: expected,
        desired_healthy: expected - allowed,
        expected,
        observed: true,
        sync_failed: None,
        disrupted: BTreeSet::new(),
    }
}

fn names(pods: &[Pod]) -> Vec<&str> {
    let mut names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_budget_allows_the_next_eviction_when_its_status_says_so() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    for name in ["web-1", "web-2", "web-3"] {
        schedule.pod(on("a", name, "web"), now);
    }
    schedule.budget(allowing("web", 1, 3), now);
    schedule.arrange();
    assert_eq!(schedule.next(now).len(), 1);
    assert_eq!(schedule.next(now).len(), 0);
    // The same status again, from before the eviction: it allows nothing new.
    schedule.budget(allowing("web", 1, 3), now);
    assert_eq!(schedule.next(now).len(), 0);
    let asked = "uid-web-1";
    schedule.answered(asked, Answer::Accepted, now);
    let noted = Budget { disrupted: ["web-1".into()].into(), ..allowing("web", 0, 3) };
    schedule.budget(noted, now);
    assert_eq!(schedule.next(now).len(), 0);
    schedule.pod_gone(asked, now);
    schedule.budget(allowing("web", 1, 3), now);
    assert_eq!(schedule.next(now).len(), 1);
}

#[test]
fn a_refused_eviction_stops_its_queue_until_the_status_changes() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    schedule.pod(on("a", "web-1", "web"), now);
    schedule.pod(on("a", "free", "free"), now);
    schedule.budget(allowing("web", 1, 2), now);
    assert_eq!(names(&schedule.next(now)), ["free", "web-1"]);
    schedule.answered("uid-web-1", Answer::NoDisruptions("pdb".into()), now);
    assert_eq!(schedule.next(now + Duration::from_secs(600)).len(), 0);
    schedule.budget(allowing("web", 1, 2), now);
    assert_eq!(names(&schedule.next(now)), ["web-1"]);
}

#[test]
fn a_narrow_budget_gets_one_eviction_at_a_time_and_budgets_run_in_parallel() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    for app in ["web", "api"] {
        for number in 1..=3 {
            schedule.pod(on("a", &format!("{app}-{number}"), app), now);
        }
        schedule.budget(allowing(app, 2, 3), now);
    }
    schedule.arrange();
    assert_eq!(names(&schedule.next(now)), ["api-1", "web-1"]);
    assert_eq!(schedule.next(now).len(), 0);
    schedule.answered("uid-web-1", Answer::Accepted, now);
    assert_eq!(names(&schedule.next(now)), ["web-2"]);
    // The pod is gone before the answer comes, and the answer still counts.
    schedule.pod_gone("uid-api-1", now);
    schedule.answered("uid-api-1", Answer::Gone, now);
    assert_eq!(names(&schedule.next(now)), ["api-2"]);
}

#[test]
fn a_wide_budget_gets_several_evictions_at_a_time() {
    let now = Instant::now();
    for (allowed, at_once) in [(7, 1), (8, 2), (13, 3), (50, 4)] {
        let mut schedule = schedule(&["a"], ALL);
        for number in 0..allowed {
            schedule.pod(on("a", &format!("web-{number:02}"), "web"), now);
        }
        schedule.budget(allowing("web", allowed, 100), now);
        schedule.arrange();
        let mut asked = schedule.next(now);
        assert_eq!(asked.len(), at_once, "{allowed} allowed");
        // Each answer lets others follow, until each pod was tried once and the budget is used up.
        let mut sent = 0;
        let mut most = asked.len();
        while let Some(pod) = asked.pop() {
            sent += 1;
            schedule.answered(&pod.uid, Answer::Accepted, now);
            asked.extend(schedule.next(now));
            most = most.max(asked.len());
        }
        assert_eq!((sent, most), (allowed, at_once), "{allowed} allowed");
    }
}

#[test]
fn a_pod_under_two_budgets_is_evicted_only_after_one_is_deleted() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    schedule.budget(allowing("web", 1, 2), now);
    let other = Budget { name: "also".into(), ..allowing("web", 1, 2) };
    schedule.budget(other, now);
    schedule.pod(on("a", "web-1", "web"), now);
    assert_eq!(schedule.next(now).len(), 0);
    assert!(schedule.is_stuck(now));
    schedule.budget_gone("shop/also");
    assert_eq!(names(&schedule.next(now)), ["web-1"]);
}

#[test]
fn pods_that_are_not_ready_are_evicted_as_their_budget_allows() {
    let now = Instant::now();
    let sick = |name: &str| Pod { ready: false, ..on("a", name, "web") };
    let cases = [
        // Below the minimum, the default policy keeps unhealthy pods too.
        (Budget { current_healthy: 1, desired_healthy: 2, ..allowing("web", 0, 3) }, 0),
        (
            Budget {
                current_healthy: 1,
                desired_healthy: 2,
                unhealthy_may_go: true,
                ..allowing("web", 0, 3)
            },
            1,
        ),
        // The budget is met without them: they may be evicted.
        (Budget { current_healthy: 2, desired_healthy: 2, ..allowing("web", 0, 3) }, 1),
    ];
    for (budget, expected) in cases {
        let mut schedule = schedule(&["a"], ALL);
        schedule.pod(sick("web-1"), now);
        schedule.pod(on("a", "web-2", "web"), now);
        schedule.budget(budget.clone(), now);
        assert_eq!(schedule.next(now).len(), expected, "{budget:?}");
    }
}

#[test]
fn a_statefulset_moves_one_pod_at_a_time_from_its_highest_ordinal() {
    let now = Instant::now();
    let member = |node: &str, name: &str, uid: &str| Pod {
        uid: uid.into(),
        controller: Some(Controller { kind: "StatefulSet".into(), name: "db".into() }.into()),
        ..on(node, name, "db")
    };
    let ordered = ["shop/db".to_string()].into();
    let controllers = Controllers { ordered, default_budget: true, ..Controllers::default() };
    let mut schedule = Schedule::new(&nodes(&["a", "b"]), controllers, ALL, |_| Ok(None));
    schedule.pod(member("a", "db-2", "2"), now);
    schedule.pod(member("a", "db-10", "10"), now);
    schedule.pod(member("b", "db-9", "9"), now);
    schedule.arrange();
    assert_eq!(names(&schedule.next(now)), ["db-10"]);
    schedule.answered("10", Answer::Accepted, now);
    schedule.pod_gone("10", now);
    let successor = member("new", "db-10", "10b");
    schedule.pod(Pod { ready: false, ..successor.clone() }, now);
    assert_eq!(schedule.next(now + SET_GIVES_UP).len(), 0, "its successor is not Ready");
    assert_eq!(schedule.wakes_at(), None, "the watch reports its successor");
    schedule.pod(successor, now);
    assert_eq!(names(&schedule.next(now)), ["db-9"]);
    schedule.answered("9", Answer::Accepted, now);
    schedule.pod_gone("9", now);
    // Scaled down in the meantime: there is no successor.
    assert_eq!(schedule.next(now).len(), 0);
    assert_eq!(names(&schedule.next(now + SET_GIVES_UP)), ["db-2"]);
}

#[test]
fn pods_and_nodes_in_progress_are_limited() {
    let now = Instant::now();
    let fill = |schedule: &mut Schedule| {
        for (node, name) in [("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")] {
            schedule.pod(on(node, name, "x"), now);
        }
        schedule.arrange();
    };
    let mut few = schedule(&["a", "b"], Limits { in_flight: 3, ..ALL });
    fill(&mut few);
    assert_eq!(few.next(now).len(), 3);
    assert_eq!(few.next(now).len(), 0);

    let mut one_node = schedule(&["a", "b"], Limits { nodes: 1, ..ALL });
    fill(&mut one_node);
    let first = one_node.next(now);
    assert_eq!(first.iter().map(|pod| pod.node.as_str()).collect::<BTreeSet<_>>().len(), 1);
    for pod in &first {
        one_node.pod_gone(&pod.uid, now);
    }
    assert_eq!(one_node.next(now).len(), 2);
}

#[test]
fn a_node_is_reported_empty_once_and_only_when_no_pod_is_left() {
    let now = Instant::now();
    let mut schedule = schedule(&["a", "b"], ALL);
    schedule.pod(on("a", "1", "x"), now);
    assert_eq!(schedule.emptied(), ["b"]);
    assert_eq!(schedule.next(now).len(), 1);
    schedule.answered("uid-1", Answer::Gone, now);
    // The API server says Gone; the node is empty only when the watch says so.
    assert!(schedule.emptied().is_empty());
    schedule.pod_gone("uid-1", now);
    assert_eq!(schedule.emptied(), ["a"]);
    assert!(schedule.emptied().is_empty());
    assert!(schedule.is_done());
}

#[test]
fn an_unreachable_api_server_is_retried_a_moment_later() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    schedule.pod(on("a", "web-1", "web"), now);
    schedule.budget(allowing("web", 1, 2), now);
    assert_eq!(schedule.next(now).len(), 1);
    schedule.answered("uid-web-1", Answer::Retry("connection refused".into()), now);
    assert_eq!(schedule.next(now).len(), 0);
    assert_eq!(schedule.wakes_at(), Some(now + TRY_AGAIN));
    assert_eq!(schedule.next(now + TRY_AGAIN).len(), 1);
}

#[test]
fn there_is_no_wake_up_for_a_pod_whose_budget_another_pod_used() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    for name in ["web-1", "web-2"] {
        schedule.pod(on("a", name, "web"), now);
    }
    schedule.budget(allowing("web", 1, 2), now);
    assert_eq!(names(&schedule.next(now)), ["web-1"]);
    schedule.answered("uid-web-1", Answer::Retry("too many requests".into()), now);
    assert_eq!(names(&schedule.next(now)), ["web-2"]);
    assert_eq!(schedule.next(now + TRY_AGAIN).len(), 0);
    assert_eq!(schedule.wakes_at(), None);
    // The other pod is retried too, and now the first one is next.
    schedule.answered("uid-web-2", Answer::Retry("too many requests".into()), now + TRY_AGAIN);
    assert_eq!(names(&schedule.next(now + TRY_AGAIN)), ["web-1"]);
}

#[test]
fn the_progress_names_the_budget_and_the_pods_that_are_not_ready() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    schedule.pod(on("a", "web-1", "web"), now);
    let sick = Pod { ready: false, not_ready_because: Some("no node fits".into()), ..on("", "web-9", "web") };
    schedule.pod(sick, now);
    schedule.budget(Budget { current_healthy: 1, ..allowing("web", 0, 2) }, now);
    assert_eq!(schedule.next(now).len(), 0);
    let progress = schedule.progress();
    assert_eq!((progress.moved, progress.pods, progress.empty, progress.nodes), (0, 1, 0, 1));
    let why = &progress.waiting[0].why;
    assert_eq!(why.short(1, "shop/web-1"), "1 pod for pdb/shop/web (1 of 2 unhealthy)");
    assert_eq!(
        why.to_string(),
        "pdb/shop/web allows no disruptions right now (1 of 2 unhealthy); shop/web-9: no node fits"
    );
}

#[test]
fn the_progress_names_pods_that_the_status_counts_as_evicted() {
    let now = Instant::now();
    let mut schedule = schedule(&["a"], ALL);
    for name in ["db-0", "db-1", "db-2"] {
        schedule.pod(on("a", name, "db"), now);
    }
    // The successor of an evicted pod has the same name.
    let noted = Budget { disrupted: ["db-2".into()].into(), current_healthy: 2, ..allowing("db", 0, 3) };
    schedule.budget(noted.clone(), now);
    let progress = schedule.progress();
    let why = &progress.waiting[0].why;
    assert_eq!(why.short(3, "shop/db-0"), "3 pods for pdb/shop/db (1 of 3 counted as evicted)");
    assert!(why.to_string().contains("shop/db-2: the budget's status.disruptedPods"), "{why}");
    let sick = Pod { ready: false, ..on("", "db-9", "db") };
    schedule.pod(sick, now);
    schedule.budget(Budget { current_healthy: 1, ..noted }, now);
    assert!(
        schedule
            .state(now)
            .to_string()
            .ends_with("3 pods for pdb/shop/db (1 of 3 unhealthy, 1 counted as evicted)")
    );
}

/// A pod of a Deployment.
fn of_deployment(node: &str, name: &str, app: &str) -> Pod {
    let set = Controller { kind: "ReplicaSet".into(), name: format!("{app}-5d4f") };
    let labels = [("app".into(), app.into()), ("pod-template-hash".into(), "5d4f".into())];
    Pod { controller: Some(set.into()), labels: Arc::new(labels.into()), ..on(node, name, app) }
}

fn guarded(fail_closed: &[&str]) -> Schedule {
    let fail_closed = fail_closed.iter().map(ToString::to_string).collect();
    let controllers = Controllers { fail_closed, default_budget: true, ..Controllers::default() };
    Schedule::new(&nodes(&["a"]), controllers, ALL, |_| Ok(None))
}

#[test]
fn without_a_budget_a_quarter_of_the_pods_is_evicted_at_a_time() {
    let now = Instant::now();
    let mut schedule = guarded(&[]);
    for name in ["web-1", "web-2", "web-3", "web-4", "web-5"] {
        schedule.pod(of_deployment("a", name, "web"), now);
    }
    schedule.pod(of_deployment("a", "alone", "alone"), now);
    schedule.pod(on("a", "bare", "bare"), now);
    schedule.arrange();
    assert_eq!(
        schedule.outline()[1..],
        [
            "deployment/shop/alone (default budget): 1 pod, 1 at a time",
            "deployment/shop/web (default budget): 5 pods, 2 at a time",
            "no budget: 1 pod, at once",
        ]
    );
    assert_eq!(names(&schedule.next(now)), ["alone", "bare", "web-1", "web-2"]);
    assert_eq!(schedule.next(now).len(), 0);
    let line = schedule.progress().waiting.into_iter().map(|waiting| waiting.why.to_string());
    let line = line.collect::<Vec<_>>().join("\n");
    assert!(line.contains("deployment/shop/web: at most 2 of 5 pods unavailable at a time, 2 now"), "{line}");
    schedule.answered("uid-web-1", Answer::Accepted, now);
    schedule.pod(Pod { deleting: true, ..of_deployment("a", "web-1", "web") }, now);
    schedule.pod(Pod { ready: false, ..of_deployment("new", "web-6", "web") }, now);
    schedule.pod_gone("uid-web-1", now);
    assert_eq!(schedule.next(now).len(), 0, "its replacement is not Ready");
    schedule.pod(of_deployment("new", "web-6", "web"), now);
    assert_eq!(names(&schedule.next(now)), ["web-3"]);
    // An eviction to retry does not use up the budget.
    schedule.answered("uid-web-3", Answer::Retry("busy".into()), now);
    assert_eq!(names(&schedule.next(now + Duration::from_millis(1))), ["web-4"]);
}

#[test]
fn behind_a_webhook_that_fails_closed_one_pod_is_evicted_at_a_time() {
    let now = Instant::now();
    let mut schedule = guarded(&["deployment/shop/policy"]);
    for number in 1..=9 {
        schedule.pod(of_deployment("a", &format!("policy-{number}"), "policy"), now);
    }
    assert_eq!(schedule.next(now).len(), 1);
    schedule.budget(allowing("policy", 9, 9), now);
    assert_eq!(schedule.next(now).len(), 0);
}

#[test]
fn a_budget_that_allows_all_keeps_the_last_ready_pod_of_each_controller() {
    let now = Instant::now();
    let mut schedule = guarded(&[]);
    for app in ["api", "web"] {
        for number in 1..=3 {
            schedule.pod(of_deployment("a", &format!("{app}-{number}"), app), now);
        }
    }
    // One budget for both Deployments that allows all disruptions.
    let all = Budget { selector: Some(Default::default()), ..allowing("all", 60, 60) };
    schedule.budget(all, now);
    let mut gone = Vec::new();
    loop {
        let next = schedule.next(now);
        if next.is_empty() {
            break;
        }
        for pod in next {
            schedule.answered(&pod.uid, Answer::Accepted, now);
            schedule.pod_gone(&pod.uid, now);
            gone.push(pod.name);
        }
    }
    gone.sort();
    assert_eq!(gone, ["api-1", "api-2", "web-1", "web-2"]);
    schedule.pod(of_deployment("new", "api-4", "api"), now);
    assert_eq!(names(&schedule.next(now)), ["api-3"]);
}

#[test]
fn a_pod_on_a_node_that_does_not_report_blocks_it_only_for_its_grace_period() {
    let mut schedule = schedule(&["dead"], ALL);
    schedule.unreachable(nodes(&["dead"]));
    let now = Instant::now();
    let pod = Pod { grace_seconds: 30, ..on("dead", "cart", "cart") };
    schedule.pod(pod.clone(), now);
    schedule.arrange();
    assert!(schedule.skip(now + Duration::from_secs(600)).is_empty(), "it is evicted first");
    assert_eq!(names(&schedule.next(now)), ["cart"]);
    schedule.answered(&pod.uid, Answer::Accepted, now);
    assert!(schedule.skip(now + Duration::from_secs(44)).is_empty() && schedule.emptied().is_empty());
    assert_eq!(names(&schedule.skip(now + Duration::from_secs(45))), ["cart"]);
    assert_eq!(schedule.emptied(), ["dead"]);
}

#[test]
fn a_pod_that_terminates_for_too_long_is_skipped() {
    let now = Instant::now();
    let later = |seconds| now + Duration::from_secs(seconds);
    let limits = Limits { skip: Some(Duration::from_secs(60)), ..ALL };
    let mut schedule = schedule(&["a", "b", "c"], limits);
    let end = |overdue| Some(Box::new(Terminating { overdue, finalizers: Vec::new() }));
    let old = Pod { deleting: true, terminating: end(600), ..on("a", "old", "x") };
    let young = Pod { deleting: true, terminating: end(-10), ..on("b", "young", "x") };
    schedule.pod(old.clone(), now);
    schedule.pod(young, now);
    schedule.pod(Pod { grace_seconds: 30, ..on("c", "healthy", "x") }, now);
    assert_eq!(names(&schedule.skip(now)), ["old"]);
    assert_eq!(schedule.emptied(), ["a"]);
    // The watch still reports it, and it is not added again.
    schedule.pod(old, now);
    assert!(schedule.skip(later(1)).is_empty() && !schedule.next(now).is_empty());
    schedule.answered("uid-healthy", Answer::Accepted, now);
    assert_eq!(schedule.wakes_at(), Some(later(70)));
    assert_eq!(names(&schedule.skip(later(70))), ["young"]);
    assert!(schedule.skip(later(89)).is_empty());
    assert_eq!(names(&schedule.skip(later(90))), ["healthy"]);
    assert!(schedule.is_done());
}

#[test]
fn the_line_names_the_cause_that_has_not_changed_for_longest() {
    let now = Instant::now();
    let later = |seconds| now + Duration::from_secs(seconds);
    let mut schedule = guarded(&[]);
    for app in ["api", "web"] {
        for number in 1..=3 {
            schedule.pod(of_deployment("a", &format!("{app}-{number}"), app), now);
        }
    }
    let first: Vec<String> = schedule.next(now).into_iter().map(|pod| pod.uid).collect();
    assert_eq!(first, ["uid-api-1", "uid-web-1"]);
    schedule.answered("uid-api-1", Answer::Accepted, now);
    schedule.answered("uid-web-1", Answer::Denied("stays until noon".into()), now);
    assert!(
        schedule
            .state(now)
            .to_string()
            .contains("2 pods for deployment/shop/api (at most 1 of 3 pods unavailable")
    );
    // Its replacement is Ready, and the next one is evicted; the denied one is still there.
    schedule.pod_gone("uid-api-1", later(4));
    schedule.pod(of_deployment("new", "api-4", "api"), later(5));
    let next = schedule.next(later(5));
    for pod in next {
        let answer = if pod.name.starts_with("api") { Answer::Accepted } else { Answer::Denied("no".into()) };
        schedule.answered(&pod.uid, answer, later(5));
    }
    let line = schedule.state(later(12)).to_string();
    assert!(line.contains("to retry (shop/web-1: "), "{line}");
    assert!(line.contains(" · waiting 12 s: "), "{line}");
}

#[test]
fn evicted_pods_that_are_not_ready_again_are_missing() {
    let now = Instant::now();
    let mut schedule = guarded(&[]);
    schedule.pod(of_deployment("a", "web-1", "web"), now);
    schedule.pod(Pod { ready: false, ..of_deployment("a", "sick-1", "sick") }, now);
    schedule.pod(on("a", "bare", "bare"), now);
    for pod in schedule.next(now) {
        schedule.answered(&pod.uid, Answer::Accepted, now);
        schedule.pod_gone(&pod.uid, now);
    }
    assert!(schedule.is_done() && schedule.awaits_replacements());
    let homeless = Pod {
        ready: false,
        phase: "Pending".into(),
        not_ready_because: Some("0/1 nodes are available".into()),
        ..of_deployment("", "web-2", "web")
    };
    schedule.pod(homeless.clone(), now);
    schedule.pod(Pod { ready: false, ..of_deployment("new", "sick-2", "sick") }, now);
    let [web] = &schedule.not_running()[..] else { panic!("{:?}", schedule.not_running()) };
    assert_eq!((web.controller.as_str(), web.missing), ("deployment/shop/web", 1));
    assert_eq!(web.pods, std::slice::from_ref(&homeless));
    schedule.pod(Pod { ready: true, ..homeless }, now);
    assert!(!schedule.awaits_replacements() && schedule.not_running().is_empty());
}

#[test]
fn a_pod_that_is_not_recreated_is_reported_after_a_minute() {
    let now = Instant::now();
    let mut schedule = guarded(&[]);
    schedule.pod(of_deployment("a", "web-1", "web"), now);
    assert_eq!(schedule.next(now).len(), 1);
    schedule.answered("uid-web-1", Answer::Accepted, now);
    schedule.pod_gone("uid-web-1", now);
    assert_eq!(schedule.wakes_at(), Some(now + NOT_RECREATED));
    assert!(schedule.next(now + NOT_RECREATED).is_empty() && !schedule.awaits_replacements());
    assert_eq!(schedule.not_running()[0].not_recreated, 1);
    assert_eq!(schedule.wakes_at(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_cluster_is_drained_within_its_budgets_and_near_its_bound(
        wanted in prop::collection::vec(wanted(), 1..8),
        node_count in 1usize..10,
        lag in prop::collection::vec(1u64..50, 3..17),
    ) {
        let (cluster, schedule, took, bound) = play(&wanted, node_count, lag, ALL, None);
        prop_assert!(schedule.is_done(), "{:?}", schedule.progress());
        prop_assert!(cluster.least_ok, "a budget was below its minimum");
        let pods: usize = wanted.iter().map(|wanted| wanted.replicas).sum();
        prop_assert!(cluster.rejected * 10 <= pods, "{} of {} evictions refused", cluster.rejected, cluster.evictions);
        // Each round costs a few messages of at most 50 ms in addition to the workload.
        let rounds = wanted.iter().map(|w| w.replicas.div_ceil(w.at_once())).max().unwrap_or(1);
        let messages = u64::try_from(rounds).unwrap() * 8 * 50 + 500;
        prop_assert!(took <= bound + messages, "{took} ms, and {bound} ms is the bound");
    }

    #[test]
    fn any_cluster_is_drained_with_limits_too_and_by_a_busy_api_server(
        wanted in prop::collection::vec(wanted(), 1..5),
        node_count in 1usize..10,
        in_flight in 1usize..10,
        nodes in 1usize..4,
        busy in prop::option::of(2usize..6),
    ) {
        let limits = Limits { in_flight, nodes, pod: None, skip: None };
        let (cluster, schedule, _, _) = play(&wanted, node_count, vec![1, 20, 5], limits, busy);
        prop_assert!(schedule.is_done(), "{:?}", schedule.progress());
        prop_assert!(cluster.least_ok, "a budget was below its minimum");
    }
}
