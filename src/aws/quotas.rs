//! Service Quotas: how many CIDR blocks a VPC may have.

use aws_sdk_servicequotas::Client;

use crate::calls::Calls;
use crate::error::Result;

use super::{Count, failure};

#[derive(Debug, Clone)]
pub struct Quotas {
    client: Client,
}

impl Quotas {
    pub fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config =
            aws_sdk_servicequotas::config::Builder::from(config).interceptor(Count(calls.clone())).build();
        Quotas { client: Client::from_conf(config) }
    }

    /// `IPv4 CIDR blocks per VPC`, quota L-83CA0A9D of service vpc.
    pub async fn cidr_blocks_per_vpc(&self) -> Result<usize> {
        let reply = self
            .client
            .get_service_quota()
            .service_code("vpc")
            .quota_code("L-83CA0A9D")
            .send()
            .await
            .map_err(|error| failure("GetServiceQuota", &error).at("vpc/L-83CA0A9D"))?;
        let value = reply.quota().and_then(|quota| quota.value());
        Ok(value.map_or(crate::net::cidr::DEFAULT_BLOCK_QUOTA, |value| value as usize))
    }
}
