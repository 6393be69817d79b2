//! The native log-in: a token that STS's signature makes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::HeaderValue;
use tokio::sync::Mutex;
use tower::BoxError;

use crate::aws::sts::Sts;

/// A log-in is good for 15 minutes; a new one is taken well before.
const TOKEN_AGE: Duration = Duration::from_secs(12 * 60);

/// A token that renews itself. The wall clock decides: a laptop that slept has a stale token.
#[derive(Clone)]
pub(super) struct Login {
    sts: Sts,
    cluster: String,
    token: Arc<Mutex<Option<(SystemTime, Instant, HeaderValue)>>>,
}

impl Login {
    pub fn new(sts: Sts, cluster: String) -> Self {
        Login { sts, cluster, token: Arc::default() }
    }

    /// The next request logs in anew.
    pub fn forget(&self) {
        // Who holds it is making a new one.
        if let Ok(mut token) = self.token.try_lock() {
            *token = None;
        }
    }

    pub async fn header(&self) -> std::result::Result<HeaderValue, BoxError> {
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
