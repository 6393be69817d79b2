//! Which load balancers forward to nodes: Services of type LoadBalancer and the AWS Load Balancer Controller's
//! TargetGroupBindings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{DynamicObject, ListParams};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::facts::LoadBalancers;

use super::slim::Slim;
use super::{failure, integrations, pages};

type SlimService = Slim<Service, ServiceSpec, IgnoredAny>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceSpec {
    #[serde(rename = "type")]
    kind: Option<String>,
    load_balancer_class: Option<String>,
}

/// A Service of type LoadBalancer, with what decides its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Balanced {
    /// `namespace/name`
    name: String,
    class: Option<String>,
    annotations: BTreeMap<String, String>,
}

/// A TargetGroupBinding.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    /// `namespace/name`
    name: String,
    /// The Service that it forwards to, in the same namespace.
    service: String,
    /// `ip` or `instance`
    target_type: String,
}

const ANNOTATIONS: &str = "service.beta.kubernetes.io/aws-load-balancer-";

pub async fn read(client: &Client) -> Result<LoadBalancers> {
    let (services, bindings) = tokio::try_join!(services(client), bindings(client))?;
    Ok(forwarding(&services, &bindings))
}

async fn services(client: &Client) -> Result<Vec<Balanced>> {
    let balanced = |service: SlimService| {
        let spec = service.spec.filter(|spec| spec.kind.as_deref() == Some("LoadBalancer"))?;
        Some(Balanced {
            name: format!("{}/{}", service.metadata.namespace?, service.metadata.name?),
            class: spec.load_balancer_class,
            annotations: service.metadata.annotations.unwrap_or_default(),
        })
    };
    let found = pages::all(client, ListParams::default(), balanced).await;
    found.map_err(|error| failure("list Services", &error))
}

async fn bindings(client: &Client) -> Result<Vec<Binding>> {
    let binding = |object: &DynamicObject| {
        let (namespace, name) = (object.metadata.namespace.as_ref()?, object.metadata.name.as_ref()?);
        let text = |at: &str| object.data.pointer(at).and_then(|value| value.as_str());
        Some(Binding {
            name: format!("{namespace}/{name}"),
            service: format!("{namespace}/{}", text("/spec/serviceRef/name").unwrap_or_default()),
            // The controller's webhook sets it from the target group, where the default is instance.
            target_type: text("/spec/targetType").unwrap_or("instance").into(),
        })
    };
    integrations::target_group_bindings(client, binding).await
}

/// Services and TargetGroupBindings that have instances as targets.
fn forwarding(services: &[Balanced], bindings: &[Binding]) -> LoadBalancers {
    let bound = |kind: &str, name: &str| {
        bindings
            .iter()
            .any(|binding| binding.service == name && (binding.target_type == "ip") == (kind == "ip"))
    };
    let of_services = services.iter().filter(|service| {
        // A binding says what the controller did; an annotation only says what was requested.
        let by_address = bound("ip", &service.name) || service.asks_for_addresses();
        service.is_aws() && (bound("instance", &service.name) || !by_address)
    });
    let of_bindings = bindings.iter().filter(|binding| binding.target_type != "ip");
    let instance_targets: BTreeSet<String> = of_services
        .clone()
        .map(|service| format!("Service {}", service.name))
        .chain(of_bindings.map(|binding| format!("TargetGroupBinding {}", binding.name)))
        .collect();
    let longest_delay = of_services.filter_map(Balanced::delay).max();
    LoadBalancers { instance_targets, longest_delay, unknown: None }
}

impl Balanced {
    fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(&format!("{ANNOTATIONS}{name}")).map(String::as_str)
    }

    /// Whether no other load balancer implementation serves it: those have their own classes (API reference,
    /// ServiceSpec.loadBalancerClass).
    fn is_aws(&self) -> bool {
        self.class.as_deref().is_none_or(|class| class == "service.k8s.aws/nlb")
    }

    fn asks_for_addresses(&self) -> bool {
        self.annotation("nlb-target-type") == Some("ip") || self.annotation("type") == Some("nlb-ip")
    }

    /// `deregistration_delay.timeout_seconds=120` among its target group's attributes.
    fn delay(&self) -> Option<Duration> {
        let attributes = self.annotation("target-group-attributes")?.split(',');
        let seconds = attributes
            .filter_map(|attribute| attribute.trim().strip_prefix("deregistration_delay.timeout_seconds="))
            .next_back()?;
        Some(Duration::from_secs(seconds.trim().parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(class: Option<&str>, annotations: &[(&str, &str)]) -> Balanced {
        let annotation = |(name, value): &(&str, &str)| (format!("{ANNOTATIONS}{name}"), value.to_string());
        Balanced {
            name: "shop/web".into(),
            class: class.map(ToString::to_string),
            annotations: annotations.iter().map(annotation).collect(),
        }
    }

    fn binding(service: &str, target_type: &str) -> Binding {
        Binding {
            name: "shop/tgb".into(),
            service: format!("shop/{service}"),
            target_type: target_type.into(),
        }
    }

    #[test]
    fn nodes_are_targets_except_with_ip_targets_or_another_load_balancer_class() {
        let nlb = Some("service.k8s.aws/nlb");
        let (own, bound) = ("Service shop/web", "TargetGroupBinding shop/tgb");
        for (services, bindings, expected) in [
            (vec![], vec![], vec![]),
            // The cloud provider's: a classic load balancer, or an NLB.
            (vec![service(None, &[])], vec![], vec![own]),
            (vec![service(None, &[("type", "nlb")])], vec![], vec![own]),
            (vec![service(None, &[("type", "external"), ("nlb-target-type", "ip")])], vec![], vec![]),
            (vec![service(None, &[("type", "nlb-ip")])], vec![], vec![]),
            (
                vec![service(None, &[("type", "external"), ("nlb-target-type", "instance")])],
                vec![],
                vec![own],
            ),
            (vec![service(Some("tailscale"), &[])], vec![], vec![]),
            // The controller's default may be ip: its binding says so.
            (vec![service(nlb, &[])], vec![binding("web", "ip")], vec![]),
            (vec![service(nlb, &[])], vec![binding("web", "instance")], vec![own, bound]),
            (vec![service(nlb, &[])], vec![binding("other", "ip")], vec![own]),
            // An Ingress's.
            (vec![], vec![binding("web", "instance")], vec![bound]),
            (vec![], vec![binding("web", "ip")], vec![]),
        ] {
            let found = forwarding(&services, &bindings);
            assert_eq!(
                found.instance_targets.into_iter().collect::<Vec<_>>(),
                expected,
                "{services:?} {bindings:?}"
            );
        }
    }

    #[test]
    fn the_longest_deregistration_delay_counts() {
        let attributes = |text| service(None, &[("target-group-attributes", text)]);
        let delay = |text| forwarding(&[attributes(text), service(None, &[])], &[]).longest_delay;
        assert_eq!(
            delay("stickiness.enabled=true, deregistration_delay.timeout_seconds=600"),
            Some(Duration::from_secs(600))
        );
        assert_eq!(delay("stickiness.enabled=true"), None);
        assert_eq!(delay("deregistration_delay.timeout_seconds=soon"), None);
    }
}
