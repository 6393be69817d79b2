//! SSM: the public parameters that name the newest EKS images.

use aws_sdk_ssm::Client;

use crate::calls::Calls;
use crate::error::{Error, Result};

use super::{Count, failure};

#[derive(Debug, Clone)]
pub struct Ssm {
    client: Client,
}

impl Ssm {
    pub fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_ssm::config::Builder::from(config).interceptor(Count(calls.clone())).build();
        Ssm { client: Client::from_conf(config) }
    }

    /// A parameter's value.
    pub async fn parameter(&self, path: &str) -> Result<String> {
        let reply = self
            .client
            .get_parameter()
            .name(path)
            .send()
            .await
            .map_err(|error| failure("look up the newest EKS image", &error).at(path))?;
        let value = reply.parameter().and_then(|parameter| parameter.value());
        value.map(ToString::to_string).ok_or_else(|| Error::failed("the parameter has no value").at(path))
    }
}
