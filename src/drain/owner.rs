//! Who owns a node's instance, and how it is ended so that its owner doesn't start another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::aws::client_token;
use crate::aws::eks::Updated;
use crate::error::Result;
use crate::facts::{AutoScalingGroup, Facts, Node};
use crate::k8s::nodes as kube_nodes;
use crate::k8s::record::Sizes;
use crate::steps::Step;
use crate::walk::Walk;

/// Who started an instance, and would start the next one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Managed(String),
    Group(String),
    NodeClaim(String),
    Nobody,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Managed(name) => write!(f, "managed node group {name}"),
            Owner::Group(name) => write!(f, "Auto Scaling group {name}"),
            Owner::NodeClaim(_) => f.write_str("Karpenter"),
            Owner::Nobody => f.write_str("no owner"),
        }
    }
}

/// Who owns a node.
pub fn owner(facts: &Facts, node: &Node) -> Owner {
    if let Some(claim) = &node.node_claim {
        return Owner::NodeClaim(claim.clone());
    }
    let holds = |group: &&AutoScalingGroup| {
        node.instance_id.as_ref().is_some_and(|id| group.instances.iter().any(|instance| instance.id == *id))
    };
    let Some(group) = facts.node_groups.groups.values().find(holds) else { return Owner::Nobody };
    let managed = facts.node_groups.managed.iter().find(|managed| managed.groups.contains(&group.name));
    managed.map_or_else(|| Owner::Group(group.name.clone()), |managed| Owner::Managed(managed.name.clone()))
}

/// How many of the nodes each owner has.
pub fn count(facts: &Facts, nodes: &BTreeSet<String>) -> Vec<(String, usize)> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for node in facts.nodes.iter().filter(|node| nodes.contains(&node.name)) {
        *counted.entry(owner(facts, node).to_string()).or_default() += 1;
    }
    counted.into_iter().collect()
}

/// Writes down the sizes that the drain is going to lower.
pub async fn remember_sizes(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let facts = walk.facts.clone();
    walk.remember(|record| {
        for node in facts.nodes.iter().filter(|node| nodes.contains(&node.name)) {
            match owner(&facts, node) {
                Owner::Managed(name) => {
                    if let Some(group) = facts.node_groups.managed.iter().find(|group| group.name == name) {
                        let sizes = Sizes { min: group.min, desired: group.desired, max: group.max };
                        record.managed.entry(name).or_insert(sizes);
                    }
                }
                Owner::Group(name) => {
                    if let Some(group) = facts.node_groups.groups.get(&name) {
                        let sizes = Sizes { min: group.min, desired: group.desired, max: group.max };
                        record.groups.entry(name).or_insert(sizes);
                    }
                }
                Owner::NodeClaim(_) | Owner::Nobody => {}
            }
        }
    })
    .await
}

/// Ends empty nodes. A managed node group is taken down only when all its nodes are empty: EKS chooses by itself
/// which of them to end.
pub async fn terminate(walk: &mut Walk, empty: &BTreeSet<String>) -> Result<()> {
    let facts = walk.facts.clone();
    for node in facts.nodes.iter().filter(|node| empty.contains(&node.name)) {
        match owner(&facts, node) {
            Owner::Group(name) => {
                let group = walk.facts.node_groups.groups.get(&name).cloned();
                if let (Some(group), Some(id)) = (group, &node.instance_id) {
                    make_room(walk, &group).await?;
                    walk.clients.aws.autoscaling.terminate_and_shrink(id).await?;
                }
            }
            Owner::NodeClaim(name) => kube_nodes::delete_node_claim(&walk.clients.kube.client, &name).await?,
            Owner::Nobody => {
                // Asked for with a flag, or refused by the checks.
                if let Some(id) = node.instance_id.as_ref().filter(|_| walk.settings.terminate_unowned) {
                    walk.clients.aws.ec2.terminate(id).await?;
                }
            }
            Owner::Managed(_) => {}
        }
    }
    walk.ended.extend(empty.iter().cloned());
    shrink_managed(walk, &facts).await
}

/// Auto Scaling refuses to go below a group's minimum; what is to stay is what is not drained.
async fn make_room(walk: &mut Walk, group: &AutoScalingGroup) -> Result<()> {
    let old = |id: &str| {
        let node = walk.facts.nodes.iter().find(|node| node.instance_id.as_deref() == Some(id));
        node.is_some_and(|node| walk.design.old_nodes.contains(&node.name))
    };
    let staying = group.instances.iter().filter(|instance| !old(&instance.id)).count();
    let min = i32::try_from(staying).unwrap_or(group.min).min(group.min);
    if min < group.min {
        walk.clients.aws.autoscaling.set_minimum(&group.name, min).await?;
        // Once is enough for all of the group's nodes.
        if let Some(known) = walk.facts.node_groups.groups.get_mut(&group.name) {
            known.min = min;
        }
    }
    Ok(())
}

async fn shrink_managed(walk: &mut Walk, facts: &Facts) -> Result<()> {
    for group in facts.node_groups.managed.iter().filter(|group| group.desired > 0) {
        let mut nodes =
            facts.nodes.iter().filter(|node| owner(facts, node) == Owner::Managed(group.name.clone()));
        let all_ended = nodes.clone().count() > 0 && nodes.all(|node| walk.ended.contains(&node.name));
        if !all_ended || !walk.shrunk.insert(group.name.clone()) {
            continue;
        }
        let updates = walk
            .clients
            .aws
            .eks
            .update_count(&facts.cluster.name, Updated::ManagedNodeGroup(&group.name))
            .await?;
        let token = client_token(
            &facts.cluster.arn,
            Step::DrainNodes.name(),
            &format!("{updates} {} to 0", group.name),
        );
        walk.clients.aws.eks.scale_managed(&facts.cluster.name, &group.name, 0, 0, &token).await?;
    }
    Ok(())
}

/// Whether this run has asked for the node's end: then it takes no pods again.
pub fn is_ending(walk: &Walk, node: &Node) -> bool {
    let managed = match owner(&walk.facts, node) {
        Owner::Managed(name) => Some(name),
        _ => None,
    };
    match managed {
        Some(group) => walk.shrunk.contains(&group),
        None => walk.ended.contains(&node.name),
    }
}
