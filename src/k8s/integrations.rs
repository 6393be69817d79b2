//! Autoscalers, NetworkPolicies, and the targets of the AWS Load Balancer Controller.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::api::networking::v1::{NetworkPolicy as Policy, NetworkPolicyPeer};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::error::Result;
use crate::facts::{Karpenter, NetworkPolicy, NodeClass, NodePool, Requirement, SubnetTerm};

use super::slim::Slim;
use super::{failure, pages};

type SlimDeployment = Slim<Deployment, DeploymentSpec, IgnoredAny>;

#[derive(Deserialize)]
struct DeploymentSpec {
    replicas: Option<i32>,
    template: PodTemplateSpec,
}

/// Labels that identify the Deployments: those of the projects' charts, and of the cluster-autoscaler's example manifest
/// for AWS.
const AUTOSCALERS: [&str; 2] =
    ["app.kubernetes.io/name in (aws-cluster-autoscaler,cluster-autoscaler)", "app=cluster-autoscaler"];
const KARPENTER: &str = "app.kubernetes.io/name=karpenter";

/// The autoscalers: Deployments of the cluster-autoscaler, and Karpenter.
pub async fn starters(client: &Client) -> Result<(BTreeMap<String, BTreeSet<String>>, Option<Karpenter>)> {
    let [by_chart, by_example] = AUTOSCALERS.map(|labels| deployments(client, labels));
    let (by_chart, by_example, karpenter, pools) = tokio::try_join!(
        by_chart,
        by_example,
        deployments(client, KARPENTER),
        custom(client, "karpenter.sh", "v1", "NodePool", "nodepools", node_pool),
    )?;
    let autoscalers = by_chart.into_iter().chain(by_example);
    let autoscalers = autoscalers.map(|(name, containers)| (name, static_groups(&containers))).collect();
    let controller = karpenter.into_iter().next();
    // Without NodePools Karpenter starts no nodes.
    if controller.is_none() && pools.is_empty() {
        return Ok((autoscalers, None));
    }
    let classes =
        custom(client, "karpenter.k8s.aws", "v1", "EC2NodeClass", "ec2nodeclasses", node_class).await?;
    let (deployment, containers) = controller.unzip();
    let karpenter = Karpenter {
        deployment,
        reserved_enis: reserved_enis(&containers.unwrap_or_default()),
        classes: classes.into_iter().collect(),
        pools,
    };
    Ok((autoscalers, Some(karpenter)))
}

fn node_class(class: &DynamicObject) -> Option<(String, NodeClass)> {
    let max_pods = class.data.pointer("/spec/kubelet/maxPods").and_then(Value::as_u64);
    let terms = class.data.pointer("/spec/subnetSelectorTerms").and_then(Value::as_array);
    let term = |term: &Value| SubnetTerm {
        id: term["id"].as_str().map(ToString::to_string),
        tags: term["tags"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string())))
            .collect(),
    };
    let class_of = NodeClass {
        max_pods: max_pods.and_then(|pods| u32::try_from(pods).ok()),
        subnets: terms.into_iter().flatten().map(term).collect(),
    };
    Some((class.metadata.name.clone()?, class_of))
}

fn node_pool(pool: &DynamicObject) -> Option<NodePool> {
    let spec = pool.data.pointer("/spec/template/spec")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let requirement = |one: &Value| Requirement {
        key: text(&one["key"]),
        operator: text(&one["operator"]),
        values: one["values"].as_array().into_iter().flatten().map(text).collect(),
    };
    Some(NodePool {
        name: pool.metadata.name.clone()?,
        class: text(&spec["nodeClassRef"]["name"]),
        requirements: spec["requirements"].as_array().into_iter().flatten().map(requirement).collect(),
    })
}

/// Whether the AWS Load Balancer Controller runs here, by its chart's label.
pub async fn load_balancers(client: &Client) -> Result<bool> {
    let found = deployments(client, "app.kubernetes.io/name=aws-load-balancer-controller").await?;
    Ok(!found.is_empty())
}

/// Deployments with these labels that have replicas, and their containers.
async fn deployments(client: &Client, labels: &str) -> Result<Vec<(String, Vec<Container>)>> {
    let running = |found: SlimDeployment| {
        let spec = found.spec.filter(|spec| spec.replicas != Some(0))?;
        let name = format!("{}/{}", found.metadata.namespace?, found.metadata.name?);
        Some((name, spec.template.spec?.containers))
    };
    let found = pages::all(client, ListParams::default().labels(labels), running).await;
    found.map_err(|error| failure("list Deployments", &error))
}

/// The groups of flags such as `--nodes=1:10:my-group` (cluster-autoscaler, cloudprovider/aws/README.md).
fn static_groups(containers: &[Container]) -> BTreeSet<String> {
    let words =
        containers.iter().flat_map(|container| container.command.iter().chain(&container.args).flatten());
    let words: Vec<&String> = words.collect();
    let flag = |at: usize| {
        let word = words[at].trim_start_matches('-');
        if word.len() == words[at].len() {
            return None;
        }
        match word.split_once('=') {
            Some(("nodes", value)) => Some(value),
            None if word == "nodes" => words.get(at + 1).map(|value| value.as_str()),
            _ => None,
        }
    };
    // Names of groups may contain colons.
    let group = |value: &str| value.splitn(3, ':').nth(2).map(ToString::to_string);
    (0..words.len()).filter_map(flag).filter_map(group).collect()
}

/// RESERVED_ENIS, or the equivalent flag (Karpenter, "Settings").
fn reserved_enis(containers: &[Container]) -> u32 {
    let of_env = |container: &Container| {
        let env = container.env.iter().flatten().find(|env| env.name == "RESERVED_ENIS")?;
        env.value.as_ref()?.parse().ok()
    };
    let of_flag = |container: &Container| {
        let words = container.command.iter().chain(&container.args).flatten();
        words
            .filter_map(|word| word.trim_start_matches('-').strip_prefix("reserved-enis=")?.parse().ok())
            .next()
    };
    containers.iter().find_map(|container| of_flag(container).or_else(|| of_env(container))).unwrap_or(0)
}

/// NetworkPolicies that name IPv4 CIDR blocks.
pub async fn policies(client: &Client) -> Result<Vec<NetworkPolicy>> {
    let found = pages::all(client, ListParams::default(), policy).await;
    found.map_err(|error| failure("list NetworkPolicies", &error))
}

fn policy(policy: Policy) -> Option<NetworkPolicy> {
    let name = format!("{}/{}", policy.metadata.namespace?, policy.metadata.name?);
    let spec = policy.spec?;
    let ingress = spec.ingress.into_iter().flatten().flat_map(|rule| rule.from.unwrap_or_default());
    let egress = spec.egress.into_iter().flatten().flat_map(|rule| rule.to.unwrap_or_default());
    let (ingress, egress): (BTreeSet<Ipv4Net>, BTreeSet<Ipv4Net>) =
        (ingress.filter_map(block).collect(), egress.filter_map(block).collect());
    (!ingress.is_empty() || !egress.is_empty()).then_some(NetworkPolicy { name, ingress, egress })
}

/// An IPv6 block gives `None`.
fn block(peer: NetworkPolicyPeer) -> Option<Ipv4Net> {
    peer.ip_block?.cidr.parse().ok()
}

/// TargetGroupBindings with targetType `ip`; the AWS Load Balancer Controller creates one for each Service and Ingress
/// that it serves.
pub async fn ip_targets(client: &Client) -> Result<BTreeSet<String>> {
    let name = |binding: &DynamicObject| {
        let name = format!("{}/{}", binding.metadata.namespace.as_ref()?, binding.metadata.name.as_ref()?);
        let kind = binding.data.pointer("/spec/targetType")?.as_str()?;
        (kind == "ip").then_some(name)
    };
    Ok(target_group_bindings(client, name).await?.into_iter().collect())
}

/// What `keep` returns for each TargetGroupBinding; empty if the AWS Load Balancer Controller is not installed.
pub async fn target_group_bindings<T>(
    client: &Client,
    keep: impl Fn(&DynamicObject) -> Option<T>,
) -> Result<Vec<T>> {
    custom(client, "elbv2.k8s.aws", "v1beta1", "TargetGroupBinding", "targetgroupbindings", keep).await
}

/// Objects of an optional custom resource; empty if the cluster does not have the CRD.
async fn custom<T>(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    plural: &str,
    wanted: impl Fn(&DynamicObject) -> Option<T>,
) -> Result<Vec<T>> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut found = Vec::new();
    let mut query = ListParams::default().limit(pages::PAGE);
    loop {
        let page = match api.list(&query).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(found),
            Err(error) => return Err(failure(format!("list {kind}s"), &error)),
        };
        found.extend(page.items.iter().filter_map(&wanted));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => query = query.continue_token(&token),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reserved_enis_come_from_the_flag_or_the_variable() {
        let of = |container: serde_json::Value| {
            let mut whole = json!({"name": "controller"});
            whole.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
            reserved_enis(&[serde_json::from_value(whole).unwrap()])
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
        assert_eq!((name.as_str(), class.max_pods, class.subnets.len()), ("default", Some(20), 2));
        assert_eq!(class.subnets[1].id.as_deref(), Some("subnet-1"));
        assert_eq!(class.subnets[0].tags["karpenter.sh/discovery"], "shop");
        let pool = object(json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}],
        }}}}));
        let pool = node_pool(&pool).unwrap();
        assert_eq!((pool.name.as_str(), pool.class.as_str()), ("web", "default"));
        assert_eq!(pool.requirements[0].values, ["arm64"]);
    }

    #[test]
    fn a_policy_without_ip_blocks_is_left_out() {
        let of = |spec: serde_json::Value| {
            let object = json!({"metadata": {"namespace": "shop", "name": "cart"}, "spec": spec});
            policy(serde_json::from_value(object).unwrap())
        };
        let found = of(json!({
            "podSelector": {},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}, {"ipBlock": {"cidr": "fd00::/8"}}]}],
            "egress": [{"to": [{"podSelector": {}}]}],
        }));
        let expected = NetworkPolicy {
            name: "shop/cart".into(),
            ingress: ["10.0.0.0/16".parse().unwrap()].into(),
            egress: BTreeSet::new(),
        };
        assert_eq!(found, Some(expected));
        assert_eq!(of(json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]})), None);
    }

    #[test]
    fn groups_of_a_static_list_come_from_the_nodes_flags() {
        let container = |args: &[&str]| Container {
            args: Some(args.iter().map(ToString::to_string).collect()),
            ..Container::default()
        };
        let groups = |args: &[&str]| static_groups(&[container(args)]).into_iter().collect::<Vec<_>>();
        let listed = ["./cluster-autoscaler", "--nodes=1:10:web", "--nodes", "0:5:gpu:blue", "--v=4"];
        assert_eq!(groups(&listed), ["gpu:blue", "web"]);
        let discovered = "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled";
        assert_eq!(groups(&[discovered, "nodes"]), [""; 0]);
    }
}
