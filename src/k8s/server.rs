//! Which API server to connect to, how, and the proof that it is the cluster's.
//!
//! Every connection verifies the server's certificate against the certificate authority that EKS names for the cluster
//! (DescribeCluster), whatever a kubeconfig says. Each EKS cluster has its own authority, so a server that passes is this
//! cluster's API server, whatever name, port or tunnel leads to it. No request and no token goes to any other server. A
//! kubeconfig's `certificate-authority` and `insecure-skip-tls-verify` are therefore ignored.

use http::Uri;
use kube::Config;
use kube::config::{Cluster as Server, ExecAuthCluster, Kubeconfig, KubeconfigError};

use crate::error::{Error, Result, one_line, tls_trouble};
use crate::facts::Cluster;
use crate::net::pem;
use crate::net::proxy::{Kind, Proxies, Proxy};
use crate::settings::KubeconfigChoice;
use crate::yaml::Unreadable;

/// The configuration for the cluster's endpoint, with the environment's proxy.
pub(super) fn native(cluster: &Cluster, proxies: &Proxies) -> Result<Config> {
    let endpoint: Uri = cluster.endpoint.parse().map_err(|error| {
        Error::failed("the cluster has no endpoint that can be read").at(&cluster.endpoint).because(error)
    })?;
    let mut config = Config::new(endpoint);
    config.root_cert = Some(authority(cluster)?);
    config.proxy_url = proxies.to(&config.cluster_url).map(usable).transpose()?;
    Ok(config)
}

/// The configuration of a kubeconfig's context: server, user, and its proxy or the environment's.
pub(super) fn of_kubeconfig(
    cluster: &Cluster,
    choice: &KubeconfigChoice,
    proxies: &Proxies,
) -> Result<Config> {
    let file = read(choice)?;
    let unusable = |why: String| {
        Error::usage("the kubeconfig can't be used").at(choice.shown()).because(why).fix(format!(
            "aws eks update-kubeconfig --name {}; or unset KUBECONFIG to authenticate without a kubeconfig",
            cluster.name
        ))
    };
    let name =
        choice.context.clone().or_else(|| file.current_context.clone()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| unusable("it has no current-context, and --context is not set".into()))?;
    let context = file.contexts.iter().find(|context| context.name == name);
    let context = context.and_then(|context| context.context.clone());
    let context = context.ok_or_else(|| unusable(format!("it has no context '{name}'")))?;
    let server = file.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let server = server.and_then(|server| server.cluster.clone());
    let server = server.ok_or_else(|| unusable(format!("it has no cluster '{}'", context.cluster)))?;
    let url = server.server.clone().unwrap_or_default();
    let address: Uri = url.parse().map_err(|_| unusable(format!("'{url}' is not the URL of a server")))?;
    if address.scheme_str() != Some("https") {
        return Err(Error::refused(format!(
            "the kubeconfig's server can't be verified to be cluster '{}'; nothing was changed",
            cluster.name
        ))
        .at(place(&name, &url))
        .because("the server is not https://, so it has no certificate that identifies the cluster")
        .fix("set server to an https:// URL: the cluster's endpoint, or a tunnel to it"));
    }
    let user = context.user.as_ref().and_then(|user| {
        file.auth_infos.iter().find(|known| known.name == *user).and_then(|known| known.auth_info.clone())
    });
    let mut user = user.unwrap_or_default();
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        let cluster_info = ExecAuthCluster::try_from(&server).map_err(|error| unusable(about(&error)))?;
        exec.cluster = Some(cluster_info);
    }
    let mut config = Config::new(address);
    config.root_cert = Some(authority(cluster)?);
    config.tls_server_name = Some(server_name(cluster, &server)?);
    config.auth_info = user;
    config.disable_compression = server.disable_compression.unwrap_or_default();
    config.proxy_url = match server.proxy_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
        // NO_PROXY does not apply to it, as in kubectl: this proxy is meant for this server.
        Some(url) => Some(usable(&Proxy::parse(url, "proxy-url of the kubeconfig")?)?),
        None => proxies.to(&config.cluster_url).map(usable).transpose()?,
    };
    Ok(config)
}

/// The error if the server's certificate shows that it is not the cluster's.
pub(super) fn is_another(cluster: &Cluster, choice: &KubeconfigChoice, error: &kube::Error) -> Option<Error> {
    let why = tls_trouble(error)?;
    let refused = |what: String| {
        let because = format!("{why}; it is verified against the certificate authority that EKS names");
        Error::refused(format!("{what}; nothing was changed")).because(because)
    };
    let name = &cluster.name;
    Some(match choice.is_given() {
        true => refused(format!("the kubeconfig leads to another server, not to cluster '{name}'"))
            .at(match read(choice).ok().and_then(|file| chosen(&file, choice)) {
                Some((context, url)) => place(&context, &url),
                None => choice.shown(),
            })
            .fix(format!(
                "aws eks update-kubeconfig --name {name} and pass its --context, or unset KUBECONFIG; a tunnel must not \
                 terminate TLS"
            )),
        false => refused(format!("the server at the endpoint is not cluster '{name}'"))
            .at(&cluster.endpoint)
            .fix("if a proxy inspects TLS, exempt this host in the proxy, or add it to NO_PROXY"),
    })
}

fn chosen(file: &Kubeconfig, choice: &KubeconfigChoice) -> Option<(String, String)> {
    let name = choice.context.clone().or_else(|| file.current_context.clone())?;
    let context = file.contexts.iter().find(|context| context.name == name)?.context.as_ref()?;
    let server = file.clusters.iter().find(|cluster| cluster.name == context.cluster)?;
    Some((name, server.cluster.as_ref()?.server.clone()?))
}

fn place(context: &str, url: &str) -> String {
    format!("context {context}: {url}")
}

/// The certificate authority that EKS names.
fn authority(cluster: &Cluster) -> Result<Vec<Vec<u8>>> {
    use base64::Engine as _;
    let unreadable = || Error::failed("the cluster's certificate authority can't be read").at(&cluster.arn);
    let pem = base64::engine::general_purpose::STANDARD
        .decode(&cluster.certificate_authority)
        .map_err(|error| unreadable().because(error))?;
    let certificates = pem::certificates(&pem).map_err(|why| unreadable().because(why))?;
    Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect())
}

/// The name that the certificate must have. EKS's certificates are for the cluster's endpoint, whatever URL leads there.
fn server_name(cluster: &Cluster, server: &Server) -> Result<String> {
    if let Some(name) = server.tls_server_name.clone().filter(|name| !name.is_empty()) {
        return Ok(name);
    }
    let endpoint = cluster.endpoint.parse::<Uri>().ok();
    let host = endpoint.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']).to_string());
    host.ok_or_else(|| Error::failed("the cluster has no endpoint that can be read").at(&cluster.endpoint))
}

/// The proxy's URI, if kube's client supports the proxy.
fn usable(proxy: &Proxy) -> Result<Uri> {
    match proxy.kind() {
        Kind::Http | Kind::Socks5 => Ok(proxy.uri().clone()),
        // It would verify the proxy's certificate against the cluster's authority.
        Kind::Https => Err(Error::usage(format!("{} can't be used for the cluster's API", proxy.named_by))
            .at(proxy.to_string())
            .because("https:// proxies are not supported for the cluster's API")
            .fix("use an http:// or socks5:// proxy, or add the cluster's host to NO_PROXY")),
    }
}

fn read(choice: &KubeconfigChoice) -> Result<Kubeconfig> {
    let unusable = |why: String| Error::usage("the kubeconfig can't be used").at(choice.shown()).because(why);
    let Some(paths) = &choice.path else {
        return Kubeconfig::read().map_err(|error| unusable(about(&error)));
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in std::env::split_paths(paths) {
        let next = Kubeconfig::read_from(path).map_err(|error| unusable(about(&error)))?;
        merged = Some(match merged {
            Some(first) => first.merge(next).map_err(|error| unusable(about(&error)))?,
            None => next,
        });
    }
    merged.ok_or_else(|| unusable("the path is empty".into()))
}

fn about(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        KubeconfigError::Parse(error) => format!("it is not a kubeconfig: {}", Unreadable::from(&**error)),
        other => one_line(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
