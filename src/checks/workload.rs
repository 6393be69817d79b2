//! Pods that would be lost or can't be moved, and nodes that no group owns.

mod capacity;

use std::collections::{BTreeMap, BTreeSet};

use crate::capacity::Capacity;
use crate::eviction::budgets::COUNTED_AS_EVICTED;
use crate::eviction::filter::{Refuse, sort};
use crate::eviction::forecast::{BudgetProblem, Impossible, forecast};
use crate::eviction::load_balancers;
use crate::eviction::local::LocalData;
use crate::eviction::surge;
use crate::facts::{ControllerKind, Owner, Pod, owner};
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{counted, few, subject};

use super::evictions;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::DrainNodes]) || scene.settings.drain.keep_old_nodes {
        return;
    }
    let moving = of_pods(
        scene,
        &scene.design.drained,
        "--keep-old-nodes to leave the old nodes as they are",
        findings,
    );
    capacity::check(scene, &moving, &LocalData::of(scene.facts, &scene.design.drained), findings);
    let nodes = scene.facts.nodes.iter().filter(|node| scene.design.drained.contains(&node.name));
    let unowned: Vec<String> = nodes
        .filter(|node| owner(scene.facts, node) == Owner::Unowned)
        .map(|node| node.name.clone())
        .collect();
    if !unowned.is_empty() && !scene.settings.drain.terminate_unowned {
        findings.push(
            Issue::error(
                id::POD_003,
                subject(unowned.len(), "old node", "belongs to no group", "belong to no group"),
            )
            .at(few(&unowned))
            .why("no Auto Scaling group, managed node group or NodeClaim would terminate their instances")
            .fix("add --terminate-unowned to terminate them; or --keep-old-nodes to leave the old nodes as they are"),
        );
    }
}

/// Issues of the pods on nodes that are drained; `or_else` says how to skip the drain. Returns the pods that will be
/// evicted.
pub(super) fn of_pods<'a>(
    scene: &Scene<'a>,
    nodes: &BTreeSet<String>,
    or_else: &str,
    findings: &mut Vec<Issue>,
) -> Vec<&'a Pod> {
    let sorted = sort(scene.facts, nodes, scene.settings);
    let mut by_reason: BTreeMap<&str, (Refuse, Vec<String>)> = BTreeMap::new();
    let local = LocalData::of(scene.facts, nodes);
    for (pod, reason) in &sorted.refuse {
        // The flag alone is not enough.
        if *reason == Refuse::LocalVolume && !local.irreplaceable(pod).is_empty() {
            continue;
        }
        by_reason.entry(reason.flag()).or_insert((*reason, Vec::new())).1.push(pod.full_name());
    }
    for (flag, (reason, pods)) in by_reason {
        let (id, one, many) = match reason {
            Refuse::Bare => (id::POD_001, "has no controller", "have no controller"),
            Refuse::EmptyDir => (
                id::POD_002,
                "keeps data in emptyDir or ephemeral volumes",
                "keep data in emptyDir or ephemeral volumes",
            ),
            Refuse::LocalVolume => {
                (id::POD_017, "keeps data on its node's disk", "keep data on their node's disk")
            }
        };
        findings.push(
            Issue::error(id, subject(pods.len(), "pod to be evicted", one, many))
                .at(few(&pods))
                .why(reason.to_string())
                .fix(format!("add {flag} to allow it; or {or_else}")),
        );
    }
    // Includes refused pods: they are evicted once their flag is set, and all issues are reported at once.
    let moving: Vec<&Pod> =
        sorted.evict.iter().copied().chain(sorted.refuse.iter().map(|(pod, _)| *pod)).collect();
    claims_for_good(&moving, &local, or_else, findings);
    budgets(scene, &moving, findings);
    evictions::check(scene, &moving, findings);
    balanced(scene, nodes, findings);
    moving
}

/// Deployments that can't run a second replica during the drain.
pub(super) fn surges(
    scene: &Scene<'_>,
    nodes: &BTreeSet<String>,
    room: &Capacity,
    findings: &mut Vec<Issue>,
) {
    if !scene.settings.drain.surge_singletons || scene.settings.drain.disable_eviction {
        return;
    }
    for obstacle in surge::obstacles(scene.facts, nodes, room) {
        findings.push(
            Issue::error(
                id::POD_020,
                format!("a second replica would not allow the eviction of {}", obstacle.pod),
            )
            .at(format!("PodDisruptionBudget {}", obstacle.budget))
            .why(obstacle.why)
            .fix(obstacle.fix),
        );
    }
}

/// Nodes that load balancers forward to: their instances are terminated some minutes later.
fn balanced(scene: &Scene<'_>, nodes: &BTreeSet<String>, findings: &mut Vec<Issue>) {
    let there = &scene.facts.load_balancers;
    let Some(wait) = load_balancers::wait(scene.facts, scene.settings).filter(|_| !nodes.is_empty()) else {
        return;
    };
    let targets: Vec<String> = there.instance_targets.iter().cloned().collect();
    findings.push(
        Issue::note(
            id::POD_019,
            format!("each instance is terminated {} s after its node is empty, once load balancers have deregistered it", wait.as_secs()),
        )
        .at(match targets.is_empty() {
            true => "Services and TargetGroupBindings".into(),
            false => few(&targets),
        })
        .why(match &there.unknown {
            Some(why) => format!("whether load balancers forward to the nodes is unknown because {why}"),
            None => "the nodes are load balancer targets and forward to pods on other nodes too; open connections can finish \
                     until the deregistration delay is over"
                .into(),
        })
        .fix("nothing to do; set --lb-drain TIME if the target groups have another deregistration delay"),
    );
}

/// Pods that would stay Pending: their claims stay bound to volumes of terminated nodes, and no StatefulSet creates new
/// ones.
fn claims_for_good(moving: &[&Pod], local: &LocalData, or_else: &str, findings: &mut Vec<Issue>) {
    let held = moving.iter().filter(|pod| !pod.deleting).map(|pod| (*pod, local.irreplaceable(pod)));
    let mut by_workload: BTreeMap<String, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
    for (pod, claims) in held.filter(|(_, claims)| !claims.is_empty()) {
        let (pods, all) = by_workload.entry(stopping(pod)).or_default();
        pods.push(pod.full_name());
        all.extend(claims);
    }
    for (stop, (pods, claims)) in by_workload {
        findings.push(
            Issue::error(
                id::POD_018,
                format!("{} could never start again: {}", counted(pods.len(), "pod"), few(&pods)),
            )
            .at(format!("PersistentVolumeClaim {}", few(&claims.into_iter().collect::<Vec<_>>())))
            .why("the claim is bound to a volume on the disk of a node that will be terminated, and no StatefulSet creates a new claim")
            .fix(format!(
                "save its data, then: {stop}; after the drain delete and recreate the claim, then start the pods; or \
                 {or_else}"
            )),
        );
    }
}

/// The command that stops the pod permanently.
fn stopping(pod: &Pod) -> String {
    let namespace = &pod.namespace;
    match pod.controller.as_deref().map(|controller| (&controller.kind, controller.name.as_str())) {
        // A Deployment's ReplicaSet has its name and a hash.
        Some((ControllerKind::ReplicaSet, name)) => {
            let deployment = name.rsplit_once('-').map_or(name, |(deployment, _)| deployment);
            format!("kubectl -n {namespace} scale deployment {deployment} --replicas=0")
        }
        Some((ControllerKind::StatefulSet, name)) => {
            format!("kubectl -n {namespace} scale statefulset {name} --replicas=0")
        }
        Some((kind, name)) => format!("kubectl -n {namespace} delete {} {name}", kind.lowercase()),
        None => format!("kubectl -n {namespace} delete pod {}", pod.name),
    }
}

/// Pods whose budgets never allow an eviction, or not now.
fn budgets(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    // Deleting a pod bypasses its budget.
    if scene.settings.drain.disable_eviction {
        return;
    }
    // The default budgets only delay evictions, so they are left out.
    let forecast = forecast(moving, &scene.facts.pods, &scene.facts.budgets, None);
    // A second replica is started for these.
    let surges = |never: &Impossible| {
        scene.settings.drain.surge_singletons
            && matches!(never.cause, BudgetProblem::Single { .. })
            && never.of_deployment
    };
    for never in forecast.impossible.into_iter().filter(|never| !surges(never)) {
        let id = match never.cause {
            BudgetProblem::ManyBudgets => id::POD_004,
            BudgetProblem::Zero { .. } => id::POD_005,
            BudgetProblem::Single { .. } => id::POD_006,
            BudgetProblem::Unhealthy { .. } => id::POD_007,
            BudgetProblem::Uncounted { .. } => id::POD_008,
            BudgetProblem::SyncFailed { .. } => id::POD_014,
        };
        findings.push(
            Issue::error(
                id,
                format!("{} can never be evicted: {}", counted(never.pods.len(), "pod"), few(&never.pods)),
            )
            .at(format!("PodDisruptionBudget {}", never.budgets.join(", ")))
            .why(never.cause.to_string())
            .fix(never.fix),
        );
    }
    for wait in forecast.not_now {
        let mut why = match wait.observed {
            true => format!("{} healthy pods, and the budget requires {}", wait.healthy, wait.desired),
            false => "the disruption controller has not processed its newest spec".into(),
        };
        if !wait.evicted.is_empty() {
            why.push_str(&format!("; {}: {COUNTED_AS_EVICTED}", few(&wait.evicted)));
        }
        findings.push(
            Issue::warning(
                id::POD_009,
                format!("{} can't be evicted now: {}", counted(wait.pods.len(), "pod"), few(&wait.pods)),
            )
            .at(format!("PodDisruptionBudget {}", wait.budget))
            .why(why)
            .fix("nothing to do if its other pods become Ready: the drain waits for them"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::goal::Goal;
    use serde_json::json;

    use crate::facts::{Budget, Facts, Least, Placement};
    use crate::sample::{budget, facts, pod};

    use super::*;

    /// Findings about the drain, as `id: what`.
    fn reported(facts: &Facts, arguments: &[&str]) -> Vec<String> {
        super::super::reported(check, facts, arguments)
    }

    /// Unowned nodes are covered by another check.
    const OWNED: &str = "--terminate-unowned";

    #[test]
    fn a_cluster_that_can_be_drained_has_no_finding() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        facts.budgets = vec![budget("shop", json!({}))];
        assert_eq!(reported(&facts, &[OWNED]), [""; 0]);
    }

    #[test]
    fn all_obstacles_are_reported_at_once() {
        let mut facts = facts();
        let mut picky = pod("web", "picky");
        let ssd = [("disk".to_string(), "ssd".to_string())].into();
        picky.placement = Some(Box::new(Placement { node_selector: ssd, ..Placement::default() }));
        let mut bare = pod("web", "bare");
        bare.controller = None;
        facts.pods = vec![pod("shop", "cart-0"), pod("bank", "desk-0"), picky, bare];
        let zero = Budget { least: Least::MaxUnavailable("0".into()), ..budget("shop", json!({})) };
        let waits = Budget { current_healthy: 2, disruptions_allowed: 0, ..budget("bank", json!({})) };
        facts.budgets = vec![zero, waits];
        assert_eq!(
            reported(&facts, &[OWNED]),
            [
                "EC-POD-001 Error: 1 pod to be evicted has no controller",
                "EC-POD-005 Error: 1 pod can never be evicted: shop/cart-0",
                "EC-POD-009 Warning: 1 pod can't be evicted now: bank/desk-0",
                "EC-POD-010 Error: 1 pod can't run on any new node",
            ]
        );
        assert_eq!(reported(&facts, &["--keep-old-nodes"]), [""; 0]);
    }

    #[test]
    fn a_budget_of_one_is_no_obstacle_with_a_flag_that_bypasses_it() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        let one = Least::MinAvailable("1".into());
        let healthy =
            Budget { current_healthy: 1, desired_healthy: 1, expected: 1, ..budget("shop", json!({})) };
        facts.budgets = vec![Budget { least: one, disruptions_allowed: 0, ..healthy }];
        assert_eq!(reported(&facts, &[OWNED]), ["EC-POD-006 Error: 1 pod can never be evicted: shop/cart-0"]);
        for flag in ["--surge-singletons", "--disable-eviction"] {
            assert_eq!(reported(&facts, &[OWNED, flag]), [""; 0], "{flag}");
        }
    }

    #[test]
    fn cordoned_new_nodes_get_an_uncordon_command() {
        let mut facts = crate::sample::set_up();
        facts.nodes.extend(self::facts().nodes);
        facts.pods = vec![pod("shop", "cart-0")];
        facts.nodes.iter_mut().filter(|node| node.name.starts_with("new-")).for_each(|node| {
            node.unschedulable = true;
        });
        let settings = crate::sample::settings(&[OWNED]);
        let design = crate::design::design(&settings, &facts);
        let scene =
            Scene { goal: Goal::Step(Step::DrainNodes), settings: &settings, facts: &facts, design: &design };
        let mut findings = Vec::new();
        check(&scene, &mut findings);
        let fixes: Vec<_> =
            findings.iter().map(|finding| (finding.id.as_str(), finding.fix.as_str())).collect();
        assert_eq!(fixes, [("EC-POD-010", "kubectl uncordon new-a new-b")]);
    }

    #[test]
    fn nodes_too_few_for_the_pods_are_an_error_unless_karpenter_starts_more() {
        let mut facts = facts();
        facts.pods = (0..50).map(|at| pod("shop", &format!("cart-{at}"))).collect();
        let few = &["--nodes-per-zone", "1", OWNED];
        let full = |severity| [format!("EC-POD-011 {severity}: 10 pods do not fit on the new nodes")];
        assert_eq!(reported(&facts, few), full("Error"));
        assert_eq!(reported(&facts, &[OWNED]), [""; 0], "by default as many nodes as the pods need");
        facts.nodes[0].node_claim = Some("default-x".into());
        assert_eq!(reported(&facts, few), full("Warning"));
    }
}
