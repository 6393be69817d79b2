//! Requests to AWS through a SOCKS5 proxy, such as `ssh -D`. The SDK's own client speaks HTTP to every proxy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};
use crate::net::proxy::Proxy;

type Connections = Client<TimeoutConnector<HttpsConnector<SocksV5<Tcp>>>, SdkBody>;

/// Connects through one proxy. The connection pools live as long as it does, one per connect timeout.
#[derive(Debug, Clone)]
pub(super) struct Socks {
    proxy: Proxy,
    tls: ClientConfig,
    known: Arc<Mutex<BTreeMap<Option<Duration>, Connections>>>,
}

impl Socks {
    /// `roots`: the certificates to trust instead of the system's.
    pub(super) fn new(proxy: Proxy, roots: Option<&[CertificateDer<'static>]>) -> Result<Self> {
        let unusable =
            |error: &dyn std::fmt::Display| Error::failed("set up the HTTPS client").because(error);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let builder = match roots {
            Some(roots) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(roots.iter().cloned());
                builder.with_root_certificates(store)
            }
            None => builder.with_native_roots().map_err(|error| unusable(&error))?,
        };
        Ok(Socks { proxy, tls: builder.with_no_client_auth(), known: Arc::default() })
    }

    pub(super) fn connector(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        let timeout = settings.connect_timeout();
        let connections = match self.known.lock() {
            Ok(mut known) => known.entry(timeout).or_insert_with(|| self.connections(timeout)).clone(),
            Err(_) => self.connections(timeout),
        };
        SharedHttpConnector::new(Connector(connections))
    }

    fn connections(&self, timeout: Option<Duration>) -> Connections {
        let mut tcp = Tcp::new();
        // TLS runs on top of it.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let socks = SocksV5::new(self.proxy.uri().clone(), tcp);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(socks);
        let mut connector = TimeoutConnector::new(https);
        connector.set_connect_timeout(timeout);
        Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
    }
}

#[derive(Debug)]
struct Connector(Connections);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let reply = self.0.request(request);
        HttpConnectorFuture::new(async move {
            // A connection that was not established can be retried.
            let reply = reply.await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(reply.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
