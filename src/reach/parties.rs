//! Senders and receivers: interfaces with the same subnet and groups are one party, so a thousand nodes have as few
//! parties as ten.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::{CUSTOM_NETWORK, Design, PodSubnet};
use crate::facts::{Facts, Node};
use crate::net::firewall::{Endpoint, Firewall, Ports, Protocol};
use crate::nodes::templates::{base_rules, output::NODE_SECURITY_GROUP_ID};

use super::{Flow, Purpose};

/// Placeholder for the node security group until its stack exists.
pub(crate) const NODE_GROUP_TO_BE: &str = "the new node security group";

/// Interfaces with the same groups in the same subnet.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// `pods of us-west-2a`
    pub name: String,
    pub endpoint: Endpoint,
    /// Names of the nodes that it represents.
    pub nodes: BTreeSet<String>,
    control_plane: bool,
}

#[derive(Debug, Default)]
pub(super) struct Parties {
    /// As planned.
    pub new_pods: Vec<Party>,
    pub new_nodes: Vec<Party>,
    pub old_pods: Vec<Party>,
    pub old_nodes: Vec<Party>,
    /// Pods on new nodes whose interfaces have other groups than planned: attached interfaces keep their groups. For a
    /// cluster as it is now: all pods.
    pub current_pods: Vec<Party>,
    pub control_plane: Vec<Party>,
}

pub(super) struct Scenery {
    pub firewall: Firewall,
    pub parties: Parties,
}

impl Scenery {
    pub(super) fn flow(
        &self,
        purpose: Purpose,
        from: &Party,
        to: &Party,
        protocol: Protocol,
        port: Ports,
    ) -> Flow {
        Flow {
            purpose,
            from: from.name.clone(),
            to: to.name.clone(),
            protocol,
            port,
            verdict: self.firewall.flow(&from.endpoint, &to.endpoint, protocol, port),
            control_plane: from.control_plane || to.control_plane,
        }
    }

    /// From each of these to each of those.
    pub(super) fn flows(
        &self,
        purpose: &Purpose,
        from: &[&Party],
        to: &[&Party],
        (protocol, port): (Protocol, Ports),
    ) -> Vec<Flow> {
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
        pairs.map(|(from, to)| self.flow(purpose.clone(), from, to, protocol, port)).collect()
    }
}

/// The node security group, if its stack exists and EC2 shows it.
fn node_group(design: &Design, facts: &Facts) -> Option<String> {
    let stack = facts.node_groups.stacks.get(&design.base_stack)?;
    let id = stack.outputs.get(NODE_SECURITY_GROUP_ID)?;
    let seen = facts.firewall.groups_unknown.is_some() || facts.firewall.groups.contains_key(id);
    seen.then(|| id.clone())
}

/// The VPC's groups and network ACLs, with what the base stack will add.
pub(crate) fn firewall(design: &Design, facts: &Facts) -> Firewall {
    let mut firewall = facts.firewall.clone();
    if firewall.groups_unknown.is_none() && node_group(design, facts).is_none() {
        let cluster = &facts.cluster.security_group;
        let (group, to_cluster) = base_rules(NODE_GROUP_TO_BE, cluster);
        firewall.groups.insert(group.id.clone(), group);
        if let Some(cluster) = firewall.groups.get_mut(cluster) {
            cluster.ingress.push(to_cluster);
        }
    }
    firewall
}

/// Groups of the nodes that eni-custom starts.
fn node_groups(design: &Design, facts: &Facts) -> BTreeSet<String> {
    let own = node_group(design, facts).unwrap_or_else(|| NODE_GROUP_TO_BE.into());
    [own, facts.cluster.security_group.clone()].into()
}

/// The final security groups of the ENIConfigs.
pub(crate) fn pod_groups(design: &Design, facts: &Facts) -> BTreeSet<String> {
    match design.security_groups.is_empty() {
        true => node_groups(design, facts).into_iter().chain(design.shared_groups.iter().cloned()).collect(),
        false => design.security_groups.iter().cloned().collect(),
    }
}

/// Existing parties that pods call: API server and old nodes, by name.
pub(crate) fn targets(design: &Design, facts: &Facts) -> Vec<(String, Endpoint)> {
    let Parties { control_plane, old_nodes, .. } = Parties::of(design, facts);
    control_plane.into_iter().chain(old_nodes).map(|party| (party.name, party.endpoint)).collect()
}

/// Pods as they are now, by the subnet and groups of their interfaces.
pub(crate) fn current_pods(facts: &Facts) -> Vec<Endpoint> {
    Parties::current(facts).current_pods.into_iter().map(|party| party.endpoint).collect()
}

impl Parties {
    pub(super) fn of(design: &Design, facts: &Facts) -> Self {
        let (node_groups, pod_groups) = (node_groups(design, facts), pod_groups(design, facts));
        let mut parties = Parties::default();
        for zone in &design.zones {
            let (addresses, subnet) = match &zone.pod_subnet {
                PodSubnet::There { id, .. } => {
                    (facts.vpc.subnet(id).map(|subnet| subnet.cidr), Some(id.clone()))
                }
                PodSubnet::New { cidr } => (Some(*cidr), None),
                PodSubnet::Unknown => (None, None),
            };
            if let Some(addresses) = addresses {
                parties.new_pods.push(Party {
                    name: format!("pods of {}", zone.zone),
                    endpoint: Endpoint { addresses, all: true, groups: pod_groups.clone(), subnet },
                    nodes: BTreeSet::new(),
                    control_plane: false,
                });
            }
            let name = format!("new nodes of {}", zone.zone);
            parties.new_nodes.extend(party(facts, name, &zone.node_subnet, &node_groups, true));
        }
        parties.control_plane = control_plane(facts);
        parties.nodes(design, facts, &pod_groups);
        parties
    }

    /// The cluster as it is now, without planned parties.
    pub(super) fn current(facts: &Facts) -> Self {
        let custom = facts.cni.is_on(CUSTOM_NETWORK);
        let mut alike: BTreeMap<(&str, &BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
        for node in facts.ec2_nodes() {
            // With custom networking only an old node's primary interface carries pods.
            let carries = !custom || node.primary_addresses > 0;
            let first = node.subnet.as_deref().filter(|_| carries).map(|id| (id, &node.security_groups));
            let added = node.interfaces.iter().map(|each| (each.subnet.as_str(), &each.security_groups));
            for interface in first.into_iter().chain(added).filter(|(_, groups)| !groups.is_empty()) {
                alike.entry(interface).or_default().insert(node.name.clone());
            }
        }
        Parties {
            current_pods: pods_in(facts, "pods", alike),
            control_plane: control_plane(facts),
            ..Parties::default()
        }
    }

    /// Existing nodes, by subnet and groups.
    fn nodes(&mut self, design: &Design, facts: &Facts, pod_groups: &BTreeSet<String>) {
        type Alike<'a> = (&'a str, &'a BTreeSet<String>);
        let mut old: BTreeMap<Alike<'_>, BTreeSet<String>> = BTreeMap::new();
        let mut current: BTreeMap<Alike<'_>, BTreeSet<String>> = BTreeMap::new();
        let groups_of: BTreeMap<&str, BTreeSet<String>> =
            facts.nodes.iter().map(|node| (node.name.as_str(), node.pod_groups())).collect();
        let mut add = |into_old: bool, subnet, groups, node: &Node| {
            let alike = if into_old { &mut old } else { &mut current };
            alike.entry((subnet, groups)).or_default().insert(node.name.clone());
        };
        for node in facts.ec2_nodes() {
            if design.old_nodes.contains(&node.name) {
                // Without custom networking a node's pods have the groups of its primary interface.
                if let Some(subnet) = node.subnet.as_deref().filter(|_| !node.security_groups.is_empty()) {
                    add(true, subnet, &node.security_groups, node);
                }
                // Later interfaces of such a node are created from its ENIConfig, with the groups of the ENIConfig.
                for interface in node.interfaces.iter().filter(|each| !each.security_groups.is_empty()) {
                    add(true, &interface.subnet, &interface.security_groups, node);
                }
            } else if let Some(groups) = groups_of.get(node.name.as_str())
                && !groups.is_empty()
                && groups != pod_groups
            {
                for subnet in &node.pod_subnets {
                    add(false, subnet, groups, node);
                }
            }
        }
        for (subnet, groups) in old.keys() {
            let name = format!("old nodes in {subnet} with {}", in_words(groups));
            self.old_nodes.extend(party(facts, name, subnet, groups, false));
        }
        self.old_pods = pods_in(facts, "pods on old nodes", old);
        self.current_pods = pods_in(facts, "pods", current);
    }
}

/// EKS places its interfaces in some of the cluster's subnets; which ones is unknown.
fn control_plane(facts: &Facts) -> Vec<Party> {
    let groups = facts.cluster.control_plane_groups.iter().chain([&facts.cluster.security_group]);
    let groups: BTreeSet<String> = groups.cloned().collect();
    let in_subnet = |id: &String| {
        let party = party(facts, format!("API server in {id}"), id, &groups, false)?;
        Some(Party { control_plane: true, ..party })
    };
    facts.cluster.subnet_ids.iter().filter_map(in_subnet).collect()
}

/// Pods of these nodes, by the subnet and the groups of their interfaces.
fn pods_in(
    facts: &Facts,
    who: &str,
    alike: BTreeMap<(&str, &BTreeSet<String>), BTreeSet<String>>,
) -> Vec<Party> {
    let pods = |((subnet, groups), nodes): ((&str, &BTreeSet<String>), BTreeSet<String>)| {
        let name = format!("{who} in {subnet} with {}", in_words(groups));
        Some(Party { nodes, ..party(facts, name, subnet, groups, true)? })
    };
    alike.into_iter().filter_map(pods).collect()
}

/// `None` if the subnet is not in the VPC.
fn party(facts: &Facts, name: String, subnet: &str, groups: &BTreeSet<String>, all: bool) -> Option<Party> {
    let addresses = facts.vpc.subnet(subnet)?.cidr;
    let endpoint = Endpoint { addresses, all, groups: groups.clone(), subnet: Some(subnet.into()) };
    Some(Party { name, endpoint, nodes: BTreeSet::new(), control_plane: false })
}

fn in_words(groups: &BTreeSet<String>) -> String {
    groups.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
