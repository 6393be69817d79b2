//! CoreDNS and the pods behind webhooks: their nodes and ports.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join3};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::facts::{Backend, Backends, Webhook};
use crate::net::firewall::Protocol;

use super::slim::Slim;
use super::{failure, pages};

/// The Service of CoreDNS still has this name.
const DNS: &str = "kube-system/kube-dns";
/// Label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// With more Services than this, all EndpointSlices are listed: a selector would make the URL too long.
const MOST_NAMES: usize = 40;

type SlimService = Slim<Service, ServiceSpec, IgnoredAny>;

#[derive(Deserialize)]
struct ServiceSpec {
    #[serde(default)]
    ports: Vec<ServicePort>,
}

#[derive(Deserialize)]
struct ServicePort {
    name: Option<String>,
    port: i32,
}

/// One webhook of a configuration that calls a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    configuration: String,
    service: String,
    port: i32,
    must_answer: bool,
    aggregated: bool,
}

/// Lists of webhook configurations, then of Services and their EndpointSlices.
pub async fn read(client: &Client) -> Result<Backends> {
    let (hooks, apis) =
        tokio::join!(try_join3(validating(client), mutating(client), policies(client)), aggregated(client));
    let (validating, mutating, policies) = hooks?;
    let hooks: Vec<Hook> = validating.into_iter().chain(mutating).collect();
    let of_evictions = hooks.iter().filter(|hook| hook.of_evictions).map(|hook| hook.configuration.clone());
    let of_evictions = of_evictions.chain(policies).collect();
    let mut calls: Vec<Call> = hooks.into_iter().filter_map(|hook| hook.call).collect();
    // Without permission for APIServices, webhooks are still read.
    let (apis, apis_unknown) = match apis {
        Ok(apis) => (apis, None),
        Err(error) => (Vec::new(), Some(error.in_short())),
    };
    calls.extend(apis);
    let wanted: BTreeSet<String> =
        calls.iter().map(|call| call.service.clone()).chain([DNS.to_string()]).collect();
    let (port_names, slices) = try_join(port_names(client, &wanted), slices(client, &wanted)).await?;
    Ok(Backends {
        dns: slices.contains_key(DNS).then(|| behind(DNS, 53, &port_names, &slices)),
        webhooks: webhooks(&calls, &port_names, &slices),
        unknown: None,
        of_evictions,
        apis_unknown,
    })
}

/// APIServices that are served by a Service; those of the API server itself name no Service.
async fn aggregated(client: &Client) -> Result<Vec<Call>> {
    let call = |found: APIService| {
        let service = found.spec?.service?;
        Some(Call {
            configuration: format!("APIService {}", found.metadata.name?),
            service: format!("{}/{}", service.namespace?, service.name?),
            port: service.port.unwrap_or(443),
            must_answer: false,
            aggregated: true,
        })
    };
    let found = pages::all(client, ListParams::default(), call).await;
    found.map_err(|error| failure("list APIServices", &error))
}

/// One webhook of a configuration.
struct Hook {
    configuration: String,
    call: Option<Call>,
    of_evictions: bool,
}

async fn validating(client: &Client) -> Result<Vec<Hook>> {
    let hooks = |found: ValidatingWebhookConfiguration| {
        let name = format!("ValidatingWebhookConfiguration {}", found.metadata.name?);
        let hooks = found.webhooks.unwrap_or_default().into_iter();
        let hook = |each: ValidatingWebhook| {
            hook(&name, each.client_config, each.failure_policy, each.rules.as_deref())
        };
        Some(hooks.map(hook).collect::<Vec<_>>())
    };
    let found = pages::all(client, ListParams::default(), hooks).await;
    Ok(found
        .map_err(|error| failure("list ValidatingWebhookConfigurations", &error))?
        .into_iter()
        .flatten()
        .collect())
}

async fn mutating(client: &Client) -> Result<Vec<Hook>> {
    let hooks = |found: MutatingWebhookConfiguration| {
        let name = format!("MutatingWebhookConfiguration {}", found.metadata.name?);
        let hooks = found.webhooks.unwrap_or_default().into_iter();
        let hook = |each: MutatingWebhook| {
            hook(&name, each.client_config, each.failure_policy, each.rules.as_deref())
        };
        Some(hooks.map(hook).collect::<Vec<_>>())
    };
    let found = pages::all(client, ListParams::default(), hooks).await;
    Ok(found
        .map_err(|error| failure("list MutatingWebhookConfigurations", &error))?
        .into_iter()
        .flatten()
        .collect())
}

/// ValidatingAdmissionPolicies that match evictions. Clusters before 1.30 have none; without permission to list them they
/// are left out.
async fn policies(client: &Client) -> Result<Vec<String>> {
    let name = |found: ValidatingAdmissionPolicy| {
        let rules = found.spec?.match_constraints?.resource_rules.unwrap_or_default();
        let sees = rules.iter().any(|rule| {
            sees_evictions(rule.api_groups.as_deref(), rule.resources.as_deref(), rule.operations.as_deref())
        });
        sees.then(|| format!("ValidatingAdmissionPolicy {}", found.metadata.name.unwrap_or_default()))
    };
    match pages::all(client, ListParams::default(), name).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(Vec::new()),
        found => found.map_err(|error| failure("list ValidatingAdmissionPolicies", &error)),
    }
}

fn hook(
    configuration: &str,
    config: WebhookClientConfig,
    policy: Option<String>,
    rules: Option<&[RuleWithOperations]>,
) -> Hook {
    let sees = |rule: &RuleWithOperations| {
        sees_evictions(rule.api_groups.as_deref(), rule.resources.as_deref(), rule.operations.as_deref())
    };
    Hook {
        configuration: configuration.into(),
        call: call(configuration, config, policy),
        of_evictions: rules.unwrap_or_default().iter().any(sees),
    }
}

/// Whether a rule matches the creation of an Eviction, which is a subresource of a pod (API reference,
/// RuleWithOperations: `pods/*` is all subresources of pods, `*/eviction` that of all, `*` none).
fn sees_evictions(
    groups: Option<&[String]>,
    resources: Option<&[String]>,
    operations: Option<&[String]>,
) -> bool {
    let has = |list: Option<&[String]>, wanted: &[&str]| {
        list.unwrap_or_default().iter().any(|each| wanted.contains(&each.as_str()))
    };
    has(groups, &["", "*"])
        && has(resources, &["pods/eviction", "pods/*", "*/eviction", "*/*"])
        && has(operations, &["CREATE", "*"])
}

/// `None` if the webhook is called by URL. Port 443 and failurePolicy Fail are the API's defaults.
fn call(configuration: &str, config: WebhookClientConfig, policy: Option<String>) -> Option<Call> {
    let service = config.service?;
    Some(Call {
        configuration: configuration.into(),
        service: format!("{}/{}", service.namespace, service.name),
        port: service.port.unwrap_or(443),
        must_answer: policy.as_deref() != Some("Ignore"),
        aggregated: false,
    })
}

/// The names of each Service's ports. One number may have two names: for UDP and for TCP.
type PortNames = BTreeMap<String, BTreeMap<i32, BTreeSet<String>>>;

async fn port_names(client: &Client, wanted: &BTreeSet<String>) -> Result<PortNames> {
    let names = |service: SlimService| {
        let name = format!("{}/{}", service.metadata.namespace?, service.metadata.name?);
        let ports = wanted.contains(&name).then_some(service.spec?.ports)?;
        let mut names: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
        for port in ports {
            names.entry(port.port).or_default().insert(port.name.unwrap_or_default());
        }
        Some((name, names))
    };
    let found = pages::all(client, ListParams::default(), names).await;
    Ok(found.map_err(|error| failure("list Services", &error))?.into_iter().collect())
}

async fn slices(client: &Client, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<EndpointSlice>>> {
    let mut query = ListParams::default();
    if wanted.len() <= MOST_NAMES {
        let names: BTreeSet<&str> = wanted.iter().filter_map(|name| Some(name.split_once('/')?.1)).collect();
        let names: Vec<&str> = names.into_iter().collect();
        query = query.labels(&format!("{SERVICE_NAME} in ({})", names.join(",")));
    }
    let of_service = |slice: EndpointSlice| {
        let service = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
        let name = format!("{}/{service}", slice.metadata.namespace.as_ref()?);
        wanted.contains(&name).then_some((name, slice))
    };
    let found = pages::all(client, query, of_service).await;
    let mut slices: BTreeMap<String, Vec<EndpointSlice>> = BTreeMap::new();
    for (name, slice) in found.map_err(|error| failure("list EndpointSlices", &error))? {
        slices.entry(name).or_default().push(slice);
    }
    Ok(slices)
}

/// One entry for each Service and port that is called.
fn webhooks(
    calls: &[Call],
    port_names: &PortNames,
    slices: &BTreeMap<String, Vec<EndpointSlice>>,
) -> Vec<Webhook> {
    let mut found: BTreeMap<(&str, i32, bool), Webhook> = BTreeMap::new();
    for call in calls {
        let webhook = found.entry((&call.service, call.port, call.aggregated)).or_insert_with(|| Webhook {
            service: call.service.clone(),
            configurations: BTreeSet::new(),
            aggregated: call.aggregated,
            must_answer: false,
            backend: behind(&call.service, call.port, port_names, slices),
        });
        webhook.configurations.insert(call.configuration.clone());
        webhook.must_answer |= call.must_answer;
    }
    found.into_values().collect()
}

/// The endpoints of one port of a Service: an EndpointSlice has the port's name, and the number that the pods listen on.
fn behind(
    service: &str,
    port: i32,
    port_names: &PortNames,
    slices: &BTreeMap<String, Vec<EndpointSlice>>,
) -> Backend {
    let names = port_names.get(service).and_then(|names| names.get(&port));
    let is_wanted = |name: &str| names.is_some_and(|names| names.contains(name));
    let slices = slices.get(service).map(Vec::as_slice).unwrap_or_default();
    let mut backend = Backend::default();
    for slice in slices.iter().filter(|slice| slice.address_type == "IPv4") {
        let ports = slice.ports.iter().flatten();
        backend.ports.extend(
            ports.filter(|port| is_wanted(port.name.as_deref().unwrap_or_default())).filter_map(|port| {
                let protocol = match port.protocol.as_deref() {
                    None | Some("TCP") => Protocol::Tcp,
                    Some("UDP") => Protocol::Udp,
                    Some(_) => return None,
                };
                Some((protocol, u16::try_from(port.port?).ok()?))
            }),
        );
        backend.pods.extend(slice.endpoints.iter().flatten().filter_map(|endpoint| {
            let target =
                endpoint.target_ref.as_ref().filter(|target| target.kind.as_deref() == Some("Pod"))?;
            let name = format!("{}/{}", target.namespace.as_ref()?, target.name.as_ref()?);
            Some((name, endpoint.node_name.clone()?))
        }));
    }
    backend
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slice(ports: &serde_json::Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "metadata": {}, "addressType": "IPv4", "ports": ports,
            "endpoints": [{
                "addresses": ["10.0.0.9"], "nodeName": "node-1",
                "targetRef": {"kind": "Pod", "namespace": "policy", "name": "policy-0"},
            }],
        }))
        .unwrap()
    }

    fn names(service: &str, ports: &[(i32, &str)]) -> PortNames {
        let mut names: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
        for (port, name) in ports {
            names.entry(*port).or_default().insert((*name).into());
        }
        [(service.to_string(), names)].into()
    }

    fn call(configuration: &str, port: i32, must_answer: bool) -> Call {
        Call {
            configuration: configuration.into(),
            service: "policy/hook".into(),
            port,
            must_answer,
            aggregated: false,
        }
    }

    #[test]
    fn a_webhook_s_port_is_the_target_port_of_the_pods() {
        let slices = [(
            "policy/hook".to_string(),
            vec![slice(&json!([{"name": "https", "port": 9443}, {"name": "metrics", "port": 8080}]))],
        )]
        .into();
        let port_names = names("policy/hook", &[(443, "https"), (8443, "metrics")]);
        let found = webhooks(&[call("a", 443, false), call("b", 443, true)], &port_names, &slices);
        let backend = Backend {
            ports: [(Protocol::Tcp, 9443)].into(),
            pods: [("policy/policy-0".into(), "node-1".into())].into(),
        };
        let expected = Webhook {
            service: "policy/hook".into(),
            configurations: ["a".into(), "b".into()].into(),
            aggregated: false,
            must_answer: true,
            backend,
        };
        assert_eq!(found, [expected]);
        let api = Call { aggregated: true, ..call("APIService x", 443, false) };
        let both = webhooks(&[call("a", 443, true), api], &port_names, &slices);
        let of: Vec<_> = both.iter().map(|each| (each.aggregated, each.must_answer)).collect();
        assert_eq!(
            of,
            [(false, true), (true, false)],
            "an aggregated API and a webhook of one Service are separate"
        );
    }

    #[test]
    fn a_rule_matches_evictions_by_group_resource_and_operation() {
        for (groups, resources, operations, expected) in [
            (&[""], &["pods/eviction"], &["CREATE"], true),
            (&["*"], &["*/*"], &["*"], true),
            (&[""], &["pods/*"], &["CREATE"], true),
            (&[""], &["pods"], &["CREATE"], false),
            (&[""], &["*"], &["CREATE"], false),
            (&[""], &["pods/eviction"], &["DELETE"], false),
            (&["policy"], &["pods/eviction"], &["CREATE"], false),
        ] {
            let list = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
            let (groups, resources, operations) = (list(groups), list(resources), list(operations));
            let sees = sees_evictions(Some(&groups), Some(&resources), Some(&operations));
            assert_eq!(sees, expected, "{groups:?} {resources:?} {operations:?}");
        }
        assert!(!sees_evictions(None, None, None));
    }

    #[test]
    fn a_webhook_whose_service_is_gone_has_no_endpoints() {
        let found = webhooks(&[call("a", 443, true)], &BTreeMap::new(), &BTreeMap::new());
        assert_eq!(found[0].backend, Backend::default());
    }

    #[test]
    fn dns_endpoints_are_those_of_port_53_not_of_metrics() {
        let ports = json!([
            {"name": "dns", "port": 5353, "protocol": "UDP"},
            {"name": "dns-tcp", "port": 5353, "protocol": "TCP"},
            {"name": "metrics", "port": 9153, "protocol": "TCP"},
        ]);
        let port_names = names(DNS, &[(53, "dns"), (53, "dns-tcp"), (9153, "metrics")]);
        let found = behind(DNS, 53, &port_names, &[(DNS.to_string(), vec![slice(&ports)])].into());
        assert_eq!(found.ports, [(Protocol::Udp, 5353), (Protocol::Tcp, 5353)].into());
    }
}
