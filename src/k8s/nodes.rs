//! Nodes: reading, cordoning and labelling them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::error::{Error, Result};
use crate::facts::{Node, NodeKind, Taint, Unready};
use crate::tags::FIELD_MANAGER;

use super::quantity::{amounts, others};
use super::{failure, pages, protobuf, slim};

/// A node with this label is not a target of load balancers, whatever the label's value.
pub const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// All nodes; `discover` fills in what EC2 knows about their instances.
pub async fn list(client: &Client) -> Result<Vec<Node>> {
    let found =
        pages::packed::<protobuf::Node, _, _>(client, ListParams::default(), |found| Some(node(found))).await;
    let mut nodes = found.map_err(|error| failure("list nodes", &error))?;
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

/// Names of the nodes that match a label selector; the API server evaluates it.
pub async fn selected(client: &Client, selector: &str) -> Result<BTreeSet<String>> {
    let name = |node: PartialObjectMeta<KubeNode>| node.metadata.name;
    match pages::all(client, ListParams::default().labels(selector), name).await {
        Ok(names) => Ok(names.into_iter().collect()),
        Err(kube::Error::Api(status)) if status.code == 400 => {
            Err(Error::usage(format!("'{selector}' is not a label selector"))
                .at("--selector")
                .because(status.message.clone())
                .fix("write it as for kubectl -l, such as -l 'team=shop,tier in (web,api),!spot'"))
        }
        Err(error) => Err(failure("list nodes by their labels", &error)),
    }
}

/// Without what EC2 knows about the instance.
pub fn node(node: slim::Node) -> Node {
    let labels = node.metadata.labels.unwrap_or_default();
    let spec = node.spec.unwrap_or_default();
    let status = node.status.unwrap_or_default();
    let provider = spec.provider_id.unwrap_or_default();
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let allocatable = amounts(status.allocatable.as_ref());
    let max_pods =
        status.allocatable.as_ref().and_then(|resources| resources.get("pods")).map(|pods| pods.0.parse());
    let owners = node.metadata.owner_references.unwrap_or_default();
    // PreferNoSchedule does not exclude a pod.
    let (soft_taints, taints) = spec
        .taints
        .unwrap_or_default()
        .into_iter()
        .map(|taint| Taint { key: taint.key, value: taint.value.unwrap_or_default(), effect: taint.effect })
        .partition(|taint: &Taint| taint.effect == "PreferNoSchedule");
    let conditions = status.conditions.unwrap_or_default();
    let readiness = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    // Old nodes have only the old label.
    let zone = match label("topology.kubernetes.io/zone") {
        zone if zone.is_empty() => label("failure-domain.beta.kubernetes.io/zone"),
        zone => zone,
    };
    Node {
        name: node.metadata.name.unwrap_or_default(),
        kind: kind(&provider, &label("kubernetes.io/os"), &label("eks.amazonaws.com/compute-type")),
        // aws:///us-west-2a/i-0123456789abcdef0
        instance_id: provider.rsplit('/').next().filter(|id| id.starts_with("i-")).map(ToString::to_string),
        zone,
        instance_type: label("node.kubernetes.io/instance-type"),
        ready: readiness.as_ref().is_some_and(|condition| condition.status == "True"),
        unready: readiness.filter(|condition| condition.status != "True").map(|condition| Unready {
            silent: condition.status == "Unknown",
            message: [condition.reason, condition.message]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": "),
        }),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        max_pods: max_pods.and_then(|pods| pods.ok()).unwrap_or_default(),
        allocatable,
        other_allocatable: others(status.allocatable.as_ref()),
        taints,
        soft_taints,
        os_image: status.node_info.map(|info| info.os_image).unwrap_or_default(),
        annotations: node.metadata.annotations.unwrap_or_default(),
        node_claim: owners.into_iter().find(|owner| owner.kind == "NodeClaim").map(|owner| owner.name),
        group: None,
        joined: node.metadata.creation_timestamp.map(|time| time.0),
        subnet: None,
        primary_addresses: 0,
        pod_subnets: BTreeSet::new(),
        pod_addresses: 0,
        interfaces: Vec::new(),
        security_groups: BTreeSet::new(),
        labels,
    }
}

fn kind(provider: &str, os: &str, compute: &str) -> NodeKind {
    match (compute, os) {
        ("fargate", _) => NodeKind::Fargate,
        ("hybrid", _) => NodeKind::Hybrid,
        (_, "windows") => NodeKind::Windows,
        _ if provider.starts_with("eks-hybrid:") => NodeKind::Hybrid,
        _ => NodeKind::Ec2,
    }
}

/// Cordons or uncordons a node. A node that is gone is a success.
pub async fn set_unschedulable(client: &Client, name: &str, unschedulable: bool) -> Result<()> {
    let api: Api<KubeNode> = Api::all(client.clone());
    let patch = json!({ "spec": { "unschedulable": unschedulable } });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let what = if unschedulable { "cordon node" } else { "uncordon node" };
    match api.patch(name, &params, &Patch::Merge(patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failure(what, &error).at(name)),
        Ok(_) => Ok(()),
    }
}

/// Excludes a node from load balancers, or includes it again. A node that is gone is a success.
pub async fn set_excluded(client: &Client, name: &str, excluded: bool) -> Result<()> {
    let api: Api<KubeNode> = Api::all(client.clone());
    // null removes the label. Its value has no meaning (Kubernetes, "Well-Known Labels").
    let value = excluded.then_some("");
    let patch = json!({ "metadata": { "labels": { EXCLUDE_FROM_LOAD_BALANCERS: value } } });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    match api.patch(name, &params, &Patch::Merge(patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failure("label node", &error).at(name)),
        Ok(_) => Ok(()),
    }
}

/// Deletes a NodeClaim: Karpenter drains what is left on the node, then terminates the instance.
pub async fn delete_node_claim(client: &Client, name: &str) -> Result<()> {
    let kind = kube::api::GroupVersionKind::gvk("karpenter.sh", "v1", "NodeClaim");
    let resource = kube::api::ApiResource::from_gvk_with_plural(&kind, "nodeclaims");
    let api: Api<kube::api::DynamicObject> = Api::all_with(client.clone(), &resource);
    match api.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failure("delete NodeClaim", &error).at(name)),
        Ok(_) => Ok(()),
    }
}
