//! Logs each request to the API server with what came back.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use tower::Service;
use tracing::{Level, enabled, info};

/// Names a request by method and path: a query may be long, and says nothing more.
#[derive(Debug, Clone)]
pub(super) struct Traced<S>(pub S);

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !enabled!(Level::INFO) {
            return Box::pin(self.0.call(request));
        }
        let line = format!("kubernetes {} {}", request.method(), request.uri().path());
        let sent = Instant::now();
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let millis = sent.elapsed().as_millis();
            match &answer {
                Ok(response) => info!("{line}: {} in {millis} ms", response.status().as_u16()),
                Err(_) => info!("{line}: no answer in {millis} ms"),
            }
            answer
        })
    }
}
