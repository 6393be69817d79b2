//! SSM: the public parameters that name the newest EKS images. Each is read once per run, so that all new nodes use the
//! same image.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::Client;

use crate::calls::Calls;
use crate::error::{Error, Result};

use super::optional::Patience;
use super::{Trace, failure};

#[derive(Debug, Clone)]
pub(crate) struct Ssm {
    client: Client,
    /// Why SSM is not called again in this run.
    patience: Patience,
    known: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Ssm {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        // A run with --ami-id, or one that starts no nodes, does not need SSM.
        let retries = RetryConfig::standard().with_max_attempts(4).with_max_backoff(Duration::from_secs(2));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(15))
            .build();
        let config = aws_sdk_ssm::config::Builder::from(config)
            .interceptor(Trace(calls.clone()))
            .retry_config(retries)
            .timeout_config(timeouts)
            .build();
        Ssm { client: Client::from_conf(config), patience: Patience::default(), known: Arc::default() }
    }

    /// A parameter's value.
    pub(crate) async fn parameter(&self, path: &str) -> Result<String> {
        let known = self.known.lock().ok().and_then(|known| known.get(path).cloned());
        if let Some(value) = known {
            return Ok(value);
        }
        let value = self.patience.ask_if_reached(Box::pin(self.get(path))).await?;
        if let Ok(mut known) = self.known.lock() {
            known.insert(path.to_string(), value.clone());
        }
        Ok(value)
    }

    async fn get(&self, path: &str) -> Result<String> {
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
