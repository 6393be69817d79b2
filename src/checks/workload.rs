//! Pods that would be lost, or can't be moved, and nodes that nobody ends.

use std::collections::{BTreeMap, BTreeSet};

use crate::capacity::{Lack, Room, Shortage, shortages};
use crate::eviction::budgets::COUNTED_AS_EVICTED;
use crate::eviction::filter::{Refuse, sort};
use crate::eviction::forecast::{Cause, Impossible, forecast};
use crate::eviction::load_balancers;
use crate::eviction::local::LocalData;
use crate::eviction::surge;
use crate::facts::{Owner, Pod, owner};
use crate::issue::{Issue, Severity};
use crate::step::Step;
use crate::words::{counted, few, first_of, subject};

use super::{Scene, evictions};

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::DrainNodes]) || scene.settings.keep_old_nodes {
        return;
    }
    let moving = of_pods(scene, &scene.design.drained, "--keep-old-nodes leaves them as they are", findings);
    room(scene, &moving, &LocalData::of(scene.facts, &scene.design.drained), findings);
    let nodes = scene.facts.nodes.iter().filter(|node| scene.design.drained.contains(&node.name));
    let unowned: Vec<String> = nodes
        .filter(|node| owner(scene.facts, node) == Owner::Nobody)
        .map(|node| node.name.clone())
        .collect();
    if !unowned.is_empty() && !scene.settings.terminate_unowned {
        findings.push(
            Issue::error(
                "EC-POD-003",
                subject(unowned.len(), "old node", "belongs to no group", "belong to no group"),
            )
            .at(few(&unowned))
            .why("no Auto Scaling group, managed node group or NodeClaim would end their instances")
            .fix("--terminate-unowned ends them; or --keep-old-nodes leaves the old nodes as they are"),
        );
    }
}

/// What becomes of the pods on nodes that are to be emptied; `or_else` is how to leave these nodes alone. Answers the
/// pods that move.
pub fn of_pods<'a>(
    scene: &Scene<'a>,
    nodes: &BTreeSet<String>,
    or_else: &str,
    findings: &mut Vec<Issue>,
) -> Vec<&'a Pod> {
    let sorted = sort(scene.facts, nodes, scene.settings);
    let mut by_reason: BTreeMap<&str, (Refuse, Vec<String>)> = BTreeMap::new();
    let local = LocalData::of(scene.facts, nodes);
    for (pod, reason) in &sorted.refuse {
        // The flag alone would not do.
        if *reason == Refuse::LocalVolume && !local.irreplaceable(pod).is_empty() {
            continue;
        }
        by_reason.entry(reason.flag()).or_insert((*reason, Vec::new())).1.push(pod.full_name());
    }
    for (flag, (reason, pods)) in by_reason {
        let (id, one, many) = match reason {
            Refuse::Bare => ("EC-POD-001", "has no controller", "have no controller"),
            Refuse::EmptyDir => (
                "EC-POD-002",
                "keeps data in emptyDir or ephemeral volumes",
                "keep data in emptyDir or ephemeral volumes",
            ),
            Refuse::LocalVolume => {
                ("EC-POD-017", "keeps data on its node's disk", "keep data on their node's disk")
            }
        };
        findings.push(
            Issue::error(id, subject(pods.len(), "pod to be moved", one, many))
                .at(few(&pods))
                .why(reason.to_string())
                .fix(format!("{flag} allows it; or {or_else}")),
        );
    }
    // Also what is refused so far: it moves when its flag is given, and all is to be told at once.
    let moving: Vec<&Pod> =
        sorted.evict.iter().copied().chain(sorted.refuse.iter().map(|(pod, _)| *pod)).collect();
    claims_for_good(&moving, &local, or_else, findings);
    budgets(scene, &moving, findings);
    evictions::check(scene, &moving, findings);
    balanced(scene, nodes, findings);
    moving
}

/// Deployments that can't have a second replica for the drain.
pub fn surges(scene: &Scene<'_>, nodes: &BTreeSet<String>, room: &Room, findings: &mut Vec<Issue>) {
    if !scene.settings.surge_singletons || scene.settings.disable_eviction {
        return;
    }
    for obstacle in surge::obstacles(scene.facts, nodes, room) {
        findings.push(
            Issue::error("EC-POD-020", format!("a second replica would not let {} go", obstacle.pod))
                .at(format!("PodDisruptionBudget {}", obstacle.budget))
                .why(obstacle.why)
                .fix(obstacle.fix),
        );
    }
}

/// Nodes that load balancers forward to: instances end some minutes later.
fn balanced(scene: &Scene<'_>, nodes: &BTreeSet<String>, findings: &mut Vec<Issue>) {
    let there = &scene.facts.load_balancers;
    let Some(wait) = load_balancers::wait(scene.facts, scene.settings).filter(|_| !nodes.is_empty()) else {
        return;
    };
    let targets: Vec<String> = there.instance_targets.iter().cloned().collect();
    findings.push(
        Issue::note(
            "EC-POD-019",
            format!("instances end {} s after their nodes are empty: load balancers let them go first", wait.as_secs()),
        )
        .at(match targets.is_empty() {
            true => "Services and TargetGroupBindings".into(),
            false => few(&targets),
        })
        .why(match &there.unknown {
            Some(why) => format!("whether load balancers forward to the nodes is unknown because {why}"),
            None => "the nodes are their targets, for connections of pods on other nodes too; connections that are open \
                     may end by themselves until the deregistration delay is over"
                .into(),
        })
        .fix("nothing; or --lb-drain TIME, where the target groups' deregistration delay is another one"),
    );
}

/// Pods that would find no node: their claims stay bound to volumes of nodes that are gone, and no StatefulSet creates
/// others.
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
                "EC-POD-018",
                format!("{} could never start again: {}", counted(pods.len(), "pod"), few(&pods)),
            )
            .at(format!("PersistentVolumeClaim {}", few(&claims.into_iter().collect::<Vec<_>>())))
            .why("the claim is bound to a volume on the disk of a node that goes, and no StatefulSet creates another")
            .fix(format!(
                "save what is in it, then: {stop}; after the drain delete the claim, create it again and start the \
                 pods; or {or_else}"
            )),
        );
    }
}

/// The command that ends the pod for good.
fn stopping(pod: &Pod) -> String {
    let namespace = &pod.namespace;
    match pod.controller.as_deref().map(|controller| (controller.kind.as_str(), controller.name.as_str())) {
        // A Deployment's ReplicaSet has its name and a hash.
        Some(("ReplicaSet", name)) => {
            let deployment = name.rsplit_once('-').map_or(name, |(deployment, _)| deployment);
            format!("kubectl -n {namespace} scale deployment {deployment} --replicas=0")
        }
        Some(("StatefulSet", name)) => {
            format!("kubectl -n {namespace} scale statefulset {name} --replicas=0")
        }
        Some((kind, name)) => format!("kubectl -n {namespace} delete {} {name}", kind.to_lowercase()),
        None => format!("kubectl -n {namespace} delete pod {}", pod.name),
    }
}

/// Pods that their budgets never let go, or not now.
fn budgets(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    // A pod that is deleted and not evicted asks no budget.
    if scene.settings.disable_eviction {
        return;
    }
    // What controllers' own budgets hold goes later, and never not at all.
    let forecast = forecast(moving, &scene.facts.pods, &scene.facts.budgets, None);
    // A second replica is started for these.
    let surges = |never: &Impossible| {
        scene.settings.surge_singletons && matches!(never.cause, Cause::Single { .. }) && never.of_deployment
    };
    for never in forecast.impossible.into_iter().filter(|never| !surges(never)) {
        let id = match never.cause {
            Cause::ManyBudgets => "EC-POD-004",
            Cause::Zero { .. } => "EC-POD-005",
            Cause::Single { .. } => "EC-POD-006",
            Cause::Unhealthy { .. } => "EC-POD-007",
            Cause::Uncounted { .. } => "EC-POD-008",
            Cause::SyncFailed { .. } => "EC-POD-014",
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
            true => format!("{} healthy pods, and {} are to stay so", wait.healthy, wait.desired),
            false => "the disruption controller has not seen its newest spec".into(),
        };
        if !wait.evicted.is_empty() {
            why.push_str(&format!("; {}: {COUNTED_AS_EVICTED}", few(&wait.evicted)));
        }
        findings.push(
            Issue::warning(
                "EC-POD-009",
                format!("{} can't be evicted now: {}", counted(wait.pods.len(), "pod"), few(&wait.pods)),
            )
            .at(format!("PodDisruptionBudget {}", wait.budget))
            .why(why)
            .fix("nothing, if its other pods become Ready by themselves: the drain waits for them"),
        );
    }
}

/// Pods for which the new nodes have no place.
fn room(scene: &Scene<'_>, moving: &[&Pod], local: &LocalData, findings: &mut Vec<Issue>) {
    // Nobody makes a bare pod anew, and the replacement of one that is ending stands somewhere already.
    let anew: Vec<&Pod> =
        moving.iter().copied().filter(|pod| pod.controller.is_some() && !pod.deleting).collect();
    let growing = scene.concerns(&[Step::PatchSecurityGroups]);
    let room = Room::of(scene.facts, scene.design, growing);
    surges(scene, &scene.design.drained, &room, findings);
    for shortage in shortages(&anew, &local.others(&scene.facts.volumes), &room) {
        findings.push(no_room(scene, &shortage, growing));
    }
}

fn no_room(scene: &Scene<'_>, shortage: &Shortage, growing: bool) -> Issue {
    let fits_nowhere = matches!(
        shortage.lack,
        Lack::Nodes
            | Lack::Label(_)
            | Lack::VolumeZone(_)
            | Lack::VolumeNode(_)
            | Lack::Taint(_)
            | Lack::Size
            | Lack::Resource(_)
    );
    let zone = shortage.zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let (id, what) = match fits_nowhere {
        true => ("EC-POD-010", format!("{} can stand on no new node", counted(shortage.count, "pod"))),
        false => {
            ("EC-POD-011", format!("{} find no room on the new nodes{zone}", counted(shortage.count, "pod")))
        }
    };
    let named = |flag| scene.settings.named(flag);
    // They are there, and take no pods only because somebody said so.
    let cordoned: Vec<&str> = scene
        .facts
        .ec2_nodes()
        .filter(|node| node.ready && node.unschedulable && !scene.design.old_nodes.contains(&node.name))
        .map(|node| node.name.as_str())
        .collect();
    let keep = "run with --keep-old-nodes first";
    let mut finding = Issue::error(id, what)
        .at(first_of(&shortage.pods, shortage.count))
        .why(shortage.lack.to_string())
        .fix(match (&shortage.lack, growing) {
            (Lack::Nodes | Lack::MaxPods | Lack::Cpu | Lack::Memory, false) if !cordoned.is_empty() => {
                format!("kubectl uncordon {}", cordoned.join(" "))
            }
            (Lack::Nodes, _) => "eni-custom patch-security-groups starts the new nodes".into(),
            (Lack::Label(label), false) => {
                format!("label new nodes with {label}, or change what the pods ask for")
            }
            (Lack::Label(label), true) => {
                format!(
                    "change what the pods ask for; or {keep}, label new nodes with {label}, then drain-nodes"
                )
            }
            (Lack::VolumeZone(_), _) => {
                "a volume can't leave its zone: let a node that takes the pods start there".into()
            }
            (Lack::VolumeNode(label), _) => {
                format!("label new nodes with {label}, where they can have the volume")
            }
            (Lack::Taint(taint), _) => {
                format!("kubectl taint nodes NAME {taint}-; or give the pods a toleration for it")
            }
            (Lack::Resource(name), _) => format!(
                "let new nodes be of a type that has {name}: {}; or leave the nodes of these pods as they are: drain the \
                 others with --old-node-group",
                named("instance-type")
            ),
            (Lack::Size, _) => format!("give the new nodes a larger type with {}", named("instance-type")),
            (Lack::MaxPods | Lack::Cpu | Lack::Memory | Lack::Shared(_), true) => format!(
                "start more nodes with {}, or larger ones with {}",
                named("nodes-per-zone"),
                named("instance-type")
            ),
            (Lack::MaxPods | Lack::Cpu | Lack::Memory | Lack::Shared(_), false) => {
                "let the groups grow first: eni-custom patch-security-groups --nodes-per-zone N".into()
            }
            (Lack::Addresses, _) => {
                format!("give the pods a larger subnet with {}", named("subnet"))
            }
        });
    // Karpenter starts what pending pods ask for, but no addresses.
    let karpenter = scene.facts.nodes.iter().any(|node| node.node_claim.is_some());
    if karpenter && shortage.lack != Lack::Addresses {
        finding.severity = Severity::Warning;
        finding.why.push_str("; Karpenter may start nodes for them");
    }
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::facts::{Budget, Facts, Least, Placement};
    use crate::sample::{budget, facts, pod};

    use super::*;

    /// Findings about the drain, as `id: what`.
    fn told(facts: &Facts, arguments: &[&str]) -> Vec<String> {
        super::super::told(check, facts, arguments)
    }

    /// Nodes that nobody owns are another check's.
    const OWNED: &str = "--terminate-unowned";

    #[test]
    fn a_cluster_that_can_be_drained_has_no_finding() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        facts.budgets = vec![budget("shop", json!({}))];
        assert_eq!(told(&facts, &[OWNED]), [""; 0]);
    }

    #[test]
    fn all_that_stands_in_the_way_is_told_at_once() {
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
            told(&facts, &[OWNED]),
            [
                "EC-POD-001 Error: 1 pod to be moved has no controller",
                "EC-POD-005 Error: 1 pod can never be evicted: shop/cart-0",
                "EC-POD-009 Warning: 1 pod can't be evicted now: bank/desk-0",
                "EC-POD-010 Error: 1 pod can stand on no new node",
            ]
        );
        assert_eq!(told(&facts, &["--keep-old-nodes"]), [""; 0]);
    }

    #[test]
    fn a_budget_of_one_is_no_obstacle_where_a_flag_gets_past_it() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        let one = Least::MinAvailable("1".into());
        let healthy =
            Budget { current_healthy: 1, desired_healthy: 1, expected: 1, ..budget("shop", json!({})) };
        facts.budgets = vec![Budget { least: one, disruptions_allowed: 0, ..healthy }];
        assert_eq!(told(&facts, &[OWNED]), ["EC-POD-006 Error: 1 pod can never be evicted: shop/cart-0"]);
        for flag in ["--surge-singletons", "--disable-eviction"] {
            assert_eq!(told(&facts, &[OWNED, flag]), [""; 0], "{flag}");
        }
    }

    #[test]
    fn new_nodes_that_are_only_cordoned_are_not_to_be_started() {
        let mut facts = crate::sample::set_up();
        facts.nodes.extend(self::facts().nodes);
        facts.pods = vec![pod("shop", "cart-0")];
        facts.nodes.iter_mut().filter(|node| node.name.starts_with("new-")).for_each(|node| {
            node.unschedulable = true;
        });
        let settings = crate::sample::settings(&[OWNED]);
        let design = crate::design::design(&settings, &facts);
        let scene = Scene { settings: &settings, facts: &facts, design: &design, steps: &[Step::DrainNodes] };
        let mut findings = Vec::new();
        check(&scene, &mut findings);
        let told: Vec<_> = findings.iter().map(|finding| (finding.id, finding.fix.as_str())).collect();
        assert_eq!(told, [("EC-POD-010", "kubectl uncordon new-a new-b")]);
    }

    #[test]
    fn nodes_too_few_for_the_pods_are_an_error_unless_karpenter_starts_more() {
        let mut facts = facts();
        facts.pods = (0..50).map(|at| pod("shop", &format!("cart-{at}"))).collect();
        let few = &["--nodes-per-zone", "1", OWNED];
        let full = |severity| [format!("EC-POD-011 {severity}: 10 pods find no room on the new nodes")];
        assert_eq!(told(&facts, few), full("Error"));
        assert_eq!(told(&facts, &[OWNED]), [""; 0], "by default as many nodes as the pods need");
        facts.nodes[0].node_claim = Some("default-x".into());
        assert_eq!(told(&facts, few), full("Warning"));
    }
}
