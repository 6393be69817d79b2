//! How many calls a run made, and which of them could change something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Shared by all clients of a run.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
}

/// A moment's count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub reads: u64,
    pub writes: u64,
}

impl Calls {
    /// AWS names what it does: Describe…, List… and Get… change nothing; nor does a dry run.
    pub fn aws(&self, operation: &str, dry_run: bool) {
        let read = ["Describe", "List", "Get", "Simulate"].iter().any(|verb| operation.starts_with(verb));
        self.add(!read && !dry_run);
    }

    /// A Kubernetes request; a dry run persists nothing.
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
    /// What came since an earlier count.
    pub fn since(self, earlier: Count) -> Count {
        Count { reads: self.reads - earlier.reads, writes: self.writes - earlier.writes }
    }
}
