//! The kubectl commands for Karpenter. Pure.

use serde_json::json;

use crate::design::karpenter::{CUSTOM, NETWORKING, outdated};
use crate::facts::NodePool;
use crate::scene::Scene;
use crate::shell::shell_quote;

/// Sets RESERVED_ENIS before custom networking is switched on.
pub(super) fn reserve(scene: &Scene<'_>) -> Vec<String> {
    let Some(karpenter) = scene.facts.karpenter.as_ref().filter(|_| scene.design.karpenter.reserves) else {
        return Vec::new();
    };
    let Some((namespace, name)) = karpenter.deployment.as_deref().and_then(|name| name.split_once('/'))
    else {
        return Vec::new();
    };
    let of = format!("kubectl --namespace {}", shell_quote(namespace));
    let deployment = format!("deployment {}", shell_quote(name));
    let container = shell_quote(&karpenter.container);
    vec![
        "# Karpenter must not count the first network interface when it computes max pods.".into(),
        format!("{of} set env {deployment} --containers {container} RESERVED_ENIS=1"),
        format!("{of} rollout status {deployment}"),
    ]
}

/// Makes Karpenter replace its nodes, and waits until it has.
pub(super) fn replace(scene: &Scene<'_>) -> Vec<String> {
    let Some(karpenter) = &scene.facts.karpenter else { return Vec::new() };
    let drifts = &scene.design.karpenter.drifts;
    let pools: Vec<&NodePool> = karpenter.pools.iter().filter(|pool| drifts.contains(&pool.name)).collect();
    if pools.is_empty() {
        return Vec::new();
    }
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": { NETWORKING: CUSTOM } } } } });
    let mut lines = vec![
        "# NodeClaims that were made from another template have drifted: Karpenter replaces them.".into(),
    ];
    lines.extend(pools.iter().map(|pool| {
        format!(
            "kubectl patch nodepool {} --type merge --patch {}",
            shell_quote(&pool.name),
            shell_quote(&patch.to_string())
        )
    }));
    let claims = pools.iter().flat_map(|pool| outdated(karpenter, &pool.name));
    let claims: Vec<String> = claims.map(|claim| shell_quote(&format!("nodeclaim/{}", claim.name))).collect();
    lines.push(format!("kubectl wait --for delete --timeout 1h {}", claims.join(" ")));
    lines
}
