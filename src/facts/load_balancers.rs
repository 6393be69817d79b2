//! Load balancers that forward to nodes.

use std::collections::BTreeSet;
use std::time::Duration;

/// Load balancers with instance targets. Each node is a target, whichever pods it runs, and forwards connections to pods
/// of other nodes too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadBalancers {
    /// `Service shop/web`, `TargetGroupBinding shop/k8s-shop-web-0123456789`
    pub instance_targets: BTreeSet<String>,
    /// The longest deregistration delay that a Service sets.
    pub longest_delay: Option<Duration>,
    /// Why this is unknown.
    pub unknown: Option<String>,
}

impl LoadBalancers {
    /// Nodes may be targets.
    pub fn forward_to_nodes(&self) -> bool {
        !self.instance_targets.is_empty() || self.unknown.is_some()
    }
}
