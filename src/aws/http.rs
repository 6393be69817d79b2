//! HTTP to AWS: which proxy to use, and which certificates to trust.
//!
//! The SDK by itself reads HTTPS_PROXY with rules of its own (no ports in NO_PROXY, the metadata service through the
//! proxy, ALL_PROXY) and does not know AWS_CA_BUNDLE (aws-config 1.13, aws-smithy-http-client 1.5).

use std::sync::Arc;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::error::{Error, Result};
use crate::net::proxy::{Kind, Proxies, Proxy};

use super::socks::Socks;

/// Where the aws CLI looks for a CA bundle besides the profile's `ca_bundle`. botocore reads the second one too, which
/// many machines set for Python.
const BUNDLES: [&str; 2] = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];

/// The certificates to trust instead of the system's, in PEM.
pub(super) fn roots(
    of_profile: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Vec<u8>>> {
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
    // The client panics if the text is not a certificate.
    let mut store = rustls::RootCertStore::empty();
    let mut usable = String::new();
    for block in pem_blocks(&String::from_utf8_lossy(&pem)) {
        if store.add(block.1.into()).is_ok() {
            usable.push_str(&block.0);
        }
    }
    if store.is_empty() {
        Err(wrong(&"it contains no PEM certificate"))
    } else {
        Ok(Some(usable.into_bytes()))
    }
}

/// Each certificate of a file, as text and as DER.
pub(crate) fn pem_blocks(text: &str) -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let bodies = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END).map(|(body, _)| body));
    let decoded = bodies.filter_map(|body| {
        let body: String = body.split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(&body).ok()?;
        Some((format!("{BEGIN}\n{body}\n{END}\n"), der))
    });
    decoded.collect()
}

/// The client for all of AWS's APIs.
pub(super) fn client(proxies: &Proxies, roots: Option<Vec<u8>>) -> Result<SharedHttpClient> {
    let trusted = match &roots {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem.clone()),
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
        way.map_or(&self.direct, |(_, way)| way).call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)], profile: Option<&str>) -> Result<Option<Vec<u8>>> {
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
            let pem = params.self_signed(&key).unwrap().pem();
            let path = folder.path().join(name);
            std::fs::write(&path, format!("# {name}\n{pem}")).unwrap();
            (path.display().to_string(), pem_blocks(&pem)[0].1.clone())
        };
        let ders = |pem: Option<Vec<u8>>| -> Vec<Vec<u8>> {
            pem_blocks(&String::from_utf8(pem.unwrap()).unwrap()).into_iter().map(|(_, der)| der).collect()
        };
        let ((one, first), (two, second), (three, third)) = (file("one"), file("two"), file("three"));
        let both = [("AWS_CA_BUNDLE", one.as_str()), ("REQUESTS_CA_BUNDLE", &three)];
        assert_eq!(ders(from(&both, Some(&two)).unwrap()), [first]);
        assert_eq!(ders(from(&both[1..], Some(&two)).unwrap()), [second]);
        assert_eq!(ders(from(&both[1..], None).unwrap()), [third]);
        assert_eq!(from(&[("AWS_CA_BUNDLE", "")], None).unwrap(), None);
    }

    #[test]
    fn a_bundle_without_a_certificate_is_an_error_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let name = path.display().to_string();
        let refused = |what: &str| {
            let error = from(&[("AWS_CA_BUNDLE", &name)], None).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Usage, "{what}");
            assert!(error.what().contains("AWS_CA_BUNDLE"), "{error}");
        };
        refused("no file");
        for text in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, text).unwrap();
            refused(text);
        }
    }
}
