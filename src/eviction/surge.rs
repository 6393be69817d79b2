//! Whether a second replica helps a single-replica Deployment whose budget allows no disruption. Pure.

use std::collections::BTreeSet;

use crate::capacity::Capacity;
use crate::facts::{Budget, ControllerKind, Facts, Pod, Surge};

use super::budgets::{covers, most_allowed};

/// Whether a second replica would make this pod evictable: it is the only one, and of two its budget allows one
/// disruption.
fn helps(budget: &Budget, pod: &Pod) -> bool {
    let of_deployment = pod.controlled_by(&ControllerKind::ReplicaSet).is_some();
    let spares_one = most_allowed(&budget.least, 2).unwrap_or_default() > 0;
    budget.expected == 1 && budget.desired_healthy == 1 && spares_one && of_deployment
}

/// Pods on the drained nodes that a second replica would make evictable.
pub(crate) fn singletons<'a>(facts: &'a Facts, nodes: &BTreeSet<String>) -> Vec<&'a Pod> {
    let on_them = facts.pods.iter().filter(|pod| nodes.contains(&pod.node) && !pod.deleting);
    on_them.filter(|pod| budget_of(facts, pod).is_some()).collect()
}

/// The budget that would allow the eviction with a second replica.
fn budget_of<'a>(facts: &'a Facts, pod: &Pod) -> Option<&'a Budget> {
    let mut covering = facts.budgets.iter().filter(|budget| covers(budget, pod));
    match (covering.next(), covering.next()) {
        (Some(budget), None) if helps(budget, pod) => Some(budget),
        _ => None,
    }
}

/// Why a second replica would never become Ready, or would be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SurgeObstacle {
    /// `namespace/name`
    pub pod: String,
    pub budget: String,
    pub why: String,
    pub fix: String,
}

/// Second replicas that can't work, found before anything is changed.
///
/// A host port or an anti-affinity by hostname is not an obstacle: the drained node is cordoned, so the second replica
/// starts on another node.
pub(crate) fn obstacles(facts: &Facts, nodes: &BTreeSet<String>, room: &Capacity) -> Vec<SurgeObstacle> {
    let pods = singletons(facts, nodes).into_iter();
    let of = |pod: &Pod| facts.surges.iter().find(|surge| surge.pod == pod.full_name());
    let obstacle = |pod: &Pod| obstacle(facts, pod, of(pod)?, budget_of(facts, pod)?, room);
    pods.filter_map(obstacle).collect()
}

fn obstacle(
    facts: &Facts,
    pod: &Pod,
    surge: &Surge,
    budget: &Budget,
    room: &Capacity,
) -> Option<SurgeObstacle> {
    let allow_one = || {
        format!(
            "allow one disruption (the pod is down for a moment): kubectl -n {} patch pdb {} --type merge -p \
             '{{\"spec\":{{\"minAvailable\":null,\"maxUnavailable\":1}}}}'",
            budget.namespace, budget.name
        )
    };
    let obstacle = |why: String, fix: String| {
        Some(SurgeObstacle { pod: pod.full_name(), budget: budget.full_name(), why, fix })
    };
    if surge.deployment.is_none() {
        return obstacle("its ReplicaSet does not belong to a Deployment".into(), allow_one());
    }
    // The autoscaler would scale back to 1 at its next sync, within 15 s (kube-controller-manager,
    // --horizontal-pod-autoscaler-sync-period).
    if let Some(scaler) = surge.autoscaler.as_ref().filter(|scaler| scaler.min < 2) {
        let (namespace, name) = scaler.name.split_once('/').unwrap_or(("default", &scaler.name));
        return obstacle(
            format!(
                "HorizontalPodAutoscaler {} (minReplicas {}, maxReplicas {}) would remove the second replica",
                scaler.name, scaler.min, scaler.max
            ),
            format!(
                "kubectl -n {namespace} patch hpa {name} --type merge -p \
                 '{{\"spec\":{{\"minReplicas\":2,\"maxReplicas\":{}}}}}'",
                scaler.max.max(2)
            ),
        );
    }
    let mut volumes = pod.claims().filter_map(|claim| Some((facts.volumes.get(&claim)?, claim)));
    if let Some((_, claim)) = volumes.find(|(volume, _)| volume.one_node) {
        return obstacle(
            format!(
                "the volume of PersistentVolumeClaim {claim} is ReadWriteOnce: only one node can attach it at a time"
            ),
            allow_one(),
        );
    }
    let node = facts.nodes.iter().find(|node| node.name == pod.node)?;
    let shared = surge.apart.iter().find_map(|key| {
        let value = node.labels.get(key).filter(|_| key != "kubernetes.io/hostname")?;
        let all = !room.targets.is_empty()
            && room.targets.iter().all(|target| target.labels.get(key) == Some(value));
        all.then(|| format!("{key}={value}"))
    });
    shared.and_then(|shared| {
        obstacle(
            format!("its anti-affinity allows only one of its pods in {shared}, and all new nodes are there"),
            allow_one(),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::capacity::Target;
    use crate::facts::{Autoscaler, Least, Placement, Volume};
    use crate::sample::{budget, facts, pod};

    use super::*;

    /// One pod under minAvailable 1 on old-1 in zone a, and new nodes in these zones.
    fn why(surge: Surge, volume: Volume, zones: &[&str]) -> Vec<String> {
        let mut facts = facts();
        let placement = Placement { claims: vec!["data".into()], ..Placement::default() };
        facts.pods = vec![Pod { placement: Some(Box::new(placement)), ..pod("shop", "cart") }];
        let one = Least::MinAvailable("1".into());
        let single = Budget {
            least: one,
            expected: 1,
            desired_healthy: 1,
            current_healthy: 1,
            ..budget("shop", json!({}))
        };
        facts.budgets = vec![Budget { disruptions_allowed: 0, ..single }];
        facts.volumes = [("shop/data".to_string(), volume)].into();
        facts.surges = vec![Surge { pod: "shop/cart".into(), ..surge }];
        let label = |zone: &&str| ("topology.kubernetes.io/zone".to_string(), zone.to_string());
        let target = |zone: &&str| Target { labels: [label(zone)].into(), ..Target::default() };
        let room = Capacity { targets: zones.iter().map(target).collect(), ..Capacity::default() };
        obstacles(&facts, &["old-1".to_string()].into(), &room).into_iter().map(|one| one.why).collect()
    }

    #[test]
    fn a_second_replica_that_could_not_be_ready_or_stay_is_an_obstacle() {
        let own = || Surge { deployment: Some("shop/cart".into()), ..Surge::default() };
        let scaled = |min, max| Surge {
            autoscaler: Some(Autoscaler {
                name: "shop/hpa".into(),
                deployment: "shop/cart".into(),
                min,
                max,
            }),
            ..own()
        };
        let apart = |key: &str| Surge { apart: [key.to_string()].into(), ..own() };
        let zone = "topology.kubernetes.io/zone";
        let anywhere = Volume::default;
        let once = Volume { one_node: true, ..Volume::default() };
        for (surge, volume, zones, expected) in [
            (own(), anywhere(), &["a"][..], None),
            (Surge::default(), anywhere(), &["a"], Some("does not belong to a Deployment")),
            (
                scaled(1, 1),
                anywhere(),
                &["a"],
                Some("HorizontalPodAutoscaler shop/hpa (minReplicas 1, maxReplicas 1)"),
            ),
            (scaled(1, 5), anywhere(), &["a"], Some("would remove the second replica")),
            (scaled(2, 5), anywhere(), &["a"], None),
            (own(), once, &["a"], Some("ReadWriteOnce")),
            (apart("kubernetes.io/hostname"), anywhere(), &["a"], None),
            (apart(zone), anywhere(), &["a", "b"], None),
            (apart(zone), anywhere(), &["a", "a"], Some("topology.kubernetes.io/zone=a")),
        ] {
            let found = why(surge.clone(), volume, zones);
            match expected {
                None => assert_eq!(found, [""; 0], "{surge:?}"),
                Some(text) => assert!(found.len() == 1 && found[0].contains(text), "{surge:?}: {found:?}"),
            }
        }
    }
}
