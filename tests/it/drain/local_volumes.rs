//! Volumes on the disk of the drained node.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::command::writes;

const CLASS: &str = "local-disks";

/// A PersistentVolume on a node's disk, as local-path-provisioner or the local static provisioner creates it.
fn disk(name: &str, node: &str, source: &Value) -> Value {
    let hostname = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
    let mut spec = json!({
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": CLASS,
        "persistentVolumeReclaimPolicy": "Retain",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
    });
    spec.as_object_mut().expect("an object").extend(source.as_object().expect("an object").clone());
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
}

fn claim(volume: Option<&str>) -> Value {
    json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": CLASS, "volumeName": volume,
        "resources": {"requests": {"storage": "1Gi"}},
    })
}

#[test]
fn data_on_a_node_s_disk_needs_a_flag_like_emptydir_data() {
    let mut fixture = Fixture::of("local-volumes");
    fixture.kubectl(&["label", "node", &fixture.node, &format!("topology.topolvm.io/node={}", fixture.node)]);
    fixture.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": CLASS},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    let local = json!({"local": {"path": "/mnt/disks/0"}});
    fixture.apply(&disk("local-old", &fixture.node, &local));
    fixture.apply(&disk(
        "path-old",
        &fixture.node,
        &json!({"hostPath": {"path": "/opt/local-path-provisioner/0"}}),
    ));
    let mut topolvm =
        disk("topolvm-old", &fixture.node, &json!({"csi": {"driver": "topolvm.io", "volumeHandle": "v"}}));
    topolvm["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] =
        json!("topology.topolvm.io/node");
    fixture.apply(&topolvm);
    // A StatefulSet recreates its claim. No controller recreates a Deployment's.
    let mut set = fixture.workload("StatefulSet", "db", 1, fixture.template("db", "0s"));
    set["spec"]["serviceName"] = json!("db");
    set["spec"]["volumeClaimTemplates"] =
        json!([{"metadata": {"name": "data"}, "spec": claim(Some("local-old"))}]);
    fixture.apply(&set);
    for (app, volume) in [("path", "path-old"), ("topolvm", "topolvm-old")] {
        fixture.apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": app}, "spec": claim(Some(volume)),
        }));
        let mut template = fixture.template(app, "0s");
        template["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": app}}]);
        fixture.apply(&fixture.workload("Deployment", app, 1, template));
    }
    // A directory of the node, mounted directly.
    let mut cache = fixture.template("cache", "0s");
    cache["spec"]["volumes"] = json!([{"name": "cache", "hostPath": {"path": "/mnt/cache"}}]);
    fixture.apply(&fixture.workload("Deployment", "cache", 1, cache));
    fixture.ready(4);
    fixture.open_new_nodes();
    let mark = fixture.sandbox().mark();
    let refused = fixture.drain(&[]).expect(3);
    let refused =
        refused.says(&["EC-POD-017", "local-volumes/db-0", "local-volumes/cache-", "--delete-local-volumes"]);
    refused.says(&["EC-POD-018", "local-volumes/path-", "local-volumes/topolvm-"]);
    // The flag alone does not delete claims that no controller would recreate.
    let fixes = ["path", "topolvm"]
        .map(|app| format!("kubectl -n local-volumes scale deployment {app} --replicas=0"));
    fixture.drain(&["--delete-local-volumes"]).expect(3).says(&[&fixes[0], &fixes[1]]);
    assert_eq!(writes(fixture.sandbox(), mark), Vec::<String>::new());
    for fix in fixes {
        fixture.kubectl(&fix.split_whitespace().skip(1).collect::<Vec<_>>());
    }
    fixture.ready(2);
    // A volume that the StatefulSet's new claim can bind to.
    set["spec"]["volumeClaimTemplates"][0]["spec"]["volumeName"] = Value::Null;
    let claimed = fixture.here(&["get", "pvc", "data-db-0", "-o", "jsonpath={.metadata.uid}"]);
    fixture.here(&["delete", "statefulset", "db", "--cascade=orphan"]);
    fixture.apply(&set);
    for (at, node) in fixture.new_nodes().iter().enumerate() {
        fixture.apply(&disk(&format!("local-new-{at}"), node, &local));
    }
    fixture.drain(&["--delete-local-volumes"]).expect(0);
    fixture.is_gone();
    fixture.ready(2);
    let now = fixture.here(&["get", "pvc", "data-db-0", "-o", "jsonpath={.metadata.uid} {.spec.volumeName}"]);
    assert!(!now.contains(claimed.trim()) && now.contains("local-new-"), "{now}");
    let record =
        fixture.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
    assert!(!record.contains("\"claims\""), "{record}");
}
