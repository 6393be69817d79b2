//! What a drain can never do, what it can't do yet, and how long it takes. Pure.

mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::facts::{Budget, Least, Pod};

use super::budgets::{cover, most_allowed};
use super::default_budget::Rule;

pub use time::Time;

/// What is known of a drain before it begins.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    pub impossible: Vec<Impossible>,
    pub not_now: Vec<NotNow>,
    /// Controllers of two or more pods whose pace their own budget sets.
    pub guarded: usize,
    pub time: Time,
}

/// Pods that no waiting will move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// Names, as `namespace/name`.
    pub budgets: Vec<String>,
    /// All of the pods concerned, as `namespace/name`.
    pub pods: Vec<String>,
    pub cause: Cause,
    /// What to do, or to type.
    pub fix: String,
    /// All of the pods belong to Deployments.
    pub of_deployment: bool,
}

/// Why pods can never be evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The API server answers 500.
    ManyBudgets,
    /// The budget's own spec allows nothing, even with all its pods healthy.
    Zero { least: Least, expected: i32 },
    /// One replica, and one must be there.
    Single { least: Least },
    /// Pods that are not Ready, under a budget that is short of healthy ones.
    Unhealthy { healthy: i32, desired: i32, because: Option<String> },
    /// The disruption controller expects no pod, so it allows no disruption.
    Uncounted { least: Least },
    /// The disruption controller can't count the pods that the budget expects; in its words.
    SyncFailed { message: String },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ManyBudgets => {
                f.write_str("the API server evicts no pod that more than one budget covers; it answers 500")
            }
            Cause::Zero { least, expected } => {
                write!(f, "{least} of {expected} allows no disruption, even while all are healthy")?;
                let percent =
                    matches!(least, Least::MinAvailable(value) if value.ends_with('%') && value != "100%");
                f.write_str(if percent { " (percentages are rounded up)" } else { "" })
            }
            Cause::Single { least } => write!(f, "{least}, and there is one replica in all"),
            Cause::Unhealthy { healthy, desired, because } => {
                write!(
                    f,
                    "pods that are not Ready may go only while the budget is met: {healthy} healthy of {desired}"
                )?;
                because.as_ref().map_or(Ok(()), |because| write!(f, " ({because})"))
            }
            Cause::SyncFailed { message } => write!(
                f,
                "the disruption controller can't compute the budget's status and allows no disruption: {message}"
            ),
            Cause::Uncounted { least } => write!(
                f,
                "with {least} the budget counts by the pods' controllers; these have none, so it expects no pod"
            ),
        }
    }
}

/// A budget that lets nothing go at the moment, and may later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNow {
    /// `namespace/name`
    pub budget: String,
    /// The pods that wait for it, as `namespace/name`.
    pub pods: Vec<String>,
    pub healthy: i32,
    pub desired: i32,
    /// The controller has seen the newest spec; before that the API server lets nothing go.
    pub observed: bool,
    /// Pods that are not terminating, and that the budget's status counts as evicted.
    pub evicted: Vec<String>,
}

/// Looks ahead. `moving` are the pods to be evicted, `all` are all pods of the cluster. `default_budget` are controllers
/// of pods behind webhooks that fail closed, where controllers have budgets of our own.
pub fn forecast(
    moving: &[&Pod],
    all: &[Pod],
    budgets: &[Budget],
    default_budget: Option<&BTreeSet<String>>,
) -> Forecast {
    let covered = cover(moving.iter().copied(), budgets);
    let mut forecast = Forecast::default();
    forecast.impossible.extend(under_many(moving, &covered, budgets));
    let everything = cover(all, budgets);
    let mut members: BTreeMap<usize, Vec<&Pod>> = BTreeMap::new();
    for (pod, covering) in all.iter().zip(&everything) {
        for at in covering {
            members.entry(*at).or_default().push(pod);
        }
    }
    let mut held: BTreeMap<usize, Vec<&Pod>> = BTreeMap::new();
    for (pod, covering) in moving.iter().zip(&covered) {
        if let [at] = covering[..]
            && is_held(pod, &budgets[at])
        {
            held.entry(at).or_default().push(pod);
        }
    }
    let mut queues = Vec::new();
    for (at, pods) in &held {
        let budget = &budgets[*at];
        let members = members.get(at).map(Vec::as_slice).unwrap_or_default();
        let expected = expected(budget, members);
        // Where the spec can't be read, the status is all there is.
        let allowed = most_allowed(&budget.least, expected).unwrap_or(budget.disruptions_allowed);
        match sync_failed(budget, pods, members).or_else(|| never(budget, pods, expected, allowed)) {
            Some(impossible) => forecast.impossible.push(impossible),
            None => forecast.not_now.extend(not_now(budget, pods, members)),
        }
        queues.push(time::Queue::new(pods, members, allowed));
    }
    if let Some(fail_closed) = default_budget {
        let (own, guarded) = own_queues(moving, &covered, all, fail_closed);
        queues.extend(own);
        forecast.guarded = guarded;
    }
    forecast.time = Time::of(moving, &queues);
    forecast
}

/// The queues of controllers whose own budget sets the pace: no other covers their pods, or a webhook that fails closed
/// needs them. Answers also how many of them have two or more pods.
fn own_queues(
    moving: &[&Pod],
    covered: &[Vec<usize>],
    all: &[Pod],
    fail_closed: &BTreeSet<String>,
) -> (Vec<time::Queue>, usize) {
    let mut queues: BTreeMap<String, (Vec<&Pod>, Vec<&Pod>, Rule)> = BTreeMap::new();
    for (pod, covering) in moving.iter().zip(covered).filter(|(pod, _)| asks_budgets(pod) && pod.ready) {
        let Some(name) = pod.workload_name() else { continue };
        let rule = Rule::of(!covering.is_empty(), fail_closed.contains(&name));
        if rule != Rule::LastStays {
            queues.entry(name).or_insert_with(|| (Vec::new(), Vec::new(), rule)).0.push(pod);
        }
    }
    let alive = all.iter().filter(|pod| !pod.deleting && !pod.is_finished() && pod.controller.is_some());
    for pod in alive {
        if let Some((_, members, _)) = pod.workload_name().and_then(|name| queues.get_mut(&name)) {
            members.push(pod);
        }
    }
    let queue = |(pods, members, rule): (Vec<&Pod>, Vec<&Pod>, Rule)| {
        let allowed = i32::try_from(rule.most_unavailable(members.len())).unwrap_or(i32::MAX);
        time::Queue::new(&pods, &members, allowed)
    };
    let guarded = queues.values().filter(|(_, members, _)| members.len() > 1).count();
    (queues.into_values().map(queue).collect(), guarded)
}

/// Whether a budget has a say about the pod. Pods that are pending, finished or ending go without one (registry of
/// the API server, core/pod/storage/eviction.go, canIgnorePDB).
fn asks_budgets(pod: &Pod) -> bool {
    !pod.deleting && !pod.is_finished() && pod.phase != "Pending"
}

fn is_held(pod: &Pod, budget: &Budget) -> bool {
    asks_budgets(pod) && (pod.ready || !budget.unhealthy_may_go)
}

/// How many pods the budget counts with. Before the controller has seen it: as many as there are.
fn expected(budget: &Budget, members: &[&Pod]) -> i32 {
    if budget.observed && budget.expected > 0 {
        return budget.expected;
    }
    let alive = members.iter().filter(|pod| !pod.deleting && !pod.is_finished());
    i32::try_from(alive.count()).unwrap_or(i32::MAX)
}

/// Pods under more than one budget, by the budgets.
fn under_many(moving: &[&Pod], covered: &[Vec<usize>], budgets: &[Budget]) -> Vec<Impossible> {
    let mut sets: BTreeMap<&[usize], Vec<String>> = BTreeMap::new();
    for (pod, covering) in moving.iter().zip(covered) {
        if covering.len() > 1 && asks_budgets(pod) {
            sets.entry(covering).or_default().push(pod.full_name());
        }
    }
    let impossible = |(set, pods): (&[usize], Vec<String>)| {
        let names: Vec<String> = set.iter().map(|at| budgets[*at].full_name()).collect();
        let last = &budgets[set[set.len() - 1]];
        Impossible {
            budgets: names,
            pods,
            cause: Cause::ManyBudgets,
            of_deployment: false,
            fix: format!(
                "leave one of them, or let them select different pods: kubectl -n {} edit pdb {}",
                last.namespace, last.name
            ),
        }
    };
    sets.into_iter().map(impossible).collect()
}

/// A budget whose pods have a controller without the subresource scale, or more than one controller. As a number,
/// minAvailable counts the pods themselves (disruption controller, getExpectedPodCount).
fn sync_failed(budget: &Budget, pods: &[&Pod], members: &[&Pod]) -> Option<Impossible> {
    let message = budget.sync_failed.clone()?;
    let alive = members.iter().filter(|pod| !pod.deleting && !pod.is_finished()).count();
    let alive = i32::try_from(alive).unwrap_or(i32::MAX);
    let allowed = most_allowed(&budget.least, alive).unwrap_or(1).clamp(1, alive.max(1));
    let fix = format!(
        "say minAvailable as a number: kubectl -n {} patch pdb {} --type merge -p \
         '{{\"spec\":{{\"maxUnavailable\":null,\"minAvailable\":{}}}}}'",
        budget.namespace,
        budget.name,
        alive.saturating_sub(allowed)
    );
    Some(Impossible {
        budgets: vec![budget.full_name()],
        pods: pods.iter().map(|pod| pod.full_name()).collect(),
        cause: Cause::SyncFailed { message },
        fix,
        of_deployment: false,
    })
}

/// Why these pods will never go, where that is so.
fn never(budget: &Budget, pods: &[&Pod], expected: i32, allowed: i32) -> Option<Impossible> {
    let least = budget.least.clone();
    let of_set =
        |pod: &&Pod| pod.controller.as_ref().is_some_and(|controller| controller.kind == "ReplicaSet");
    let of_deployment = pods.iter().all(of_set);
    let impossible = |pods: Vec<String>, cause, fix| {
        Some(Impossible { budgets: vec![budget.full_name()], pods, cause, fix, of_deployment })
    };
    let names = || pods.iter().map(|pod| pod.full_name()).collect::<Vec<_>>();
    if budget.observed && budget.expected <= 0 && pods.iter().all(|pod| pod.controller.is_none()) {
        let fix =
            format!("say minAvailable as a number: kubectl -n {} edit pdb {}", budget.namespace, budget.name);
        // A number is counted by the pods themselves: the status is only late then.
        let by_controller = !matches!(&least, Least::MinAvailable(value) if !value.ends_with('%'));
        return if by_controller { impossible(names(), Cause::Uncounted { least }, fix) } else { None };
    }
    if allowed <= 0 {
        let more_help = most_allowed(&least, 2).unwrap_or_default() > 0;
        if expected == 1 && more_help {
            let fix = match pods.iter().find_map(|pod| workload(pod)) {
                Some(workload) => format!(
                    "{}run a second one meanwhile: kubectl -n {} scale {workload} --replicas 2",
                    if of_deployment { "--surge-singletons does it for the drain; or " } else { "" },
                    budget.namespace
                ),
                None => allow_one(budget),
            };
            return impossible(names(), Cause::Single { least }, fix);
        }
        return impossible(names(), Cause::Zero { least, expected }, allow_one(budget));
    }
    // An unhealthy pod goes where the budget is met and wants a pod at all, or allows a disruption (eviction.go).
    let is_short = budget.current_healthy < budget.desired_healthy
        || (budget.desired_healthy == 0 && budget.current_healthy == 0);
    let unready: Vec<&&Pod> = pods.iter().filter(|pod| !pod.ready).collect();
    let (true, Some(first)) = (budget.observed && is_short, unready.first()) else { return None };
    let fix = format!(
        "fix the pod: kubectl -n {ns} describe pod {}; or let what is not Ready go: kubectl -n {ns} patch pdb {} \
         --type merge -p '{{\"spec\":{{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}}}'",
        first.name,
        budget.name,
        ns = budget.namespace
    );
    let cause = Cause::Unhealthy {
        healthy: budget.current_healthy,
        desired: budget.desired_healthy,
        because: unready.iter().find_map(|pod| pod.not_ready_because.as_deref()).map(ToString::to_string),
    };
    impossible(unready.iter().map(|pod| pod.full_name()).collect(), cause, fix)
}

/// Both fields can't be set at once, so the other one goes.
fn allow_one(budget: &Budget) -> String {
    format!(
        "allow one disruption meanwhile: kubectl -n {} patch pdb {} --type merge -p \
         '{{\"spec\":{{\"minAvailable\":null,\"maxUnavailable\":1}}}}'",
        budget.namespace, budget.name
    )
}

/// What kubectl can scale. A Deployment names its ReplicaSets after itself and the hash that its pods carry.
fn workload(pod: &Pod) -> Option<String> {
    let owner = pod.controller.as_ref()?;
    let deployment =
        pod.labels.get("pod-template-hash").and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
    match (owner.kind.as_str(), deployment) {
        ("ReplicaSet", Some(deployment)) => Some(format!("deployment/{deployment}")),
        ("ReplicaSet" | "StatefulSet" | "ReplicationController", _) => {
            Some(format!("{}/{}", owner.kind.to_lowercase(), owner.name))
        }
        _ => None,
    }
}

fn not_now(budget: &Budget, pods: &[&Pod], members: &[&Pod]) -> Option<NotNow> {
    if budget.observed && budget.disruptions_allowed > 0 {
        return None;
    }
    let pods: BTreeSet<String> = pods.iter().map(|pod| pod.full_name()).collect();
    let evicted = members.iter().filter(|pod| !pod.deleting && budget.disrupted.contains(&pod.name));
    Some(NotNow {
        evicted: evicted.map(|pod| pod.full_name()).collect(),
        budget: budget.full_name(),
        pods: pods.into_iter().collect(),
        healthy: budget.current_healthy,
        desired: budget.desired_healthy,
        observed: budget.observed,
    })
}

#[cfg(test)]
mod tests;
