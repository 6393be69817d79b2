//! HTTP to AWS: which proxy to use, and which certificates to trust.
//!
//! The SDK by itself reads HTTPS_PROXY with rules of its own (no ports in NO_PROXY, the metadata service through the
//! proxy, ALL_PROXY) and does not know AWS_CA_BUNDLE (aws-config 1.13, aws-smithy-http-client 1.5).

use std::fmt;
use std::sync::Arc;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::pki_types::CertificateDer;

use crate::error::{Error, Result};
use crate::net::pem;
use crate::net::proxy::{Kind, Proxies, Proxy};

use super::socks::Socks;

/// Where the aws CLI looks for a CA bundle besides the profile's `ca_bundle`. botocore reads the second one too, which
/// many machines set for Python.
const BUNDLES: [&str; 2] = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];

/// The certificates to trust instead of the system's.
pub(super) fn roots(
    of_profile: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Vec<CertificateDer<'static>>>> {
    let named = |name: &str| variable(name).filter(|path| !path.is_empty());
    let [aws, requests] = BUNDLES;
    let of_variable = |name: &'static str| named(name).map(|path| (name, path));
    let of_profile = of_profile.map(|path| ("ca_bundle of the AWS profile", path.to_string()));
    let Some((whence, path)) = of_variable(aws).or(of_profile).or_else(|| of_variable(requests)) else {
        return Ok(None);
    };
    let wrong = |why: &dyn std::fmt::Display| {
        Error::usage(format!("{whence} can't be used"))
            .at(&path)
            .because(why)
            .fix(format!("set {whence} to a file of PEM certificates, or unset it"))
    };
    let pem = std::fs::read(&path).map_err(|error| wrong(&error))?;
    let mut usable = pem::certificates(&pem).map_err(|why| wrong(&why))?;
    // The client panics at a certificate that rustls can't use. Old bundles have a few, as rustls says of
    // RootCertStore::add_parsable_certificates, so the others are trusted without them.
    let mut unusable = None;
    usable.retain(|certificate| match rustls::RootCertStore::empty().add(certificate.clone()) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("{path}: a certificate is left out: {error}");
            unusable = Some(error);
            false
        }
    });
    match unusable {
        Some(error) if usable.is_empty() => Err(wrong(&format!("its certificate can't be used: {error}"))),
        _ => Ok(Some(usable)),
    }
}

/// Where OpenSSL, curl and rustls-native-certs look for the system's certificates first.
const SYSTEM: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Mozilla's root certificates, which AWS's public endpoints chain to, if the system has none: a container image `FROM
/// scratch`, for one. They are as old as this build, so the system's are preferred. The SDK would connect without any
/// root, and every connection would fail with `UnknownIssuer`.
pub(super) fn without_system_roots(
    system: &rustls_native_certs::CertificateResult,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Vec<CertificateDer<'static>>>> {
    if !system.certs.is_empty() {
        return Ok(None);
    }
    let named = SYSTEM.iter().find_map(|name| variable(name).map(|path| (name, path)));
    if let Some((name, path)) = named {
        let why = system.errors.first().map_or("it contains no certificate".into(), ToString::to_string);
        return Err(Error::usage(format!("{name} can't be used"))
            .at(path)
            .because(why)
            .fix(format!("set {name} to PEM certificates, or unset it")));
    }
    tracing::warn!("this system has no root certificates; those of Mozilla in this build are trusted");
    Ok(Some(webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()))
}

/// The client for all of AWS's APIs.
pub(super) fn client(
    proxies: &Proxies,
    roots: Option<Vec<CertificateDer<'static>>>,
) -> Result<SharedHttpClient> {
    let trusted = match &roots {
        Some(roots) => TrustStore::empty().with_pem_certificate(pem::encoded(roots)),
        None => TrustStore::default(),
    };
    let unusable = |error: &dyn std::fmt::Display| Error::failed("set up the HTTPS client").because(error);
    let tls = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| unusable(&error))?;
    let mut ways = Vec::new();
    for proxy in proxies.all() {
        let way = match proxy.kind() {
            Kind::Socks5 => Way::Socks(Box::new(Socks::new(proxy.clone(), roots.as_deref())?)),
            Kind::Http | Kind::Https => {
                let config = ProxyConfig::all(proxy.uri().clone()).map_err(|error| unusable(&error))?;
                Way::Http(by(config, tls.clone()))
            }
        };
        ways.push((proxy.clone(), way));
    }
    let direct = by(ProxyConfig::disabled(), tls);
    Ok(SharedHttpClient::new(Ways { proxies: Arc::new(proxies.clone()), direct, ways }))
}

fn by(proxy: ProxyConfig, tls: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone())
            .proxy_config(proxy.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}

/// Directly, and through each proxy.
#[derive(Debug)]
struct Ways {
    proxies: Arc<Proxies>,
    direct: SharedHttpClient,
    ways: Vec<(Proxy, Way)>,
}

#[derive(Debug)]
enum Way {
    Http(SharedHttpClient),
    Socks(Box<Socks>),
}

impl HttpClient for Ways {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let ways = self.ways.iter().map(|(proxy, way)| {
            let connector = match way {
                Way::Http(client) => client.http_connector(settings, components),
                Way::Socks(socks) => socks.connector(settings),
            };
            (proxy.clone(), connector)
        });
        SharedHttpConnector::new(Connectors {
            proxies: self.proxies.clone(),
            direct: self.direct.http_connector(settings, components),
            ways: ways.collect(),
        })
    }
}

#[derive(Debug)]
struct Connectors {
    proxies: Arc<Proxies>,
    direct: SharedHttpConnector,
    ways: Vec<(Proxy, SharedHttpConnector)>,
}

impl HttpConnector for Connectors {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = request.uri().parse::<http::Uri>().ok();
        let proxy = url.as_ref().and_then(|url| self.proxies.to(url));
        let way = proxy.and_then(|proxy| self.ways.iter().find(|(known, _)| known == proxy));
        let server = url.as_ref().map(server).unwrap_or_default();
        let proxy = proxy.map(ToString::to_string);
        let reply = way.map_or(&self.direct, |(_, way)| way).call(request);
        HttpConnectorFuture::new(async move {
            reply.await.map_err(|error| Unanswered::explain(error, server, proxy))
        })
    }
}

/// `https://ec2.us-west-2.amazonaws.com`, without path and query.
fn server(url: &http::Uri) -> String {
    format!("{}://{}", url.scheme_str().unwrap_or("https"), url.authority().map_or("", |host| host.as_str()))
}

/// Where a request went that got no answer: the SDK's errors do not say it.
#[derive(Debug)]
pub(super) struct Unanswered {
    server: String,
    pub proxy: Option<String>,
    source: BoxError,
}

impl Unanswered {
    /// The error of the same kind, which decides about retries, with where the request went.
    fn explain(error: ConnectorError, server: String, proxy: Option<String>) -> ConnectorError {
        let (is_timeout, is_io, is_user) = (error.is_timeout(), error.is_io(), error.is_user());
        let (kind, connection) = (error.as_other(), error.connection_metadata().cloned());
        let explained = Box::new(Unanswered { server, proxy, source: error.into_source() });
        let error = match (is_timeout, is_io, is_user) {
            (true, ..) => ConnectorError::timeout(explained),
            (_, true, _) => ConnectorError::io(explained),
            (.., true) => ConnectorError::user(explained),
            _ => ConnectorError::other(explained, kind),
        };
        match connection {
            Some(connection) => error.with_connection(connection),
            None => error,
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(proxy) => write!(f, "{} through {proxy}", self.server),
            None => f.write_str(&self.server),
        }
    }
}

impl std::error::Error for Unanswered {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(
        variables: &[(&str, &str)],
        profile: Option<&str>,
    ) -> Result<Option<Vec<CertificateDer<'static>>>> {
        roots(profile, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn the_ca_bundle_comes_from_the_variable_then_the_profile_then_python_s_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let certificate = params.self_signed(&key).unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, format!("# {name}\n{}", certificate.pem())).unwrap();
            (path.display().to_string(), certificate.der().clone())
        };
        let ((one, first), (two, second), (three, third)) = (file("one"), file("two"), file("three"));
        let both = [("AWS_CA_BUNDLE", one.as_str()), ("REQUESTS_CA_BUNDLE", &three)];
        assert_eq!(from(&both, Some(&two)).unwrap().unwrap(), [first]);
        assert_eq!(from(&both[1..], Some(&two)).unwrap().unwrap(), [second]);
        assert_eq!(from(&both[1..], None).unwrap().unwrap(), [third]);
        assert_eq!(from(&[("AWS_CA_BUNDLE", "")], None).unwrap(), None);
    }

    #[test]
    fn built_in_roots_are_trusted_only_where_the_system_has_none_and_names_none() {
        let none = rustls_native_certs::CertificateResult::default();
        let unset = |_: &str| None;
        let built_in = without_system_roots(&none, unset).unwrap().unwrap();
        // AWS's endpoints chain to Amazon Root CA 1 to 4, and by a cross-signature to Starfield's.
        assert!(built_in.len() > 50, "{} certificates", built_in.len());
        assert!(built_in.iter().any(|der| der.windows(16).any(|part| part == b"Amazon Root CA 1")));
        let mut some = rustls_native_certs::CertificateResult::default();
        some.certs.push(CertificateDer::from(&b"any"[..]));
        assert_eq!(without_system_roots(&some, unset).unwrap(), None);
        let named = |name: &str| (name == "SSL_CERT_FILE").then(|| "/none.pem".to_string());
        let error = without_system_roots(&none, named).unwrap_err();
        assert_eq!(error.what(), "SSL_CERT_FILE can't be used");
        assert_eq!(error.place(), Some("/none.pem"));
    }

    #[test]
    fn a_damaged_bundle_is_an_error_that_names_its_file_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let name = path.display().to_string();
        let refused = |reason: &str| {
            let error = from(&[("AWS_CA_BUNDLE", &name)], None).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Usage, "{error}");
            assert!(error.what().contains("AWS_CA_BUNDLE"), "{error}");
            assert_eq!(error.place(), Some(name.as_str()));
            assert!(error.to_string().contains(reason), "'{reason}' is not in: {error}");
        };
        refused("No such file");
        for (text, reason) in [
            ("hello", "no PEM certificate"),
            (
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
                "PEM block 1 is not valid base64",
            ),
            ("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", "can't be used"),
        ] {
            std::fs::write(&path, text).unwrap();
            refused(reason);
        }
    }

    #[test]
    fn a_certificate_that_rustls_can_not_use_is_left_out_of_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let mut params = rcgen::CertificateParams::new(vec!["ca.example.com".into()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let good = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let text = pem::encoded(&[good.der().clone(), CertificateDer::from(&b"hello"[..])]);
        std::fs::write(&path, text).unwrap();
        let read = from(&[("AWS_CA_BUNDLE", path.to_str().unwrap())], None).unwrap();
        assert_eq!(read.unwrap(), [good.der().clone()]);
    }
}
