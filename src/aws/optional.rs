//! Optional services: Service Quotas, and IAM's policy simulator. A run can continue without them.
//!
//! Many private networks have no endpoint for them. A service that did not answer is not called again in the same run,
//! and a connection that is not established within two seconds is not retried.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

use crate::error::{Error, Result};

/// About five round trips to another continent; TCP and TLS need three.
const CONNECT: Duration = Duration::from_secs(2);

/// Few attempts, for services that throttle or fail.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(1))
}

/// `answer`: the longest time to wait for a reply.
pub(super) fn timeouts(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(answer).build()
}

/// Forbids retries after connection errors and timeouts.
#[derive(Debug)]
pub(super) struct OneConnection;

impl ClassifyRetry for OneConnection {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if error.is_connector_error() || error.is_timeout_error() => {
                RetryAction::RetryForbidden
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "one connection"
    }

    /// After the SDK's own classifier, which would retry.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// Remembers why a service is not called again in this run.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience(Arc<Mutex<Option<Error>>>);

impl Patience {
    /// Calls the service, unless it did not answer before. A refused call does not stop further calls.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
        self.ask_until(question, is_in_vain).await
    }

    /// The same, but only a service that can't be reached is given up.
    pub(super) async fn ask_if_reached<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
        self.ask_until(question, str::is_empty).await
    }

    async fn ask_until<T>(
        &self,
        question: impl Future<Output = Result<T>>,
        gives_up: impl Fn(&str) -> bool,
    ) -> Result<T> {
        let known = self.0.lock().ok().and_then(|lost| lost.clone());
        if let Some(error) = known {
            return Err(error);
        }
        let answer = question.await;
        if let (Err(error), Ok(mut lost)) = (&answer, self.0.lock())
            && gives_up(error.code())
        {
            *lost = Some(error.clone());
        }
        answer
    }
}

/// Whether the next call would fail too: no answer, an answer from somebody else, or one that says that the service has
/// trouble. AccessDenied is not: it is quick, and about one action.
fn is_in_vain(code: &str) -> bool {
    const TROUBLE: [&str; 10] = [
        "InternalFailure",
        "InternalServiceError",
        "RequestLimitExceeded",
        "ServiceException",
        "ServiceFailure",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "UnknownServiceException",
    ];
    code.is_empty() || TROUBLE.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn refused(code: &str) -> Error {
        Error::failed("ask").cause(Cause { code: code.into(), message: "no".into(), request_id: None })
    }

    #[tokio::test]
    async fn a_service_that_did_not_answer_is_not_called_again_but_one_that_denied_a_call_is() {
        let asked = Mutex::new(0);
        let patience = Patience::default();
        let ask = |answer: Result<u32>| {
            let (patience, asked) = (patience.clone(), &asked);
            async move {
                let question = async {
                    *asked.lock().unwrap() += 1;
                    answer
                };
                patience.ask(question).await
            }
        };
        assert_eq!(ask(Ok(1)).await.unwrap(), 1);
        assert_eq!(
            ask(Err(refused("NoSuchResourceException"))).await.unwrap_err().code(),
            "NoSuchResourceException"
        );
        assert_eq!(ask(Err(refused("AccessDenied"))).await.unwrap_err().code(), "AccessDenied");
        assert!(ask(Err(refused(""))).await.is_err());
        assert_eq!(*asked.lock().unwrap(), 4);
        let error = ask(Ok(2)).await.unwrap_err();
        assert_eq!((error.what(), *asked.lock().unwrap()), ("ask", 4));
    }
}
