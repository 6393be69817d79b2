//! Kubernetes: log-in, and one thin client per subject. No decisions here.

pub mod aws_auth;
pub mod backends;
pub mod cni;
pub mod deployments;
pub mod eniconfig;
pub mod lock;
pub mod neighbours;
pub mod nodes;
pub mod pages;
pub mod pods;
pub mod probe;
mod protobuf;
mod quantity;
pub mod record;
pub mod slim;
pub mod stateful_sets;
pub mod symptoms;
pub mod volumes;
pub mod workloads;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;
use tower::BoxError;
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;
use tower::util::MapResponseLayer;

use crate::aws::sts::Sts;
use crate::calls::Calls;
use crate::error::{Cause, Error, Result};
use crate::facts::Cluster;

/// The name under which fields are owned in server-side apply.
pub const FIELD_MANAGER: &str = "eni-custom";
/// Where aws-node, aws-auth and what this program writes down live.
pub const NAMESPACE: &str = "kube-system";

/// A log-in is good for 15 minutes; a new one is taken well before.
const TOKEN_AGE: Duration = Duration::from_secs(12 * 60);

/// The cluster's API, twice.
#[derive(Clone)]
pub struct Kube {
    /// Retries 429 and 5xx by itself, as Retry-After says.
    pub client: Client,
    /// For evictions, where 429 is an answer: a PodDisruptionBudget says not now.
    pub evictor: Client,
}

/// Which kubeconfig to use, where one was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeconfigChoice {
    /// As in the variable KUBECONFIG: one path, or several.
    pub path: Option<String>,
    pub context: Option<String>,
}

impl KubeconfigChoice {
    pub fn is_given(&self) -> bool {
        self.path.is_some() || self.context.is_some()
    }
}

impl Kube {
    /// Logs in natively, or with a kubeconfig whose server is this cluster's endpoint.
    pub async fn connect(
        cluster: &Cluster,
        choice: &KubeconfigChoice,
        sts: &Sts,
        calls: &Calls,
    ) -> Result<Self> {
        let (config, login) = if choice.is_given() {
            (kubeconfig(cluster, choice).await?, None)
        } else {
            (native(cluster)?, Some(Login::new(sts.clone(), cluster.name.clone())))
        };
        let client = client(config.clone(), login.clone(), calls)?;
        let evictor = client_without_retry(config, login, calls)?;
        Ok(Kube { client, evictor })
    }

    /// Asks the API server who it is, so that a log-in that fails is told as such.
    pub async fn check(&self, cluster: &Cluster) -> Result<()> {
        let version = self.client.apiserver_version().await;
        version.map(|_| ()).map_err(|error| match &error {
            kube::Error::Api(status) if status.code == 401 => failure("log in to the cluster", &error)
                .at(&cluster.endpoint)
                .next(format!("give your IAM principal an access entry: aws eks create-access-entry --cluster-name {} --principal-arn …", cluster.name)),
            _ => failure("reach the cluster's API server", &error)
                .at(&cluster.endpoint)
                .or_next("a private endpoint is reached only from inside its VPC or through a proxy"),
        })
    }
}

fn native(cluster: &Cluster) -> Result<Config> {
    let uri = cluster.endpoint.parse().map_err(|error| {
        Error::failed("the cluster has no endpoint that can be read").at(&cluster.endpoint).because(error)
    })?;
    let mut config = Config::new(uri);
    let pem = base64::engine::general_purpose::STANDARD.decode(&cluster.certificate_authority).map_err(
        |error| {
            Error::failed("the cluster's certificate authority can't be read").at(&cluster.arn).because(error)
        },
    )?;
    config.root_cert = Some(pem_certificates(&pem));
    Ok(config)
}

/// The DER inside of PEM, as kube wants it.
fn pem_certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(pem);
    let mut certificates = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body: String =
            block.split("-----END CERTIFICATE-----").next().unwrap_or_default().split_whitespace().collect();
        if let Ok(der) = base64::engine::general_purpose::STANDARD.decode(body) {
            certificates.push(der);
        }
    }
    certificates
}

async fn kubeconfig(cluster: &Cluster, choice: &KubeconfigChoice) -> Result<Config> {
    let unusable = |error: &dyn std::fmt::Display| {
        Error::usage("the kubeconfig can't be used")
            .at(choice.path.clone().unwrap_or_else(|| "~/.kube/config".into()))
            .because(error)
    };
    let file = match &choice.path {
        Some(paths) => {
            let mut merged: Option<Kubeconfig> = None;
            for path in std::env::split_paths(paths) {
                let next = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
                merged = Some(match merged {
                    Some(first) => first.merge(next).map_err(|error| unusable(&error))?,
                    None => next,
                });
            }
            merged.ok_or_else(|| unusable(&"no file is named"))?
        }
        None => Kubeconfig::read().map_err(|error| unusable(&error))?,
    };
    let options = KubeConfigOptions { context: choice.context.clone(), ..Default::default() };
    let config = Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(&error))?;
    let server = config.cluster_url.to_string();
    if same_server(&server, &cluster.endpoint) {
        return Ok(config);
    }
    Err(Error::refused(format!("the kubeconfig leads to another cluster than '{}'; nothing was changed", cluster.name))
        .at(match &choice.context {
            Some(context) => format!("context {context}: {server}"),
            None => server,
        })
        .because(format!("EKS says that the cluster's endpoint is {}", cluster.endpoint))
        .next(format!(
            "aws eks update-kubeconfig --name {} and pass its --context; or unset KUBECONFIG to log in without one",
            cluster.name
        )))
}

/// Host names know no case, and a trailing slash says nothing.
fn same_server(one: &str, other: &str) -> bool {
    let plain = |url: &str| url.trim_end_matches('/').trim_end_matches(":443").to_ascii_lowercase();
    plain(one) == plain(other)
}

/// A token that renews itself. The wall clock decides: a laptop that slept has a stale token.
#[derive(Clone)]
struct Login {
    sts: Sts,
    cluster: String,
    token: Arc<Mutex<Option<(SystemTime, Instant, HeaderValue)>>>,
}

impl Login {
    fn new(sts: Sts, cluster: String) -> Self {
        Login { sts, cluster, token: Arc::default() }
    }

    /// The next request logs in anew.
    fn forget(&self) {
        // Who holds it is making a new one.
        if let Ok(mut token) = self.token.try_lock() {
            *token = None;
        }
    }

    async fn header(&self) -> std::result::Result<HeaderValue, BoxError> {
        let mut token = self.token.lock().await;
        if let Some((made, since, header)) = token.as_ref() {
            let age = made.elapsed().unwrap_or(TOKEN_AGE).max(since.elapsed());
            if age < TOKEN_AGE {
                return Ok(header.clone());
            }
        }
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", self.sts.eks_token(&self.cluster).await?))?;
        header.set_sensitive(true);
        *token = Some((SystemTime::now(), Instant::now(), header.clone()));
        Ok(header)
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
    // A control plane that hangs must not hang us; a watch sends bookmarks well within this.
    config.connect_timeout = Some(Duration::from_secs(10));
    config.read_timeout = Some(Duration::from_secs(295));
    let builder =
        ClientBuilder::try_from(config).map_err(|error| failure("set up the Kubernetes client", &error))?;
    let calls = calls.clone();
    let refused = login.clone();
    // A token that the API server takes no more is not shown again: a clock that is off, a session that was ended.
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
    Ok(builder.with_layer(&renew).with_layer(&BufferLayer::new(1024)).with_layer(&prepare).build())
}

/// A Kubernetes error as a failure that names the reason.
pub(crate) fn failure(what: impl Into<String>, error: &kube::Error) -> Error {
    let cause = match error {
        kube::Error::Api(status) => {
            Cause { code: status.reason.clone(), message: status.message.clone(), request_id: None }
        }
        other => {
            let mut message = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(inner) = source {
                message = inner.to_string();
                source = inner.source();
            }
            Cause { code: String::new(), message, request_id: None }
        }
    };
    Error::failed(what).cause(cause)
}

/// The object where there is one; nothing on 404.
pub(crate) fn found<T>(reply: std::result::Result<T, kube::Error>, what: &str) -> Result<Option<T>> {
    match reply {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(failure(what, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::same_server;

    #[test]
    fn servers_are_the_same_whatever_the_case_port_and_slash() {
        assert!(same_server(
            "https://ABC.gr7.us-west-2.eks.amazonaws.com/",
            "https://abc.gr7.us-west-2.eks.amazonaws.com"
        ));
        assert!(same_server("https://abc:443", "https://abc"));
        assert!(!same_server("https://127.0.0.1:6443", "https://127.0.0.1:6444"));
    }
}
