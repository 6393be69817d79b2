//! On which nodes a pod may run, whatever their capacity: labels, volumes, taints.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Toleration};

use crate::facts::{Placement, Taint, ZONE_LABELS};

use super::selector::{can_have, matches};
use super::{Lack, Target};

/// What pods require of their node besides capacity.
pub(super) struct Requirements<'a> {
    pub placement: Option<&'a Placement>,
    /// The affinity of each of their volumes that not every node can attach.
    pub volumes: Vec<&'a [NodeSelectorTerm]>,
}

/// Indexes of suitable targets, in order.
pub(super) type Suitable = Rc<[usize]>;

/// For each of the requirements the suitable targets, or what the last ones fail at. Requirements that are equal in what
/// matters here share one list, because there may be thousands of both.
pub(super) fn suitable(requirements: &[Requirements<'_>], targets: &[Target]) -> Vec<Result<Suitable, Lack>> {
    let mut known: HashMap<String, Result<Suitable, Lack>> = HashMap::new();
    let found = |requirement: &Requirements<'_>| {
        let asked =
            requirement.placement.map(|asked| format!("{:?}{:?}", asked.node_selector, asked.node_affinity));
        let labelled = known
            .entry(asked.unwrap_or_default())
            .or_insert_with(|| labelled(requirement.placement, targets))
            .clone()?;
        requirement.among(labelled, targets)
    };
    requirements.iter().map(found).collect()
}

/// Targets with the required labels.
fn labelled(placement: Option<&Placement>, targets: &[Target]) -> Result<Suitable, Lack> {
    let found: Suitable = (0..targets.len())
        .filter(|at| placement.is_none_or(|placement| selects(placement, &targets[*at])))
        .collect();
    match (found.is_empty(), placement) {
        (true, Some(placement)) if !targets.is_empty() => Err(Lack::Label(unmet(placement, targets))),
        (true, _) => Err(Lack::Nodes),
        (false, _) => Ok(found),
    }
}

impl Requirements<'_> {
    /// The targets among these that the volumes and the taints allow.
    fn among(&self, labelled: Suitable, targets: &[Target]) -> Result<Suitable, Lack> {
        if self.volumes.is_empty() && labelled.iter().all(|at| targets[*at].taints.is_empty()) {
            return Ok(labelled);
        }
        let mut left = labelled.to_vec();
        left.retain(|at| self.volumes.iter().all(|affinity| can_have(affinity, targets[*at].candidate())));
        if left.is_empty() {
            return Err(self.out_of_reach());
        }
        let tolerations = self.placement.map_or(&[][..], |placement| &placement.tolerations);
        let mut untolerated_on: BTreeMap<String, usize> = BTreeMap::new();
        left.retain(|at| match untolerated(tolerations, &targets[*at].taints) {
            None => true,
            Some(taint) => {
                *untolerated_on.entry(format_taint(taint)).or_default() += 1;
                false
            }
        });
        if left.is_empty() {
            let most = untolerated_on.into_iter().max_by_key(|(_, nodes)| *nodes);
            return Err(Lack::Taint(most.map(|(taint, _)| taint).unwrap_or_default()));
        }
        Ok(left.into())
    }

    /// Where their volumes are: in zones, or on nodes by another label.
    fn out_of_reach(&self) -> Lack {
        let terms = self.volumes.iter().flat_map(|affinity| affinity.iter());
        let expressions = terms.flat_map(|term| {
            term.match_expressions.iter().flatten().chain(term.match_fields.iter().flatten())
        });
        let (zones, others): (Vec<_>, Vec<_>) =
            expressions.partition(|expression| ZONE_LABELS.contains(&expression.key.as_str()));
        let values = |expression: &&NodeSelectorRequirement| expression.values.clone().unwrap_or_default();
        if others.is_empty() {
            let zones: BTreeSet<String> = zones.iter().flat_map(values).collect();
            return Lack::VolumeZone(zones.into_iter().collect::<Vec<_>>().join(" or "));
        }
        let labels: BTreeSet<String> =
            others.iter().map(|one| format!("{}={}", one.key, values(one).join(" or "))).collect();
        Lack::VolumeNode(labels.into_iter().collect::<Vec<_>>().join(", "))
    }
}

fn selects(placement: &Placement, target: &Target) -> bool {
    let all_equal = placement.node_selector.iter().all(|(key, value)| target.labels.get(key) == Some(value));
    let terms = &placement.node_affinity;
    all_equal && (terms.is_empty() || terms.iter().any(|term| matches(term, target.candidate())))
}

/// The part of the selector or the affinity that no node matches; all of it if each part alone is matched.
fn unmet(placement: &Placement, targets: &[Target]) -> String {
    let mut pairs = placement.node_selector.iter();
    let missing =
        pairs.find(|(key, value)| !targets.iter().any(|node| node.labels.get(*key) == Some(*value)));
    if let Some((key, value)) = missing {
        return format!("{key}={value}");
    }
    let pairs = placement.node_selector.iter().map(|(key, value)| format!("{key}={value}"));
    let terms: Vec<String> = placement.node_affinity.iter().map(term).collect();
    let affinity = Some(terms.join(", or ")).filter(|_| !terms.is_empty());
    pairs.chain(affinity).collect::<Vec<_>>().join(" and ")
}

fn term(term: &NodeSelectorTerm) -> String {
    let both = term.match_expressions.iter().chain(&term.match_fields).flatten();
    let one = |one: &NodeSelectorRequirement| {
        let values = one.values.as_deref().unwrap_or_default().join(", ");
        match one.operator.as_str() {
            "In" | "NotIn" => format!("{} {} ({values})", one.key, one.operator),
            _ if values.is_empty() => format!("{} {}", one.key, one.operator),
            _ => format!("{} {} {values}", one.key, one.operator),
        }
    };
    both.map(one).collect::<Vec<_>>().join(" and ")
}

fn untolerated<'a>(tolerations: &[Toleration], taints: &'a [Taint]) -> Option<&'a Taint> {
    taints.iter().find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// As Toleration.ToleratesTaint of the API: an omitted field matches any value.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let fits =
        |asked: &Option<String>, has: &str| asked.as_deref().is_none_or(|one| one.is_empty() || one == has);
    let value = match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => toleration.value.as_deref().unwrap_or_default() == taint.value,
        "Exists" => true,
        _ => false,
    };
    fits(&toleration.effect, &taint.effect) && fits(&toleration.key, &taint.key) && value
}

fn format_taint(taint: &Taint) -> String {
    match taint.value.is_empty() {
        true => format!("{}:{}", taint.key, taint.effect),
        false => format!("{}={}:{}", taint.key, taint.value, taint.effect),
    }
}
