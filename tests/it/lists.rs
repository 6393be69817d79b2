//! Pods and nodes are read as protobuf. The result must be the same as from the API server's JSON.

use std::sync::{Arc, Mutex};

use eni_custom::facts::{Node, Pod};
use eni_custom::k8s::{nodes, pages, pods};
use kube::Client;
use kube::api::ListParams;
use kube::client::{ClientBuilder, DynBody};
use sandbox::{Aws, OldNodes, Sandbox, Shape};
use tower::util::MapResponseLayer;

use crate::cluster::start;

/// Objects with every field that is read, and with values that Go encodes only in protobuf: empty strings, `false`,
/// unset times.
const OBJECTS: &str = r#"
apiVersion: v1
kind: Node
metadata:
  name: n-1
  labels: {topology.kubernetes.io/zone: a, kubernetes.io/os: linux, node.kubernetes.io/instance-type: m5.large}
  annotations: {note: "é"}
  ownerReferences: [{apiVersion: karpenter.sh/v1, kind: NodeClaim, name: c, uid: u, blockOwnerDeletion: true}]
spec:
  providerID: aws:///a/i-1
  unschedulable: true
  taints:
  - {key: own, value: v, effect: NoSchedule}
  - {key: bare, effect: NoExecute, timeAdded: "2026-01-01T00:00:00Z"}
---
apiVersion: v1
kind: Node
metadata: {name: n-2}
---
apiVersion: v1
kind: Pod
metadata:
  name: whole
  labels: {app: cart, tier: back}
  annotations: {kubernetes.io/config.hash: h}
  finalizers: [example.com/kept]
  ownerReferences:
  - {apiVersion: v1, kind: Other, name: o, uid: o}
  - {apiVersion: apps/v1, kind: ReplicaSet, name: cart-1, uid: r, controller: true, blockOwnerDeletion: false}
spec:
  nodeName: n-1
  hostNetwork: true
  terminationGracePeriodSeconds: 60
  containers:
  - {name: app, image: i, resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {cpu: "9"}}}
  - {name: second, image: i}
  initContainers:
  - {name: side, image: i, restartPolicy: Always, resources: {requests: {cpu: 50m}}}
  - {name: once, image: i, resources: {requests: {cpu: 700m}}}
  volumes:
  - {name: a, emptyDir: {medium: Memory}}
  - {name: b, persistentVolumeClaim: {claimName: data, readOnly: true}}
  - {name: c, configMap: {name: c}}
  nodeSelector: {disk: ssd}
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - matchExpressions: [{key: zone, operator: In, values: [a, b]}, {key: gpu, operator: DoesNotExist}]
        - matchFields: [{key: metadata.name, operator: In, values: [n-1]}]
  tolerations:
  - {operator: Exists}
  - {key: own, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  nodeName: n-2
  containers: [{name: app, image: i}]
  affinity: {podAntiAffinity: {}}
"#;

/// The status of a Ready pod, and of one that is not ready and says why.
const STATUSES: [(&str, &str); 3] = [
    (
        "node/n-1",
        r#"{"status": {
            "allocatable": {"cpu": "1930m", "memory": "4Gi", "pods": "29"},
            "conditions": [
                {"type": "DiskPressure", "status": "False"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ]
        }}"#,
    ),
    (
        "pod/whole",
        r#"{"status": {
            "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2100-01-01T00:01:30Z"}]
        }}"#,
    ),
    (
        "pod/bare",
        r#"{"status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "not yet"}]
        }}"#,
    ),
];

fn write(sandbox: &Sandbox) {
    sandbox.kubectl_with(&["apply", "-f", "-"], OBJECTS).expect("the objects are applied");
    for (object, status) in STATUSES {
        let patch = ["patch", object, "--subresource=status", "--type=merge", "-p", status];
        sandbox.kubectl(&patch).expect("the status is patched");
    }
    // Its finalizer keeps it.
    sandbox.kubectl(&["delete", "pod", "whole", "--wait=false"]).expect("the pod is terminating");
}

#[tokio::test]
async fn pods_and_nodes_are_the_same_from_protobuf_and_json() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        aws: Aws::Calm,
        workloads: false,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    // Controllers that would notice these nodes' missing kubelets and delete their pods.
    for process in ["node-agent", "kwok", "kube-controller-manager"] {
        sandbox.stop(process);
    }
    write(&sandbox);

    let (client, kinds) = client(&sandbox).await;
    let placed = ListParams::default().fields("spec.nodeName!=");
    let all_pods = pages::all(&client, placed, |found| Some(pods::pod(found))).await;
    let from_json: Vec<Pod> = all_pods.expect("a list");
    assert!(["whole", "bare"].iter().all(|name| from_json.iter().any(|pod| pod.name == *name)));
    assert_eq!(pods::list(&client).await.expect("a list"), from_json);

    let all_nodes = pages::all(&client, ListParams::default(), |found| Some(nodes::node(found))).await;
    let mut from_json: Vec<Node> = all_nodes.expect("a list");
    from_json.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(["n-1", "n-2"].iter().all(|name| from_json.iter().any(|node| node.name == *name)));
    assert_eq!(nodes::list(&client).await.expect("a list"), from_json);

    let (json, protobuf) = ("application/json", "application/vnd.kubernetes.protobuf");
    assert_eq!(*kinds.lock().unwrap(), [json, protobuf, json, protobuf]);
}

/// A client, and the Content-Type of each response that it received.
async fn client(sandbox: &Sandbox) -> (Client, Arc<Mutex<Vec<String>>>) {
    let config = sandbox.admin_config().await.expect("a kubeconfig");
    let kinds: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&kinds);
    let layer = MapResponseLayer::new(move |answer: http::Response<Box<DynBody>>| {
        log.lock().unwrap().push(answer.headers()["content-type"].to_str().unwrap().to_string());
        answer
    });
    let builder = ClientBuilder::try_from(config).expect("a client");
    (builder.with_layer(&layer).build(), kinds)
}
