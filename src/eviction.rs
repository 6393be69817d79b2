//! Which pods may be evicted, when, and how long a drain takes. Pure; `drain` does the work.

pub(crate) mod budgets;
pub(crate) mod default_budget;
pub(crate) mod filter;
pub(crate) mod forecast;
pub(crate) mod load_balancers;
pub(crate) mod local;
pub(crate) mod preview;
pub(crate) mod remaining;
pub(crate) mod schedule;
pub(crate) mod surge;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::facts::Facts;
use crate::settings::Settings;

use forecast::{Time, forecast};
use schedule::Controllers;

/// The forecast for draining some nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DrainOutlook {
    /// Pods to evict.
    pub moving: usize,
    pub time: Time,
    /// Controllers of two or more pods that have no PodDisruptionBudget, and the default budget during the drain.
    pub guarded: usize,
    /// How long empty nodes stay until they have left their load balancers.
    pub lb_drain: Option<Duration>,
}

/// Forecasts the drain of these nodes.
pub(crate) fn outlook(facts: &Facts, nodes: &BTreeSet<String>, settings: &Settings) -> DrainOutlook {
    let moving = filter::sort(facts, nodes, settings).evict;
    // Budgets do not apply to pods that are deleted instead of evicted.
    let budgets = if settings.drain.disable_eviction { &[][..] } else { &facts.budgets };
    let fail_closed = default_budget::fail_closed(facts);
    let own = (!settings.drain.no_default_budget).then_some(&fail_closed);
    let forecast = forecast(&moving, &facts.pods, budgets, own);
    let mut time = forecast.time;
    // Nodes wait in parallel; the last one starts after the last pod is gone.
    let lb_drain = load_balancers::wait(facts, settings).filter(|_| !nodes.is_empty());
    time.bound += lb_drain.unwrap_or_default();
    time.estimate += lb_drain.unwrap_or_default();
    DrainOutlook { moving: moving.len(), time, guarded: forecast.guarded, lb_drain }
}

/// What the schedule needs to know about controllers.
pub(crate) fn controllers(facts: &Facts, settings: &Settings) -> Controllers {
    Controllers {
        ordered: facts.stateful_sets.ordered.clone(),
        fail_closed: default_budget::fail_closed(facts),
        default_budget: !settings.drain.no_default_budget,
    }
}
