//! Kubernetes: authentication, and one thin client per subject. No decisions here.

pub mod aws_auth;
pub mod backends;
pub mod cni;
pub mod deployments;
pub mod eniconfig;
mod failure;
pub mod integrations;
pub mod karpenter;
pub mod load_balancers;
pub mod lock;
mod login;
pub mod nodes;
pub mod pages;
pub mod pods;
pub mod probe;
mod protobuf;
mod quantity;
pub mod record;
pub mod replicas;
mod server;
pub mod slim;
pub mod stateful_sets;
pub mod symptoms;
mod trace;
pub mod volumes;
pub mod workloads;

use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tower::BoxError;
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;
use tower::layer::layer_fn;
use tower::util::MapResponseLayer;

use crate::aws::sts::Sts;
use crate::calls::Calls;
use crate::error::Result;
use crate::facts::Cluster;
use crate::net::proxy::Proxies;

use crate::settings::KubeconfigChoice;
pub(crate) use failure::{failure, found};
use login::Login;

/// The cluster's API, twice.
#[derive(Clone)]
pub struct Kube {
    /// Retries 429 and 5xx, with the delay of Retry-After.
    pub client: Client,
    /// For evictions, where 429 is an answer: a PodDisruptionBudget allows no disruption right now.
    pub evictor: Client,
    /// How the connection is made.
    choice: KubeconfigChoice,
}

impl Kube {
    /// Authenticates natively, or with a kubeconfig. Either way it connects only to the cluster's own server.
    pub fn connect(
        cluster: &Cluster,
        choice: &KubeconfigChoice,
        proxies: &Proxies,
        sts: &Sts,
        calls: &Calls,
    ) -> Result<Self> {
        let (config, login) = if choice.is_given() {
            (server::of_kubeconfig(cluster, choice, proxies)?, None)
        } else {
            (server::native(cluster, proxies)?, Some(Login::new(sts.clone(), cluster.name.clone())))
        };
        let client = client(config.clone(), login.clone(), calls)?;
        let evictor = client_without_retry(config, login, calls)?;
        Ok(Kube { client, evictor, choice: choice.clone() })
    }

    /// Both clients are this one.
    #[cfg(test)]
    pub(crate) fn scripted(client: Client) -> Self {
        Kube { evictor: client.clone(), client, choice: KubeconfigChoice::default() }
    }

    /// Makes a first call, so that a failed authentication is reported as such.
    pub async fn check(&self, cluster: &Cluster) -> Result<()> {
        let Err(error) = self.client.apiserver_version().await else { return Ok(()) };
        if let Some(another) = server::is_another(cluster, &self.choice, &error) {
            return Err(another);
        }
        Err(match &error {
            kube::Error::Api(status) if status.code == 401 => failure("authenticate to the cluster", &error)
                .at(&cluster.endpoint)
                .fix(format!("create an access entry for your IAM principal: aws eks create-access-entry --cluster-name {} --principal-arn …", cluster.name)),
            _ => failure("reach the cluster's API server", &error)
                .at(&cluster.endpoint)
                .or_fix("if the endpoint is private, connect from inside its VPC or through a proxy"),
        })
    }
}

fn client_without_retry(mut config: Config, login: Option<Login>, calls: &Calls) -> Result<Client> {
    config.default_retry = false;
    client(config, login, calls)
}

fn client(mut config: Config, login: Option<Login>, calls: &Calls) -> Result<Client> {
    config.headers.retain(|(name, _)| name != USER_AGENT);
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(concat!("eni-custom/", env!("CARGO_PKG_VERSION")))));
    // A timeout, so that a hanging control plane does not block the run; a watch sends bookmarks more often than this.
    config.connect_timeout = Some(Duration::from_secs(10));
    config.read_timeout = Some(Duration::from_secs(295));
    let builder =
        ClientBuilder::try_from(config).map_err(|error| failure("set up the Kubernetes client", &error))?;
    let calls = calls.clone();
    let refused = login.clone();
    // A rejected token is not used again: the clock may be wrong, or the session was revoked.
    let renew = MapResponseLayer::new(move |response: http::Response<_>| {
        if let Some(login) = refused.as_ref().filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
            login.forget();
        }
        response
    });
    let prepare = AsyncFilterLayer::new(move |mut request: http::Request<Body>| {
        let login = login.clone();
        calls.kubernetes(request.method().as_str(), request.uri().query());
        async move {
            if let Some(login) = login {
                request.headers_mut().insert(AUTHORIZATION, login.header().await?);
            }
            Ok::<_, BoxError>(request)
        }
    });
    // The filter clones the service under it, and only a buffer makes that one a clone.
    let trace = layer_fn(trace::Traced);
    Ok(builder
        .with_layer(&trace)
        .with_layer(&renew)
        .with_layer(&BufferLayer::new(1024))
        .with_layer(&prepare)
        .build())
}
