//! Pods that the whole cluster depends on: DNS, and what the API server calls.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::firewall::Protocol;

/// CoreDNS and webhooks.
#[derive(Debug, Clone, Default)]
pub struct Backends {
    /// Port 53 of Service kube-system/kube-dns; `None` if there is none.
    pub dns: Option<Backend>,
    /// Webhooks and aggregated APIs that are called inside the cluster.
    pub webhooks: Vec<Webhook>,
    /// Why both are unknown.
    pub unknown: Option<String>,
    /// Webhook configurations and admission policies that may deny an eviction: `ValidatingWebhookConfiguration policy`.
    pub of_evictions: BTreeSet<String>,
    /// Why aggregated APIs are unknown.
    pub apis_unknown: Option<String>,
}

/// The endpoints of a Service, from its EndpointSlices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backend {
    /// The ports on which the pods listen, which need not be the Service's ports.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// Their nodes, by `namespace/name`.
    pub pods: BTreeMap<String, String>,
}

/// A Service that webhooks name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `namespace/name`
    pub service: String,
    /// `ValidatingWebhookConfiguration policy`, …
    pub configurations: BTreeSet<String>,
    /// The configurations are APIServices: the API server passes requests on to it.
    pub aggregated: bool,
    /// failurePolicy Fail: requests are refused if it can't be reached.
    pub must_answer: bool,
    pub backend: Backend,
}
