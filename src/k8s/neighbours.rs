//! What else works on the cluster: autoscalers, NetworkPolicies, and the AWS Load Balancer Controller's targets.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::api::networking::v1::{NetworkPolicy as Policy, NetworkPolicyPeer};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::facts::{Karpenter, NetworkPolicy};

use super::slim::Slim;
use super::{failure, pages};

type SlimDeployment = Slim<Deployment, DeploymentSpec, IgnoredAny>;

#[derive(Deserialize)]
struct DeploymentSpec {
    replicas: Option<i32>,
    template: PodTemplateSpec,
}

/// Labels by which the Deployments are told: those of the projects' charts, and of the cluster-autoscaler's example
/// manifest for AWS.
const AUTOSCALERS: [&str; 2] =
    ["app.kubernetes.io/name in (aws-cluster-autoscaler,cluster-autoscaler)", "app=cluster-autoscaler"];
const KARPENTER: &str = "app.kubernetes.io/name=karpenter";

/// Who starts nodes: Deployments of the cluster-autoscaler, and Karpenter.
pub async fn starters(client: &Client) -> Result<(BTreeSet<String>, Option<Karpenter>)> {
    let [by_chart, by_example] = AUTOSCALERS.map(|labels| deployments(client, labels));
    let (by_chart, by_example, karpenter) =
        tokio::try_join!(by_chart, by_example, deployments(client, KARPENTER))?;
    let autoscalers = by_chart.into_iter().chain(by_example).map(|(name, _)| name).collect();
    let Some((deployment, containers)) = karpenter.into_iter().next() else { return Ok((autoscalers, None)) };
    let karpenter = Karpenter {
        deployment,
        reserved_enis: reserved_enis(&containers),
        computed: custom(client, "karpenter.k8s.aws", "v1", "EC2NodeClass", "ec2nodeclasses", |class| {
            let name = class.metadata.name.clone()?;
            class.data.pointer("/spec/kubelet/maxPods").is_none().then_some(name)
        })
        .await?,
    };
    Ok((autoscalers, Some(karpenter)))
}

/// Those with these labels that have replicas, and their containers.
async fn deployments(client: &Client, labels: &str) -> Result<Vec<(String, Vec<Container>)>> {
    let running = |found: SlimDeployment| {
        let spec = found.spec.filter(|spec| spec.replicas != Some(0))?;
        let name = format!("{}/{}", found.metadata.namespace?, found.metadata.name?);
        Some((name, spec.template.spec?.containers))
    };
    let found = pages::all(client, ListParams::default().labels(labels), running).await;
    found.map_err(|error| failure("list Deployments", &error))
}

/// RESERVED_ENIS, or the flag that stands for it (Karpenter, "Settings").
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

/// NetworkPolicies that name blocks of IPv4 addresses.
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

/// One for IPv6 is none.
fn block(peer: NetworkPolicyPeer) -> Option<Ipv4Net> {
    peer.ip_block?.cidr.parse().ok()
}

/// TargetGroupBindings whose targets are pods' addresses; the AWS Load Balancer Controller makes one for each Service
/// and Ingress that it serves.
pub async fn ip_targets(client: &Client) -> Result<BTreeSet<String>> {
    custom(client, "elbv2.k8s.aws", "v1beta1", "TargetGroupBinding", "targetgroupbindings", |binding| {
        let name = format!("{}/{}", binding.metadata.namespace.as_ref()?, binding.metadata.name.as_ref()?);
        let kind = binding.data.pointer("/spec/targetType")?.as_str()?;
        (kind == "ip").then_some(name)
    })
    .await
}

/// Names of objects of a kind that not every cluster knows.
async fn custom(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    plural: &str,
    name: impl Fn(&DynamicObject) -> Option<String>,
) -> Result<BTreeSet<String>> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut names = BTreeSet::new();
    let mut query = ListParams::default().limit(pages::PAGE);
    loop {
        let page = match api.list(&query).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(names),
            Err(error) => return Err(failure(format!("list {kind}s"), &error)),
        };
        names.extend(page.items.iter().filter_map(&name));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => query = query.continue_token(&token),
            None => return Ok(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn karpenter_reserves_what_its_flag_or_its_variable_says() {
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

    #[test]
    fn a_policy_is_the_blocks_that_it_names_and_none_without_any() {
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
}
