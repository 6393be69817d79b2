//! Which nodes can be empty soonest, so that their instances are terminated early.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::{PendingPod, Schedule};

/// Seconds to Ready of a replacement if no pod of the budget shows a time.
const SECONDS_TO_READY: f64 = 10.0;

/// Each node's rank in the order.
///
/// A node is empty when each budget has allowed the eviction of its last pod there. Nodes are chosen one by one: next is
/// the one that is empty soonest after those already chosen. A chosen node only delays the others, so an estimate that is
/// still the lowest after it was recomputed is the lowest of all.
pub(super) fn ranks(schedule: &Schedule) -> BTreeMap<String, usize> {
    let Schedule { nodes, pending, .. } = schedule;
    let seconds = seconds_per_pod(schedule);
    // Each node's seconds for each budget; pods without a budget cause no delay.
    let loads: Vec<(&String, Vec<(&str, f64)>)> =
        nodes.iter().map(|(name, node)| (name, load(&node.pods, pending, &seconds))).collect();
    let mut taken: BTreeMap<&str, f64> = BTreeMap::new();
    let ends = |load: &[(&str, f64)], taken: &BTreeMap<&str, f64>| {
        let end = |(budget, own): &(&str, f64)| taken.get(budget).copied().unwrap_or_default() + own;
        load.iter().map(end).fold(0.0, f64::max)
    };
    let mut heap: BinaryHeap<Reverse<(Millis, usize)>> =
        loads.iter().enumerate().map(|(at, (_, load))| Reverse((millis(ends(load, &taken)), at))).collect();
    let mut ranks = BTreeMap::new();
    while let Some(Reverse((estimate, at))) = heap.pop() {
        let Some((name, load)) = loads.get(at) else { continue };
        let now = millis(ends(load, &taken));
        if now > estimate {
            heap.push(Reverse((now, at)));
            continue;
        }
        for (budget, own) in load {
            *taken.entry(budget).or_default() += own;
        }
        ranks.insert((*name).clone(), ranks.len());
    }
    ranks
}

type Millis = u64;

fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0) as Millis
}

/// Seconds that each budget needs per pod: the replacement's time to Ready, divided by the pods allowed at a time.
fn seconds_per_pod(schedule: &Schedule) -> BTreeMap<&str, f64> {
    let mut times: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for entry in schedule.pending.values() {
        for budget in entry.queue.held_by() {
            times.entry(budget).or_default().extend(entry.pod.seconds_to_ready);
        }
    }
    times
        .into_iter()
        .map(|(budget, mut times)| {
            times.sort_unstable();
            let typical =
                times.get(times.len() / 2).map_or(SECONDS_TO_READY, |median| f64::from(*median).max(1.0));
            let at_once = schedule.at_once(budget).clamp(1, usize::from(u16::MAX));
            (budget, typical / at_once as f64)
        })
        .collect()
}

fn load<'a>(
    uids: &BTreeSet<String>,
    pending: &'a HashMap<String, PendingPod>,
    seconds: &BTreeMap<&str, f64>,
) -> Vec<(&'a str, f64)> {
    let mut load: BTreeMap<&str, f64> = BTreeMap::new();
    for budget in uids.iter().filter_map(|uid| pending.get(uid)).flat_map(|entry| entry.queue.held_by()) {
        *load.entry(budget).or_default() += seconds.get(budget).copied().unwrap_or_default();
    }
    load.into_iter().collect()
}
