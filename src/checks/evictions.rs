//! Pods behind webhooks that have to move, and what else decides on evictions besides budgets.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{ControllerKind, Pod};
use crate::issue::{Issue, id};
use crate::text::{counted, few};

use crate::scene::Scene;

/// For pods that are to move.
pub(super) fn check(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    only_pods_behind_webhooks(scene, moving, findings);
    intercepted(scene, moving, findings);
    overdue(scene, moving, findings);
}

/// A kubelet takes some seconds to stop a pod whose grace period is over.
const OVERDUE: i64 = 15;

/// Pods that were terminating before this run, and pods whose kubelet won't report that they have stopped.
fn overdue(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    let unready: BTreeSet<&str> =
        scene.facts.nodes.iter().filter(|node| !node.ready).map(|node| node.name.as_str()).collect();
    // If the kubelet does not report at all, the drain continues without it.
    let unreachable: BTreeSet<&str> = scene
        .facts
        .nodes
        .iter()
        .filter(|node| node.is_unreachable())
        .map(|node| node.name.as_str())
        .collect();
    let moving: Vec<&Pod> =
        moving.iter().copied().filter(|pod| !unreachable.contains(pod.node.as_str())).collect();
    let late = moving.iter().filter_map(|pod| {
        let end = pod.terminating.as_ref().filter(|end| end.overdue >= OVERDUE)?;
        Some((*pod, end))
    });
    let skip = scene.settings.drain.skip_wait_for_delete_timeout.is_some();
    let said: Vec<String> = late
        .clone()
        .map(|(pod, end)| {
            let node = if unready.contains(pod.node.as_str()) { " (not Ready)" } else { "" };
            let held = match end.finalizers.as_slice() {
                [] => String::new(),
                all => format!(", finalizer {}", all.join(", ")),
            };
            format!(
                "{} on {}{node}: {} s past its grace period{held}",
                pod.full_name(),
                pod.node,
                end.overdue
            )
        })
        .collect();
    if !said.is_empty() && !skip {
        let held = late.clone().find(|(_, end)| !end.finalizers.is_empty());
        let finalizer = held.map(|(pod, _)| {
            format!(
                "; or remove the finalizer, if its controller no longer exists: kubectl -n {} patch pod {} --type merge -p \
                 '{{\"metadata\":{{\"finalizers\":null}}}}'",
                pod.namespace, pod.name
            )
        });
        let names: Vec<String> = late.map(|(pod, _)| pod.full_name()).collect();
        findings.push(
            Issue::warning(
                id::POD_015,
                format!(
                    "{} still terminating since before this run: {}",
                    counted(said.len(), "pod"),
                    few(&names)
                ),
            )
            .at(few(&names))
            .why(format!("the drain would wait for them until it times out: {}", few(&said)))
            .fix(format!(
                "add --skip-wait-for-delete-timeout 60s to continue without them{}",
                finalizer.unwrap_or_default()
            )),
        );
    }
    let dead: BTreeSet<String> = moving
        .iter()
        .filter(|pod| pod.terminating.is_none() && unready.contains(pod.node.as_str()))
        .map(|pod| pod.node.clone())
        .collect();
    if !dead.is_empty() && !skip {
        let dead: Vec<String> = dead.into_iter().collect();
        let pods = moving.iter().filter(|pod| dead.contains(&pod.node)).count();
        findings.push(
            Issue::warning(
                id::POD_016,
                format!("{} on nodes that are not Ready may stay terminating", counted(pods, "pod")),
            )
            .at(few(&dead))
            .why("a kubelet that does not respond does not report when containers have stopped")
            .fix("add --skip-wait-for-delete-timeout 60s to terminate the instances anyway; or make the nodes Ready again"),
        );
    }
}

/// While the only pod behind a webhook with failurePolicy Fail is down, the API server rejects the requests that the
/// webhook covers: often the creation of pods, including that of its own replacement.
fn only_pods_behind_webhooks(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    let mut alone: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for webhook in scene.facts.backends.webhooks.iter().filter(|webhook| webhook.must_answer) {
        let mut behind = webhook.backend.pods.keys();
        if let (Some(pod), None) = (behind.next(), behind.next()) {
            alone.entry(pod.clone()).or_default().extend(webhook.configurations.iter().cloned());
        }
    }
    for pod in moving {
        let Some(configurations) = alone.get(&pod.full_name()) else { continue };
        let configurations: Vec<String> = configurations.iter().cloned().collect();
        let second = match pod.workload() {
            Some((
                kind
                @ (ControllerKind::Deployment | ControllerKind::StatefulSet | ControllerKind::ReplicaSet),
                name,
            )) => format!(
                "run a second replica: kubectl -n {} scale {}/{name} --replicas 2",
                pod.namespace,
                kind.lowercase()
            ),
            _ => "run a second replica".into(),
        };
        findings.push(
            Issue::warning(
                id::POD_012,
                format!("the only pod behind {} will be evicted: {}", few(&configurations), pod.full_name()),
            )
            .at(few(&configurations))
            .why(
                "failurePolicy is Fail: the API server rejects the requests that the webhook covers until a replacement \
                 pod is Ready; if it covers pods, the replacement can't be created",
            )
            .fix(second),
        );
    }
}

/// Reported before the drain, so that a denied eviction is no surprise.
fn intercepted(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Issue>) {
    let by: Vec<String> = scene.facts.backends.of_evictions.iter().cloned().collect();
    if by.is_empty() || moving.is_empty() || scene.settings.drain.disable_eviction {
        return;
    }
    findings.push(
        Issue::note(id::POD_013, format!("evictions are intercepted by {}", counted(by.len(), "admission rule")))
            .at(few(&by))
            .why("each matches the creation of pods/eviction and may deny it, even if the budgets allow it")
            .fix("nothing to do if they allow the drain's evictions; a denied eviction is retried, and the drain shows the denial message"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Backend, Facts, Terminating, Webhook};
    use crate::sample::{facts, pod};

    fn reported(facts: &Facts, arguments: &[&str]) -> Vec<String> {
        let check = |scene: &Scene<'_>, findings: &mut Vec<Issue>| {
            let moving: Vec<&Pod> = scene.facts.pods.iter().collect();
            check(scene, &moving, findings);
        };
        super::super::reported(check, facts, arguments)
    }

    fn webhook(pods: &[&str], must_answer: bool) -> Webhook {
        let pods = pods.iter().map(|name| (name.to_string(), "old-1".to_string())).collect();
        Webhook {
            aggregated: false,
            service: "policy/hook".into(),
            configurations: ["ValidatingWebhookConfiguration policy".into()].into(),
            must_answer,
            backend: Backend { pods, ..Backend::default() },
        }
    }

    #[test]
    fn the_only_pod_behind_a_webhook_with_failure_policy_fail_is_a_risk() {
        let mut facts = facts();
        facts.pods = vec![pod("policy", "policy-0")];
        for (behind, must_answer, expected) in [
            (&["policy/policy-0"][..], true, 1),
            (&["policy/policy-0"], false, 0),
            (&["policy/policy-0", "policy/policy-1"], true, 0),
            (&["policy/elsewhere"], true, 0),
        ] {
            facts.backends.webhooks = vec![webhook(behind, must_answer)];
            assert_eq!(reported(&facts, &[]).len(), expected, "{behind:?} {must_answer}");
        }
    }

    #[test]
    fn pods_that_stay_terminating_are_reported_with_their_finalizers_unless_skipped() {
        let end = |overdue, finalizers: &[&str]| {
            let finalizers = finalizers.iter().map(ToString::to_string).collect();
            Some(Box::new(Terminating { overdue, finalizers }))
        };
        let late = |name: &str, overdue, finalizers: &[&str]| Pod {
            deleting: true,
            terminating: end(overdue, finalizers),
            ..pod("shop", name)
        };
        let mut facts = facts();
        facts.pods =
            vec![late("slow", 5, &[]), late("stuck", 700, &["example.com/never"]), late("dead", 90, &[])];
        let check = |facts: &Facts, arguments: &[&str]| {
            let check = |scene: &Scene<'_>, findings: &mut Vec<Issue>| {
                let moving: Vec<&Pod> = scene.facts.pods.iter().collect();
                overdue(scene, &moving, findings);
            };
            super::super::found(check, facts, arguments)
        };
        let [one] = &check(&facts, &[])[..] else { panic!("one finding") };
        assert_eq!(one.what, "2 pods still terminating since before this run: shop/stuck, shop/dead");
        assert!(
            one.why.contains("shop/stuck on old-1: 700 s past its grace period, finalizer example.com/never")
        );
        assert!(one.fix.contains("kubectl -n shop patch pod stuck"), "{}", one.fix);
        facts.nodes[0].ready = false;
        facts.pods = vec![Pod { node: facts.nodes[0].name.clone(), ..pod("shop", "web") }];
        let [one] = &check(&facts, &[])[..] else { panic!("one finding") };
        assert_eq!((one.id.as_str(), one.place.as_str()), ("EC-POD-016", facts.nodes[0].name.as_str()));
        assert_eq!(check(&facts, &["--skip-wait-for-delete-timeout", "60s"]), []);
    }

    #[test]
    fn admission_rules_for_evictions_are_reported_unless_evictions_are_disabled() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        facts.backends.of_evictions = ["ValidatingWebhookConfiguration guard".into()].into();
        assert_eq!(reported(&facts, &[]), ["EC-POD-013 Note: evictions are intercepted by 1 admission rule"]);
        assert_eq!(reported(&facts, &["--disable-eviction"]), [""; 0]);
    }
}
