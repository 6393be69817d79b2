//! What Karpenter needs for custom networking, and which of its nodes Karpenter itself replaces. Pure.

use std::collections::BTreeSet;

use crate::facts::{Facts, Karpenter, NodeClaim, NodePool};
use crate::settings::{KarpenterMove, Settings};

use super::options;

/// An annotation in the templates of NodePools. Its NodeClaims get it; those without it were made from an earlier template,
/// so Karpenter finds that they drifted, and replaces them (Karpenter, "Disruption", "Drift").
pub(crate) const NETWORKING: &str = "eni-custom/networking";
/// Its value for custom networking.
pub(crate) const CUSTOM: &str = "custom";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KarpenterDesign {
    /// RESERVED_ENIS must be set in the controller's environment: without it max pods counts the first network interface,
    /// which carries no pods (Karpenter, "Settings").
    pub reserves: bool,
    /// Names of the NodePools whose nodes Karpenter replaces.
    pub drifts: BTreeSet<String>,
    /// Names of these nodes.
    pub replaced: BTreeSet<String>,
}

pub(super) fn karpenter(settings: &Settings, facts: &Facts, old_nodes: &BTreeSet<String>) -> KarpenterDesign {
    let Some(karpenter) = &facts.karpenter else { return KarpenterDesign::default() };
    let drifts = drifts(settings, facts, karpenter, old_nodes);
    let claims = drifts.iter().flat_map(|pool| outdated(karpenter, pool));
    KarpenterDesign {
        reserves: reserves(facts, karpenter),
        replaced: claims.filter_map(|claim| claim.node.clone()).collect(),
        drifts,
    }
}

fn reserves(facts: &Facts, karpenter: &Karpenter) -> bool {
    let can_be_set = karpenter.deployment.is_some() && !karpenter.reserved_by_flag;
    // With prefix delegation a node has more addresses than any max pods computed from its interfaces.
    can_be_set && karpenter.reserved_enis == 0 && !karpenter.computed().is_empty() && !options(facts).prefix
}

/// A selection of nodes can't be left to Karpenter: it replaces all of a NodePool.
fn drifts(
    settings: &Settings,
    facts: &Facts,
    karpenter: &Karpenter,
    old_nodes: &BTreeSet<String>,
) -> BTreeSet<String> {
    let selects = super::chosen(settings, facts).is_some() || !settings.nodes.pools.is_empty();
    if settings.drain.karpenter == KarpenterMove::Drain || settings.drain.keep_old_nodes || selects {
        return BTreeSet::new();
    }
    // An old node whose NodeClaim has the annotation has not drifted: it is drained.
    let is_old = |claim: &&NodeClaim| claim.node.as_ref().is_some_and(|node| old_nodes.contains(node));
    let drifts = |pool: &&NodePool| {
        let left = outdated(karpenter, &pool.name);
        left.iter().any(is_old) || is_marked(pool) && !left.is_empty()
    };
    karpenter.pools.iter().filter(drifts).map(|pool| pool.name.clone()).collect()
}

/// Whether the template already has the annotation.
pub(crate) fn is_marked(pool: &NodePool) -> bool {
    pool.annotations.get(NETWORKING).is_some_and(|value| value == CUSTOM)
}

/// NodeClaims of a NodePool that were made before its template got the annotation.
pub(crate) fn outdated<'a>(karpenter: &'a Karpenter, pool: &str) -> Vec<&'a NodeClaim> {
    karpenter.claims.iter().filter(|claim| claim.pool == pool && !is_new(claim)).collect()
}

/// Whether it was made from a template with the annotation.
pub(crate) fn is_new(claim: &NodeClaim) -> bool {
    claim.annotations.get(NETWORKING).is_some_and(|value| value == CUSTOM)
}

#[cfg(test)]
mod tests {
    use crate::facts::NodeClass;
    use crate::sample::{facts, karpenter_nodes, settings};

    use super::*;

    fn cluster(reserved_enis: u32) -> Facts {
        let mut facts = facts();
        karpenter_nodes(&mut facts).reserved_enis = reserved_enis;
        facts
    }

    fn designed(facts: &Facts, arguments: &[&str]) -> crate::design::Design {
        crate::design::design(&settings(arguments), facts)
    }

    #[test]
    fn karpenter_replaces_its_own_nodes_and_no_group_is_launched_for_them() {
        let design = designed(&cluster(1), &[]);
        assert_eq!(design.karpenter.drifts, ["web".to_string()].into());
        assert!(design.drained.is_empty() && design.pools.is_empty(), "{:?}", design.pools);
        assert_eq!(design.old_nodes.len(), 2);
    }

    #[test]
    fn nodes_are_drained_on_request_and_if_only_some_are_selected() {
        for arguments in [&["--karpenter", "drain"][..], &["--node", "old-1,old-2"]] {
            let design = designed(&cluster(1), arguments);
            assert!(design.karpenter.drifts.is_empty(), "{arguments:?}");
            assert_eq!(design.drained.len(), 2, "{arguments:?}");
            assert!(design.pools.is_empty());
        }
    }

    #[test]
    fn an_interrupted_drift_goes_on_until_every_node_claim_has_the_annotation() {
        let marked: std::collections::BTreeMap<String, String> = [(NETWORKING.into(), CUSTOM.into())].into();
        let mut facts = cluster(1);
        for node in &mut facts.nodes {
            node.primary_addresses = 0;
        }
        let karpenter = facts.karpenter.as_mut().unwrap();
        karpenter.pools[0].annotations = marked.clone();
        karpenter.claims[0].annotations = marked.clone();
        assert_eq!(designed(&facts, &[]).karpenter.drifts, ["web".to_string()].into());
        facts.karpenter.as_mut().unwrap().claims[1].annotations = marked;
        assert!(designed(&facts, &[]).karpenter.drifts.is_empty());
    }

    #[test]
    fn the_first_interface_is_reserved_where_karpenter_computes_max_pods() {
        let reserves = |facts: &Facts| designed(facts, &[]).karpenter.reserves;
        assert!(reserves(&cluster(0)) && !reserves(&cluster(1)));
        let mut given = cluster(0);
        let class = NodeClass { max_pods: Some(crate::facts::ClassPods::Number(20)), ..NodeClass::default() };
        given.karpenter.as_mut().unwrap().classes = [("default".to_string(), class)].into();
        assert!(!reserves(&given));
        let mut prefixes = cluster(0);
        prefixes.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
        assert!(!reserves(&prefixes));
    }
}
