//! What happens to the pods of a node that is drained: one rule per test.

mod availability;
mod board;
mod fixture;
mod interruptions;
mod load_balancers;
mod local_volumes;
mod surge;

use serde_json::json;

use crate::command::writes;
use fixture::{Fixture, evictions};

#[test]
fn an_eviction_names_the_pod_by_uid_and_carries_its_grace_period() {
    let mut fixture = Fixture::of("uid");
    fixture.apply(&fixture.deployment("web", 2, "0s"));
    fixture.ready(2);
    let uids = fixture.here(&["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"]);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    let evictions_of_web: Vec<_> = sent.iter().filter(|(name, ..)| name.starts_with("web-")).collect();
    assert_eq!(evictions_of_web.len(), 2, "{sent:?}");
    for (_, code, body) in evictions_of_web {
        assert_eq!(*code, 201);
        let options = &body["deleteOptions"];
        assert_eq!(options["gracePeriodSeconds"], 1);
        assert!(uids.contains(options["preconditions"]["uid"].as_str().expect("a UID")), "{body}");
    }
}

#[test]
fn pods_of_a_budget_are_evicted_one_at_a_time_and_no_eviction_is_rejected() {
    let mut fixture = Fixture::of("one-by-one");
    fixture.apply(&fixture.deployment("web", 4, "1s"));
    fixture.apply(&fixture.budget("web", json!({"maxUnavailable": 1})));
    fixture.ready(4);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    let watched = fixture.watch();
    fixture.drain(&[]).expect(0);
    assert_eq!(fixture.violations(watched), Vec::<String>::new());
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    assert!(sent.iter().all(|(_, code, _)| *code == 201), "{sent:?}");
    assert_eq!(sent.iter().filter(|(name, ..)| name.starts_with("web-")).count(), 4);
}

#[test]
fn the_drain_waits_until_a_budget_allows_a_disruption() {
    let mut fixture = Fixture::of("late-room");
    let group = |app: &str, ready_after: &str| {
        let mut template = fixture.template(app, ready_after);
        template["metadata"]["labels"]["group"] = json!("late");
        template
    };
    fixture.apply(&fixture.workload("Deployment", "web", 2, group("web", "0s")));
    // The third pod is not Ready for some seconds. Two of three must be available, so none may be evicted until then.
    fixture.apply(&fixture.workload("Deployment", "slow", 1, group("slow", "6s")));
    let mut budget = fixture.budget("late", json!({"minAvailable": 2}));
    budget["spec"]["selector"] = json!({"matchLabels": {"group": "late"}});
    fixture.apply(&budget);
    fixture.ready(2);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    assert!(sent.iter().all(|(_, code, _)| *code == 201), "{sent:?}");
}

#[test]
fn an_instance_is_terminated_only_after_its_slowest_pod() {
    let mut fixture = Fixture::of("long-grace");
    let mut template = fixture.template("slow", "0s");
    template["spec"]["terminationGracePeriodSeconds"] = json!(20);
    template["metadata"]["annotations"]["sandbox.eni-custom/stop-after"] = json!("4s");
    fixture.apply(&fixture.workload("Deployment", "slow", 1, template));
    fixture.ready(1);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&["--drain-timeout", "10s"]).expect(3).says(&["EC-DRN-005", "20 s", "--drain-timeout"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    let started = std::time::Instant::now();
    fixture.drain(&[]).expect(0);
    assert!(started.elapsed().as_secs() >= 4, "the pod was not waited for");
    fixture.is_gone();
}

#[test]
fn the_drain_gives_up_on_a_pod_that_never_terminates_and_uncordons_its_node() {
    let mut fixture = Fixture::of("finalizer");
    let mut pod = fixture.pod("stuck");
    pod["metadata"]["finalizers"] = json!(["example.com/never"]);
    fixture.apply(&pod);
    fixture.ready(1);
    fixture.drain(&["--evict-bare-pods", "--pod-timeout", "3s"]).expect(4).says(&["stuck", "finalizer"]);
    fixture.is_as_before();
    fixture.here(&["patch", "pod", "stuck", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}

#[test]
fn pods_that_are_not_ready_are_evicted_only_with_alwaysallow() {
    let mut fixture = Fixture::of("unhealthy");
    fixture.apply(&fixture.deployment("sick", 2, "1h"));
    let mut budget = fixture.budget("sick", json!({"minAvailable": 1}));
    fixture.apply(&budget);
    fixture.ready(0);
    fixture.open_new_nodes();
    // The budget is already below its minimum and will never allow a disruption. This is reported before the first
    // change.
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(3).says(&["unhealthy/sick", "AlwaysAllow"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    budget["spec"]["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    fixture.apply(&budget);
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
}

#[test]
fn statefulset_pods_are_evicted_from_the_highest_ordinal_each_after_the_previous_is_ready() {
    let mut fixture = Fixture::of("stateful");
    let mut set = fixture.workload("StatefulSet", "db", 3, fixture.template("db", "1s"));
    set["spec"]["serviceName"] = json!("db");
    fixture.apply(&set);
    fixture.ready(3);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    let order: Vec<&str> =
        sent.iter().map(|(name, ..)| name.as_str()).filter(|name| name.starts_with("db-")).collect();
    assert_eq!(order, ["db-2", "db-1", "db-0"]);
}

#[test]
fn daemonset_mirror_and_finished_pods_are_not_evicted() {
    let fixture = Fixture::of("left");
    let mut mirror = fixture.pod("mirror");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    fixture.apply(&mirror);
    let mut done = fixture.template("done", "0s");
    done["spec"]["restartPolicy"] = json!("Never");
    fixture.apply(&json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "done"}, "spec": {"template": done}}));
    fixture.here(&["wait", "--for=condition=Complete", "job/done", "--timeout=60s"]);
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    let unexpected = sent
        .iter()
        .filter(|(name, ..)| name == "mirror" || name.starts_with("done") || name.starts_with("aws-node"));
    assert_eq!(unexpected.count(), 0, "{sent:?}");
}

#[test]
fn bare_pods_and_emptydir_data_need_their_flags_and_both_are_reported_at_once() {
    let mut fixture = Fixture::of("flags");
    fixture.apply(&fixture.pod("lonely"));
    let mut cache = fixture.template("cache", "0s");
    cache["spec"]["volumes"] = json!([{"name": "cache", "emptyDir": {}}]);
    fixture.apply(&fixture.workload("Deployment", "cache", 1, cache));
    fixture.ready(2);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    let texts = [
        "EC-POD-001",
        "flags/lonely",
        "--evict-bare-pods",
        "EC-POD-002",
        "flags/cache-",
        "--delete-emptydir-data",
    ];
    fixture.drain(&[]).expect(3).says(&texts);
    fixture.drain(&["--evict-bare-pods"]).expect(3).says(&["EC-POD-002"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    fixture.drain(&["--evict-bare-pods", "--delete-emptydir-data"]).expect(0);
    fixture.is_gone();
}

#[test]
fn impossible_drains_are_reported_before_the_first_change() {
    let mut fixture = Fixture::of("never");
    fixture.apply(&fixture.deployment("both", 2, "0s"));
    fixture.apply(&fixture.budget("both", json!({"maxUnavailable": 1})));
    let mut second = fixture.budget("both", json!({"maxUnavailable": 1}));
    second["metadata"]["name"] = json!("too");
    fixture.apply(&second);
    fixture.apply(&fixture.deployment("zero", 1, "0s"));
    fixture.apply(&fixture.budget("zero", json!({"maxUnavailable": 0})));
    fixture.apply(&fixture.deployment("alone", 1, "0s"));
    fixture.apply(&fixture.budget("alone", json!({"minAvailable": 1})));
    fixture.ready(4);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(3).says(&[
        "never/both",
        "never/too",
        "never/zero",
        "never/alone",
        "--surge-singletons",
    ]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
}

#[test]
fn missing_capacity_on_new_nodes_is_reported_before_the_first_change() {
    let mut fixture = Fixture::of("no-room");
    fixture.apply(&fixture.deployment("web", 1, "0s"));
    fixture.ready(1);
    // The new nodes lack the label that the pod requires.
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(3).says(&["no-room/web-", "fixture"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
}

#[test]
fn pods_that_need_a_gpu_are_reported_if_no_new_node_has_one() {
    let mut fixture = Fixture::of("gpu");
    // As NVIDIA's device plugin sets it.
    let has = r#"{"status":{"capacity":{"nvidia.com/gpu":"1"},"allocatable":{"nvidia.com/gpu":"1"}}}"#;
    let node = fixture.node.clone();
    fixture.kubectl(&["patch", "node", &node, "--subresource=status", "--type=merge", "-p", has]);
    let mut template = fixture.template("train", "0s");
    template["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/gpu": "1"}});
    fixture.apply(&fixture.workload("Deployment", "train", 1, template));
    fixture.ready(1);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&[]).expect(3).says(&["EC-POD-010", "gpu/train-", "nvidia.com/gpu", "--old-node-group"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    let new = fixture.new_nodes()[0].clone();
    fixture.kubectl(&["patch", "node", &new, "--subresource=status", "--type=merge", "-p", has]);
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
}

#[test]
fn a_deployment_of_one_gets_a_second_replica_for_the_drain_if_requested() {
    let mut fixture = Fixture::of("surge");
    fixture.apply(&fixture.deployment("alone", 1, "1s"));
    fixture.apply(&fixture.budget("alone", json!({"minAvailable": 1})));
    fixture.ready(1);
    fixture.open_new_nodes();
    let watched = fixture.watch();
    fixture.drain(&["--surge-singletons"]).expect(0).says(&["surge/alone", "second replica"]);
    assert_eq!(fixture.violations(watched), Vec::<String>::new());
    fixture.is_gone();
    assert_eq!(fixture.here(&["get", "deployment", "alone", "-o", "jsonpath={.spec.replicas}"]).trim(), "1");
}

#[test]
fn budgets_are_bypassed_only_if_the_cluster_is_confirmed() {
    let mut fixture = Fixture::of("past-budgets");
    fixture.apply(&fixture.deployment("web", 1, "0s"));
    fixture.apply(&fixture.budget("web", json!({"maxUnavailable": 0})));
    fixture.ready(1);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    fixture.drain(&["--disable-eviction"]).expect(3).says(&["EC-DRN-006", "--confirm-cluster sandbox"]);
    fixture.drain(&["--disable-eviction", "--confirm-cluster", "another"]).expect(3).says(&["EC-DRN-006"]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    fixture.drain(&["--disable-eviction", "--confirm-cluster", "sandbox"]).expect(0);
    fixture.is_gone();
    assert_eq!(evictions(fixture.sandbox(), mark).len(), 0);
}

#[test]
fn nodes_that_cannot_be_drained_are_reported_with_the_flag_that_selected_them() {
    let fixture = Fixture::of("selection");
    let new = fixture.kubectl(&[
        "get",
        "nodes",
        "-o",
        "jsonpath={.items[?(@.status.allocatable.pods=='20')].metadata.name}",
    ]);
    let new = new.split_whitespace().next().expect("a new node");
    let sandbox = fixture.sandbox();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--node", "ip-1-2-3-4"], &["EC-DRN-001", "ip-1-2-3-4", "--node"]),
        (&["--old-node-group", "nope"], &["EC-DRN-002", "nope", "one of:"]),
        (&["-l", "no=such"], &["EC-DRN-003", "--selector"]),
        (&["--node", new], &["EC-DRN-004", new]),
        (&["--nodes", "a==b=c"], &["a==b=c", "--selector"]),
    ];
    for (args, texts) in cases {
        let code = if texts[0].starts_with("EC-") { 3 } else { 2 };
        let all: Vec<&str> = ["drain-nodes", "--yes"].iter().chain(args).copied().collect();
        crate::cluster::refuses(sandbox, &all, code, texts);
    }
}

#[test]
fn a_dry_run_shows_nodes_and_budgets_and_changes_nothing() {
    let mut fixture = Fixture::of("dry-run");
    fixture.apply(&fixture.deployment("web", 3, "0s"));
    fixture.apply(&fixture.budget("web", json!({"maxUnavailable": 1})));
    fixture.ready(3);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    let shown = fixture.drain(&["--dry-run"]).expect(0).stdout;
    for text in [&format!("1. {}: 3 pods to move", fixture.node), "pdb/dry-run/web: 3 pods, 1 at a time"] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
}
