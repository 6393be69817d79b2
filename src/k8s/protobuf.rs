//! Lists of pods and nodes as protobuf, which the API server writes in little more than half the time of JSON.
//!
//! Go's protobuf has an empty string, an empty list or `false` where its JSON leaves the field out. All of them are read
//! as absent here, so that an object is the same in either format.

use std::collections::BTreeMap;
use std::convert::identity;
use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use prost::bytes::Bytes;
use prost::{DecodeError, Message};
use serde::de::IgnoredAny;

use super::slim;
pub(super) use messages::{Node, Pod};

mod messages;

/// The Accept header: a proxy that does not support protobuf may reply with JSON.
pub(super) const ACCEPT: &str = "application/vnd.kubernetes.protobuf, application/json";

/// The prefix of every protobuf reply (Kubernetes API concepts, "Kubernetes Protobuf encoding").
const MAGIC: &[u8] = b"k8s\0";

/// The list in a reply; `None` if the reply is not protobuf.
pub(super) fn list(answer: &Bytes) -> Option<Result<Bytes, DecodeError>> {
    answer.starts_with(MAGIC).then(|| Ok(Unknown::decode(answer.slice(MAGIC.len()..))?.raw))
}

/// The objects of a list.
pub(super) fn items<M: Message + Default + Debug>(list: Bytes) -> Result<Vec<M>, DecodeError> {
    Ok(Items::decode(list)?.items)
}

/// The continue token of the next page; `None` on the last page.
pub(super) fn token(list: Bytes) -> Option<String> {
    // Errors in the list are reported when its objects are decoded.
    text(Head::decode(list).ok()?.metadata?.token)
}

#[derive(Message)]
struct Unknown {
    #[prost(bytes = "bytes", tag = "2")]
    raw: Bytes,
}

#[derive(Message)]
struct Head {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ListMeta>,
}

#[derive(Message)]
struct ListMeta {
    #[prost(string, optional, tag = "3")]
    token: Option<String>,
}

#[derive(Message)]
struct Items<M: Message + Default + Debug> {
    #[prost(message, repeated, tag = "2")]
    items: Vec<M>,
}

impl From<Pod> for slim::Pod {
    fn from(pod: Pod) -> Self {
        let spec = pod.spec.map(|spec| slim::PodSpec {
            node_name: text(spec.node_name),
            host_network: set(spec.host_network),
            termination_grace_period_seconds: spec.termination_grace_period_seconds,
            containers: each(spec.containers, container),
            init_containers: each(spec.init_containers, container),
            overhead: amounts(spec.overhead),
            volumes: each(spec.volumes, volume),
            node_selector: map(spec.node_selector),
            affinity: spec.affinity.map(affinity),
            tolerations: each(spec.tolerations, toleration),
        });
        let status = pod.status.map(|status| slim::PodStatus {
            phase: text(status.phase),
            pod_ip: text(status.pod_ip),
            conditions: each(status.conditions, condition),
        });
        Self { metadata: metadata(pod.metadata), spec, status, kind: PhantomData }
    }
}

impl From<Node> for slim::Node {
    fn from(node: Node) -> Self {
        let spec = node.spec.map(|spec| slim::NodeSpec {
            provider_id: text(spec.provider_id),
            unschedulable: set(spec.unschedulable),
            taints: each(spec.taints, taint),
        });
        let status = node.status.map(|status| slim::NodeStatus {
            allocatable: amounts(status.allocatable),
            conditions: each(status.conditions, condition),
            node_info: status.node_info.map(|info| slim::NodeInfo { os_image: info.os_image }),
        });
        Self { metadata: metadata(node.metadata), spec, status, kind: PhantomData }
    }
}

fn metadata(metadata: Option<messages::ObjectMeta>) -> ObjectMeta {
    let metadata = metadata.unwrap_or_default();
    ObjectMeta {
        name: text(metadata.name),
        namespace: text(metadata.namespace),
        uid: text(metadata.uid),
        resource_version: text(metadata.resource_version),
        labels: map(metadata.labels),
        annotations: map(metadata.annotations),
        owner_references: each(metadata.owner_references, owner),
        creation_timestamp: metadata.creation_timestamp.and_then(time),
        deletion_timestamp: metadata.deletion_timestamp.and_then(time),
        finalizers: each(metadata.finalizers, identity),
        ..ObjectMeta::default()
    }
}

fn owner(owner: messages::OwnerReference) -> OwnerReference {
    OwnerReference {
        api_version: owner.api_version,
        kind: owner.kind,
        name: owner.name,
        uid: owner.uid,
        controller: owner.controller,
        block_owner_deletion: owner.block_owner_deletion,
    }
}

fn container(container: messages::Container) -> slim::Container {
    slim::Container {
        restart_policy: text(container.restart_policy),
        resources: container.resources.map(|all| slim::Resources { requests: amounts(all.requests) }),
    }
}

fn volume(volume: messages::Volume) -> slim::Volume {
    let source = volume.source.unwrap_or_default();
    let claim = |claim: messages::PersistentVolumeClaim| core::PersistentVolumeClaimVolumeSource {
        claim_name: claim.claim_name,
        read_only: set(claim.read_only),
    };
    let host_path =
        |path: messages::HostPath| core::HostPathVolumeSource { path: path.path, type_: text(path.type_) };
    slim::Volume {
        host_path: source.host_path.map(host_path),
        empty_dir: source.empty_dir.map(|_| IgnoredAny),
        ephemeral: source.ephemeral.map(|_| IgnoredAny),
        persistent_volume_claim: source.persistent_volume_claim.map(claim),
    }
}

fn affinity(affinity: messages::Affinity) -> slim::Affinity {
    let term = |term: messages::NodeSelectorTerm| core::NodeSelectorTerm {
        match_expressions: each(term.match_expressions, requirement),
        match_fields: each(term.match_fields, requirement),
    };
    let selector = |selector: messages::NodeSelector| core::NodeSelector {
        node_selector_terms: selector.node_selector_terms.into_iter().map(term).collect(),
    };
    let nodes = |nodes: messages::NodeAffinity| slim::NodeAffinity { required: nodes.required.map(selector) };
    slim::Affinity { node_affinity: affinity.node_affinity.map(nodes) }
}

fn requirement(requirement: messages::NodeSelectorRequirement) -> core::NodeSelectorRequirement {
    core::NodeSelectorRequirement {
        key: requirement.key,
        operator: requirement.operator,
        values: each(requirement.values, identity),
    }
}

fn toleration(toleration: messages::Toleration) -> core::Toleration {
    core::Toleration {
        key: text(toleration.key),
        operator: text(toleration.operator),
        value: text(toleration.value),
        effect: text(toleration.effect),
        toleration_seconds: toleration.toleration_seconds,
    }
}

fn condition(condition: messages::Condition) -> slim::Condition {
    slim::Condition {
        type_: condition.type_,
        status: condition.status,
        reason: text(condition.reason),
        message: text(condition.message),
        last_transition_time: condition.last_transition_time.and_then(time),
    }
}

fn taint(taint: messages::Taint) -> core::Taint {
    core::Taint {
        key: taint.key,
        value: text(taint.value),
        effect: taint.effect,
        time_added: taint.time_added.and_then(time),
    }
}

fn time(time: messages::Time) -> Option<Time> {
    Timestamp::from_second(time.seconds?).ok().map(Time)
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn set(flag: Option<bool>) -> Option<bool> {
    flag.filter(|flag| *flag)
}

fn each<M, T>(all: Vec<M>, of: fn(M) -> T) -> Option<Vec<T>> {
    (!all.is_empty()).then(|| all.into_iter().map(of).collect())
}

fn map<T>(all: BTreeMap<String, T>) -> Option<BTreeMap<String, T>> {
    (!all.is_empty()).then_some(all)
}

fn amounts(all: BTreeMap<String, messages::Quantity>) -> Option<BTreeMap<String, Quantity>> {
    map(all.into_iter().map(|(name, amount)| (name, Quantity(amount.string))).collect())
}
