//! The facts as the checks look at them: each node with the ENIConfig that the CNI would give it.

use std::collections::BTreeSet;

use crate::design::{CUSTOM_NETWORK, PodNetwork, pod_network};
use crate::facts::{EniConfig, Facts, Node, Owner, Part, Subnet, owner};
use crate::fixes;
use crate::net::eniconfig::{Resolved, resolve};

use super::Expected;

pub struct View<'a> {
    pub facts: &'a Facts,
    pub expected: &'a Expected,
    /// aws-node runs with custom networking.
    pub on: bool,
    /// EC2 nodes, without those that are meant to stay as they were.
    pub nodes: Vec<NodeView<'a>>,
}

pub struct NodeView<'a> {
    pub node: &'a Node,
    pub resolved: Resolved,
    pub config: Option<&'a EniConfig>,
    /// The one that its ENIConfig names.
    pub subnet: Option<&'a Subnet>,
    /// Who would start the next node of its kind: `managed node group blue`.
    pub owner: String,
    /// Where its pods get their addresses.
    pub network: PodNetwork,
    /// It is from before custom networking, or was to be replaced by this run.
    pub old: bool,
}

impl<'a> View<'a> {
    pub fn of(facts: &'a Facts, expected: &'a Expected) -> Self {
        let on = facts.cni.is_on(CUSTOM_NETWORK);
        let nodes = facts.ec2_nodes().map(|node| NodeView::of(facts, expected, node));
        let stays = |view: &NodeView<'_>| {
            expected.spared.contains(&view.node.name) || (expected.old_may_stay && view.old)
        };
        let nodes = nodes.filter(|view| !stays(view)).collect();
        View { facts, expected, on, nodes }
    }

    /// Why a part could not be read, where it could not.
    pub fn unread(&self, part: Part) -> Option<&str> {
        self.facts.unread.get(&part).map(String::as_str)
    }

    /// A command of this program's, for this cluster.
    pub fn ours(&self, command: &str) -> String {
        fixes::ours(self.facts, command)
    }

    /// The ENIConfigs that nodes take part in, each with its nodes.
    pub fn used(&self) -> impl Iterator<Item = (&'a EniConfig, Vec<&NodeView<'a>>)> {
        self.facts.eniconfigs.items.iter().filter_map(|config| {
            let nodes: Vec<_> = self
                .nodes
                .iter()
                .filter(|node| node.config.is_some_and(|its| its.name == config.name))
                .collect();
            (!nodes.is_empty()).then_some((config, nodes))
        })
    }

    /// Nodes that started with an ENIConfig: what is looked at node by node.
    pub fn new_nodes(&self) -> impl Iterator<Item = &NodeView<'a>> {
        self.nodes.iter().filter(|node| node.config.is_some() && !node.old)
    }
}

impl<'a> NodeView<'a> {
    fn of(facts: &'a Facts, expected: &Expected, node: &'a Node) -> Self {
        let resolved = resolve(&node.labels, &node.annotations, &facts.cni.env);
        let config = facts.eniconfigs.items.iter().find(|config| config.name == resolved.name);
        let subnet = config.and_then(|config| facts.vpc.subnet(&config.subnet));
        // A node of a Karpenter NodePool has a NodeClaim of its own, and the pool in a label.
        let owner = match owner(facts, node) {
            Owner::NodeClaim(_) => match node.labels.get("karpenter.sh/nodepool") {
                Some(pool) => format!("NodePool {pool}"),
                None => "Karpenter".into(),
            },
            Owner::Nobody => match node.labels.get("eks.amazonaws.com/nodegroup") {
                Some(group) => format!("managed node group {group}"),
                None => String::new(),
            },
            owner => owner.to_string(),
        };
        let network = pod_network(facts, node);
        let old = expected.gone.contains(&node.name) || network.is_old();
        NodeView { node, resolved, config, subnet, owner, network, old }
    }

    /// `managed node group blue in us-west-2a`
    pub fn kind(&self) -> String {
        match (self.owner.is_empty(), self.node.zone.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("in {}", self.node.zone),
            (false, true) => format!("of {}", self.owner),
            (false, false) => format!("of {} in {}", self.owner, self.node.zone),
        }
    }

    /// The groups that the CNI would give an interface now: without any in the ENIConfig, those of the instance's own.
    pub fn groups(&self) -> BTreeSet<String> {
        match self.config {
            Some(config) if !config.security_groups.is_empty() => {
                config.security_groups.iter().cloned().collect()
            }
            _ => self.node.security_groups.clone(),
        }
    }
}
