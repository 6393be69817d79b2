//! Services that a run can do without: Service Quotas, and IAM where it is only asked what would be allowed.
//!
//! In many private networks they have no endpoint. They are asked once per run: what did not answer is not asked
//! again, and a connection that does not come about within two seconds is not tried again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

use crate::error::{Error, Result};

/// Some five round trips to another continent: TCP and TLS need three.
const CONNECT: Duration = Duration::from_secs(2);

/// Few tries, for those who throttle or fail.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(1))
}

/// `answer`: how long a reply may take.
pub(super) fn timeouts(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(answer).build()
}

/// A connection that does not come about, or a reply that does not come, is not asked for again.
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

    /// After the SDK's own, which would try again.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// Why a service is not asked any more in this run.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience(Arc<Mutex<Option<Error>>>);

impl Patience {
    /// Asks, unless it was in vain before. A refusal of one question says nothing of others.
    pub async fn ask<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
        self.ask_until(question, is_in_vain).await
    }

    /// The same, but as long as the service is reached it is asked.
    pub async fn ask_if_reached<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
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

/// No answer at all, one from somebody else, or one that says that the service is in trouble: the next question would
/// come to the same. A denial is quick, and about one action.
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
    async fn who_did_not_answer_is_not_asked_again_and_who_refused_one_question_is() {
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
        let told = ask(Ok(2)).await.unwrap_err();
        assert_eq!((told.what(), *asked.lock().unwrap()), ("ask", 4));
    }
}
