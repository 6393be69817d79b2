//! Node selectors, evaluated as the scheduler does. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use crate::facts::ZONE_LABELS;

/// A node, as far as selectors see it.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// None if it is not started yet: no selector can name it.
    pub name: Option<&'a str>,
    pub zone: &'a str,
    pub labels: &'a BTreeMap<String, String>,
}

/// Whether a pod with this term may run there. An empty term selects nothing (API reference, NodeSelectorTerm).
pub(crate) fn matches(term: &NodeSelectorTerm, node: Candidate<'_>) -> bool {
    all_hold(term, node, |requirement| {
        meets(requirement, node.labels.get(&requirement.key).map(String::as_str))
    })
}

/// Whether the node can attach a volume with this affinity: one matching term is enough, and an empty affinity matches
/// any node.
///
/// A CSI driver's zone labels are on a node only after the driver has registered there, so the node's zone is used
/// instead. The EBS CSI driver's other labels tell accounts, partitions and Outposts apart.
pub(crate) fn can_have(affinity: &[NodeSelectorTerm], node: Candidate<'_>) -> bool {
    let holds = |requirement: &NodeSelectorRequirement| match requirement.key.as_str() {
        key if ZONE_LABELS.contains(&key) => meets(requirement, Some(node.zone)),
        key if key.starts_with("topology.ebs.csi.aws.com/") => true,
        key => meets(requirement, node.labels.get(key).map(String::as_str)),
    };
    affinity.is_empty() || affinity.iter().any(|term| all_hold(term, node, holds))
}

fn all_hold(
    term: &NodeSelectorTerm,
    node: Candidate<'_>,
    holds: impl Fn(&NodeSelectorRequirement) -> bool,
) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    // metadata.name is the only field.
    let name = Some(node.name.unwrap_or_default());
    (!labels.is_empty() || !fields.is_empty())
        && labels.iter().all(holds)
        && fields.iter().all(|one| meets(one, name.filter(|_| one.key == "metadata.name")))
}

/// As component-helpers, scheduling/corev1/nodeaffinity reads it.
pub(crate) fn meets(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let listed = || value.is_some_and(|value| values.iter().any(|one| one == value));
    // Both sides are whole numbers, or the node doesn't match.
    let numbers = || Some((value?.parse::<i64>().ok()?, values.first()?.parse::<i64>().ok()?));
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(has, asked)| has > asked),
        "Lt" => numbers().is_some_and(|(has, asked)| has < asked),
        _ => false,
    }
}
