//! A lower bound for the duration of a drain, computed from the workload and from the measured speed of the machine.
//!
//! If a budget allows d disruptions at once, a Deployment of k pods moves in ceil(k / d) rounds. Each round except the
//! last must be Ready, which takes c seconds, before the next pods may be evicted. The slowest Deployment sets the
//! bound, regardless of the number of nodes.

use super::scenario::{App, Budget, Scenario};

/// A lower bound in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// The bound that the budgets set.
    pub budgets: f64,
    /// The bound that the machine sets, if it was measured: all pods must be evicted, and all except those of the last
    /// round must be replaced before that.
    pub machine: Option<f64>,
}

/// Pods per second on this machine when all are evicted at once and the budgets allow it. This is measured, not proven:
/// concurrent evictions under one budget slow each other down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Pods deleted per second.
    pub gone: f64,
    /// Pods deleted, recreated and Ready per second, without the time that the workload itself takes to be Ready.
    pub replaced: f64,
}

impl Bound {
    pub(crate) fn of(scenario: &Scenario, rates: Option<Rates>) -> Self {
        let budgets = scenario.apps.iter().map(rounds_take).fold(0.0, f64::max);
        let replaced: u32 =
            scenario.apps.iter().map(|app| app.replicas.saturating_sub(disruptions(app))).sum();
        let machine = rates.map(|rates| {
            let going = f64::from(scenario.pods()) / rates.gone;
            going.max(f64::from(replaced) / rates.replaced)
        });
        Self { budgets, machine }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.budgets.max(self.machine.unwrap_or_default())
    }

    pub(crate) fn set_by(&self) -> &'static str {
        if self.budgets >= self.seconds() { "budgets" } else { "machine" }
    }
}

fn rounds_take(app: &App) -> f64 {
    match disruptions(app) {
        0 => 0.0,
        at_once => f64::from((app.replicas.div_ceil(at_once) - 1) * app.ready_after),
    }
}

/// The number of disruptions that this Deployment allows while all its pods are Ready. Without a budget it is a
/// quarter, the default budget of drain-nodes; kubectl has none. Of two or more Ready pods one always stays.
pub(crate) fn disruptions(app: &App) -> u32 {
    let allowed = match app.budget {
        None => app.replicas.div_ceil(4),
        Some(Budget::Pods(most)) => most.min(app.replicas),
        // maxUnavailable is rounded up, in favor of the disruption (disruption controller).
        Some(Budget::Percent(percent)) => (app.replicas * percent).div_ceil(100),
        Some(Budget::Keep(least)) => app.replicas.saturating_sub(least),
    };
    allowed.min(app.replicas.saturating_sub(1).max(1))
}
