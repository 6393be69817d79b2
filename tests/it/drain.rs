//! What becomes of pods on a node that is drained: one rule a test.

mod interruptions;
mod kept;
mod load_balancers;
mod local_volumes;
mod surge;
mod ward;

use serde_json::json;

use crate::command::writes;
use ward::{Bed, evictions};

#[test]
fn an_eviction_names_the_pod_by_uid_and_carries_its_grace_period() {
    let mut bed = Bed::of("uid");
    bed.apply(&bed.deployment("web", 2, "0s"));
    bed.ready(2);
    let uids = bed.here(&["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"]);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(0);
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    let ours: Vec<_> = sent.iter().filter(|(name, ..)| name.starts_with("web-")).collect();
    assert_eq!(ours.len(), 2, "{sent:?}");
    for (_, code, body) in ours {
        assert_eq!(*code, 201);
        let options = &body["deleteOptions"];
        assert_eq!(options["gracePeriodSeconds"], 1);
        assert!(uids.contains(options["preconditions"]["uid"].as_str().expect("a UID")), "{body}");
    }
}

#[test]
fn a_budget_lets_go_one_after_the_other_and_refuses_none() {
    let mut bed = Bed::of("one-by-one");
    bed.apply(&bed.deployment("web", 4, "1s"));
    bed.apply(&bed.budget("web", json!({"maxUnavailable": 1})));
    bed.ready(4);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    let watched = bed.watch();
    bed.drain(&[]).expect(0);
    assert_eq!(bed.violations(watched), Vec::<String>::new());
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    assert!(sent.iter().all(|(_, code, _)| *code == 201), "{sent:?}");
    assert_eq!(sent.iter().filter(|(name, ..)| name.starts_with("web-")).count(), 4);
}

#[test]
fn a_budget_without_room_is_waited_for_until_it_has_some() {
    let mut bed = Bed::of("late-room");
    let group = |app: &str, ready_after: &str| {
        let mut template = bed.template(app, ready_after);
        template["metadata"]["labels"]["group"] = json!("late");
        template
    };
    bed.apply(&bed.workload("Deployment", "web", 2, group("web", "0s")));
    // A third pod that is not Ready for some seconds: two of three is the least, so none may go until then.
    bed.apply(&bed.workload("Deployment", "slow", 1, group("slow", "6s")));
    let mut budget = bed.budget("late", json!({"minAvailable": 2}));
    budget["spec"]["selector"] = json!({"matchLabels": {"group": "late"}});
    bed.apply(&budget);
    bed.ready(2);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(0);
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    assert!(sent.iter().all(|(_, code, _)| *code == 201), "{sent:?}");
}

#[test]
fn a_pod_that_takes_long_to_end_is_waited_for_before_its_instance_is_ended() {
    let mut bed = Bed::of("long-grace");
    let mut template = bed.template("slow", "0s");
    template["spec"]["terminationGracePeriodSeconds"] = json!(20);
    template["metadata"]["annotations"]["sandbox.eni-custom/stop-after"] = json!("4s");
    bed.apply(&bed.workload("Deployment", "slow", 1, template));
    bed.ready(1);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&["--drain-timeout", "10s"]).expect(3).tells(&["EC-DRN-005", "20 s", "--drain-timeout"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    let started = std::time::Instant::now();
    bed.drain(&[]).expect(0);
    assert!(started.elapsed().as_secs() >= 4, "the pod was not waited for");
    bed.is_gone();
}

#[test]
fn a_pod_that_never_ends_is_given_up_and_its_node_takes_pods_again() {
    let mut bed = Bed::of("finalizer");
    let mut pod = bed.pod("stuck");
    pod["metadata"]["finalizers"] = json!(["example.com/never"]);
    bed.apply(&pod);
    bed.ready(1);
    bed.drain(&["--evict-bare-pods", "--pod-timeout", "3s"]).expect(4).tells(&["stuck", "finalizer"]);
    bed.is_as_before();
    bed.here(&["patch", "pod", "stuck", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}

#[test]
fn pods_that_are_not_ready_stay_under_the_default_policy_and_go_under_the_other() {
    let mut bed = Bed::of("unhealthy");
    bed.apply(&bed.deployment("sick", 2, "1h"));
    let mut budget = bed.budget("sick", json!({"minAvailable": 1}));
    bed.apply(&budget);
    bed.ready(0);
    bed.open_new_nodes();
    // Below its minimum already, it can let nothing go and never will: that is told before anything is changed.
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(3).tells(&["unhealthy/sick", "AlwaysAllow"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    budget["spec"]["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    bed.apply(&budget);
    bed.drain(&[]).expect(0);
    bed.is_gone();
}

#[test]
fn a_statefulset_goes_from_its_highest_pod_down_each_after_the_last_is_back() {
    let mut bed = Bed::of("stateful");
    let mut set = bed.workload("StatefulSet", "db", 3, bed.template("db", "1s"));
    set["spec"]["serviceName"] = json!("db");
    bed.apply(&set);
    bed.ready(3);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(0);
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    let order: Vec<&str> =
        sent.iter().map(|(name, ..)| name.as_str()).filter(|name| name.starts_with("db-")).collect();
    assert_eq!(order, ["db-2", "db-1", "db-0"]);
}

#[test]
fn daemonsets_mirror_pods_and_finished_pods_are_left_where_they_are() {
    let bed = Bed::of("left");
    let mut mirror = bed.pod("mirror");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    bed.apply(&mirror);
    let mut done = bed.template("done", "0s");
    done["spec"]["restartPolicy"] = json!("Never");
    bed.apply(&json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "done"}, "spec": {"template": done}}));
    bed.here(&["wait", "--for=condition=Complete", "job/done", "--timeout=60s"]);
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(0);
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    let ours = sent
        .iter()
        .filter(|(name, ..)| name == "mirror" || name.starts_with("done") || name.starts_with("aws-node"));
    assert_eq!(ours.count(), 0, "{sent:?}");
}

#[test]
fn bare_pods_and_emptydir_data_need_their_flags_and_both_are_told_at_once() {
    let mut bed = Bed::of("flags");
    bed.apply(&bed.pod("lonely"));
    let mut cache = bed.template("cache", "0s");
    cache["spec"]["volumes"] = json!([{"name": "cache", "emptyDir": {}}]);
    bed.apply(&bed.workload("Deployment", "cache", 1, cache));
    bed.ready(2);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    let texts = [
        "EC-POD-001",
        "flags/lonely",
        "--evict-bare-pods",
        "EC-POD-002",
        "flags/cache-",
        "--delete-emptydir-data",
    ];
    bed.drain(&[]).expect(3).tells(&texts);
    bed.drain(&["--evict-bare-pods"]).expect(3).tells(&["EC-POD-002"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    bed.drain(&["--evict-bare-pods", "--delete-emptydir-data"]).expect(0);
    bed.is_gone();
}

#[test]
fn what_can_never_work_is_told_before_anything_is_changed() {
    let mut bed = Bed::of("never");
    bed.apply(&bed.deployment("both", 2, "0s"));
    bed.apply(&bed.budget("both", json!({"maxUnavailable": 1})));
    let mut second = bed.budget("both", json!({"maxUnavailable": 1}));
    second["metadata"]["name"] = json!("too");
    bed.apply(&second);
    bed.apply(&bed.deployment("zero", 1, "0s"));
    bed.apply(&bed.budget("zero", json!({"maxUnavailable": 0})));
    bed.apply(&bed.deployment("alone", 1, "0s"));
    bed.apply(&bed.budget("alone", json!({"minAvailable": 1})));
    bed.ready(4);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(3).tells(&[
        "never/both",
        "never/too",
        "never/zero",
        "never/alone",
        "--surge-singletons",
    ]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
}

#[test]
fn no_room_on_the_new_nodes_is_told_before_anything_is_changed() {
    let mut bed = Bed::of("no-room");
    bed.apply(&bed.deployment("web", 1, "0s"));
    bed.ready(1);
    // The new nodes don't have the label that the pod asks for.
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(3).tells(&["no-room/web-", "bed"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
}

#[test]
fn pods_that_need_a_gpu_are_told_where_no_new_node_has_one() {
    let mut bed = Bed::of("gpu");
    // As NVIDIA's device plugin writes it.
    let has = r#"{"status":{"capacity":{"nvidia.com/gpu":"1"},"allocatable":{"nvidia.com/gpu":"1"}}}"#;
    let node = bed.node.clone();
    bed.kubectl(&["patch", "node", &node, "--subresource=status", "--type=merge", "-p", has]);
    let mut template = bed.template("train", "0s");
    template["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/gpu": "1"}});
    bed.apply(&bed.workload("Deployment", "train", 1, template));
    bed.ready(1);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&[]).expect(3).tells(&["EC-POD-010", "gpu/train-", "nvidia.com/gpu", "--old-node-group"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    let new = bed.new_nodes()[0].clone();
    bed.kubectl(&["patch", "node", &new, "--subresource=status", "--type=merge", "-p", has]);
    bed.drain(&[]).expect(0);
    bed.is_gone();
}

#[test]
fn a_deployment_of_one_gets_a_second_replica_for_the_drain_where_asked() {
    let mut bed = Bed::of("surge");
    bed.apply(&bed.deployment("alone", 1, "1s"));
    bed.apply(&bed.budget("alone", json!({"minAvailable": 1})));
    bed.ready(1);
    bed.open_new_nodes();
    let watched = bed.watch();
    bed.drain(&["--surge-singletons"]).expect(0).tells(&["surge/alone", "second replica"]);
    assert_eq!(bed.violations(watched), Vec::<String>::new());
    bed.is_gone();
    assert_eq!(bed.here(&["get", "deployment", "alone", "-o", "jsonpath={.spec.replicas}"]).trim(), "1");
}

#[test]
fn budgets_are_passed_over_only_when_the_cluster_is_named() {
    let mut bed = Bed::of("past-budgets");
    bed.apply(&bed.deployment("web", 1, "0s"));
    bed.apply(&bed.budget("web", json!({"maxUnavailable": 0})));
    bed.ready(1);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    bed.drain(&["--disable-eviction"]).expect(3).tells(&["EC-DRN-006", "--confirm-cluster sandbox"]);
    bed.drain(&["--disable-eviction", "--confirm-cluster", "another"]).expect(3).tells(&["EC-DRN-006"]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    bed.drain(&["--disable-eviction", "--confirm-cluster", "sandbox"]).expect(0);
    bed.is_gone();
    assert_eq!(evictions(bed.sandbox(), mark).len(), 0);
}

#[test]
fn nodes_that_can_not_be_drained_are_told_with_the_flag_that_named_them() {
    let bed = Bed::of("selection");
    let new = bed.kubectl(&[
        "get",
        "nodes",
        "-o",
        "jsonpath={.items[?(@.status.allocatable.pods=='20')].metadata.name}",
    ]);
    let new = new.split_whitespace().next().expect("a new node");
    let sandbox = bed.sandbox();
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
    let mut bed = Bed::of("dry-run");
    bed.apply(&bed.deployment("web", 3, "0s"));
    bed.apply(&bed.budget("web", json!({"maxUnavailable": 1})));
    bed.ready(3);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    let shown = bed.drain(&["--dry-run"]).expect(0).stdout;
    for text in [&format!("1. {}: 3 pods to move", bed.node), "pdb/dry-run/web: 3 pods, 1 at a time"] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
}
