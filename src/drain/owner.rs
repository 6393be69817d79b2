//! Who owns a node's instance, and how it is ended so that its owner doesn't start another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::aws::client_token;
use crate::aws::eks::{Update, Updated};
use crate::error::{Error, Result};
use crate::facts::{AutoScalingGroup, Facts, ManagedNodeGroup, Node};
use crate::k8s::nodes as kube_nodes;
use crate::k8s::record::{Shape, Sizes};
use crate::steps::Step;
use crate::walk::{Clients, Seen, Walk};

/// What an Auto Scaling group must not do while it is drained: start a node in place of one that went, also because
/// an autoscaler asks for it, or move nodes between zones.
const HELD: [&str; 2] = ["AZRebalance", "Launch"];

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
    let Some(group) = facts.node_groups.groups.values().find(|group| group.holds(node)) else {
        return Owner::Nobody;
    };
    let managed = facts.node_groups.managed.iter().find(|managed| managed.groups.contains(&group.name));
    managed.map_or_else(|| Owner::Group(group.name.clone()), |managed| Owner::Managed(managed.name.clone()))
}

/// How many of the nodes each owner has.
pub fn count(facts: &Facts, nodes: &BTreeSet<String>) -> Vec<(String, usize)> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for node in chosen(facts, nodes) {
        *counted.entry(owner(facts, node).to_string()).or_default() += 1;
    }
    counted.into_iter().collect()
}

fn chosen<'a>(facts: &'a Facts, nodes: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Node> {
    facts.nodes.iter().filter(|node| nodes.contains(&node.name))
}

/// Keeps the owners of these nodes from starting others, and lets them shrink. What they were is recorded first.
pub async fn hold(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let (groups, managed) = owners(&walk.facts, nodes);
    let shapes = shapes(&walk.facts, nodes);
    walk.remember(|record| {
        for (group, shapes) in shapes {
            record.shapes.entry(group).or_insert(shapes);
        }
        for group in &groups {
            let sizes = Sizes { min: group.min, desired: group.desired, max: group.max };
            // A group that we made is deleted with its stack, and never brought back.
            if !group.is_ours() {
                record.groups.entry(group.name.clone()).or_insert(sizes);
            }
            let ours = HELD.iter().filter(|process| !group.suspended.contains(**process));
            record.held.entry(group.name.clone()).or_insert_with(|| ours.map(ToString::to_string).collect());
        }
        for group in &managed {
            let sizes = Sizes { min: group.min, desired: group.desired, max: group.max };
            record.managed.entry(group.name.clone()).or_insert(sizes);
            record.held_managed.insert(group.name.clone());
        }
    })
    .await?;
    for group in groups {
        let held: BTreeSet<String> = HELD
            .iter()
            .filter(|process| !group.suspended.contains(**process))
            .map(ToString::to_string)
            .collect();
        if !held.is_empty() {
            walk.clients.aws.autoscaling.suspend(&group.name, &held).await?;
        }
        // Auto Scaling refuses to go below a group's minimum; what is to stay is what is not drained.
        let min = staying(&walk.facts, &group, nodes).min(group.min);
        if min < group.min {
            walk.clients.aws.autoscaling.set_bounds(&group.name, min, group.max).await?;
        }
    }
    for group in managed {
        let min = staying_managed(&walk.facts, &group, nodes).min(group.min);
        let sizes = Sizes { min, desired: group.desired, max: group.desired.max(1) };
        scale(walk, &group, sizes).await?;
    }
    Ok(())
}

fn owners(facts: &Facts, nodes: &BTreeSet<String>) -> (Vec<AutoScalingGroup>, Vec<ManagedNodeGroup>) {
    let owners: BTreeSet<Owner> = chosen(facts, nodes).map(|node| owner(facts, node)).collect();
    let groups = &facts.node_groups;
    let own = owners.iter().filter_map(|owner| match owner {
        Owner::Group(name) => groups.groups.get(name).cloned(),
        _ => None,
    });
    let managed = groups.managed.iter().filter(|group| owners.contains(&Owner::Managed(group.name.clone())));
    (own.collect(), managed.cloned().collect())
}

/// What the nodes of each owner with a name are like.
fn shapes(facts: &Facts, nodes: &BTreeSet<String>) -> BTreeMap<String, Vec<Shape>> {
    let mut of: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    for node in chosen(facts, nodes) {
        let name = match owner(facts, node) {
            Owner::Group(name) | Owner::Managed(name) => name,
            _ => continue,
        };
        if !facts.node_groups.groups.get(&name).is_some_and(AutoScalingGroup::is_ours) {
            of.entry(name).or_default().push(node);
        }
    }
    of.into_iter().map(|(name, nodes)| (name, Shape::of_all(nodes))).collect()
}

/// How many of a group's instances are not drained.
fn staying(facts: &Facts, group: &AutoScalingGroup, drained: &BTreeSet<String>) -> i32 {
    let leaves = |id: &str| chosen(facts, drained).any(|node| node.instance_id.as_deref() == Some(id));
    let count = group.instances.iter().filter(|instance| !leaves(&instance.id)).count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn staying_managed(facts: &Facts, managed: &ManagedNodeGroup, drained: &BTreeSet<String>) -> i32 {
    let groups = managed.groups.iter().filter_map(|name| facts.node_groups.groups.get(name));
    groups.map(|group| staying(facts, group, drained)).sum()
}

/// What it takes to end one node, for a task of its own.
#[derive(Clone)]
pub struct End {
    pub node: String,
    instance: Option<String>,
    owner: Owner,
}

impl End {
    pub fn of(walk: &Walk, node: &str) -> Option<Self> {
        let found = walk.facts.nodes.iter().find(|each| each.name == node)?;
        let owner = owner(&walk.facts, found);
        Some(End { node: node.to_string(), instance: found.instance_id.clone(), owner })
    }

    /// Ends the node's instance. A managed node group's goes as the cluster-autoscaler ends it too: through the
    /// Auto Scaling group, so that it is this node and not another of the group.
    pub async fn now(self, clients: Clients, terminate_unowned: bool) -> Result<()> {
        match (self.owner, self.instance) {
            (Owner::Group(_) | Owner::Managed(_), Some(id)) => {
                clients.aws.autoscaling.terminate_and_shrink(&id).await
            }
            (Owner::NodeClaim(name), _) => kube_nodes::delete_node_claim(&clients.kube.client, &name).await,
            // Asked for with a flag, or refused by the checks.
            (Owner::Nobody, Some(id)) if terminate_unowned => clients.aws.ec2.terminate(&id).await,
            _ => Ok(()),
        }
    }
}

/// Whether an end that failed may succeed a moment later.
pub fn is_passing(error: &Error) -> bool {
    matches!(error.code(), "ScalingActivityInProgress" | "ResourceContention")
}

/// After the drain: groups that were emptied stay so, whatever an autoscaler asks for, and what was suspended is
/// resumed. After one that was given up: every group has its bounds again, and keeps the nodes that it has.
pub async fn let_go(walk: &mut Walk, drained: &BTreeSet<String>, given_up: bool) -> Result<()> {
    let held = walk.facts.record.held.clone();
    let held_managed = walk.facts.record.held_managed.clone();
    if held.is_empty() && held_managed.is_empty() {
        return Ok(());
    }
    // What is left of them is what AWS says now.
    walk.facts.node_groups.groups =
        walk.clients.aws.autoscaling.groups_of_cluster(&walk.facts.cluster.name).await?;
    for (name, processes) in held {
        let Some(group) = walk.facts.node_groups.groups.get(&name).cloned() else { continue };
        let before = walk.facts.record.groups.get(&name).copied();
        let stay = staying(&walk.facts, &group, drained);
        let (min, max) = match (given_up, before) {
            (true, Some(before)) => (before.min.min(group.desired), before.max),
            (true, None) => (group.min, group.max),
            (false, before) => (before.map_or(stay, |before| before.min.min(stay)), stay),
        };
        if (min, max) != (group.min, group.max) {
            walk.clients.aws.autoscaling.set_bounds(&name, min, max).await?;
        }
        let ours: BTreeSet<String> = processes.intersection(&group.suspended).cloned().collect();
        if !ours.is_empty() {
            walk.clients.aws.autoscaling.resume(&name, &ours).await?;
        }
    }
    let managed = walk.clients.aws.eks.managed_node_groups(&walk.facts.cluster.name).await?;
    for group in managed.into_iter().filter(|group| held_managed.contains(&group.name)) {
        let before = walk.facts.record.managed.get(&group.name).copied();
        let stay = staying_managed(&walk.facts, &group, drained);
        let sizes = match (given_up, before) {
            (true, Some(before)) => {
                Sizes { min: before.min.min(group.desired), desired: group.desired, max: before.max }
            }
            (true, None) => Sizes { min: group.min, desired: group.desired, max: group.max },
            // EKS takes no maximum below one.
            (false, _) => Sizes { min: group.min.min(stay), desired: stay, max: stay.max(1) },
        };
        scale(walk, &group, sizes).await?;
    }
    walk.remember(|record| {
        record.held.clear();
        record.held_managed.clear();
    })
    .await
}

/// Gives a managed node group the sizes that it had.
pub async fn restore_managed(walk: &Walk, name: &str, before: Sizes) -> Result<()> {
    let group = walk.clients.aws.eks.managed_node_group(&walk.facts.cluster.name, name).await?;
    scale(walk, &group, before).await
}

/// Sets a managed node group's sizes, and waits until EKS has done so.
async fn scale(walk: &Walk, group: &ManagedNodeGroup, sizes: Sizes) -> Result<()> {
    if (sizes.min, sizes.desired, sizes.max) == (group.min, group.desired, group.max) {
        return Ok(());
    }
    let (eks, cluster) = (&walk.clients.aws.eks, &walk.facts.cluster);
    let of = Updated::ManagedNodeGroup(&group.name);
    let updates = eks.update_count(&cluster.name, of).await?;
    let content = format!("{updates} {} {sizes:?}", group.name);
    let token = client_token(&cluster.arn, Step::DrainNodes.name(), &content);
    let update = eks.scale_managed(&cluster.name, &group.name, sizes, &token).await?;
    walk.until_uninterrupted(&format!("managed node group {} scaled", group.name), async || {
        match eks.update(&cluster.name, of, &update).await {
            Ok(Update::Successful) => Ok(Seen::Yes(())),
            Ok(Update::InProgress) => Ok(Seen::NotYet("in progress".into())),
            Ok(Update::Failed(reason)) => Err(Error::failed("EKS could not scale the managed node group")
                .at(&group.name)
                .because(reason)
                .next(format!(
                    "aws eks describe-update --name {} --nodegroup-name {} --update-id {update}",
                    cluster.name, group.name
                ))),
            Err(error) if error.code() == "ResourceNotFoundException" => Ok(Seen::NotYet(error.to_string())),
            Err(error) => Err(error),
        }
    })
    .await
}
