//! Availability during a drain: what keeps serving, what must run again at its end, and who else can block it.

use serde_json::{Value, json};

use super::fixture::{Fixture, evictions};
use crate::background::BackgroundRun;

const EVENTS: [&str; 2] = ["--events", "json"];

#[test]
fn every_controller_keeps_a_ready_pod_with_or_without_a_budget() {
    let mut fixture = Fixture::of("serving");
    fixture.apply(&fixture.deployment("two", 2, "1s"));
    fixture.apply(&fixture.deployment("many", 5, "1s"));
    fixture.apply(&fixture.deployment("generous", 2, "1s"));
    fixture.apply(&fixture.budget("generous", json!({"maxUnavailable": "100%"})));
    let mut set = fixture.workload("StatefulSet", "db", 2, fixture.template("db", "1s"));
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    fixture.apply(&set);
    fixture.ready(11);
    fixture.open_new_nodes();
    let shown = fixture.drain(&["--dry-run"]).expect(0).stdout;
    for text in [
        "deployment/serving/many (default budget): 5 pods, 2 at a time",
        "deployment/serving/two (default budget): 2 pods, 1 at a time",
        "3 controllers, at most 25 % of the pods unavailable at a time",
    ] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    let without = fixture.without_a_ready_pod(|fixture| drop(fixture.drain(&[]).expect(0)));
    assert_eq!(without, [""; 0]);
    fixture.is_gone();
}

#[test]
fn without_the_default_budget_only_poddisruptionbudgets_limit_evictions() {
    let mut fixture = Fixture::of("at-once");
    fixture.apply(&fixture.deployment("web", 2, "3s"));
    fixture.ready(2);
    fixture.open_new_nodes();
    let without =
        fixture.without_a_ready_pod(|fixture| drop(fixture.drain(&["--no-default-budget"]).expect(0)));
    assert_eq!(without, ["ReplicaSet at-once/web had no Ready pod"]);
    fixture.is_gone();
}

/// 40: the webhook is called only for ConfigMaps of a namespace that does not exist.
#[test]
fn a_single_pod_behind_a_fail_closed_webhook_is_a_risk_until_there_are_two() {
    let mut fixture = Fixture::of("webhook");
    fixture.apply(&fixture.deployment("hook", 1, "1s"));
    fixture.apply(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]},
    }));
    fixture.ready(1);
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
    fixture.apply(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "closed"},
        "webhooks": [{
            "name": "closed.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Fail", "rules": rules,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}},
            "clientConfig": {"service": {"namespace": "webhook", "name": "hook"}},
        }],
    }));
    fixture.open_new_nodes();
    fixture.until(
        "the pod behind the Service",
        |output| !output.is_empty(),
        &[
            "-n",
            "webhook",
            "get",
            "endpointslices",
            "-l",
            "kubernetes.io/service-name=hook",
            "-o",
            "jsonpath={.items[*].endpoints[*].targetRef.name}",
        ],
    );
    let fix = "kubectl -n webhook scale deployment/hook --replicas 2";
    fixture.drain(&[]).expect(3).says(&["EC-POD-012", "ValidatingWebhookConfiguration closed", fix]);
    run_fix(&fixture, fix);
    fixture.ready(2);
    let query = "jsonpath={.items[*].endpoints[*].targetRef.name}";
    fixture.until(
        "both pods behind the Service",
        |output| output.split_whitespace().count() == 2,
        &["-n", "webhook", "get", "endpointslices", "-l", "kubernetes.io/service-name=hook", "-o", query],
    );
    let without = fixture.without_a_ready_pod(|fixture| drop(fixture.drain(&[]).expect(0)));
    fixture.kubectl(&["delete", "validatingwebhookconfiguration", "closed"]);
    assert_eq!(without, [""; 0]);
    fixture.is_gone();
}

/// Runs a printed command as a user would.
#[track_caller]
fn run_fix(fixture: &Fixture, command: &str) {
    let words = command.strip_prefix("kubectl ").expect("a command of kubectl's");
    fixture.kubectl(&words.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn a_replacement_pod_that_fits_no_node_is_reported_with_the_scheduler_s_message() {
    let mut fixture = Fixture::of("homeless");
    // CoreDNS runs on the new nodes, which all have the label `cluster`: no check before the drain considers this
    // anti-affinity.
    let mut picky = fixture.template("picky", "0s");
    picky["spec"]["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": "cluster", "namespaces": ["kube-system"],
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }]}});
    fixture.apply(&fixture.workload("Deployment", "picky", 1, picky));
    // It did not run before, so the drain does not wait for it.
    fixture.apply(&fixture.deployment("sick", 1, "1h"));
    fixture.ready(1);
    fixture.open_new_nodes();
    let ran = fixture.drain(&["--drain-timeout", "20s"]).expect(4);
    let ran = ran.says(&["1 pod that ran on them is not running again", "deployment/homeless/picky"]);
    ran.says(&[
        "homeless/picky-",
        "is not scheduled",
        "anti-affinity",
        "kubectl -n homeless describe pod picky-",
    ]);
    fixture.is_gone();
    let record =
        fixture.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
    assert!(!record.contains("cordoned") && !record.contains("held"), "{record}");
}

fn denying(namespace: &str) -> [Value; 2] {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "guard"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"],
            }]},
            "validations": [{
                "expression": "!object.metadata.name.startsWith('guarded')", "reason": "Forbidden",
                "message": "guarded pods stay until noon",
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "guard"},
        "spec": {
            "policyName": "guard", "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    });
    [policy, binding]
}

/// 41: admission denies some evictions for a while.
#[test]
fn an_eviction_that_admission_denies_is_retried_and_blocks_no_other() {
    let mut fixture = Fixture::of("denied");
    fixture.apply(&fixture.deployment("guarded", 1, "0s"));
    fixture.apply(&fixture.deployment("free", 1, "0s"));
    fixture.ready(2);
    fixture.open_new_nodes();
    for object in denying("denied") {
        fixture.apply(&object);
    }
    // The API server needs a moment until the policy is in force.
    let probe = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "guarded-probe", "namespace": "denied"}});
    let denied = |fixture: &Fixture| {
        let path = "/api/v1/namespaces/denied/pods/guarded-probe/eviction";
        let answer =
            fixture.sandbox().kubectl_with(&["create", "--raw", path, "-f", "-"], &probe.to_string());
        answer.is_err_and(|error| format!("{error:#}").contains("until noon"))
    };
    let started = std::time::Instant::now();
    while !denied(&fixture) {
        assert!(started.elapsed().as_secs() < 60, "the policy is never in force");
    }
    let mark = fixture.sandbox().mark();
    let mut drain = BackgroundRun::start(&mut fixture.command(&EVENTS));
    drain.wait_for("EC-POD-013");
    drain.wait_for("guarded pods stay until noon");
    fixture.kubectl(&["delete", "validatingadmissionpolicybinding", "guard"]);
    fixture.kubectl(&["delete", "validatingadmissionpolicy", "guard"]);
    drain.exits_with(0);
    fixture.is_gone();
    let sent = evictions(fixture.sandbox(), mark);
    let answers = |app: &str| -> Vec<u16> {
        sent.iter().filter(|(name, ..)| name.starts_with(app)).map(|(_, code, _)| *code).collect()
    };
    assert_eq!(answers("free"), [201]);
    assert!(answers("guarded").first() == Some(&403) && answers("guarded").last() == Some(&201), "{sent:?}");
}

/// 42: pods whose controller has no `scale` subresource.
#[test]
fn a_budget_whose_sync_fails_is_reported_and_its_fix_works() {
    let mut fixture = Fixture::of("no-scale");
    fixture.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}));
    let uid = fixture.here(&["get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}"]);
    for name in ["one", "two"] {
        let mut pod = fixture.pod(name);
        pod["metadata"]["labels"] = json!({"app": "odd"});
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid.trim(), "controller": true,
        }]);
        fixture.apply(&pod);
    }
    fixture.ready(2);
    fixture.apply(&fixture.budget("odd", json!({"maxUnavailable": 1})));
    let query = "jsonpath={.status.conditions[?(@.type=='DisruptionAllowed')].reason}";
    fixture.until(
        "a budget whose sync failed",
        |output| output == "SyncFailed",
        &["-n", "no-scale", "get", "pdb", "odd", "-o", query],
    );
    let patch = r#"{"spec":{"maxUnavailable":null,"minAvailable":1}}"#;
    let fix = format!("kubectl -n no-scale patch pdb odd --type merge -p '{patch}'");
    fixture.drain(&[]).expect(3).says(&["EC-POD-014", "does not implement the scale subresource", &fix]);
    fixture.here(&["patch", "pdb", "odd", "--type", "merge", "-p", patch]);
    fixture.until(
        "a disruption allowed",
        |output| output == "1",
        &["-n", "no-scale", "get", "pdb", "odd", "-o", "jsonpath={.status.disruptionsAllowed}"],
    );
    let shown = fixture.drain(&["--dry-run"]).expect(0).stdout;
    assert!(!shown.contains("EC-POD-014"), "{shown}");
}

/// 55: a pod that was already terminating before the run, held by a finalizer.
#[test]
fn pods_stuck_in_terminating_are_reported_and_their_node_is_terminated_if_requested() {
    let mut fixture = Fixture::of("overdue");
    let mut pod = fixture.pod("stuck");
    pod["metadata"]["finalizers"] = json!(["example.com/never"]);
    fixture.apply(&pod);
    fixture.ready(1);
    fixture.here(&["delete", "pod", "stuck", "--wait=false"]);
    let dry_run = |fixture: &Fixture| fixture.drain(&["--dry-run"]).expect(0).stdout;
    let started = std::time::Instant::now();
    let shown = loop {
        let shown = dry_run(&fixture);
        if shown.contains("EC-POD-015") {
            break shown;
        }
        assert!(started.elapsed().as_secs() < 90, "never reported:\n{shown}");
    };
    for text in ["overdue/stuck", "finalizer example.com/never", "--skip-wait-for-delete-timeout 60s"] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    let ran = fixture.drain(&["--skip-wait-for-delete-timeout", "5s"]).expect(0);
    ran.says(&["overdue/stuck is still terminating; no longer waiting for it"]);
    fixture.is_gone();
    fixture.here(&["patch", "pod", "stuck", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}
