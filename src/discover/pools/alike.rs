//! Sets of nodes without an owner that one launch template would have launched. Pure.

use std::collections::BTreeMap;

use crate::facts::{Facts, GroupTag, Launched, Node, NodeKind, Owner, Taint, owner};

use super::{labels, tags};

/// Alike nodes without an owner.
pub(super) struct Alike<'a> {
    pub launched: Launched,
    /// Tags that all of the instances have.
    pub tags: Vec<GroupTag>,
    pub nodes: Vec<&'a Node>,
}

/// EC2 instances among the nodes that nobody would launch again. Karpenter's have an owner.
pub(super) fn unowned(facts: &Facts) -> Vec<&Node> {
    let is_alone = |node: &&Node| node.kind == NodeKind::Ec2 && owner(facts, node) == Owner::Unowned;
    facts.nodes.iter().filter(is_alone).collect()
}

/// Nodes are alike if one launch template would have launched them, with the same labels and taints. Tags may differ: a
/// name often does. Nodes are sorted by name, so a set keeps its place as long as the nodes stay.
pub(super) fn sets<'a>(
    facts: &Facts,
    nodes: impl IntoIterator<Item = &'a Node>,
    launched: impl Fn(&str) -> Launched,
) -> Vec<Alike<'a>> {
    let mut sets: Vec<Alike<'_>> = Vec::new();
    for node in nodes {
        let Some(id) = &node.instance_id else { continue };
        let mut launched = launched(id);
        let own = tags::taken(&mut launched.template.data);
        let is_alike = |other: &&mut Alike<'_>| {
            let (one, other_template) = (&launched.template, &other.launched.template);
            (&one.data, &one.user_data) == (&other_template.data, &other_template.user_data)
                && marks(facts, node) == marks(facts, other.nodes[0])
        };
        match sets.iter_mut().find(is_alike) {
            Some(set) => {
                set.tags.retain(|tag| own.contains(tag));
                set.nodes.push(node);
            }
            None => sets.push(Alike { launched, tags: own, nodes: vec![node] }),
        }
    }
    sets
}

/// Labels and taints that tell sets of nodes apart.
fn marks(facts: &Facts, node: &Node) -> (BTreeMap<String, String>, Vec<Taint>) {
    let own = labels::divided(node.labels.clone(), &labels::of_eniconfigs(facts)).own;
    (own, labels::taints(&[node], &[]))
}
