//! Which pods may leave their nodes, when, and how long that takes: the decisions of a drain. Pure.
//!
//! `drain` carries them out.

pub mod budgets;
pub mod default_budget;
pub mod filter;
pub mod forecast;
pub mod load_balancers;
pub mod local;
pub mod preview;
pub mod schedule;
pub mod surge;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::facts::Facts;
use crate::settings::Settings;

use forecast::{Time, forecast};
use schedule::Controllers;

/// What the drain of some nodes comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Pods that it moves.
    pub moving: usize,
    pub time: Time,
    /// Controllers of two or more pods that have no PodDisruptionBudget, and the default budget during the drain.
    pub guarded: usize,
    /// For which empty nodes stay until their load balancers have let them go.
    pub lb_drain: Option<Duration>,
}

/// How many pods the drain of these nodes moves, and how long it may take.
pub fn outlook(facts: &Facts, nodes: &BTreeSet<String>, settings: &Settings) -> Outlook {
    let moving = filter::sort(facts, nodes, settings).evict;
    // A pod that is deleted and not evicted asks no budget.
    let budgets = if settings.disable_eviction { &[][..] } else { &facts.budgets };
    let fail_closed = default_budget::fail_closed(facts);
    let own = (!settings.no_default_budget).then_some(&fail_closed);
    let forecast = forecast(&moving, &facts.pods, budgets, own);
    let mut time = forecast.time;
    // All nodes wait side by side, the last one after the last pod.
    let lb_drain = load_balancers::wait(facts, settings).filter(|_| !nodes.is_empty());
    time.bound += lb_drain.unwrap_or_default();
    time.estimate += lb_drain.unwrap_or_default();
    Outlook { moving: moving.len(), time, guarded: forecast.guarded, lb_drain }
}

/// What the schedule has to know of controllers.
pub fn controllers(facts: &Facts, settings: &Settings) -> Controllers {
    Controllers {
        ordered: facts.stateful_sets.ordered.clone(),
        fail_closed: default_budget::fail_closed(facts),
        default_budget: !settings.no_default_budget,
    }
}
