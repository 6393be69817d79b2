//! The time that no drain can beat, computed from the workload and from what the machine was seen to do.
//!
//! A budget that lets d pods be away at once makes a Deployment of k pods move in ceil(k / d) rounds. Each round but the
//! last must be Ready before the next pods may go, and that takes c seconds. The slowest Deployment decides, however
//! many nodes there are.

use super::scenario::{App, Budget, Scenario};

/// A lower bound in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What the budgets ask for.
    pub budgets: f64,
    /// What the machine can do at most, where that was measured: all pods must go, and all but those of the last round
    /// must be replaced before.
    pub machine: Option<f64>,
}

/// What this machine does in a second when all pods are evicted at once and their budgets let all go. It is seen, not
/// proven: evictions that meet under one budget hold each other up.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Pods that are gone.
    pub gone: f64,
    /// Pods that are gone, made anew and Ready, without the time that the workload takes for itself.
    pub replaced: f64,
}

impl Bound {
    pub fn of(scenario: &Scenario, rates: Option<Rates>) -> Self {
        let budgets = scenario.apps.iter().map(rounds_take).fold(0.0, f64::max);
        let replaced: u32 =
            scenario.apps.iter().map(|app| app.replicas.saturating_sub(disruptions(app))).sum();
        let machine = rates.map(|rates| {
            let going = f64::from(scenario.pods()) / rates.gone;
            going.max(f64::from(replaced) / rates.replaced)
        });
        Self { budgets, machine }
    }

    pub fn seconds(&self) -> f64 {
        self.budgets.max(self.machine.unwrap_or_default())
    }

    pub fn set_by(&self) -> &'static str {
        if self.budgets >= self.seconds() { "budgets" } else { "machine" }
    }
}

fn rounds_take(app: &App) -> f64 {
    match disruptions(app) {
        0 => 0.0,
        at_once => f64::from((app.replicas.div_ceil(at_once) - 1) * app.ready_after),
    }
}

/// Pods of this Deployment that may be away at once when all are Ready. Without a budget a quarter, which is what
/// drain-nodes keeps to by default; kubectl doesn't. The last Ready pod of two or more stays, whatever the budget.
pub fn disruptions(app: &App) -> u32 {
    let allowed = match app.budget {
        None => app.replicas.div_ceil(4),
        Some(Budget::Pods(most)) => most.min(app.replicas),
        // Rounded up, so in favour of the disruption (disruption controller, maxUnavailable).
        Some(Budget::Percent(percent)) => (app.replicas * percent).div_ceil(100),
        Some(Budget::Keep(least)) => app.replicas.saturating_sub(least),
    };
    allowed.min(app.replicas.saturating_sub(1).max(1))
}
