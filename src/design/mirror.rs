//! What the new nodes of a pool take over from the old ones, besides what they are: labels, taints, role, security groups
//! and tags. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::facts::{Facts, GroupTag, Pool, Taint, Unclear};
use crate::nodes::templates::data::{remove_prohibited, remove_unsupported};
use crate::nodes::templates::output;
use crate::nodes::user_data::{Carried, NodeLabel, carry};
use crate::settings::{NodeRole, Settings};

use super::kind::GroupKind;
use super::machine::MachineDesign;
use super::{BASE, stack_name};

/// What the new nodes take over.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mirror {
    /// LaunchTemplateData in CloudFormation's spelling.
    pub data: Map<String, Value>,
    /// Properties of the Auto Scaling group.
    pub group: Map<String, Value>,
    /// Of the user data.
    pub carried: Carried,
    pub labels: BTreeMap<String, String>,
    /// Labels of the old nodes that a kubelet may not set, and why.
    pub unsettable: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    pub role: RoleDesign,
    /// Security groups of the primary interface, besides the cluster's and that of eni-custom.
    pub security_groups: Vec<String>,
    /// What the new nodes would not get.
    pub unclear: Vec<Unclear>,
    /// Tags of the group; those that are propagated are on instances, volumes and network interfaces too.
    pub tags: Vec<GroupTag>,
}

/// Prefix of the tags by which the Cluster Autoscaler finds a group, and knows what its nodes have.
const OF_AUTOSCALER: &str = "k8s.io/cluster-autoscaler/";

impl Mirror {
    /// Tags of instances, volumes, network interfaces and the launch template: those of the group that its instances get,
    /// but for names and those of the Cluster Autoscaler.
    pub(crate) fn launch_tags(&self) -> Vec<(String, String)> {
        let is_of_group = |key: &str| key == "Name" || key.starts_with(OF_AUTOSCALER);
        let tags = self.tags.iter().filter(|tag| tag.propagated && !is_of_group(&tag.key));
        tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    }
}

/// The IAM role of the new nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum RoleDesign {
    /// The base stack creates it.
    #[default]
    New,
    /// It exists.
    Existing {
        arn: String,
        /// ARN of an instance profile with the role; without one the stack creates it.
        profile: Option<String>,
    },
}

pub(super) fn mirror(
    settings: &Settings,
    facts: &Facts,
    name: &str,
    pool: Option<&Pool>,
    kind: GroupKind,
    machine: &MachineDesign,
) -> Mirror {
    let role = role(settings, name, pool);
    let given = settings.nodes.tags.iter();
    let given =
        given.map(|(key, value)| GroupTag { key: key.clone(), value: value.clone(), propagated: true });
    let own =
        pool.iter().flat_map(|pool| &pool.tags).filter(|tag| !settings.nodes.tags.contains_key(&tag.key));
    let tags = own.cloned().chain(given).collect();
    let Some(pool) = pool else { return Mirror { role, tags, ..Mirror::default() } };
    let selected = selected_labels(facts);
    // EKS sets those of its own managed nodes: only the capacity type is as on the old ones.
    let is_kept = |key: &str| !kind.has_image_of_eks() || key == CAPACITY_TYPE;
    let of_eks =
        pool.eks_labels.iter().filter(|(key, _)| selected.contains(key.as_str()) && is_kept(key.as_str()));
    let mut data = pool.template.data.clone();
    let unsupported =
        if kind.is_managed() { remove_prohibited(&mut data) } else { remove_unsupported(&mut data) };
    let carried = match pool.family.filter(|family| *family == machine.family) {
        Some(family) => carry(family, &pool.template.user_data, facts.cluster.service_cidr),
        None => Carried::default(),
    };
    let group_settings = if kind.is_managed() { Map::new() } else { pool.group.clone() };
    let of_group = if kind.is_managed() { of_auto_scaling_group(pool) } else { Vec::new() };
    let mut mirror = Mirror {
        unclear: [pool.unclear.clone(), unsupported, of_group, carried.unclear.clone()].concat(),
        data,
        group: group_settings,
        carried,
        taints: pool.taints.clone(),
        security_groups: further_groups(facts, pool),
        role,
        tags,
        ..Mirror::default()
    };
    for (key, value) in pool.labels.iter().chain(of_eks) {
        match NodeLabel::new(key, value) {
            Ok(_) => drop(mirror.labels.insert(key.clone(), value.clone())),
            Err(error) => drop(mirror.unsettable.insert(key.clone(), error.to_string())),
        }
    }
    if !kind.is_managed() {
        mirror.tags.extend(autoscaler_tags(&mirror, machine));
    }
    mirror
}

/// EKS's label for On-Demand and Spot capacity.
const CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";

/// Settings of an Auto Scaling group that a managed node group, whose group EKS makes, does not have. EKS sets these two
/// itself.
fn of_auto_scaling_group(pool: &Pool) -> Vec<Unclear> {
    if pool.managed.is_some() {
        return Vec::new();
    }
    let settings = pool
        .group
        .keys()
        .filter(|key| !["CapacityRebalance", "HealthCheckGracePeriod"].contains(&key.as_str()));
    let unclear =
        |key: &String| Unclear { what: key.clone(), why: "a managed node group has no such setting".into() };
    settings.map(unclear).collect()
}

/// Tags by which the Cluster Autoscaler knows what a node of a group without nodes would have (cluster-autoscaler,
/// cloudprovider/aws/README.md, "Auto-discovery setup"). It takes labels and taints of a managed node group from EKS; a
/// self-managed one has only its tags. Max pods it takes for 110 (aws_manager.go, `buildNodeFromTemplate`).
fn autoscaler_tags(mirror: &Mirror, machine: &MachineDesign) -> Vec<GroupTag> {
    let has = |key: &str| mirror.tags.iter().any(|tag| tag.key == key);
    if !has(&format!("{OF_AUTOSCALER}enabled")) {
        return Vec::new();
    }
    let template = |what: &str, name: &str| format!("{OF_AUTOSCALER}node-template/{what}/{name}");
    let labels = mirror.labels.iter().map(|(key, value)| (template("label", key), value.clone()));
    let taints = mirror
        .taints
        .iter()
        .map(|taint| (template("taint", &taint.key), format!("{}:{}", taint.value, taint.effect)));
    let pods = machine.max_pods().map(|pods| (template("resources", "pods"), pods.to_string()));
    let all = labels.chain(taints).chain(pods).filter(|(key, _)| !has(key));
    all.map(|(key, value)| GroupTag { key, value, propagated: false }).collect()
}

fn role(settings: &Settings, name: &str, pool: Option<&Pool>) -> RoleDesign {
    match (settings.nodes.node_role.of(name), pool.and_then(|pool| Some((pool, pool.role.as_ref()?)))) {
        (Some(NodeRole::Arn(arn)), _) => RoleDesign::Existing { arn: arn.clone(), profile: None },
        (None | Some(NodeRole::Same), Some((pool, arn))) => {
            RoleDesign::Existing { arn: arn.clone(), profile: pool.instance_profile.clone() }
        }
        (Some(NodeRole::New), _) | (_, None) => RoleDesign::New,
    }
}

/// Labels of nodes that pods ask for by nodeSelector or required node affinity.
fn selected_labels(facts: &Facts) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    for placement in facts.pods.iter().filter_map(|pod| pod.placement.as_deref()) {
        keys.extend(placement.node_selector.keys().map(String::as_str));
        let terms = placement.node_affinity.iter().flat_map(|term| term.match_expressions.iter().flatten());
        keys.extend(terms.map(|expression| expression.key.as_str()));
    }
    keys
}

/// Security groups of a pool's nodes besides those of every cluster: that of EKS, and the node group that belongs to the
/// cluster by its tag, whose place eni-custom's takes. The AWS Load Balancer Controller gives up on an interface with two
/// tagged groups.
pub(crate) fn further_groups(facts: &Facts, pool: &Pool) -> Vec<String> {
    let tag = format!("kubernetes.io/cluster/{}", facts.cluster.name);
    let base = facts.node_groups.stacks.get(&stack_name(&facts.cluster.name, BASE));
    let ours = base.and_then(|stack| stack.outputs.get(output::NODE_SECURITY_GROUP_ID));
    let remote_access = pool.managed.as_ref().and_then(|managed| managed.remote_access_group.as_ref());
    let of_cluster = |id: &String| {
        *id == facts.cluster.security_group
            || Some(id) == ours
            || Some(id) == remote_access
            || facts.firewall.groups.get(id).is_some_and(|group| group.tags.contains_key(&tag))
    };
    pool.template.security_groups().into_iter().filter(|id| !of_cluster(id)).collect()
}

/// Security groups that the nodes of all pools have, for the pods of all.
pub(super) fn shared_groups<'a>(mirrors: impl Iterator<Item = &'a Mirror>) -> Vec<String> {
    let mut shared: Option<BTreeSet<&str>> = None;
    for mirror in mirrors {
        let own: BTreeSet<&str> = mirror.security_groups.iter().map(String::as_str).collect();
        shared = Some(shared.map_or(own.clone(), |shared| shared.intersection(&own).copied().collect()));
    }
    shared.unwrap_or_default().into_iter().map(ToString::to_string).collect()
}
