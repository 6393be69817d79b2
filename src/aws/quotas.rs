//! Service Quotas. Read once per run: a quota does not change meanwhile, and the service may not be reachable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_servicequotas::Client;
use tokio::sync::OnceCell;

use crate::calls::Calls;
use crate::error::Result;

use super::optional::{OneConnection, Patience, retries, timeouts};
use super::{Trace, failure};

/// By service and quota code; `None`: AWS returns no value.
type Known = BTreeMap<(&'static str, String), Option<u32>>;

#[derive(Debug, Clone)]
pub(crate) struct Quotas {
    client: Client,
    patience: Patience,
    vpc: Arc<OnceCell<BTreeMap<String, u32>>>,
    known: Arc<Mutex<Known>>,
}

impl Quotas {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_servicequotas::config::Builder::from(config)
            .interceptor(Trace(calls.clone()))
            .retry_config(retries())
            .timeout_config(timeouts(Duration::from_secs(5)))
            .retry_classifier(OneConnection)
            .build();
        Quotas {
            client: Client::from_conf(config),
            patience: Patience::default(),
            vpc: Arc::default(),
            known: Arc::default(),
        }
    }

    /// All quotas of service `vpc` by code. One without a value is left out: the default applies.
    pub(crate) async fn of_vpc(&self) -> Result<BTreeMap<String, u32>> {
        let read = || self.patience.ask(Box::pin(self.list_vpc()));
        self.vpc.get_or_try_init(read).await.cloned()
    }

    async fn list_vpc(&self) -> Result<BTreeMap<String, u32>> {
        let mut pages = self.client.list_service_quotas().service_code("vpc").into_paginator().items().send();
        let mut quotas = BTreeMap::new();
        while let Some(quota) = pages.next().await {
            let quota = quota.map_err(|error| failure("ListServiceQuotas", &error).at("vpc"))?;
            if let (Some(code), Some(value)) = (quota.quota_code(), quota.value()) {
                quotas.insert(code.to_string(), value as u32);
            }
        }
        Ok(quotas)
    }

    /// A quota of service `ec2`, of which there are too many to list them all.
    pub(crate) async fn of_ec2(&self, code: &str) -> Result<Option<u32>> {
        self.one("ec2", code).await
    }

    /// CloudFormation's `Stack count`.
    pub(crate) async fn of_stacks(&self) -> Result<Option<u32>> {
        self.one("cloudformation", "L-0485CB21").await
    }

    async fn one(&self, service: &'static str, code: &str) -> Result<Option<u32>> {
        let key = (service, code.to_string());
        let known = self.known.lock().ok().and_then(|known| known.get(&key).copied());
        if let Some(value) = known {
            return Ok(value);
        }
        let value = self.patience.ask(Box::pin(self.get(service, code))).await?;
        if let Ok(mut known) = self.known.lock() {
            known.insert(key, value);
        }
        Ok(value)
    }

    async fn get(&self, service: &str, code: &str) -> Result<Option<u32>> {
        let reply = self.client.get_service_quota().service_code(service).quota_code(code).send().await;
        let at = || format!("{service}/{code}");
        let reply = reply.map_err(|error| failure("GetServiceQuota", &error).at(at()))?;
        Ok(reply.quota().and_then(|quota| quota.value()).map(|value| value as u32))
    }
}
