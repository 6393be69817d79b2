//! What keeps serving while a node is drained, what must run again at its end, and who else has a say.

use serde_json::{Value, json};

use super::ward::{Bed, evictions};
use crate::going::Going;

const EVENTS: [&str; 2] = ["--events", "json"];

#[test]
fn no_controller_is_ever_without_a_ready_pod_with_a_budget_or_without() {
    let mut bed = Bed::of("serving");
    bed.apply(&bed.deployment("two", 2, "1s"));
    bed.apply(&bed.deployment("many", 5, "1s"));
    bed.apply(&bed.deployment("generous", 2, "1s"));
    bed.apply(&bed.budget("generous", json!({"maxUnavailable": "100%"})));
    let mut set = bed.workload("StatefulSet", "db", 2, bed.template("db", "1s"));
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    bed.apply(&set);
    bed.ready(11);
    bed.open_new_nodes();
    let shown = bed.drain(&["--dry-run"]).expect(0).stdout;
    for text in [
        "deployment/serving/many (default budget): 5 pods, 2 at a time",
        "deployment/serving/two (default budget): 2 pods, 1 at a time",
        "3 controllers, at most 25 % of the pods unavailable at a time",
    ] {
        assert!(shown.contains(text), "'{text}' is not in:\n{shown}");
    }
    let without = bed.without_a_ready_pod(|bed| drop(bed.drain(&[]).expect(0)));
    assert_eq!(without, [""; 0]);
    bed.is_gone();
}

#[test]
fn without_the_default_budget_only_those_of_the_api_hold_pods_back() {
    let mut bed = Bed::of("at-once");
    bed.apply(&bed.deployment("web", 2, "3s"));
    bed.ready(2);
    bed.open_new_nodes();
    let without = bed.without_a_ready_pod(|bed| drop(bed.drain(&["--no-default-budget"]).expect(0)));
    assert_eq!(without, ["ReplicaSet at-once/web had no Ready pod"]);
    bed.is_gone();
}

/// 8: what a webhook needs to be asked about ConfigMaps of a namespace that is not there.
#[test]
fn the_only_pod_behind_a_webhook_that_fails_closed_is_a_risk_and_a_second_one_ends_it() {
    let mut bed = Bed::of("webhook");
    bed.apply(&bed.deployment("hook", 1, "1s"));
    bed.apply(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]},
    }));
    bed.ready(1);
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
    bed.apply(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "closed"},
        "webhooks": [{
            "name": "closed.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Fail", "rules": rules,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}},
            "clientConfig": {"service": {"namespace": "webhook", "name": "hook"}},
        }],
    }));
    bed.open_new_nodes();
    bed.until(
        "the pod behind the Service",
        |told| !told.is_empty(),
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
    bed.drain(&[]).expect(3).tells(&["EC-POD-012", "ValidatingWebhookConfiguration closed", fix]);
    run_fix(&bed, fix);
    bed.ready(2);
    let query = "jsonpath={.items[*].endpoints[*].targetRef.name}";
    bed.until(
        "both pods behind the Service",
        |told| told.split_whitespace().count() == 2,
        &["-n", "webhook", "get", "endpointslices", "-l", "kubernetes.io/service-name=hook", "-o", query],
    );
    let without = bed.without_a_ready_pod(|bed| drop(bed.drain(&[]).expect(0)));
    bed.kubectl(&["delete", "validatingwebhookconfiguration", "closed"]);
    assert_eq!(without, [""; 0]);
    bed.is_gone();
}

/// A printed command, as a person would run it.
#[track_caller]
fn run_fix(bed: &Bed, command: &str) {
    let words = command.strip_prefix("kubectl ").expect("a command of kubectl's");
    bed.kubectl(&words.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn what_was_moved_and_finds_no_node_is_said_in_the_scheduler_s_words() {
    let mut bed = Bed::of("homeless");
    // CoreDNS runs on the new nodes, which have the label `ward` in common: no check before the drain counts that.
    let mut picky = bed.template("picky", "0s");
    picky["spec"]["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": "ward", "namespaces": ["kube-system"],
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }]}});
    bed.apply(&bed.workload("Deployment", "picky", 1, picky));
    // It did not run before: nobody waits for it.
    bed.apply(&bed.deployment("sick", 1, "1h"));
    bed.ready(1);
    bed.open_new_nodes();
    let ran = bed.drain(&["--drain-timeout", "20s"]).expect(4);
    let ran = ran.tells(&["1 pod that ran on them is not running again", "deployment/homeless/picky"]);
    ran.tells(&[
        "homeless/picky-",
        "is not scheduled",
        "anti-affinity",
        "kubectl -n homeless describe pod picky-",
    ]);
    bed.is_gone();
    let record =
        bed.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
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

/// 9: admission denies some evictions for a while.
#[test]
fn an_eviction_that_admission_denies_is_asked_for_again_and_holds_back_no_other() {
    let mut bed = Bed::of("denied");
    bed.apply(&bed.deployment("guarded", 1, "0s"));
    bed.apply(&bed.deployment("free", 1, "0s"));
    bed.ready(2);
    bed.open_new_nodes();
    for object in denying("denied") {
        bed.apply(&object);
    }
    // The API server takes a moment until it knows the policy.
    let probe = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "guarded-probe", "namespace": "denied"}});
    let denied = |bed: &Bed| {
        let path = "/api/v1/namespaces/denied/pods/guarded-probe/eviction";
        let answer = bed.sandbox().kubectl_with(&["create", "--raw", path, "-f", "-"], &probe.to_string());
        answer.is_err_and(|error| format!("{error:#}").contains("until noon"))
    };
    let started = std::time::Instant::now();
    while !denied(&bed) {
        assert!(started.elapsed().as_secs() < 60, "the policy is never in force");
    }
    let mark = bed.sandbox().mark();
    let mut drain = Going::start(&mut bed.command(&EVENTS));
    drain.says("EC-POD-013");
    drain.says("guarded pods stay until noon");
    bed.kubectl(&["delete", "validatingadmissionpolicybinding", "guard"]);
    bed.kubectl(&["delete", "validatingadmissionpolicy", "guard"]);
    drain.ends(0);
    bed.is_gone();
    let sent = evictions(bed.sandbox(), mark);
    let answers = |app: &str| -> Vec<u16> {
        sent.iter().filter(|(name, ..)| name.starts_with(app)).map(|(_, code, _)| *code).collect()
    };
    assert_eq!(answers("free"), [201]);
    assert!(answers("guarded").first() == Some(&403) && answers("guarded").last() == Some(&201), "{sent:?}");
}

/// 10: pods whose controller has no subresource `scale`.
#[test]
fn a_budget_whose_status_can_not_be_computed_is_told_and_its_fix_ends_it() {
    let mut bed = Bed::of("no-scale");
    bed.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}));
    let uid = bed.here(&["get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}"]);
    for name in ["one", "two"] {
        let mut pod = bed.pod(name);
        pod["metadata"]["labels"] = json!({"app": "odd"});
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid.trim(), "controller": true,
        }]);
        bed.apply(&pod);
    }
    bed.ready(2);
    bed.apply(&bed.budget("odd", json!({"maxUnavailable": 1})));
    let query = "jsonpath={.status.conditions[?(@.type=='DisruptionAllowed')].reason}";
    bed.until(
        "a status that says so",
        |told| told == "SyncFailed",
        &["-n", "no-scale", "get", "pdb", "odd", "-o", query],
    );
    let patch = r#"{"spec":{"maxUnavailable":null,"minAvailable":1}}"#;
    let fix = format!("kubectl -n no-scale patch pdb odd --type merge -p '{patch}'");
    bed.drain(&[]).expect(3).tells(&["EC-POD-014", "does not implement the scale subresource", &fix]);
    bed.here(&["patch", "pdb", "odd", "--type", "merge", "-p", patch]);
    bed.until(
        "a disruption allowed",
        |told| told == "1",
        &["-n", "no-scale", "get", "pdb", "odd", "-o", "jsonpath={.status.disruptionsAllowed}"],
    );
    let shown = bed.drain(&["--dry-run"]).expect(0).stdout;
    assert!(!shown.contains("EC-POD-014"), "{shown}");
}

/// 27: a pod that was told to go before the run, and that a finalizer holds.
#[test]
fn pods_that_do_not_end_are_told_and_their_node_goes_where_that_is_asked_for() {
    let mut bed = Bed::of("overdue");
    let mut pod = bed.pod("stuck");
    pod["metadata"]["finalizers"] = json!(["example.com/never"]);
    bed.apply(&pod);
    bed.ready(1);
    bed.here(&["delete", "pod", "stuck", "--wait=false"]);
    let told = |bed: &Bed| bed.drain(&["--dry-run"]).expect(0).stdout;
    let started = std::time::Instant::now();
    let said = loop {
        let said = told(&bed);
        if said.contains("EC-POD-015") {
            break said;
        }
        assert!(started.elapsed().as_secs() < 90, "it is never told:\n{said}");
    };
    for text in ["overdue/stuck", "finalizer example.com/never", "--skip-wait-for-delete-timeout 60s"] {
        assert!(said.contains(text), "'{text}' is not in:\n{said}");
    }
    let ran = bed.drain(&["--skip-wait-for-delete-timeout", "5s"]).expect(0);
    ran.tells(&["overdue/stuck is still terminating; no longer waiting for it"]);
    bed.is_gone();
    bed.here(&["patch", "pod", "stuck", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}
