//! Volumes on the disk of the node that is drained.

use serde_json::{Value, json};

use super::ward::Bed;
use crate::command::writes;

const CLASS: &str = "local-disks";

/// A disk of a node, as local-path-provisioner or the local static provisioner offers it.
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
fn data_on_a_node_s_disk_is_refused_like_emptydir_data() {
    let mut bed = Bed::of("local-volumes");
    bed.kubectl(&["label", "node", &bed.node, &format!("topology.topolvm.io/node={}", bed.node)]);
    bed.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": CLASS},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    let local = json!({"local": {"path": "/mnt/disks/0"}});
    bed.apply(&disk("local-old", &bed.node, &local));
    bed.apply(&disk("path-old", &bed.node, &json!({"hostPath": {"path": "/opt/local-path-provisioner/0"}})));
    let mut topolvm =
        disk("topolvm-old", &bed.node, &json!({"csi": {"driver": "topolvm.io", "volumeHandle": "v"}}));
    topolvm["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] =
        json!("topology.topolvm.io/node");
    bed.apply(&topolvm);
    // A StatefulSet creates its claim again; nobody creates a Deployment's.
    let mut set = bed.workload("StatefulSet", "db", 1, bed.template("db", "0s"));
    set["spec"]["serviceName"] = json!("db");
    set["spec"]["volumeClaimTemplates"] =
        json!([{"metadata": {"name": "data"}, "spec": claim(Some("local-old"))}]);
    bed.apply(&set);
    for (app, volume) in [("path", "path-old"), ("topolvm", "topolvm-old")] {
        bed.apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": app}, "spec": claim(Some(volume)),
        }));
        let mut template = bed.template(app, "0s");
        template["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": app}}]);
        bed.apply(&bed.workload("Deployment", app, 1, template));
    }
    // A directory of the node, mounted by itself.
    let mut cache = bed.template("cache", "0s");
    cache["spec"]["volumes"] = json!([{"name": "cache", "hostPath": {"path": "/mnt/cache"}}]);
    bed.apply(&bed.workload("Deployment", "cache", 1, cache));
    bed.ready(4);
    bed.open_new_nodes();
    let mark = bed.sandbox().mark();
    let refused = bed.drain(&[]).expect(3);
    let refused = refused.tells(&[
        "EC-POD-017",
        "local-volumes/db-0",
        "local-volumes/cache-",
        "--delete-local-volumes",
    ]);
    refused.tells(&["EC-POD-018", "local-volumes/path-", "local-volumes/topolvm-"]);
    // The flag alone doesn't give up what nobody would create again.
    let fixes = ["path", "topolvm"]
        .map(|app| format!("kubectl -n local-volumes scale deployment {app} --replicas=0"));
    bed.drain(&["--delete-local-volumes"]).expect(3).tells(&[&fixes[0], &fixes[1]]);
    assert_eq!(writes(bed.sandbox(), mark), Vec::<String>::new());
    for fix in fixes {
        bed.kubectl(&fix.split_whitespace().skip(1).collect::<Vec<_>>());
    }
    bed.ready(2);
    // What the StatefulSet's new claim can be bound to.
    set["spec"]["volumeClaimTemplates"][0]["spec"]["volumeName"] = Value::Null;
    let claimed = bed.here(&["get", "pvc", "data-db-0", "-o", "jsonpath={.metadata.uid}"]);
    bed.here(&["delete", "statefulset", "db", "--cascade=orphan"]);
    bed.apply(&set);
    for (at, node) in bed.new_nodes().iter().enumerate() {
        bed.apply(&disk(&format!("local-new-{at}"), node, &local));
    }
    bed.drain(&["--delete-local-volumes"]).expect(0);
    bed.is_gone();
    bed.ready(2);
    let now = bed.here(&["get", "pvc", "data-db-0", "-o", "jsonpath={.metadata.uid} {.spec.volumeName}"]);
    assert!(!now.contains(claimed.trim()) && now.contains("local-new-"), "{now}");
    let record =
        bed.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "jsonpath={.data}"]);
    assert!(!record.contains("\"claims\""), "{record}");
}
