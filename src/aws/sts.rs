//! STS: the caller's identity, and the token that EKS accepts for authentication.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::Client;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::calls::Calls;
use crate::error::{Error, Result};
use crate::facts::Caller;
use crate::net::partition::of_region;

use super::failure::about_credentials;
use super::{Trace, failure};

#[derive(Debug, Clone)]
pub struct Sts {
    client: Client,
    config: SdkConfig,
}

impl Sts {
    pub fn new(config: &SdkConfig, calls: &Calls) -> Self {
        let client = aws_sdk_sts::config::Builder::from(config).interceptor(Trace(calls.clone())).build();
        Sts { client: Client::from_conf(client), config: config.clone() }
    }

    pub async fn caller(&self) -> Result<Caller> {
        let reply =
            self.client.get_caller_identity().send().await.map_err(|error| {
                failure("authenticate to AWS", &error).or_fix("aws sts get-caller-identity")
            })?;
        Ok(Caller {
            account: reply.account().unwrap_or_default().to_string(),
            arn: reply.arn().unwrap_or_default().to_string(),
            region: self.config.region().map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// A bearer token for the cluster's API server: a GetCallerIdentity request signed but not sent.
    ///
    /// The host is always STS's real regional endpoint, whatever endpoint is configured for calls: EKS checks it, and
    /// sends the request there itself. The token is valid for 15 minutes (aws-iam-authenticator).
    pub async fn eks_token(&self, cluster: &str) -> Result<String> {
        let unable = |error: &dyn std::fmt::Display| {
            Error::failed("sign the authentication token for the cluster").because(error)
        };
        let region = self.config.region().map(ToString::to_string).unwrap_or_default();
        let provider = self.config.credentials_provider().ok_or_else(|| unable(&"no AWS credentials"))?;
        let identity =
            provider.provide_credentials().await.map_err(|error| unable(&about_credentials(&error)))?;
        let identity = identity.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name("sts")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| unable(&error))?
            .into();
        let url = format!(
            "https://sts.{region}.{}/?Action=GetCallerIdentity&Version=2011-06-15",
            of_region(&region).dns_suffix
        );
        let headers = [("x-k8s-aws-id", cluster)];
        let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[]))
            .map_err(|error| unable(&error))?;
        let (instructions, _) = sign(request, &params).map_err(|error| unable(&error))?.into_parts();
        let mut signed = http::Request::get(&url).body(()).map_err(|error| unable(&error))?;
        instructions.apply_to_request_http1x(&mut signed);
        Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed.uri().to_string())))
    }
}
