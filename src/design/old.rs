//! Decides which nodes predate custom networking, for `plan`, the drain, `verify`, `doctor` and `undo`.
//!
//! Custom networking works on new network interfaces only. aws-node keeps what a node already has: pods keep getting
//! addresses of its primary network interface (device 0) until the node is replaced, and only the next interface is
//! created from the ENIConfig (amazon-vpc-cni-k8s, pkg/ipamd: `nodeInit` takes over every attached interface,
//! `AssignPodIPv4Address` picks from all of them, `GetAllocatableENIs` only stops giving the primary one more). So a
//! node with an interface in a pod subnet can still be an old one.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

use crate::facts::{Facts, Node};
use crate::net::eniconfig::resolve;

use super::CUSTOM_NETWORK;

/// Where a node's pods get their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodNetwork {
    /// From network interfaces in the subnet of its ENIConfig.
    Custom,
    /// None yet: aws-node has attached no network interface for pods.
    Missing,
    /// Also from its primary network interface, which has this many addresses for pods.
    Primary(u32),
    /// From network interfaces in these subnets, which its ENIConfig does not name.
    Elsewhere(BTreeSet<String>),
    /// From its ENIConfig's subnet, but the node joined before custom networking was switched on: its max pods still
    /// counts the primary network interface.
    JoinedBefore,
}

impl PodNetwork {
    /// The node must be replaced before all its pods have custom networking.
    pub(crate) fn is_old(&self) -> bool {
        matches!(self, PodNetwork::Primary(_) | PodNetwork::Elsewhere(_) | PodNetwork::JoinedBefore)
    }
}

/// The network from which this node's pods get their addresses.
pub(crate) fn pod_network(facts: &Facts, node: &Node) -> PodNetwork {
    if node.primary_addresses > 0 {
        return PodNetwork::Primary(node.primary_addresses);
    }
    if node.interfaces.is_empty() {
        return PodNetwork::Missing;
    }
    let name = resolve(&node.labels, &node.annotations, &facts.cni.env).name;
    let configs = &facts.eniconfigs.items;
    let own = configs.iter().find(|config| config.name == name);
    // Without an ENIConfig of its own, any subnet that one names is a pod subnet: the label may not be set yet.
    let is_named = |subnet: &str| match own {
        Some(config) => config.subnet == subnet,
        None => configs.iter().any(|config| config.subnet == subnet),
    };
    let elsewhere: BTreeSet<String> = node
        .interfaces
        .iter()
        .map(|interface| &interface.subnet)
        .filter(|subnet| !is_named(subnet))
        .cloned()
        .collect();
    if !elsewhere.is_empty() {
        return PodNetwork::Elsewhere(elsewhere);
    }
    if joined_before(facts, node) { PodNetwork::JoinedBefore } else { PodNetwork::Custom }
}

/// With WARM_IP_TARGET aws-node releases unused addresses of the primary network interface, so such a node looks like a
/// new one after a while; only the record shows that it is old. Nodes of eni-custom's groups always have max pods for
/// custom networking, even if they joined before it was switched on again.
fn joined_before(facts: &Facts, node: &Node) -> bool {
    let switched: Option<Timestamp> =
        facts.record.youngest_before.as_ref().and_then(|time| time.parse().ok());
    facts.cni.is_on(CUSTOM_NETWORK)
        && switched.is_some_and(|last| node.joined.is_some_and(|at| at <= last))
        && !facts
            .node_groups
            .groups
            .values()
            .any(|group| facts.node_groups.is_ours(group) && group.holds(node))
}

/// Nodes to be replaced. Those of eni-custom's groups are excluded, or their group would be emptied; `verify` reports
/// one that is old.
pub(crate) fn old_nodes(facts: &Facts) -> BTreeSet<String> {
    let ours = super::our_instances(facts);
    let is_ours = |node: &Node| node.instance_id.as_deref().is_some_and(|id| ours.contains(id));
    let leaves = |node: &&Node| {
        let network = pod_network(facts, node);
        !is_ours(node) && (network.is_old() || network == PodNetwork::Missing)
    };
    facts.ec2_nodes().filter(leaves).map(|node| node.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use crate::facts::AutoScalingGroup;
    use crate::sample::{custom, group_instance, set_up};
    use crate::tags::TAG_CLUSTER;

    use super::*;

    fn time(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    /// The first node of a cluster with custom networking, changed.
    fn network(change: impl FnOnce(&mut Facts)) -> PodNetwork {
        let mut facts = custom();
        change(&mut facts);
        pod_network(&facts, &facts.nodes[0])
    }

    #[test]
    fn a_node_is_new_if_only_interfaces_of_its_eniconfig_carry_pods() {
        assert_eq!(network(|_| {}), PodNetwork::Custom);
        assert_eq!(network(|facts| facts.nodes[0].interfaces.clear()), PodNetwork::Missing);
        let elsewhere = network(|facts| facts.nodes[0].interfaces[0].subnet = "subnet-a".into());
        assert_eq!(elsewhere, PodNetwork::Elsewhere(["subnet-a".to_string()].into()));
        let of_another = network(|facts| facts.nodes[0].interfaces[0].subnet = "pods-b".into());
        assert!(of_another.is_old(), "another ENIConfig's subnet");
        let without_label = network(|facts| facts.cni.env.clear());
        assert_eq!(without_label, PodNetwork::Custom, "without a label the node has no ENIConfig of its own");
    }

    /// With prefix delegation, WARM_IP_TARGET or WARM_ENI_TARGET=0 the node had only its primary network interface, and
    /// got its next one from the ENIConfig.
    #[test]
    fn a_node_whose_primary_interface_carries_pods_is_old() {
        let mixed = network(|facts| facts.nodes[0].primary_addresses = 16);
        assert_eq!(mixed, PodNetwork::Primary(16));
        assert!(mixed.is_old());
        let alone = network(|facts| {
            facts.nodes[0].primary_addresses = 9;
            facts.nodes[0].interfaces.clear();
        });
        assert!(alone.is_old());
    }

    #[test]
    fn a_node_that_joined_before_the_recorded_switch_is_old_even_if_its_primary_interface_is_empty() {
        let joined = |at: &str, on: &str| {
            network(|facts| {
                facts.record.youngest_before = Some("2026-01-01T10:00:00Z".into());
                facts.nodes[0].joined = time(at);
                facts.cni.env.insert(CUSTOM_NETWORK.into(), on.into());
            })
        };
        assert_eq!(joined("2026-01-01T10:00:00Z", "true"), PodNetwork::JoinedBefore);
        assert_eq!(joined("2026-01-01T10:00:01Z", "true"), PodNetwork::Custom);
        assert_eq!(joined("2026-01-01T09:00:00Z", "false"), PodNetwork::Custom, "custom networking is off");
    }

    /// If custom networking is switched off by hand and on again, the recorded time is later than all our nodes' joins.
    #[test]
    fn a_node_of_our_groups_is_new_whenever_it_joined() {
        let mut facts = set_up();
        facts.record.youngest_before = Some("2026-01-01T10:00:00Z".into());
        for node in &mut facts.nodes {
            node.joined = time("2026-01-01T09:00:00Z");
        }
        let network = |facts: &Facts| pod_network(facts, &facts.nodes[0]);
        assert_eq!(network(&facts), PodNetwork::Custom);
        for group in facts.node_groups.groups.values_mut() {
            group.tags.remove(TAG_CLUSTER);
        }
        assert_eq!(network(&facts), PodNetwork::JoinedBefore, "a group that eni-custom did not create");
    }

    #[test]
    fn nodes_of_our_groups_are_never_drained_as_old() {
        let mut facts = set_up();
        assert_eq!(old_nodes(&facts), BTreeSet::new());
        facts.nodes[0].primary_addresses = 9;
        assert_eq!(old_nodes(&facts), BTreeSet::new());
        let instances = vec![group_instance("i-new-a", "a")];
        let theirs = AutoScalingGroup { instances, ..facts.node_groups.groups["old"].clone() };
        assert!(!theirs.tags.contains_key(TAG_CLUSTER));
        facts.node_groups.groups = [("old".into(), theirs)].into();
        assert_eq!(old_nodes(&facts), ["new-a".to_string()].into());
    }
}
