//! Counts the API calls of a run, reads and writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

/// Shared by all clients of a run.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
}

/// The number of calls so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    pub reads: u64,
    pub writes: u64,
}

impl Calls {
    /// An AWS call. By AWS's naming Describe…, List… and Get… are reads; a dry run is one too.
    pub fn aws(&self, operation: &str, dry_run: bool) {
        let read = ["Describe", "List", "Get", "Simulate"].iter().any(|verb| operation.starts_with(verb));
        self.add(!read && !dry_run);
    }

    /// A Kubernetes request. A dry run persists nothing, so it is a read.
    pub fn kubernetes(&self, method: &str, query: Option<&str>) {
        let dry_run = query.is_some_and(|query| query.contains("dryRun=All"));
        self.add(!matches!(method, "GET" | "HEAD" | "OPTIONS") && !dry_run);
    }

    fn add(&self, write: bool) {
        let counter = if write { &self.0.writes } else { &self.0.reads };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count(&self) -> Count {
        Count { reads: self.0.reads.load(Ordering::Relaxed), writes: self.0.writes.load(Ordering::Relaxed) }
    }
}

impl Count {
    /// The calls since an earlier count.
    pub fn since(self, earlier: Count) -> Count {
        Count { reads: self.reads - earlier.reads, writes: self.writes - earlier.writes }
    }
}
