//! Which pods a drain can never evict, which it can't evict now, and how long it takes. Pure.

mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::facts::{Budget, ControllerKind, Least, Pod};
use crate::text::counted;

use super::budgets::{cover, most_allowed};
use super::default_budget::Rule;

pub(crate) use time::Time;

/// The forecast of a drain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forecast {
    pub impossible: Vec<Impossible>,
    pub not_now: Vec<NotNow>,
    /// Controllers of two or more pods that the default budget limits.
    pub guarded: usize,
    pub time: Time,
}

/// Pods that can never be evicted as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Impossible {
    /// Names, as `namespace/name`.
    pub budgets: Vec<String>,
    /// All affected pods, as `namespace/name`.
    pub pods: Vec<String>,
    pub cause: BudgetProblem,
    /// How to fix it.
    pub fix: String,
    /// All of the pods belong to Deployments.
    pub of_deployment: bool,
}

/// Why pods can never be evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BudgetProblem {
    /// The API server answers 500.
    ManyBudgets,
    /// The budget's spec allows no disruption, even with all its pods healthy.
    Zero { least: Least, expected: i32 },
    /// There is one replica, and the budget requires one.
    Single { least: Least },
    /// Pods that are not Ready, and whose budget has too few healthy pods.
    Unhealthy { healthy: i32, desired: i32, because: Option<String> },
    /// The disruption controller expects no pod, so it allows no disruption.
    Uncounted { least: Least },
    /// The disruption controller can't count the pods that the budget expects, with its message.
    SyncFailed { message: String },
}

impl fmt::Display for BudgetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetProblem::ManyBudgets => f.write_str(
                "more than one budget covers them; the API server answers each eviction with error 500",
            ),
            BudgetProblem::Zero { least, expected } => {
                write!(
                    f,
                    "{least} of {} never allows a disruption, even when all are healthy",
                    counted(*expected, "pod")
                )?;
                let percent =
                    matches!(least, Least::MinAvailable(value) if value.ends_with('%') && value != "100%");
                f.write_str(if percent { " (percentages are rounded up)" } else { "" })
            }
            BudgetProblem::Single { least } => write!(f, "{least}, and there is only one replica"),
            BudgetProblem::Unhealthy { healthy, desired, because } => {
                write!(
                    f,
                    "pods that are not Ready can be evicted only while the budget is met: {healthy} healthy, {desired} required"
                )?;
                because.as_ref().map_or(Ok(()), |because| write!(f, " ({because})"))
            }
            BudgetProblem::SyncFailed { message } => write!(
                f,
                "the disruption controller can't compute the budget's status, so it allows no disruptions: {message}"
            ),
            BudgetProblem::Uncounted { least } => write!(
                f,
                "with {least} the budget counts pods through their controllers; these pods have none, so it allows no disruptions"
            ),
        }
    }
}

/// A budget that allows no disruptions right now, but may later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotNow {
    /// `namespace/name`
    pub budget: String,
    /// The pods that are queued for it, as `namespace/name`.
    pub pods: Vec<String>,
    pub healthy: i32,
    pub desired: i32,
    /// The disruption controller has seen the newest spec; before that the API server allows no eviction.
    pub observed: bool,
    /// Pods that are not terminating, and that the budget's status counts as evicted.
    pub evicted: Vec<String>,
}

/// Computes the forecast. `moving` are the pods to evict, `all` are all pods of the cluster. `default_budget` has the
/// controllers behind webhooks that fail closed; none if there is no default budget.
pub(crate) fn forecast(
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
            && needs_budget(pod, &budgets[at])
        {
            held.entry(at).or_default().push(pod);
        }
    }
    let mut queues = Vec::new();
    for (at, pods) in &held {
        let budget = &budgets[*at];
        let members = members.get(at).map(Vec::as_slice).unwrap_or_default();
        let expected = expected(budget, members);
        // If the spec is invalid, the status is used.
        let allowed = most_allowed(&budget.least, expected).unwrap_or(budget.disruptions_allowed);
        match sync_failed(budget, pods, members).or_else(|| never(budget, pods, expected, allowed)) {
            Some(impossible) => forecast.impossible.push(impossible),
            None => forecast.not_now.extend(not_now(budget, pods, members)),
        }
        queues.push(time::BudgetQueue::new(pods, members, allowed));
    }
    if let Some(fail_closed) = default_budget {
        let (own, guarded) = controller_queues(moving, &covered, all, fail_closed);
        queues.extend(own);
        forecast.guarded = guarded;
    }
    forecast.time = Time::of(moving, &queues);
    forecast
}

/// The queues of controllers that the default budget limits: no PodDisruptionBudget covers their pods, or they serve a
/// webhook that fails closed. Also returns how many of them have two or more pods.
fn controller_queues(
    moving: &[&Pod],
    covered: &[Vec<usize>],
    all: &[Pod],
    fail_closed: &BTreeSet<String>,
) -> (Vec<time::BudgetQueue>, usize) {
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
        time::BudgetQueue::new(&pods, &members, allowed)
    };
    let guarded = queues.values().filter(|(_, members, _)| members.len() > 1).count();
    (queues.into_values().map(queue).collect(), guarded)
}

/// Whether budgets apply to the pod. They do not apply to pods that are pending, finished or terminating (registry of
/// the API server, core/pod/storage/eviction.go, canIgnorePDB).
fn asks_budgets(pod: &Pod) -> bool {
    !pod.deleting && !pod.is_finished() && pod.phase != "Pending"
}

fn needs_budget(pod: &Pod, budget: &Budget) -> bool {
    asks_budgets(pod) && (pod.ready || !budget.unhealthy_may_go)
}

/// How many pods the budget expects; before the disruption controller has seen it, as many as exist.
fn expected(budget: &Budget, members: &[&Pod]) -> i32 {
    if budget.observed && budget.expected > 0 {
        return budget.expected;
    }
    let alive = members.iter().filter(|pod| !pod.deleting && !pod.is_finished());
    i32::try_from(alive.count()).unwrap_or(i32::MAX)
}

/// Pods that more than one budget covers, grouped by the budgets.
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
            cause: BudgetProblem::ManyBudgets,
            of_deployment: false,
            fix: format!(
                "delete one of the budgets, or make them select different pods: kubectl -n {} edit pdb {}",
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
        "set minAvailable to a number: kubectl -n {} patch pdb {} --type merge -p \
         '{{\"spec\":{{\"maxUnavailable\":null,\"minAvailable\":{}}}}}'",
        budget.namespace,
        budget.name,
        alive.saturating_sub(allowed)
    );
    Some(Impossible {
        budgets: vec![budget.full_name()],
        pods: pods.iter().map(|pod| pod.full_name()).collect(),
        cause: BudgetProblem::SyncFailed { message },
        fix,
        of_deployment: false,
    })
}

/// Why these pods can never be evicted, if that is so.
fn never(budget: &Budget, pods: &[&Pod], expected: i32, allowed: i32) -> Option<Impossible> {
    let least = budget.least.clone();
    let of_set = |pod: &&Pod| pod.controlled_by(&ControllerKind::ReplicaSet).is_some();
    let of_deployment = pods.iter().all(of_set);
    let impossible = |pods: Vec<String>, cause, fix| {
        Some(Impossible { budgets: vec![budget.full_name()], pods, cause, fix, of_deployment })
    };
    let names = || pods.iter().map(|pod| pod.full_name()).collect::<Vec<_>>();
    if budget.observed && budget.expected <= 0 && pods.iter().all(|pod| pod.controller.is_none()) {
        let fix =
            format!("set minAvailable to a number: kubectl -n {} edit pdb {}", budget.namespace, budget.name);
        // With a number, the budget counts the pods themselves: then the status is only late.
        let by_controller = !matches!(&least, Least::MinAvailable(value) if !value.ends_with('%'));
        return if by_controller {
            impossible(names(), BudgetProblem::Uncounted { least }, fix)
        } else {
            None
        };
    }
    if allowed <= 0 {
        let more_help = most_allowed(&least, 2).unwrap_or_default() > 0;
        if expected == 1 && more_help {
            let fix = match pods.iter().find_map(|pod| workload(pod)) {
                Some(workload) => format!(
                    "{}run a second replica during the drain: kubectl -n {} scale {workload} --replicas 2",
                    if of_deployment { "--surge-singletons does this; or " } else { "" },
                    budget.namespace
                ),
                None => allow_one(budget),
            };
            return impossible(names(), BudgetProblem::Single { least }, fix);
        }
        return impossible(names(), BudgetProblem::Zero { least, expected }, allow_one(budget));
    }
    // An unhealthy pod can be evicted if the budget is met and requires a pod, or allows a disruption (eviction.go).
    let is_short = budget.current_healthy < budget.desired_healthy
        || (budget.desired_healthy == 0 && budget.current_healthy == 0);
    let unready: Vec<&&Pod> = pods.iter().filter(|pod| !pod.ready).collect();
    let (true, Some(first)) = (budget.observed && is_short, unready.first()) else { return None };
    let fix = format!(
        "fix the pod: kubectl -n {ns} describe pod {}; or allow evicting pods that are not Ready: kubectl -n {ns} patch pdb {} \
         --type merge -p '{{\"spec\":{{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}}}'",
        first.name,
        budget.name,
        ns = budget.namespace
    );
    let cause = BudgetProblem::Unhealthy {
        healthy: budget.current_healthy,
        desired: budget.desired_healthy,
        because: unready.iter().find_map(|pod| pod.not_ready_because.as_deref()).map(ToString::to_string),
    };
    impossible(unready.iter().map(|pod| pod.full_name()).collect(), cause, fix)
}

/// Both fields can't be set at once, so minAvailable is removed.
fn allow_one(budget: &Budget) -> String {
    format!(
        "allow one disruption during the drain: kubectl -n {} patch pdb {} --type merge -p \
         '{{\"spec\":{{\"minAvailable\":null,\"maxUnavailable\":1}}}}'",
        budget.namespace, budget.name
    )
}

/// What kubectl can scale. A Deployment names its ReplicaSets after itself and the hash that its pods carry.
fn workload(pod: &Pod) -> Option<String> {
    let owner = pod.controller.as_ref()?;
    let deployment =
        pod.labels.get("pod-template-hash").and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
    use ControllerKind::{ReplicaSet, ReplicationController, StatefulSet};
    match (&owner.kind, deployment) {
        (ReplicaSet, Some(deployment)) => Some(format!("deployment/{deployment}")),
        (ReplicaSet | StatefulSet | ReplicationController, _) => {
            Some(format!("{}/{}", owner.kind.lowercase(), owner.name))
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
