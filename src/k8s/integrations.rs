//! The Cluster Autoscaler, NetworkPolicies, and the targets of the AWS Load Balancer Controller.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::api::networking::v1::{NetworkPolicy as Policy, NetworkPolicyPeer};
use kube::Client;
use kube::api::{DynamicObject, ListParams};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::facts::NetworkPolicy;

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

/// Deployments of the cluster-autoscaler, each with the groups that its flags name.
pub async fn autoscalers(client: &Client) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let [by_chart, by_example] = AUTOSCALERS.map(|labels| deployments(client, labels));
    let (by_chart, by_example) = tokio::try_join!(by_chart, by_example)?;
    let found = by_chart.into_iter().chain(by_example);
    Ok(found.map(|(name, containers)| (name, static_groups(&containers))).collect())
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
    pages::custom(client, "elbv2.k8s.aws", "v1beta1", "TargetGroupBinding", "targetgroupbindings", keep).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
