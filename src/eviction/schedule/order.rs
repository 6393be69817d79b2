//! Which nodes can be empty soonest, so that their instances end early.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::{Job, Schedule};

/// Replacements are taken to need as long as the budget's pods needed, and this where it is not known.
const SECONDS_TO_READY: f64 = 10.0;

/// Each node's place in the order.
///
/// A node is empty when each budget has let go its last pod there. Nodes are taken one by one: the one that is empty
/// soonest after those taken before it. Each taken node only delays the others, so an estimate that is still the
/// least after it was computed anew is the least of all.
pub fn ranks(schedule: &Schedule) -> BTreeMap<String, usize> {
    let Schedule { nodes, jobs, .. } = schedule;
    let seconds = seconds_per_pod(schedule);
    // Each node's seconds of each budget; pods that none holds delay nobody.
    let loads: Vec<(&String, Vec<(&str, f64)>)> =
        nodes.iter().map(|(name, place)| (name, load(&place.jobs, jobs, &seconds))).collect();
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

/// How long each budget needs for one pod: its replacement's time, shared by as many as may go at once.
fn seconds_per_pod(schedule: &Schedule) -> BTreeMap<&str, f64> {
    let mut times: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for job in schedule.jobs.values() {
        for budget in job.queue.held_by() {
            times.entry(budget).or_default().extend(job.pod.seconds_to_ready);
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
    jobs: &'a HashMap<String, Job>,
    seconds: &BTreeMap<&str, f64>,
) -> Vec<(&'a str, f64)> {
    let mut load: BTreeMap<&str, f64> = BTreeMap::new();
    for budget in uids.iter().filter_map(|uid| jobs.get(uid)).flat_map(|job| job.queue.held_by()) {
        *load.entry(budget).or_default() += seconds.get(budget).copied().unwrap_or_default();
    }
    load.into_iter().collect()
}
