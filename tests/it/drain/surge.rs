//! A second replica for a Deployment of one.

use serde_json::json;

use super::ward::Bed;
use crate::command::writes;
use crate::going::Going;

/// `kubectl …` in a text, as a shell reads its words: `'` holds JSON together.
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
fn a_second_replica_that_can_not_work_is_refused_and_one_that_is_undone_is_noticed() {
    let mut bed = Bed::of("surge-never");
    for app in ["scaled", "stored", "slow"] {
        let ready_after = if app == "slow" { "12s" } else { "0s" };
        let mut template = bed.template(app, ready_after);
        if app == "stored" {
            template["spec"]["volumes"] =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        }
        bed.apply(&bed.workload("Deployment", app, 1, template));
        bed.apply(&bed.budget(app, json!({"minAvailable": 1})));
    }
    bed.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "surge-never"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                 "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}},
    }));
    bed.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "surge-never",
                 "resources": {"requests": {"storage": "1Gi"}}},
    }));
    bed.apply(&json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaled"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"},
                 "minReplicas": 1, "maxReplicas": 1},
    }));
    bed.ready(3);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    let refused = bed.drain(&["--surge-singletons"]).expect(3);
    let refused = refused.tells(&[
        "EC-POD-020",
        "surge-never/scaled-",
        "HorizontalPodAutoscaler surge-never/scaled",
        "surge-never/stored-",
        "ReadWriteOnce",
    ]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    // Each fix is what lets its pod go.
    for start in ["kubectl -n surge-never patch hpa scaled", "kubectl -n surge-never patch pdb stored"] {
        let words = printed(&refused.stderr, start);
        bed.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let of_scaled = "jsonpath={.items[?(@.metadata.name=='scaled')].status.disruptionsAllowed}";
    bed.until(
        "a second replica",
        |allowed| allowed == "1",
        &["-n", "surge-never", "get", "pdb", "-o", of_scaled],
    );
    let of_stored = "jsonpath={.items[?(@.metadata.name=='stored')].status.disruptionsAllowed}";
    bed.until(
        "a budget with room",
        |allowed| allowed == "1",
        &["-n", "surge-never", "get", "pdb", "-o", of_stored],
    );
    let mut drain = Going::start(&mut bed.command(&["--surge-singletons", "--events", "json"]));
    drain.says("surge-never/slow gets a second replica");
    bed.here(&["scale", "deployment", "slow", "--replicas=1"]);
    let started = std::time::Instant::now();
    let said = drain.ends(4);
    assert!(said.contains("surge-never/slow was scaled back to 1 by kubectl"), "{said}");
    assert!(started.elapsed().as_secs() < 60, "it waited for what can't come");
    bed.is_as_before();
}
