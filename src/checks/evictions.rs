//! What stands behind webhooks and has to move, and what decides about evictions beside budgets.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Pod;
use crate::finding::Finding;
use crate::words::{counted, few};

use super::Scene;

/// For pods that are to move.
pub fn check(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Finding>) {
    only_pods_behind_webhooks(scene, moving, findings);
    intercepted(scene, moving, findings);
}

/// While the only pod behind a webhook that fails closed is away, what the webhook is asked about is refused: often the
/// creation of pods, that of its own replacement among them.
fn only_pods_behind_webhooks(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Finding>) {
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
            Some((kind @ ("Deployment" | "StatefulSet" | "ReplicaSet"), name)) => format!(
                "run a second replica: kubectl -n {} scale {}/{name} --replicas 2",
                pod.namespace,
                kind.to_lowercase()
            ),
            _ => "run a second replica of it".into(),
        };
        findings.push(
            Finding::warning(
                "EC-POD-012",
                format!("the only pod behind {} moves: {}", few(&configurations), pod.full_name()),
            )
            .at(few(&configurations))
            .why(
                "failurePolicy is Fail: until its replacement is Ready, the API server refuses what it would ask \
                 the webhook about; where that includes pods, no replacement can be created",
            )
            .mend(second),
        );
    }
}

/// Said beforehand, so that nobody wonders who answers no.
fn intercepted(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Finding>) {
    let by: Vec<String> = scene.facts.backends.of_evictions.iter().cloned().collect();
    if by.is_empty() || moving.is_empty() || scene.settings.disable_eviction {
        return;
    }
    findings.push(
        Finding::note("EC-POD-013", format!("evictions are intercepted by {}", counted(by.len(), "admission rule")))
            .at(few(&by))
            .why("each sees the creation of pods/eviction and may deny it, whatever the budgets allow")
            .mend("nothing, where they let the drain's evictions pass; a pod that is denied is asked for again, and the drain names it with the answer's words"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Backend, Facts, Webhook};
    use crate::sample::{facts, pod};

    fn told(facts: &Facts, arguments: &[&str]) -> Vec<String> {
        let check = |scene: &Scene<'_>, findings: &mut Vec<Finding>| {
            let moving: Vec<&Pod> = scene.facts.pods.iter().collect();
            check(scene, &moving, findings);
        };
        super::super::told(check, facts, arguments)
    }

    fn webhook(pods: &[&str], must_answer: bool) -> Webhook {
        let pods = pods.iter().map(|name| (name.to_string(), "old-1".to_string())).collect();
        Webhook {
            service: "policy/hook".into(),
            configurations: ["ValidatingWebhookConfiguration policy".into()].into(),
            must_answer,
            backend: Backend { pods, ..Backend::default() },
        }
    }

    #[test]
    fn the_only_pod_behind_a_webhook_that_fails_closed_is_a_risk() {
        let mut facts = facts();
        facts.pods = vec![pod("policy", "policy-0")];
        for (behind, must_answer, expected) in [
            (&["policy/policy-0"][..], true, 1),
            (&["policy/policy-0"], false, 0),
            (&["policy/policy-0", "policy/policy-1"], true, 0),
            (&["policy/elsewhere"], true, 0),
        ] {
            facts.backends.webhooks = vec![webhook(behind, must_answer)];
            assert_eq!(told(&facts, &[]).len(), expected, "{behind:?} {must_answer}");
        }
    }

    #[test]
    fn who_sees_evictions_is_told_unless_none_is_sent() {
        let mut facts = facts();
        facts.pods = vec![pod("shop", "cart-0")];
        facts.backends.of_evictions = ["ValidatingWebhookConfiguration guard".into()].into();
        assert_eq!(told(&facts, &[]), ["EC-POD-013 Note: evictions are intercepted by 1 admission rule"]);
        assert_eq!(told(&facts, &["--disable-eviction"]), [""; 0]);
    }
}
