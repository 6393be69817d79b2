//! The facts as the checks use them: each node with the ENIConfig that the CNI would use for it.

use std::collections::BTreeSet;

use crate::design::{CUSTOM_NETWORK, PodNetwork, pod_network};
use crate::facts::{EniConfig, Facts, Node, Owner, Part, Subnet, owner};
use crate::fixes;
use crate::net::eniconfig::{Resolved, resolve};

use super::Expected;

pub(super) struct View<'a> {
    pub facts: &'a Facts,
    pub expected: &'a Expected,
    /// aws-node runs with custom networking.
    pub on: bool,
    /// EC2 nodes, without old nodes that are meant to stay.
    pub nodes: Vec<NodeView<'a>>,
}

pub(super) struct NodeView<'a> {
    pub node: &'a Node,
    pub resolved: Resolved,
    pub config: Option<&'a EniConfig>,
    /// The subnet of its ENIConfig.
    pub subnet: Option<&'a Subnet>,
    pub starter: Starter,
    /// Where its pods get their addresses from.
    pub network: PodNetwork,
    /// It does not use custom networking, or this run should have replaced it.
    pub old: bool,
}

/// What starts nodes like this one.
pub(super) enum Starter {
    ManagedNodeGroup(String),
    AutoScalingGroup(String),
    NodePool(String),
    Karpenter,
    Unknown,
}

impl Starter {
    fn of(facts: &Facts, node: &Node) -> Self {
        let label = |key: &str| node.labels.get(key).cloned();
        match owner(facts, node) {
            // Each Karpenter node has its own NodeClaim; a label names its NodePool.
            Owner::NodeClaim(_) => {
                label("karpenter.sh/nodepool").map_or(Starter::Karpenter, Starter::NodePool)
            }
            Owner::Unowned => {
                label("eks.amazonaws.com/nodegroup").map_or(Starter::Unknown, Starter::ManagedNodeGroup)
            }
            Owner::Managed(name) => Starter::ManagedNodeGroup(name),
            Owner::Group(name) => Starter::AutoScalingGroup(name),
        }
    }

    /// `of managed node group blue`, or an empty text.
    fn text(&self) -> String {
        match self {
            Starter::ManagedNodeGroup(name) => format!("of managed node group {name}"),
            Starter::AutoScalingGroup(name) => format!("of Auto Scaling group {name}"),
            Starter::NodePool(name) => format!("of NodePool {name}"),
            Starter::Karpenter => "of Karpenter".into(),
            Starter::Unknown => String::new(),
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn of(facts: &'a Facts, expected: &'a Expected) -> Self {
        let on = facts.cni.is_on(CUSTOM_NETWORK);
        let nodes = facts.ec2_nodes().map(|node| NodeView::of(facts, expected, node));
        let stays = |view: &NodeView<'_>| {
            expected.spared.contains(&view.node.name) || (expected.old_may_stay && view.old)
        };
        let nodes = nodes.filter(|view| !stays(view)).collect();
        View { facts, expected, on, nodes }
    }

    /// Why a part could not be read; `None` if it was.
    pub(super) fn unread(&self, part: Part) -> Option<&str> {
        self.facts.unread.get(&part).map(String::as_str)
    }

    /// An eni-custom command for this cluster.
    pub(super) fn command(&self, command: &str) -> String {
        fixes::command(self.facts, command)
    }

    /// The ENIConfigs that nodes use, each with its nodes.
    pub(super) fn used(&self) -> impl Iterator<Item = (&'a EniConfig, Vec<&NodeView<'a>>)> {
        self.facts.eniconfigs.items.iter().filter_map(|config| {
            let nodes: Vec<_> = self
                .nodes
                .iter()
                .filter(|node| node.config.is_some_and(|its| its.name == config.name))
                .collect();
            (!nodes.is_empty()).then_some((config, nodes))
        })
    }

    /// Nodes that started with an ENIConfig.
    pub(super) fn new_nodes(&self) -> impl Iterator<Item = &NodeView<'a>> {
        self.nodes.iter().filter(|node| node.config.is_some() && !node.old)
    }
}

impl<'a> NodeView<'a> {
    fn of(facts: &'a Facts, expected: &Expected, node: &'a Node) -> Self {
        let resolved = resolve(&node.labels, &node.annotations, &facts.cni.env);
        let config = facts.eniconfigs.items.iter().find(|config| config.name == resolved.name);
        let subnet = config.and_then(|config| facts.vpc.subnet(&config.subnet));
        let network = pod_network(facts, node);
        let old = expected.gone.contains(&node.name) || network.is_old();
        NodeView { node, resolved, config, subnet, starter: Starter::of(facts, node), network, old }
    }

    /// `managed node group blue in us-west-2a`
    pub(super) fn kind(&self) -> String {
        let zone = &self.node.zone;
        let zone = if zone.is_empty() { String::new() } else { format!("in {zone}") };
        [self.starter.text(), zone].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The security groups that the CNI would give a new interface: the ENIConfig's, or else those of the instance.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        match self.config {
            Some(config) if !config.security_groups.is_empty() => {
                config.security_groups.iter().cloned().collect()
            }
            _ => self.node.security_groups.clone(),
        }
    }
}
