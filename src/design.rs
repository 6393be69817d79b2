//! Computes the design, the target state of the cluster, from settings and facts. Pure; obstacles become findings.

mod convention;
pub(crate) mod karpenter;
mod kind;
mod machine;
mod mirror;
mod network;
mod old;
mod pools;
pub(crate) mod replacement;
pub(crate) mod undo;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::facts::{Facts, Node, Owner, owner};
use crate::issue::Issue;
use crate::nodes::templates::output;
use crate::settings::{DrainSettings, Settings};
use crate::tags::{MANAGED, TAG_CLUSTER, TAG_ENICONFIG, TAG_KIND, TAG_POOL};

pub(crate) use convention::switched;
pub(crate) use karpenter::KarpenterDesign;
pub(crate) use kind::GroupKind;
pub(crate) use machine::{TypeDesign, Wanted, daemon_pods, options};
pub(crate) use mirror::RoleDesign;
pub(crate) use network::{PodSubnet, RouteChoice, addressing};
pub(crate) use old::old_nodes;
pub(crate) use old::{PodNetwork, pod_network};
pub(crate) use pools::{GroupDesign, OTHER_NODES, PoolDesign, all_wanted, group_stack, pool_name};

pub(crate) const CUSTOM_NETWORK: &str = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG";
pub(crate) const LABEL_DEF: &str = "ENI_CONFIG_LABEL_DEF";
pub(crate) const ANNOTATION_DEF: &str = "ENI_CONFIG_ANNOTATION_DEF";
pub(crate) const EXTERNAL_SNAT: &str = "AWS_VPC_K8S_CNI_EXTERNALSNAT";

/// The part of the base stack's name after the cluster's.
pub(crate) const BASE: &str = "base";
/// The label that the cloud provider gives each node.
pub(crate) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The CNI's default for ENI_CONFIG_LABEL_DEF.
const OWN_LABEL: &str = crate::net::eniconfig::DEFAULT_KEY;

/// The target state of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Design {
    pub cluster: String,
    /// Secondary CIDR blocks that contain the pod subnets.
    pub blocks: Vec<Ipv4Net>,
    /// Sorted by zone name.
    pub zones: Vec<ZoneDesign>,
    /// aws-node's variables and their values.
    pub env: BTreeMap<String, String>,
    /// Variables that must not be set.
    pub env_removed: BTreeSet<String>,
    pub label_key: String,
    pub base_stack: String,
    /// Security groups that the nodes of all pools have besides those of every cluster: for their pods too.
    pub shared_groups: Vec<String>,
    /// What the new nodes are. Sorted by name.
    pub pools: Vec<PoolDesign>,
    /// ARN of the permissions boundary of a new role.
    pub permissions_boundary: Option<String>,
    /// IAM path of what stacks create.
    pub role_path: Option<String>,
    /// GiB that were set by flag.
    pub volume_size: Option<u32>,
    /// Groups set by flag, in place of our node security group.
    pub security_groups: Vec<String>,
    /// Names of the nodes to be replaced.
    pub old_nodes: BTreeSet<String>,
    /// Those of them to be drained in this run.
    pub drained: BTreeSet<String>,
    /// Old managed node groups to be deleted (`--delete-old-groups`).
    pub deleted: BTreeSet<String>,
    pub karpenter: KarpenterDesign,
    /// Problems found while computing the design.
    pub findings: Vec<Issue>,
}

/// One Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZoneDesign {
    pub zone: String,
    pub zone_id: String,
    /// The subnet of the zone's nodes.
    pub node_subnet: String,
    pub pod_subnet: PodSubnet,
    /// For the pod subnet that eni-custom creates.
    pub route_table: RouteChoice,
    pub eniconfig: String,
}

/// Computes the design.
pub(crate) fn design(settings: &Settings, facts: &Facts) -> Design {
    let mut findings = Vec::new();
    let old_nodes = old_nodes(facts);
    let label_key = label_key(settings, facts);
    let network = network::network(settings, facts, &label_key, &mut findings);
    let zones: Vec<ZoneDesign> = network
        .zones
        .into_iter()
        .map(|zone| ZoneDesign {
            eniconfig: convention::eniconfig(settings, facts, &label_key, &zone.name),
            zone: zone.name,
            zone_id: zone.id,
            node_subnet: zone.node_subnet,
            pod_subnet: zone.pod_subnet,
            route_table: zone.route_table,
        })
        .collect();
    let pools = pools::pools(settings, facts, &zones, &label_key, &old_nodes, &mut findings);
    let karpenter = karpenter::karpenter(settings, facts, &old_nodes);
    let mut drained = drained(settings, facts, &old_nodes);
    drained.retain(|node| !karpenter.replaced.contains(node));
    Design {
        cluster: facts.cluster.name.clone(),
        blocks: network.blocks,
        zones,
        env: env(settings, facts, &label_key),
        env_removed: if settings.cni.remove_annotation_def {
            [ANNOTATION_DEF.into()].into()
        } else {
            [].into()
        },
        label_key,
        base_stack: stack_name(&facts.cluster.name, BASE),
        shared_groups: mirror::shared_groups(pools.iter().map(|pool| &pool.mirror)),
        deleted: deleted(settings, facts, &pools, &drained),
        pools,
        permissions_boundary: settings.nodes.permissions_boundary.clone(),
        role_path: settings.nodes.role_path.clone(),
        volume_size: settings.nodes.volume_size.all,
        security_groups: settings.cni.security_groups.clone(),
        drained,
        karpenter,
        old_nodes,
        findings,
    }
}

impl Design {
    /// Tags for resources of the whole cluster.
    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        vec![(TAG_CLUSTER.into(), self.cluster.clone())]
    }

    /// The new node groups, each with its pool.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&PoolDesign, &GroupDesign)> {
        self.pools.iter().flat_map(|pool| pool.groups.iter().map(move |group| (pool, group)))
    }

    /// The new node groups whose pods use a zone's subnet.
    pub(crate) fn groups_of(&self, zone: &ZoneDesign) -> impl Iterator<Item = (&PoolDesign, &GroupDesign)> {
        let eniconfig = zone.eniconfig.clone();
        self.groups().filter(move |(_, group)| group.zones.iter().any(|one| one.eniconfig == eniconfig))
    }

    /// Whether the base stack creates a node role.
    pub(crate) fn creates_role(&self) -> bool {
        self.pools.iter().any(|pool| pool.mirror.role == RoleDesign::New)
    }

    /// Whether a stack creates an instance profile.
    pub(crate) fn creates_profile(&self) -> bool {
        let lacks = |pool: &PoolDesign| {
            // EKS creates the one of a managed node group.
            pool.mirror.role == RoleDesign::New
                || !pool.kind.is_managed()
                    && !matches!(pool.mirror.role, RoleDesign::Existing { profile: Some(_), .. })
        };
        self.pools.iter().any(lacks)
    }

    /// ARNs of the roles that new nodes have and no stack creates.
    pub(crate) fn existing_roles(&self) -> impl Iterator<Item = &str> {
        self.pools.iter().filter_map(|pool| match &pool.mirror.role {
            RoleDesign::New => None,
            RoleDesign::Existing { arn, .. } => Some(arn.as_str()),
        })
    }

    /// ARNs of the roles of new nodes; `None` for one that the base stack has not created yet.
    pub(crate) fn roles(&self, facts: &Facts) -> BTreeSet<Option<String>> {
        let base = facts.node_groups.stacks.get(&self.base_stack);
        let new = || base.and_then(|stack| stack.outputs.get(output::NODE_ROLE_ARN)).cloned();
        let role = |pool: &PoolDesign| match &pool.mirror.role {
            RoleDesign::New => new(),
            RoleDesign::Existing { arn, .. } => Some(arn.clone()),
        };
        self.pools.iter().map(role).collect()
    }

    /// The pool with the most nodes.
    pub(crate) fn largest_pool(&self) -> Option<&PoolDesign> {
        self.pools.iter().rev().max_by_key(|pool| pool.groups.iter().map(|group| group.size).sum::<u32>())
    }

    /// Tags for resources of one zone.
    pub(crate) fn zone_tags(&self, zone: &ZoneDesign) -> Vec<(String, String)> {
        let mut tags = self.tags();
        tags.push((TAG_ENICONFIG.into(), zone.eniconfig.clone()));
        tags
    }

    /// Tags for the stack of a node group.
    pub(crate) fn group_tags(&self, pool: &PoolDesign, group: &GroupDesign) -> Vec<(String, String)> {
        let mut tags = self.tags();
        let eniconfigs: Vec<&str> = group.zones.iter().map(|zone| zone.eniconfig.as_str()).collect();
        tags.push((TAG_ENICONFIG.into(), eniconfigs.join(" ")));
        tags.push((TAG_POOL.into(), pool.name.clone()));
        if pool.kind.is_managed() {
            tags.push((TAG_KIND.into(), MANAGED.into()));
        }
        tags
    }

    /// Whether new nodes need a label so that the CNI finds their ENIConfig.
    pub(crate) fn labels_nodes(&self) -> bool {
        self.label_key != ZONE_LABEL
    }

    /// Final groups of a zone's ENIConfig: those set by flag, else the node and the cluster security group, and those that
    /// the nodes of all pools share.
    pub(crate) fn final_groups(&self, facts: &Facts) -> Option<Vec<String>> {
        if !self.security_groups.is_empty() {
            return Some(self.security_groups.clone());
        }
        let mut groups = vec![self.node_security_group(facts)?, facts.cluster.security_group.clone()];
        groups.extend(self.shared_groups.iter().cloned());
        Some(groups)
    }

    /// The security group of all new nodes and pods, once the base stack has created it.
    pub(crate) fn node_security_group(&self, facts: &Facts) -> Option<String> {
        let stack = facts.node_groups.stacks.get(&self.base_stack)?;
        stack.outputs.get(output::NODE_SECURITY_GROUP_ID).cloned()
    }

    /// Groups of an ENIConfig when it is first written: the node security group is created one step later.
    pub(crate) fn first_groups(&self, facts: &Facts) -> Vec<String> {
        self.final_groups(facts).unwrap_or_else(|| {
            let own = facts.cluster.security_group.clone();
            [own].into_iter().chain(self.shared_groups.iter().cloned()).collect()
        })
    }
}

/// `eni-custom-<cluster>-<part>`; CloudFormation takes letters, digits and dashes, 128 of them.
pub(crate) fn stack_name(cluster: &str, part: &str) -> String {
    let clean = |text: &str| {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>()
    };
    let mut name = format!("eni-custom-{}-{}", clean(cluster), clean(part));
    name.truncate(128);
    name
}

/// Instances in the groups of eni-custom's stacks.
pub(crate) fn our_instances(facts: &Facts) -> BTreeSet<&str> {
    let groups = facts.node_groups.groups.values().filter(|group| facts.node_groups.is_ours(group));
    groups.flat_map(|group| group.instances.iter().map(|instance| instance.id.as_str())).collect()
}

/// The nodes that the flags select; `None` if no such flag is given.
pub(crate) fn chosen(settings: &Settings, facts: &Facts) -> Option<BTreeSet<String>> {
    let DrainSettings { node, old_node_groups, .. } = &settings.drain;
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
    let pools = &settings.nodes.pools;
    let is_of_chosen_pool = |name: &&String| {
        let node = facts.nodes.iter().find(|node| node.name == **name);
        pools.is_empty() || node.is_some_and(|node| pools.iter().any(|name| name == pool_name(facts, node)))
    };
    let of_pools = old_nodes.iter().filter(is_of_chosen_pool);
    match chosen(settings, facts) {
        Some(chosen) => of_pools.filter(|name| chosen.contains(*name)).cloned().collect(),
        None => of_pools.cloned().collect(),
    }
}

/// The old managed node groups that have no nodes, or whose nodes are all drained.
fn deleted(
    settings: &Settings,
    facts: &Facts,
    pools: &[PoolDesign],
    drained: &BTreeSet<String>,
) -> BTreeSet<String> {
    if !settings.drain.delete_old_groups || settings.drain.keep_old_nodes {
        return BTreeSet::new();
    }
    let replaced = pools.iter().filter(|pool| !pool.is_kept).filter_map(|pool| pool.old.as_ref());
    let managed = replaced.filter_map(|old| match &old.owner {
        Owner::Managed(name) => Some(name),
        _ => None,
    });
    let is_there = |name: &&String| facts.node_groups.managed.iter().any(|one| one.name == **name);
    let is_emptied = |name: &&String| {
        let own = facts.nodes.iter().filter(|node| owner(facts, node) == Owner::Managed((*name).clone()));
        own.map(|node| &node.name).all(|node| drained.contains(node))
    };
    managed.filter(is_there).filter(is_emptied).cloned().collect()
}

/// The zone label can't find an ENIConfig with a custom name; a label that already works is kept.
fn label_key(settings: &Settings, facts: &Facts) -> String {
    if let Some(key) = &settings.cni.eniconfig_label {
        return key.clone();
    }
    match convention::key(facts) {
        Some(key) => key,
        None if settings.cni.eniconfig_names.is_empty() => ZONE_LABEL.into(),
        None => OWN_LABEL.into(),
    }
}

fn env(settings: &Settings, facts: &Facts, label_key: &str) -> BTreeMap<String, String> {
    // A value that is already on keeps its spelling: another one would needlessly restart aws-node on every node.
    let on = facts.cni.env.get(CUSTOM_NETWORK).filter(|_| facts.cni.is_on(CUSTOM_NETWORK));
    let on = on.cloned().unwrap_or_else(|| "true".into());
    let mut env: BTreeMap<String, String> = [(CUSTOM_NETWORK.into(), on)].into();
    // Without the variable the CNI reads its default label.
    if settings.cni.eniconfig_label.is_some() || !convention::is_keyless(facts) {
        env.insert(LABEL_DEF.into(), label_key.into());
    }
    if settings.cni.external_snat {
        env.insert(EXTERNAL_SNAT.into(), "true".into());
    }
    env
}
