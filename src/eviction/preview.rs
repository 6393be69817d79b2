//! What a drain would do, in order, for `--dry-run`. Pure.

use std::time::Instant;

use crate::scene::Scene;

use super::local::LocalData;
use super::schedule::{Limits, Schedule};
use super::{controllers, filter};

/// The nodes in the order in which they are drained, and how many pods each budget allows at a time.
pub(crate) fn preview(scene: &Scene<'_>) -> Vec<String> {
    let Scene { design, facts, settings, .. } = *scene;
    let own = settings.clone();
    let local = LocalData::of(facts, &design.drained);
    let limits = Limits { in_flight: settings.drain.max_in_flight, nodes: usize::MAX, pod: None, skip: None };
    let controllers = controllers(facts, settings);
    let mut schedule =
        Schedule::new(&design.drained, controllers, limits, move |pod| filter::judge(pod, &own, &local));
    let now = Instant::now();
    for budget in facts.budgets.iter().filter(|_| !settings.drain.disable_eviction) {
        schedule.budget(budget.clone(), now);
    }
    for pod in &facts.pods {
        schedule.pod(pod.clone(), now);
    }
    schedule.arrange();
    schedule.outline()
}
