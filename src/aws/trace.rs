//! Counts each call that goes out, retries too, and logs what came back.

use std::time::Instant;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tracing::info;

use crate::calls::Calls;

/// In the body of a call to EC2, which is a query.
const DRY_RUN: &[u8] = b"DryRun=true";

/// Headers that AWS support asks for.
const REQUEST_ID: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

#[derive(Debug)]
pub(super) struct Trace(pub Calls);

/// When the attempt was sent.
#[derive(Debug)]
struct Sent(Instant);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Trace {
    fn name(&self) -> &'static str {
        "eni-custom call trace"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metadata) = bag.load::<Metadata>() {
            // EC2 only judges a dry run.
            let body = context.request().body().bytes().unwrap_or_default();
            let dry_run = body.windows(DRY_RUN.len()).any(|part| part == DRY_RUN);
            self.0.aws(metadata.name(), dry_run);
        }
        bag.interceptor_state().store_put(Sent(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = bag.load::<Metadata>() else { return Ok(()) };
        let millis = bag.load::<Sent>().map_or(0, |sent| sent.0.elapsed().as_millis());
        let (service, operation) = (metadata.service(), metadata.name());
        match context.response() {
            Some(response) => {
                let id = REQUEST_ID.iter().find_map(|name| response.headers().get(*name)).unwrap_or("-");
                let status = response.status().as_u16();
                info!("aws {service} {operation}: {status} in {millis} ms, request {id}");
            }
            None => info!("aws {service} {operation}: no answer in {millis} ms"),
        }
        Ok(())
    }
}
