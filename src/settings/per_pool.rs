//! Settings of the new nodes that can differ between pools.

use std::collections::BTreeMap;
use std::fmt::Display;

/// A setting for all pools, and for some by name. The one for a pool wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PerPool<T> {
    pub all: Option<T>,
    pub pools: BTreeMap<String, T>,
}

impl<T> Default for PerPool<T> {
    fn default() -> Self {
        PerPool { all: None, pools: BTreeMap::new() }
    }
}

impl<T> PerPool<T> {
    /// The setting for a pool.
    pub(crate) fn of(&self, pool: &str) -> Option<&T> {
        self.pools.get(pool).or(self.all.as_ref())
    }

    /// Pools that have a setting of their own.
    pub(crate) fn names(&self) -> Vec<&String> {
        self.pools.keys().collect()
    }

    /// Whether neither all pools nor any one of them has it.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_none() && self.pools.is_empty()
    }
}

impl<T: Display> PerPool<T> {
    /// As a flag takes them: `m5.large`, `gpu=g5.xlarge`.
    pub(super) fn values(&self) -> Vec<String> {
        let of_pools = self.pools.iter().map(|(pool, value)| format!("{pool}={value}"));
        self.all.iter().map(ToString::to_string).chain(of_pools).collect()
    }
}
