//! Pods that the whole cluster depends on: DNS, and what the API server calls.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::reach::Protocol;

/// CoreDNS and webhooks.
#[derive(Debug, Clone, Default)]
pub struct Backends {
    /// Port 53 of Service kube-system/kube-dns; nothing where there is none.
    pub dns: Option<Backend>,
    /// Those that are called inside of the cluster; aggregated APIs among them.
    pub webhooks: Vec<Webhook>,
    /// Why neither is known.
    pub unknown: Option<String>,
    /// Webhook configurations and policies of admission that may deny an eviction: `ValidatingWebhookConfiguration policy`.
    pub of_evictions: BTreeSet<String>,
    /// Why aggregated APIs are not known.
    pub apis_unknown: Option<String>,
}

/// What stands behind a Service, as its EndpointSlices say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backend {
    /// Where the pods listen, which need not be the Service's ports.
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
    /// failurePolicy Fail: what it is asked about is refused when it can't be reached.
    pub must_answer: bool,
    pub backend: Backend,
}
