//! A tool's evictions according to the API server's audit log. The log grows by hundreds of megabytes in a large run,
//! so it is read line by line.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use sandbox::KubernetesCall;

/// A tool's eviction requests, by response.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evictions {
    pub sent: usize,
    /// 429: the budget allowed no disruption.
    pub rejected: usize,
    /// Any other failure than 429.
    pub failed: usize,
}

/// Counts the evictions of a user agent from an offset in the log to its end.
pub(crate) fn count(log: &Path, from: u64, agent: &str) -> Result<Evictions> {
    let mut file = File::open(log).with_context(|| format!("opening {}", log.display()))?;
    file.seek(SeekFrom::Start(from))?;
    let mut evictions = Evictions::default();
    for line in BufReader::new(file).lines() {
        let line = line?;
        if !line.contains(r#""subresource":"eviction""#) {
            continue;
        }
        // The last line may be incomplete.
        let Ok(call) = serde_json::from_str::<KubernetesCall>(&line) else { continue };
        if call.verb != "create" || !call.user_agent.starts_with(agent) {
            continue;
        }
        evictions.sent += 1;
        match call.response_status.code {
            200..=299 => {}
            429 => evictions.rejected += 1,
            _ => evictions.failed += 1,
        }
    }
    Ok(evictions)
}
