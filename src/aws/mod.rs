//! AWS: one thin, typed client per service. No decisions here.

pub(crate) mod autoscaling;
pub(crate) mod cloudformation;
pub(crate) mod ec2;
pub(crate) mod eks;
mod failure;
#[cfg(test)]
mod fields;
mod http;
pub(crate) mod iam;
mod launched;
mod optional;
mod profile;
mod properties;
pub(crate) mod quotas;
mod requirements;
mod socks;
pub(crate) mod ssm;
pub(crate) mod sts;
mod trace;

use std::time::Duration;

use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};

use crate::calls::Calls;
use crate::error::{Error, Result};
use crate::facts::Caller;
use crate::net::proxy::Proxies;

pub(crate) use profile::{ProfileChoice, names as profile_names, starts_a_program};

use trace::Trace;

pub(crate) use failure::{failure, first_words};

/// All AWS clients of a run, created once.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    pub ec2: ec2::Ec2,
    pub eks: eks::Eks,
    pub cloudformation: cloudformation::CloudFormation,
    pub autoscaling: autoscaling::AutoScaling,
    pub iam: iam::Iam,
    pub ssm: ssm::Ssm,
    pub quotas: quotas::Quotas,
    pub sts: sts::Sts,
    pub region: String,
    /// The settings of the profile in use.
    profile: profile::Profile,
}

impl Aws {
    /// Reads the configuration as the aws CLI does: flags, environment, profile, instance role.
    pub(crate) async fn connect(
        choice: ProfileChoice<'_>,
        region: Option<&str>,
        proxies: &Proxies,
        calls: &Calls,
    ) -> Result<Self> {
        let known = profile::Profile::read(choice).await;
        let variable = |name: &str| std::env::var(name).ok();
        let roots = match http::roots(known.ca_bundle.as_deref(), variable)? {
            Some(roots) => Some(roots),
            None => http::without_system_roots(&rustls_native_certs::load_native_certs(), variable)?,
        };
        let http = http::client(proxies, roots)?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            // EC2 throttles Describe calls too; five attempts in a row are refused on a busy account.
            .retry_config(
                RetryConfig::standard().with_max_attempts(8).with_max_backoff(Duration::from_secs(10)),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(10))
                    .operation_attempt_timeout(Duration::from_secs(60))
                    .build(),
            );
        if let Ok(name) = AppName::new(concat!("eni-custom-", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(name);
        }
        if let Some(name) = choice.name {
            loader = loader.profile_name(name);
            if choice.is_flag {
                loader = loader.credentials_provider(profile::credentials(name, region, http));
            }
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_string()));
        }
        let config = Box::pin(loader.load()).await;
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(Error::usage("no AWS region is set")
                .fix("pass --region, or set AWS_REGION or the profile's region"));
        };
        Ok(Aws::of(&config, region, known, calls))
    }

    /// Whether the environment, the profile or the instance sets a region.
    pub(crate) async fn has_region(choice: ProfileChoice<'_>) -> bool {
        let mut chain = DefaultRegionChain::builder();
        if let Some(name) = choice.name {
            chain = chain.profile_name(name);
        }
        chain.build().region().await.is_some()
    }

    /// All clients with this configuration.
    fn of(config: &SdkConfig, region: String, profile: profile::Profile, calls: &Calls) -> Self {
        Aws {
            ec2: ec2::Ec2::new(config, calls),
            eks: eks::Eks::new(config, calls),
            cloudformation: cloudformation::CloudFormation::new(config, calls),
            autoscaling: autoscaling::AutoScaling::new(config, calls),
            iam: iam::Iam::new(config, calls),
            ssm: ssm::Ssm::new(config, calls),
            quotas: quotas::Quotas::new(config, calls),
            sts: sts::Sts::new(config, calls),
            region,
            profile,
        }
    }

    /// Without the environment and the profile files.
    #[cfg(test)]
    pub(crate) fn scripted(config: SdkConfig) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Aws::of(&config, region, profile::Profile::default(), &Calls::default())
    }

    /// The caller's identity. This is the first call, so missing credentials are reported here.
    pub(crate) async fn caller(&self) -> Result<Caller> {
        self.sts.caller().await.map_err(|error| self.profile.explain(error))
    }
}
