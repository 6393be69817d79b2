//! Native authentication: a token that is a presigned STS request.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::HeaderValue;
use tokio::sync::Mutex;
use tower::BoxError;

use crate::aws::sts::Sts;

/// A token is valid for 15 minutes; it is renewed well before that.
const TOKEN_AGE: Duration = Duration::from_secs(12 * 60);

/// A token that renews itself. It uses the wall clock: after a laptop has slept, the token is stale.
#[derive(Clone)]
pub(super) struct Login {
    sts: Sts,
    cluster: String,
    token: Arc<Mutex<Option<(SystemTime, Instant, HeaderValue)>>>,
}

impl Login {
    pub(super) fn new(sts: Sts, cluster: String) -> Self {
        Login { sts, cluster, token: Arc::default() }
    }

    /// Discards the token, so that the next request gets a new one.
    pub(super) fn forget(&self) {
        // If the lock is held, a new token is already being made.
        if let Ok(mut token) = self.token.try_lock() {
            *token = None;
        }
    }

    pub(super) async fn header(&self) -> std::result::Result<HeaderValue, BoxError> {
        let mut token = self.token.lock().await;
        if let Some((made, since, header)) = token.as_ref() {
            let age = made.elapsed().unwrap_or(TOKEN_AGE).max(since.elapsed());
            if age < TOKEN_AGE {
                return Ok(header.clone());
            }
        }
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", self.sts.eks_token(&self.cluster).await?))?;
        header.set_sensitive(true);
        *token = Some((SystemTime::now(), Instant::now(), header.clone()));
        Ok(header)
    }
}
