use serde_json::{Value, json};

use super::*;
use crate::facts::{Controller, NodeKind, Placement, Requests};
use crate::k8s::{nodes, pods};

const TIME: &str = "2026-01-01T00:00:00Z";

/// With all that is read, and much that is not.
fn whole_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "cart-0", "namespace": "shop", "uid": "u-1", "resourceVersion": "7", "generateName": "cart-",
            "creationTimestamp": TIME, "deletionTimestamp": "2026-01-02T00:00:00Z", "deletionGracePeriodSeconds": 5,
            "labels": {"app": "cart"}, "annotations": {"kubernetes.io/config.mirror": "x"}, "finalizers": ["a/b"],
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "o"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-1", "uid": "r", "controller": true},
            ],
            "managedFields": [{
                "manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": TIME, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:status": {"f:phase": {}}}, "subresource": "status",
            }],
        },
        "spec": {
            "nodeName": "n-1", "hostNetwork": true, "terminationGracePeriodSeconds": 60, "schedulerName": "s",
            "containers": [{
                "name": "app", "image": "i", "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "9"}},
            }],
            "initContainers": [
                {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
                {"name": "once", "resources": {"requests": {"cpu": "10m"}}},
            ],
            "overhead": {"cpu": "7m"},
            "volumes": [
                {"name": "a", "emptyDir": {"medium": "Memory"}},
                {"name": "b", "persistentVolumeClaim": {"claimName": "data", "readOnly": true}},
                {"name": "c", "configMap": {"name": "c"}},
            ],
            "nodeSelector": {"disk": "ssd"},
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
                    ]},
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}],
                },
                "podAntiAffinity": {},
            },
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "own", "operator": "Equal", "value": "v", "effect": "NoSchedule"},
            ],
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "hostIP": "10.0.0.2",
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": TIME},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:01:30Z"},
            ],
            "containerStatuses": [{
                "name": "app", "image": "i", "imageID": "d", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": TIME}},
            }],
        },
    })
}

/// A pod as its JSON differs from the whole one.
fn changed(path: &str, value: Value) -> Value {
    let mut pod = whole_pod();
    *pod.pointer_mut(path).unwrap() = value;
    pod
}

/// What the fully typed object says in these fields: names are checked by the compiler.
fn from_whole(pod: core::Pod) -> Pod {
    let meta = pod.metadata;
    let container = |container: core::Container| Container {
        restart_policy: container.restart_policy,
        resources: container.resources.map(|all| Resources { requests: all.requests }),
    };
    let volume = |volume: core::Volume| Volume {
        host_path: volume.host_path,
        empty_dir: volume.empty_dir.map(|_| IgnoredAny),
        ephemeral: volume.ephemeral.map(|_| IgnoredAny),
        persistent_volume_claim: volume.persistent_volume_claim,
    };
    let affinity = |affinity: core::Affinity| Affinity {
        node_affinity: affinity.node_affinity.map(|nodes| NodeAffinity {
            required: nodes.required_during_scheduling_ignored_during_execution,
        }),
    };
    let all = |containers: Vec<core::Container>| containers.into_iter().map(container).collect::<Vec<_>>();
    let spec = |spec: core::PodSpec| PodSpec {
        node_name: spec.node_name,
        host_network: spec.host_network,
        termination_grace_period_seconds: spec.termination_grace_period_seconds,
        containers: Some(all(spec.containers)),
        init_containers: spec.init_containers.map(all),
        overhead: spec.overhead,
        volumes: spec.volumes.map(|volumes| volumes.into_iter().map(volume).collect()),
        node_selector: spec.node_selector,
        affinity: spec.affinity.map(affinity),
        tolerations: spec.tolerations,
    };
    let condition = |condition: core::PodCondition| Condition {
        type_: condition.type_,
        status: condition.status,
        reason: condition.reason,
        message: condition.message,
        last_transition_time: condition.last_transition_time,
    };
    let status = |status: core::PodStatus| PodStatus {
        phase: status.phase,
        pod_ip: status.pod_ip,
        conditions: status.conditions.map(|all| all.into_iter().map(condition).collect()),
    };
    Slim {
        metadata: ObjectMeta {
            managed_fields: None,
            generate_name: None,
            deletion_grace_period_seconds: None,
            ..meta
        },
        spec: pod.spec.map(spec),
        status: pod.status.map(status),
        kind: PhantomData,
    }
}

#[test]
fn a_slim_pod_equals_the_fully_decoded_pod() {
    let unready = json!([{"type": "Ready", "status": "False", "reason": "R", "message": "not yet"}]);
    for json in [
        whole_pod(),
        changed("/status/conditions", unready),
        changed("/status/conditions", Value::Null),
        changed("/status", Value::Null),
        changed("/spec/volumes", Value::Null),
        changed("/spec/volumes", json!([{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": null}])),
        changed(
            "/spec/volumes",
            json!([{"name": "a", "hostPath": {"path": "/data"}}, {"name": "b", "ephemeral": {}}]),
        ),
        changed("/spec/initContainers", json!([])),
        changed("/spec/containers/0/resources", json!({})),
        changed("/spec/affinity", json!({"podAffinity": {}})),
        changed("/spec/hostNetwork", Value::Null),
        changed("/metadata/ownerReferences", Value::Null),
        changed("/metadata/labels", Value::Null),
        changed("/metadata/creationTimestamp", Value::Null),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": []}}),
    ] {
        let slim: Pod = serde_json::from_value(json.clone()).unwrap();
        let whole = from_whole(serde_json::from_value(json.clone()).unwrap());
        assert_eq!(slim, whole, "{json}");
        assert_eq!(pods::pod(slim), pods::pod(whole), "{json}");
    }
}

#[test]
fn all_needed_pod_fields_are_read() {
    let pod = pods::pod(serde_json::from_value(whole_pod()).unwrap());
    assert_eq!((pod.namespace.as_str(), pod.name.as_str(), pod.uid.as_str()), ("shop", "cart-0", "u-1"));
    assert_eq!((pod.node.as_str(), pod.phase.as_str()), ("n-1", "Running"));
    assert_eq!(pod.labels["app"], "cart");
    assert_eq!(pod.address.as_deref(), Some("10.0.0.1"));
    assert!(pod.ready && pod.host_network && pod.deleting && pod.mirror && pod.empty_dir);
    assert_eq!((pod.grace_seconds, pod.seconds_to_ready), (60, Some(90)));
    assert_eq!(pod.terminating.unwrap().finalizers, ["a/b"]);
    assert_eq!(
        pod.controller.as_deref(),
        Some(&Controller { kind: "ReplicaSet".into(), name: "cart-1".into() })
    );
    assert_eq!(pod.requests, Requests { cpu_milli: 157, memory: 1 << 30 });
    let Placement { node_selector, node_affinity, tolerations, claims } = *pod.placement.unwrap();
    assert_eq!((node_selector["disk"].as_str(), node_affinity.len()), ("ssd", 1));
    assert_eq!((tolerations[0].key.as_deref(), tolerations.len()), (Some("own"), 1));
    assert_eq!(claims, ["data"]);
}

#[test]
fn all_needed_node_fields_are_read() {
    let node = nodes::node(
        serde_json::from_value(json!({
            "metadata": {
                "name": "n-1", "labels": {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "a"},
                "annotations": {"a": "b"}, "managedFields": [{"manager": "kubelet"}],
                "ownerReferences": [{"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": "c", "uid": "u"}],
            },
            "spec": {
                "providerID": "aws:///a/i-1", "unschedulable": true, "podCIDR": "10.0.0.0/24",
                "taints": [
                    {"key": "k", "value": "v", "effect": "NoSchedule", "timeAdded": TIME},
                    {"key": "soft", "effect": "PreferNoSchedule"},
                ],
            },
            "status": {
                "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "29"}, "capacity": {"pods": "30"},
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": TIME}],
                "images": [{"names": ["i"], "sizeBytes": 1}],
                "nodeInfo": {"osImage": "Amazon Linux 2", "architecture": "amd64"},
            },
        }))
        .unwrap(),
    );
    assert_eq!((node.name.as_str(), node.zone.as_str(), node.kind), ("n-1", "a", NodeKind::Ec2));
    assert_eq!((node.instance_id.as_deref(), node.node_claim.as_deref()), (Some("i-1"), Some("c")));
    assert!(node.ready && node.unschedulable);
    assert_eq!((node.max_pods, node.allocatable), (29, Requests { cpu_milli: 2000, memory: 4 << 30 }));
    assert_eq!((node.taints.len(), node.taints[0].value.as_str()), (1, "v"));
    assert_eq!((node.soft_taints.len(), node.soft_taints[0].key.as_str()), (1, "soft"));
    assert_eq!(node.annotations["a"], "b");
    assert_eq!(node.os_image, "Amazon Linux 2");
}

#[test]
fn slim_types_are_listed_as_their_kind() {
    assert_eq!(Pod::url_path(&(), None), core::Pod::url_path(&(), None));
    assert_eq!(Node::url_path(&(), None), "/api/v1/nodes");
    assert_eq!((Pod::kind(&()), Pod::api_version(&())), ("Pod".into(), "v1".into()));
}
