//! A second replica for a Deployment with one.

use serde_json::json;

use super::fixture::Fixture;
use crate::background::BackgroundRun;
use crate::command::writes;

/// A `kubectl …` command in a text, split as a shell does: `'` quotes JSON.
fn printed(text: &str, start: &str) -> Vec<String> {
    let from = text.find(start).unwrap_or_else(|| panic!("'{start}' is not in:\n{text}"));
    let line = text[from..].lines().next().unwrap_or_default();
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(String::from)),
            _ => words.push(part.to_string()),
        }
    }
    words.into_iter().skip(1).collect()
}

#[test]
fn an_impossible_second_replica_is_refused_and_a_removed_one_is_noticed() {
    let mut fixture = Fixture::of("surge-never");
    for app in ["scaled", "stored", "slow"] {
        let ready_after = if app == "slow" { "12s" } else { "0s" };
        let mut template = fixture.template(app, ready_after);
        if app == "stored" {
            template["spec"]["volumes"] =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        }
        fixture.apply(&fixture.workload("Deployment", app, 1, template));
        fixture.apply(&fixture.budget(app, json!({"minAvailable": 1})));
    }
    fixture.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "surge-never"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                 "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}},
    }));
    fixture.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "surge-never",
                 "resources": {"requests": {"storage": "1Gi"}}},
    }));
    fixture.apply(&json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaled"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"},
                 "minReplicas": 1, "maxReplicas": 1},
    }));
    fixture.ready(3);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    let refused = fixture.drain(&["--surge-singletons"]).expect(3);
    let refused = refused.says(&[
        "EC-POD-020",
        "surge-never/scaled-",
        "HorizontalPodAutoscaler surge-never/scaled",
        "surge-never/stored-",
        "ReadWriteOnce",
    ]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    // Each fix allows its pod to be evicted.
    for start in ["kubectl -n surge-never patch hpa scaled", "kubectl -n surge-never patch pdb stored"] {
        let words = printed(&refused.stderr, start);
        fixture.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let of_scaled = "jsonpath={.items[?(@.metadata.name=='scaled')].status.disruptionsAllowed}";
    fixture.until(
        "a second replica",
        |allowed| allowed == "1",
        &["-n", "surge-never", "get", "pdb", "-o", of_scaled],
    );
    let of_stored = "jsonpath={.items[?(@.metadata.name=='stored')].status.disruptionsAllowed}";
    fixture.until(
        "a budget that allows a disruption",
        |allowed| allowed == "1",
        &["-n", "surge-never", "get", "pdb", "-o", of_stored],
    );
    let mut drain = BackgroundRun::start(&mut fixture.command(&["--surge-singletons", "--events", "json"]));
    drain.wait_for("surge-never/slow gets a second replica");
    fixture.here(&["scale", "deployment", "slow", "--replicas=1"]);
    let started = std::time::Instant::now();
    let output = drain.exits_with(4);
    assert!(output.contains("surge-never/slow was scaled back to 1 by kubectl"), "{output}");
    assert!(started.elapsed().as_secs() < 60, "it waited for a replica that can't come");
    fixture.is_as_before();
}
