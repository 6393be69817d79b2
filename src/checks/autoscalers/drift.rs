//! What would keep Karpenter from replacing its nodes, as far as it can be known before.

use crate::design::karpenter::{CUSTOM, NETWORKING, is_marked, outdated};
use crate::facts::{Karpenter, NodePool};
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::settings::KarpenterMove;
use crate::step::Step;
use crate::text::{few, subject};

const OR_DRAIN: &str = "or --karpenter drain, which leaves the NodePools alone";

pub(super) fn check(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::DrainNodes]) {
        return;
    }
    consolidating(scene, karpenter, findings);
    let drifts = &scene.design.karpenter.drifts;
    for pool in karpenter.pools.iter().filter(|pool| drifts.contains(&pool.name)) {
        owned(scene, pool, findings);
        closed(pool, findings);
        kept(scene, karpenter, pool, findings);
        forced(pool, findings);
        everywhere(scene, pool, findings);
        full(karpenter, pool, findings);
        expiring(karpenter, pool, findings);
    }
}

/// How soon a node must expire to do so during the move, in seconds.
const SOON: i64 = 2 * 60 * 60;

/// Expiration replaces nodes "as soon as they have expired", without regard to the NodePool's budgets (Karpenter,
/// "Disruption", "Expiration").
fn expiring(karpenter: &Karpenter, pool: &NodePool, findings: &mut Vec<Issue>) {
    let claims = outdated(karpenter, &pool.name);
    let soon = |claim: &&&crate::facts::NodeClaim| claim.expires_in.is_some_and(|seconds| seconds < SOON);
    let names: Vec<String> = claims.iter().filter(soon).map(|claim| claim.name.clone()).collect();
    if names.is_empty() {
        return;
    }
    let expire = subject(names.len(), "node", "expires", "expire");
    findings.push(
        Issue::note(id::NOD_080, format!("{expire} within two hours in NodePool {}", pool.name))
            .at(format!("NodeClaim {}", few(&names)))
            .why("expireAfter replaces nodes whatever the NodePool's budgets are; PodDisruptionBudgets hold")
            .fix("nothing: its replacement is a node that has custom networking too"),
    );
}

/// Our drain deletes NodeClaims one by one; Karpenter may meanwhile find that a new node is not needed.
fn consolidating(scene: &Scene<'_>, karpenter: &Karpenter, findings: &mut Vec<Issue>) {
    if scene.settings.drain.karpenter != KarpenterMove::Drain {
        return;
    }
    let is_meant = |pool: &&NodePool| {
        let policy = pool.consolidates.as_deref();
        policy == Some("WhenEmptyOrUnderutilized") && !outdated(karpenter, &pool.name).is_empty()
    };
    let names: Vec<String> = karpenter.pools.iter().filter(is_meant).map(|pool| pool.name.clone()).collect();
    if names.is_empty() {
        return;
    }
    findings.push(
        Issue::note(id::NOD_081, "Karpenter may remove underused nodes during the drain")
            .at(format!("NodePool {}, spec.disruption.consolidationPolicy", few(&names)))
            .why("WhenEmptyOrUnderutilized: it stays within PodDisruptionBudgets and its own budgets")
            .fix("nothing; or --karpenter drift, which leaves the order to Karpenter"),
    );
}

/// Karpenter starts the node that replaces another before it removes that one, if the pods need it.
fn full(karpenter: &Karpenter, pool: &NodePool, findings: &mut Vec<Issue>) {
    let claims = outdated(karpenter, &pool.name);
    let least = |name: &str| claims.iter().filter_map(|claim| claim.capacity.get(name).copied()).min();
    let lacks = |(name, limit): (&String, &u64)| {
        let needed = if name == "nodes" { Some(1000) } else { least(name) }?;
        let free = limit.saturating_sub(pool.in_use.get(name).copied().unwrap_or_default());
        (free < needed).then(|| name.clone())
    };
    let short: Vec<String> = pool.limits.iter().filter_map(lacks).collect();
    if short.is_empty() {
        return;
    }
    findings.push(
        Issue::warning(id::NOD_077, format!("the limits of NodePool {} leave no room for another node", pool.name))
            .at(format!("NodePool {}, spec.limits: {}", pool.name, few(&short)))
            .why("Karpenter starts the node that replaces another before it removes that one, unless its pods fit on other nodes")
            .fix(format!("kubectl edit nodepool {} # raise the limits by one node, at least for the move", pool.name)),
    );
}

fn owned(scene: &Scene<'_>, pool: &NodePool, findings: &mut Vec<Issue>) {
    let takes_over = scene.settings.cni.take_over_karpenter || is_marked(pool);
    let Some(holder) = pool.holder.as_ref().filter(|_| !takes_over) else { return };
    findings.push(
        Issue::error(id::NOD_072, format!("NodePool {} belongs to {holder}", pool.name))
            .at(format!("NodePool {}", pool.name))
            .why(format!(
                "Karpenter replaces its nodes when the template changes, and {holder} would revert the change"
            ))
            .fix(format!(
                "--karpenter drain, which changes no NodePool; or --take-over-karpenter; or, once custom networking is on, commit the annotation {NETWORKING}: {CUSTOM} to spec.template.metadata.annotations yourself"
            )),
    );
}

/// A budget of 0 without a schedule: drift would wait for ever.
fn closed(pool: &NodePool, findings: &mut Vec<Issue>) {
    let Some(budget) = pool.closed() else { return };
    findings.push(
        Issue::error(id::NOD_073, format!("NodePool {} lets Karpenter replace no node", pool.name))
            .at(format!("NodePool {}, spec.disruption.budgets", pool.name))
            .why(format!("a budget of {} has no schedule, so it always applies", budget.nodes))
            .fix(format!("kubectl edit nodepool {} # allow at least 1; {OR_DRAIN}", pool.name)),
    );
}

/// Karpenter replaces a node with such a pod only when the pod has ended, or after the terminationGracePeriod (Karpenter,
/// "Disruption", "Pod-Level Controls").
fn kept(scene: &Scene<'_>, karpenter: &Karpenter, pool: &NodePool, findings: &mut Vec<Issue>) {
    let claims = outdated(karpenter, &pool.name);
    let nodes: Vec<&str> = claims.iter().filter_map(|claim| claim.node.as_deref()).collect();
    let keeps = scene
        .facts
        .pods
        .iter()
        .filter(|pod| pod.do_not_disrupt && !pod.is_finished() && nodes.contains(&pod.node.as_str()));
    let pods: Vec<String> = keeps.map(|pod| pod.full_name()).collect();
    if pods.is_empty() || pool.grace.is_some() {
        return;
    }
    let keep = subject(pods.len(), "pod", "keeps", "keep");
    findings.push(
        Issue::warning(id::NOD_074, format!("{keep} Karpenter from replacing nodes of NodePool {}", pool.name))
            .at(few(&pods))
            .why("they have the annotation karpenter.sh/do-not-disrupt, so their nodes stay until they have ended")
            .fix(format!("kubectl annotate pod NAME karpenter.sh/do-not-disrupt- when they may move; {OR_DRAIN}, and evicts them within their budgets; or --accept {} to wait for them", id::NOD_074)),
    );
}

/// "Karpenter will forcibly delete pods" at the end of the terminationGracePeriod, and drift then does not wait for
/// budgets or annotations (Karpenter, "Disruption", "TerminationGracePeriod").
fn forced(pool: &NodePool, findings: &mut Vec<Issue>) {
    let Some(grace) = &pool.grace else { return };
    findings.push(
        Issue::warning(
            id::NOD_075,
            format!("Karpenter deletes pods of NodePool {} despite their PodDisruptionBudgets", pool.name),
        )
        .at(format!("NodePool {}, spec.template.spec.terminationGracePeriod", pool.name))
        .why(format!("{grace} after it has begun to replace a node, it deletes the pods that are left there"))
        .fix(format!("nothing, if that is meant; {OR_DRAIN}")),
    );
}

/// A NodePool has one label for all its nodes, but each zone has its own ENIConfig.
fn everywhere(scene: &Scene<'_>, pool: &NodePool, findings: &mut Vec<Issue>) {
    let key = &scene.design.label_key;
    if !scene.design.labels_nodes() || pool.labels.contains_key(key) || pool.zone().is_some() {
        return;
    }
    findings.push(
        Issue::error(id::NOD_076, format!("nodes of NodePool {} would find no ENIConfig", pool.name))
            .at(format!("NodePool {}", pool.name))
            .why(format!(
                "nodes find their ENIConfig by label {key}, and a NodePool for several zones has one label for all of them"
            ))
            .fix("a NodePool for each zone; or omit --eniconfig-name and --eniconfig-label: ENIConfigs are then found by zone"),
    );
}

#[cfg(test)]
mod tests {
    use crate::checks::reported;
    use crate::facts::{DisruptionBudget, Facts};
    use crate::ownership::Holder;
    use crate::sample::{facts, karpenter_nodes, pod};

    use super::*;

    /// A cluster whose nodes are all of NodePool `web`.
    fn cluster(change: impl FnOnce(&mut NodePool)) -> Facts {
        let mut facts = facts();
        change(&mut karpenter_nodes(&mut facts).pools[0]);
        facts
    }

    fn checked(facts: &Facts, arguments: &[&str]) -> Vec<String> {
        let all = |scene: &Scene<'_>, findings: &mut Vec<Issue>| {
            let karpenter = scene.facts.karpenter.as_ref().expect("Karpenter");
            check(scene, karpenter, findings);
        };
        reported(all, facts, arguments)
    }

    #[test]
    fn nodes_that_karpenter_can_replace_have_no_issue() {
        assert_eq!(checked(&cluster(|_| {}), &[]), [""; 0]);
    }

    #[test]
    fn a_budget_of_zero_is_an_error_unless_eni_custom_drains() {
        let none = DisruptionBudget { nodes: "0".into(), ..DisruptionBudget::default() };
        let facts = cluster(|pool| pool.budgets = vec![none]);
        assert_eq!(checked(&facts, &[]), ["EC-NOD-073 Error: NodePool web lets Karpenter replace no node"]);
        assert_eq!(checked(&facts, &["--karpenter", "drain"]), [""; 0]);
    }

    #[test]
    fn pods_that_must_not_be_disrupted_are_named_as_a_risk() {
        let mut facts = cluster(|_| {});
        facts.pods =
            vec![crate::facts::Pod { node: "old-1".into(), do_not_disrupt: true, ..pod("shop", "job") }];
        let issue = "EC-NOD-074 Warning: 1 pod keeps Karpenter from replacing nodes of NodePool web";
        assert_eq!(checked(&facts, &[]), [issue]);
        facts.pods[0].node = "another".into();
        assert_eq!(checked(&facts, &[]), [""; 0]);
    }

    #[test]
    fn limits_without_room_for_another_node_are_a_risk() {
        let mut facts = cluster(|pool| {
            pool.limits = [("cpu".to_string(), 5000)].into();
            pool.in_use = [("cpu".to_string(), 4000)].into();
        });
        let karpenter = facts.karpenter.as_mut().unwrap();
        karpenter.claims[0].capacity = [("cpu".to_string(), 2000)].into();
        let issue = "EC-NOD-077 Warning: the limits of NodePool web leave no room for another node";
        assert_eq!(checked(&facts, &[]), [issue]);
        facts.karpenter.as_mut().unwrap().pools[0].limits = [("cpu".to_string(), 6000)].into();
        assert_eq!(checked(&facts, &[]), [""; 0]);
    }

    #[test]
    fn a_termination_grace_period_breaks_budgets() {
        let facts = cluster(|pool| pool.grace = Some("1h".into()));
        let issue =
            "EC-NOD-075 Warning: Karpenter deletes pods of NodePool web despite their PodDisruptionBudgets";
        assert_eq!(checked(&facts, &[]), [issue]);
    }

    #[test]
    fn a_node_pool_of_git_ops_is_not_changed_unless_it_is_taken_over() {
        let holder = Holder::Release { tool: "Argo CD", name: "platform".into() };
        let facts = cluster(|pool| pool.holder = Some(holder));
        let issue = "EC-NOD-072 Error: NodePool web belongs to Argo CD 'platform'";
        assert_eq!(checked(&facts, &[]), [issue]);
        assert_eq!(checked(&facts, &["--take-over-karpenter"]), [""; 0]);
        assert_eq!(checked(&facts, &["--karpenter", "drain"]), [""; 0]);
    }

    #[test]
    fn a_label_for_each_zone_needs_a_node_pool_for_each_zone() {
        let named = ["--eniconfig-name", "a=pods-a"];
        let issue = "EC-NOD-076 Error: nodes of NodePool web would find no ENIConfig";
        assert_eq!(checked(&cluster(|_| {}), &named), [issue]);
        let requirement = crate::facts::Requirement {
            key: "topology.kubernetes.io/zone".into(),
            operator: "In".into(),
            values: vec!["a".into()],
        };
        assert_eq!(checked(&cluster(|pool| pool.requirements = vec![requirement]), &named), [""; 0]);
    }
}
