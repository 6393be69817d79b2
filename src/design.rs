//! Settings and facts make a design: what the cluster is to be. Pure; what can't be had becomes a finding.

mod convention;
mod machine;
mod network;
mod old;
pub mod stand_in;
pub mod undo;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::facts::{Facts, Node, Owner, owner};
use crate::issue::Issue;
use crate::settings::Settings;
use crate::tags::{TAG_CLUSTER, TAG_ENICONFIG};

pub use convention::switched;
pub use machine::{MachineDesign, wanted_type};
pub(crate) use machine::{daemon_pods, options};
pub use network::{PodSubnet, RouteChoice, addressing};
pub(crate) use old::old_nodes;
pub use old::{PodNetwork, pod_network};

pub const CUSTOM_NETWORK: &str = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG";
pub const LABEL_DEF: &str = "ENI_CONFIG_LABEL_DEF";
pub const ANNOTATION_DEF: &str = "ENI_CONFIG_ANNOTATION_DEF";
pub const EXTERNAL_SNAT: &str = "AWS_VPC_K8S_CNI_EXTERNALSNAT";

/// The label that the cloud provider gives each node.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The CNI's own default for ENI_CONFIG_LABEL_DEF.
const OWN_LABEL: &str = crate::net::eniconfig::DEFAULT_KEY;

/// What is to be.
#[derive(Debug, Clone)]
pub struct Design {
    pub cluster: String,
    /// Secondary blocks that the pod subnets are cut from.
    pub blocks: Vec<Ipv4Net>,
    /// By zone name, in order.
    pub zones: Vec<ZoneDesign>,
    /// aws-node's variables and their values.
    pub env: BTreeMap<String, String>,
    /// Variables that must not be set.
    pub env_removed: BTreeSet<String>,
    pub label_key: String,
    pub base_stack: String,
    pub machine: MachineDesign,
    /// Groups asked for in place of ours.
    pub security_groups: Vec<String>,
    /// Names of the nodes to be replaced.
    pub old_nodes: BTreeSet<String>,
    /// Those of them that are to be drained now.
    pub drained: BTreeSet<String>,
    /// What stands in the way.
    pub findings: Vec<Issue>,
}

/// One Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneDesign {
    pub zone: String,
    pub zone_id: String,
    /// Where nodes stand.
    pub node_subnet: String,
    pub pod_subnet: PodSubnet,
    /// For the pod subnet that we make.
    pub route_table: RouteChoice,
    pub eniconfig: String,
    pub stack: String,
    /// Nodes that the group is to have, and may have.
    pub size: u32,
    pub max_size: u32,
}

/// Makes the design.
pub fn design(settings: &Settings, facts: &Facts) -> Design {
    let mut findings = Vec::new();
    let old_nodes = old_nodes(facts);
    let label_key = label_key(settings, facts);
    let network = network::network(settings, facts, &label_key, &mut findings);
    let machine = machine::machine(settings, facts, &mut findings);
    let zones = network
        .zones
        .into_iter()
        .map(|zone| {
            let eniconfig = convention::eniconfig(settings, facts, &label_key, &zone.name);
            let stack = stack_name(&facts.cluster.name, &eniconfig);
            let sizes = machine::sizes(settings, facts, &machine, &old_nodes, &zone.name, &stack);
            ZoneDesign {
                zone: zone.name,
                zone_id: zone.id,
                node_subnet: zone.node_subnet,
                pod_subnet: zone.pod_subnet,
                route_table: zone.route_table,
                eniconfig,
                stack,
                size: sizes.0,
                max_size: sizes.1,
            }
        })
        .collect();
    Design {
        cluster: facts.cluster.name.clone(),
        blocks: network.blocks,
        zones,
        env: env(settings, facts, &label_key),
        env_removed: if settings.remove_annotation_def { [ANNOTATION_DEF.into()].into() } else { [].into() },
        label_key,
        base_stack: stack_name(&facts.cluster.name, "base"),
        machine,
        security_groups: settings.security_groups.clone(),
        drained: drained(settings, facts, &old_nodes),
        old_nodes,
        findings,
    }
}

impl Design {
    /// Tags for what belongs to the cluster as a whole.
    pub fn tags(&self) -> Vec<(String, String)> {
        vec![(TAG_CLUSTER.into(), self.cluster.clone())]
    }

    /// Tags for what belongs to one zone.
    pub fn zone_tags(&self, zone: &ZoneDesign) -> Vec<(String, String)> {
        let mut tags = self.tags();
        tags.push((TAG_ENICONFIG.into(), zone.eniconfig.clone()));
        tags
    }

    /// Whether nodes need a label of ours so that the CNI finds their ENIConfig.
    pub fn labels_nodes(&self) -> bool {
        self.label_key != ZONE_LABEL
    }

    /// Groups for a zone's ENIConfig as it ends: those asked for, else the nodes' and the cluster's.
    pub fn final_groups(&self, facts: &Facts) -> Option<Vec<String>> {
        if !self.security_groups.is_empty() {
            return Some(self.security_groups.clone());
        }
        let node_group =
            facts.node_groups.stacks.get(&self.base_stack)?.outputs.get("NodeSecurityGroupId")?;
        Some(vec![node_group.clone(), facts.cluster.security_group.clone()])
    }

    /// Groups for an ENIConfig as it is first written: the node security group is made a step later.
    pub fn first_groups(&self, facts: &Facts) -> Vec<String> {
        self.final_groups(facts).unwrap_or_else(|| vec![facts.cluster.security_group.clone()])
    }
}

/// `eni-custom-<cluster>-<part>`; CloudFormation takes letters, digits and dashes, 128 of them.
pub fn stack_name(cluster: &str, part: &str) -> String {
    let clean = |text: &str| {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>()
    };
    let mut name = format!("eni-custom-{}-{}", clean(cluster), clean(part));
    name.truncate(128);
    name
}

/// Instances in the groups of this program's stacks.
pub fn our_instances(facts: &Facts) -> BTreeSet<&str> {
    let groups = facts.node_groups.groups.values().filter(|group| group.is_ours());
    groups.flat_map(|group| group.instances.iter().map(|instance| instance.id.as_str())).collect()
}

/// The nodes that the flags choose; nothing where none of them is given.
pub fn chosen(settings: &Settings, facts: &Facts) -> Option<BTreeSet<String>> {
    let Settings { node, old_node_groups, .. } = settings;
    if node.is_empty() && old_node_groups.is_empty() && facts.labelled_nodes.is_none() {
        return None;
    }
    let is_chosen = |one: &&Node| {
        let named = node.is_empty() || node.contains(&one.name);
        let labelled = facts.labelled_nodes.as_ref().is_none_or(|nodes| nodes.contains(&one.name));
        let owned = old_node_groups.is_empty()
            || matches!(owner(facts, one), Owner::Managed(name) | Owner::Group(name) if old_node_groups.contains(&name));
        named && labelled && owned
    };
    Some(facts.nodes.iter().filter(is_chosen).map(|node| node.name.clone()).collect())
}

fn drained(settings: &Settings, facts: &Facts, old_nodes: &BTreeSet<String>) -> BTreeSet<String> {
    match chosen(settings, facts) {
        Some(chosen) => old_nodes.intersection(&chosen).cloned().collect(),
        None => old_nodes.clone(),
    }
}

/// With names of its own an ENIConfig can't be found by the zone label; a label that works already is kept.
fn label_key(settings: &Settings, facts: &Facts) -> String {
    if let Some(key) = &settings.eniconfig_label {
        return key.clone();
    }
    match convention::key(facts) {
        Some(key) => key,
        None if settings.eniconfig_names.is_empty() => ZONE_LABEL.into(),
        None => OWN_LABEL.into(),
    }
}

fn env(settings: &Settings, facts: &Facts, label_key: &str) -> BTreeMap<String, String> {
    // What is on stays as it is written: another spelling would restart aws-node on every node for nothing.
    let on = facts.cni.env.get(CUSTOM_NETWORK).filter(|_| facts.cni.is_on(CUSTOM_NETWORK));
    let on = on.cloned().unwrap_or_else(|| "true".into());
    let mut env: BTreeMap<String, String> = [(CUSTOM_NETWORK.into(), on)].into();
    // Without the variable the CNI reads its own label.
    if settings.eniconfig_label.is_some() || !convention::is_keyless(facts) {
        env.insert(LABEL_DEF.into(), label_key.into());
    }
    if settings.external_snat {
        env.insert(EXTERNAL_SNAT.into(), "true".into());
    }
    env
}
