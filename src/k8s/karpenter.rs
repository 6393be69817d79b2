//! Karpenter's controller, NodePools, EC2NodeClasses and NodeClaims: how they are read, and changed field by field.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, Event};
use k8s_openapi::jiff::fmt::friendly::SpanParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::error::Result;
use crate::facts::{
    ClassPods, DisruptionBudget, Karpenter, NodeClaim, NodeClass, NodePool, Requirement, SubnetTerm,
};
use crate::ownership;
use crate::tags::FIELD_MANAGER;

use super::{failure, pages, quantity};

/// The label of its chart.
const LABEL: &str = "app.kubernetes.io/name=karpenter";
const GROUP: &str = "karpenter.sh";
const AWS_GROUP: &str = "karpenter.k8s.aws";
/// Its setting for custom networking.
pub(crate) const RESERVED_ENIS: &str = "RESERVED_ENIS";

/// Karpenter; `None` if the cluster has neither its controller nor NodePools.
pub(crate) async fn read(client: &Client) -> Result<Option<Karpenter>> {
    let (controllers, pools) = tokio::try_join!(
        controllers(client),
        pages::custom(client, GROUP, "v1", "NodePool", "nodepools", node_pool)
    )?;
    let controller = controllers.into_iter().next();
    let mut found = Karpenter { pools, ..Karpenter::default() };
    if found.pools.is_empty() && controller.is_some() {
        let beta = pages::custom(client, GROUP, "v1beta1", "NodePool", "nodepools", |_| Some(())).await?;
        found.is_beta = !beta.is_empty();
    }
    // Without NodePools Karpenter starts no nodes.
    if controller.is_none() && found.pools.is_empty() {
        return Ok(None);
    }
    let (classes, claims) = tokio::try_join!(
        pages::custom(client, AWS_GROUP, "v1", "EC2NodeClass", "ec2nodeclasses", node_class),
        claims(client),
    )?;
    (found.classes, found.claims) = (classes.into_iter().collect(), claims);
    if let Some(controller) = controller {
        settings(&mut found, &controller);
    }
    Ok(Some(found))
}

pub(crate) async fn claims(client: &Client) -> Result<Vec<NodeClaim>> {
    pages::custom(client, GROUP, "v1", "NodeClaim", "nodeclaims", node_claim).await
}

/// Deployments with its label that have replicas.
async fn controllers(client: &Client) -> Result<Vec<Deployment>> {
    let runs = |found: Deployment| {
        let replicas = found.spec.replicas;
        (replicas != Some(0)).then_some(found)
    };
    let found = pages::all(client, ListParams::default().labels(LABEL), runs).await;
    found.map_err(|error| failure("list Deployments", &error))
}

fn settings(found: &mut Karpenter, deployment: &Deployment) {
    let meta = &deployment.metadata;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    found.deployment = Some(format!("{}/{}", text(&meta.namespace), text(&meta.name)));
    found.holder = ownership::holder(meta, "f:spec");
    let spec = deployment.spec.template.spec.as_ref();
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    // The chart's container is called `controller`; proxies may stand beside it.
    let Some(container) =
        containers.iter().find(|one| one.name == "controller").or_else(|| containers.first())
    else {
        return;
    };
    let (env, flag) = (reserved_env(container), reserved_flag(container));
    found.container.clone_from(&container.name);
    found.version = container.image.as_deref().map(version).unwrap_or_default();
    found.reserved_by_flag = flag.is_some();
    found.reserved_enis = flag.or_else(|| env.as_ref()?.parse().ok()).unwrap_or(0);
    found.reserved_env = env;
    found.expressions = has_gate(container, "NodeClassCEL");
}

/// RESERVED_ENIS in the environment (Karpenter, "Settings").
fn reserved_env(container: &Container) -> Option<String> {
    let env = container.env.iter().flatten().find(|env| env.name == RESERVED_ENIS)?;
    env.value.clone()
}

/// The equivalent flag, which has precedence.
fn reserved_flag(container: &Container) -> Option<u32> {
    let words = container.command.iter().chain(&container.args).flatten();
    words.filter_map(|word| word.trim_start_matches('-').strip_prefix("reserved-enis=")?.parse().ok()).next()
}

/// Whether one of the AWS provider's feature gates is on: `--aws-feature-gates`, else AWS_FEATURE_GATES, with
/// `NodeClassCEL=true,Other=false` (Karpenter, "Settings").
fn has_gate(container: &Container, gate: &str) -> bool {
    let words = container.command.iter().chain(&container.args).flatten();
    let flag =
        words.filter_map(|word| word.trim_start_matches('-').strip_prefix("aws-feature-gates=")).next();
    let env = container.env.iter().flatten().find(|env| env.name == "AWS_FEATURE_GATES");
    let gates = flag.or_else(|| env?.value.as_deref()).unwrap_or_default();
    let is_on =
        |one: &str| one.split_once('=').is_some_and(|(name, on)| name.trim() == gate && on.trim() == "true");
    gates.split(',').any(is_on)
}

/// The tag of an image: `public.ecr.aws/karpenter/controller:1.13.0@sha256:…` has 1.13.0.
fn version(image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    tag.unwrap_or_default().trim_start_matches('v').to_string()
}

fn node_class(class: &DynamicObject) -> Option<(String, NodeClass)> {
    let max_pods = match class.data.pointer("/spec/kubelet/maxPods") {
        Some(Value::String(text)) => Some(ClassPods::Expression(text.clone())),
        Some(number) => number.as_u64().and_then(|pods| u32::try_from(pods).ok()).map(ClassPods::Number),
        None => None,
    };
    let terms = class.data.pointer("/spec/subnetSelectorTerms").and_then(Value::as_array);
    let term = |term: &Value| SubnetTerm {
        id: term["id"].as_str().map(ToString::to_string),
        tags: strings(term.get("tags")),
    };
    let class_of = NodeClass { max_pods, subnets: terms.into_iter().flatten().map(term).collect() };
    Some((class.metadata.name.clone()?, class_of))
}

fn node_pool(pool: &DynamicObject) -> Option<NodePool> {
    let spec = pool.data.pointer("/spec/template/spec")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let requirement = |one: &Value| Requirement {
        key: text(&one["key"]),
        operator: text(&one["operator"]),
        values: list(&one["values"]),
    };
    let budget = |one: &Value| DisruptionBudget {
        nodes: text(&one["nodes"]),
        reasons: list(&one["reasons"]).into_iter().collect(),
        schedule: one["schedule"].as_str().map(ToString::to_string),
    };
    let budgets = pool.data.pointer("/spec/disruption/budgets").and_then(Value::as_array);
    Some(NodePool {
        name: pool.metadata.name.clone()?,
        class: text(&spec["nodeClassRef"]["name"]),
        requirements: spec["requirements"].as_array().into_iter().flatten().map(requirement).collect(),
        labels: strings(pool.data.pointer("/spec/template/metadata/labels")),
        annotations: strings(pool.data.pointer("/spec/template/metadata/annotations")),
        metadata: pool.data.pointer("/spec/template/metadata").cloned(),
        budgets: budgets.into_iter().flatten().map(budget).collect(),
        limits: quantities(pool.data.pointer("/spec/limits")),
        in_use: quantities(pool.data.pointer("/status/resources")),
        consolidates: pool
            .data
            .pointer("/spec/disruption/consolidationPolicy")
            .and_then(Value::as_str)
            .map(ToString::to_string),
        grace: spec["terminationGracePeriod"].as_str().map(ToString::to_string),
        holder: ownership::holder(&pool.metadata, "f:spec"),
    })
}

fn node_claim(claim: &DynamicObject) -> Option<NodeClaim> {
    let meta = &claim.metadata;
    let conditions = claim.data.pointer("/status/conditions").and_then(Value::as_array);
    let is = |kind: &str| {
        conditions.into_iter().flatten().any(|one| one["type"] == kind && one["status"] == "True")
    };
    Some(NodeClaim {
        name: meta.name.clone()?,
        pool: meta.labels.as_ref()?.get("karpenter.sh/nodepool")?.clone(),
        node: claim.data.pointer("/status/nodeName").and_then(Value::as_str).map(ToString::to_string),
        annotations: meta.annotations.clone().unwrap_or_default(),
        capacity: quantities(claim.data.pointer("/status/capacity")),
        expires_in: expires_in(claim, Timestamp::now()),
        is_initialized: is("Initialized"),
    })
}

/// `spec.expireAfter` is a Go duration in hours, minutes and seconds, or `Never`.
fn expires_in(claim: &DynamicObject, now: Timestamp) -> Option<i64> {
    let after = claim.data.pointer("/spec/expireAfter").and_then(Value::as_str)?;
    let after = SpanParser::new().parse_unsigned_duration(after).ok()?;
    let created = claim.metadata.creation_timestamp.as_ref()?.0;
    let age = now.duration_since(created).as_secs();
    Some(i64::try_from(after.as_secs()).ok()?.saturating_sub(age))
}

/// Quantities are strings, or plain numbers.
fn quantities(object: Option<&Value>) -> BTreeMap<String, u64> {
    let pairs = object.and_then(Value::as_object).into_iter().flatten();
    let amount = |value: &Value| match value {
        Value::String(text) => quantity::thousandths(text),
        other => quantity::thousandths(&other.to_string()),
    };
    let whole = |value: &Value| u64::try_from(amount(value)?).ok();
    pairs.filter_map(|(name, value)| Some((name.clone(), whole(value)?))).collect()
}

fn strings(object: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = object.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
}

/// Sets RESERVED_ENIS in the controller's environment, or removes it. The Deployment then replaces its pods.
pub(crate) async fn reserve(
    client: &Client,
    deployment: &str,
    container: &str,
    value: Option<&str>,
) -> Result<()> {
    let (namespace, name) = deployment.split_once('/').unwrap_or_default();
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let variable = match value {
        Some(value) => json!({ "name": RESERVED_ENIS, "value": value }),
        None => json!({ "name": RESERVED_ENIS, "$patch": "delete" }),
    };
    let containers = json!([{ "name": container, "env": [variable] }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    api.patch(name, &params(), &Patch::Strategic(patch))
        .await
        .map_err(|error| failure(format!("set {RESERVED_ENIS} of Deployment {deployment}"), &error))?;
    Ok(())
}

/// Whether the controller runs with its current settings, on all its replicas.
pub(crate) async fn is_rolled_out(client: &Client, deployment: &str) -> Result<bool> {
    let (namespace, name) = deployment.split_once('/').unwrap_or_default();
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let found =
        api.get(name).await.map_err(|error| failure(format!("read Deployment {deployment}"), &error))?;
    let wanted = found.spec.replicas.unwrap_or(1);
    let Some(status) = found.status else { return Ok(false) };
    let seen = status.observed_generation >= found.metadata.generation;
    let count = |count: Option<i32>| count.unwrap_or(0);
    Ok(seen
        && count(status.updated_replicas) >= wanted
        && count(status.available_replicas) >= wanted
        && count(status.replicas) == count(status.updated_replicas))
}

/// Changes the metadata of a NodePool's template by a JSON Merge Patch. NodeClaims that were made from another template
/// have drifted.
pub(crate) async fn patch_template(client: &Client, pool: &str, metadata: Value) -> Result<()> {
    let patch = json!({ "spec": { "template": { "metadata": metadata } } });
    node_pools(client)
        .patch(pool, &params(), &Patch::Merge(patch))
        .await
        .map_err(|error| failure(format!("change NodePool {pool}"), &error))?;
    Ok(())
}

/// What keeps Karpenter from replacing a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Blocked {
    /// `NodePool`, `Node` or `NodeClaim`
    pub kind: String,
    pub name: String,
    /// In Karpenter's words.
    pub message: String,
}

impl Blocked {
    /// A state of the node that ends by itself (Karpenter, state/statenode.go, ValidateNodeDisruptable).
    pub(crate) fn passes(&self) -> bool {
        const PASSING: [&str; 3] = ["is nominated", "marked for deletion", "isn't initialized"];
        PASSING.iter().any(|state| self.message.contains(state))
    }

    /// Namespace and name of the pod that the message names, as in `… (Pod=shop/cart-1)`.
    pub(crate) fn pod(&self) -> Option<(&str, &str)> {
        let (_, pod) = self.message.split_once("Pod=")?;
        pod.split([')', ',', ' ']).next()?.split_once('/')
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.name, self.message)
    }
}

/// Events by which Karpenter has lately said what blocks it. It repeats them about every two minutes.
pub(crate) async fn blocked(client: &Client) -> Result<Vec<Blocked>> {
    const LATELY: SignedDuration = SignedDuration::from_mins(4);
    let now = Timestamp::now();
    let api: Api<Event> = Api::all(client.clone());
    let query = ListParams::default().fields("reason=DisruptionBlocked").limit(pages::PAGE);
    let events = api.list(&query).await.map_err(|error| failure("list events", &error))?;
    let mut found: Vec<(Timestamp, Blocked)> = Vec::new();
    for event in events.items {
        let Some(at) = event.last_timestamp.map(|time| time.0).or(event.event_time.map(|time| time.0)) else {
            continue;
        };
        if now.duration_since(at) > LATELY {
            continue;
        }
        let object = event.involved_object;
        let one = Blocked {
            kind: object.kind.unwrap_or_default(),
            name: object.name.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        };
        found.push((at, one));
    }
    // The newest of each object counts.
    found.sort();
    let newest: BTreeMap<(String, String), Blocked> =
        found.into_iter().map(|(_, one)| ((one.kind.clone(), one.name.clone()), one)).collect();
    Ok(newest.into_values().collect())
}

fn node_pools(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(GROUP, "v1", "NodePool");
    Api::all_with(client.clone(), &ApiResource::from_gvk_with_plural(&kind, "nodepools"))
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_enis_come_from_the_flag_or_the_variable() {
        let of = |container: serde_json::Value| {
            let mut whole = json!({"name": "controller"});
            whole.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
            let template = json!({"containers": [whole]});
            let deployment = json!({"metadata": {"namespace": "karpenter", "name": "karpenter"},
                "spec": {"selector": {}, "template": {"spec": template}}});
            let mut found = Karpenter::default();
            settings(&mut found, &serde_json::from_value(deployment).unwrap());
            found.reserved_enis
        };
        assert_eq!(of(json!({})), 0);
        assert_eq!(of(json!({"env": [{"name": "RESERVED_ENIS", "value": "1"}]})), 1);
        assert_eq!(of(json!({"args": ["--reserved-enis=2"]})), 2);
        assert_eq!(of(json!({"env": [{"name": "RESERVED_ENIS", "value": ""}]})), 0);
    }

    fn object(object: serde_json::Value) -> DynamicObject {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn node_classes_and_node_pools_are_read() {
        let class = object(json!({"metadata": {"name": "default"}, "spec": {
            "kubelet": {"maxPods": 20},
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "shop"}}, {"id": "subnet-1"}],
        }}));
        let (name, class) = node_class(&class).unwrap();
        assert_eq!(
            (name.as_str(), class.max_pods, class.subnets.len()),
            ("default", Some(ClassPods::Number(20)), 2)
        );
        assert_eq!(class.subnets[1].id.as_deref(), Some("subnet-1"));
        assert_eq!(class.subnets[0].tags["karpenter.sh/discovery"], "shop");
        let pool = object(json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}],
        }}}}));
        let pool = node_pool(&pool).unwrap();
        assert_eq!((pool.name.as_str(), pool.class.as_str(), &pool.metadata), ("web", "default", &None));
        assert_eq!(pool.requirements[0].values, ["arm64"]);
        let limits = json!({"cpu": 8, "memory": "32Gi", "nodes": "10"});
        assert_eq!(quantities(Some(&limits))["cpu"], 8000);
        assert_eq!(quantities(Some(&limits))["memory"], 32 * 1024 * 1024 * 1024 * 1000);
    }

    #[test]
    fn the_version_is_the_tag_of_the_image() {
        assert_eq!(version("public.ecr.aws/karpenter/controller:1.13.0@sha256:0a"), "1.13.0");
        assert_eq!(version("localhost:5000/karpenter:v1.2.3"), "1.2.3");
        assert_eq!(version("karpenter"), "");
    }

    #[test]
    fn a_message_names_the_pod_that_blocks() {
        let of = |message: &str| Blocked { kind: "Node".into(), name: "a".into(), message: message.into() };
        let annotated = of("Pod has \"karpenter.sh/do-not-disrupt\" annotation (Pod=shop/cart-1)");
        assert_eq!(annotated.pod(), Some(("shop", "cart-1")));
        assert!(!annotated.passes() && of("Node is nominated for a pending pod").passes());
        assert_eq!(of("Pdb prevents pod evictions (PodDisruptionBudget=[shop/api])").pod(), None);
    }
}
