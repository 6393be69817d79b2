//! Stacks and node groups: those with the cluster's tag, those known otherwise, and their terminate lifecycle hooks.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};

use crate::aws::Aws;
use crate::clients::Clients;
use crate::design::{BASE, OTHER_NODES, group_stack, old_nodes, stack_name};
use crate::error::{Error, Result};
use crate::facts::{
    Authentication, AutoScalingGroup, Cluster, Facts, Hook, ManagedNodeGroup, NodeGroups, Stack, group,
};
use crate::goal::Goal;
use crate::k8s::{aws_auth, eniconfig};
use crate::settings::Settings;
use crate::tags::{MANAGED, TAG_CLUSTER, TAG_POOL, TAG_REPLACEMENT};

use super::undo;

/// Auto Scaling groups without the cluster's tag, known from their instances, from EKS or from the record.
pub(super) async fn named(aws: &Aws, facts: &mut Facts) -> Result<()> {
    let known = &facts.node_groups.groups;
    let names: BTreeSet<String> = facts.group_names().filter(|name| !known.contains_key(name)).collect();
    let found = aws.autoscaling.named(&names.into_iter().collect::<Vec<_>>()).await?;
    facts.node_groups.groups.extend(found);
    Ok(())
}

/// Terminate hooks of the groups whose nodes will be drained, read unless the pools have them. Hooks that can't be read
/// are reported as unknown.
pub(super) async fn hooks(
    aws: &Aws,
    facts: &Facts,
) -> BTreeMap<String, std::result::Result<Vec<Hook>, String>> {
    let old = old_nodes(facts);
    let nodes = facts.nodes.iter().filter(|node| old.contains(&node.name));
    let groups: BTreeSet<String> =
        nodes.filter_map(|node| group(facts, node)).map(ToString::to_string).collect();
    let read = groups.into_iter().map(|name| async move {
        let hooks = match facts.launches.hooks.get(&name) {
            Some(known) => known.clone(),
            None => aws.autoscaling.lifecycle_hooks(&name).await.map_err(|error| error.in_short()),
        };
        (name, hooks.map(|hooks| hooks.into_iter().filter_map(|hook| hook.terminate).collect()))
    });
    join_all(read).await.into_iter().collect()
}

/// The node groups, and the stacks of replacement node groups. `names`: Auto Scaling groups that are already known, with
/// or without the cluster's tag.
pub(super) async fn node_groups(
    clients: &Clients,
    cluster: &Cluster,
    goal: Goal,
    settings: &Settings,
    names: BTreeSet<String>,
) -> Result<(NodeGroups, BTreeMap<String, Stack>)> {
    let aws = &clients.aws;
    let entries = async {
        match cluster.authentication {
            // EKS refuses to list access entries in authentication mode CONFIG_MAP.
            Authentication::ConfigMap => Ok(BTreeMap::new()),
            _ => aws.eks.access_entries(&cluster.name).await,
        }
    };
    // The names of stacks contain those of the groups.
    let groups = async {
        let (groups, managed) = tokio::try_join!(
            aws.autoscaling.groups(&cluster.name, &names),
            aws.eks.managed_node_groups(&cluster.name),
        )?;
        let stacks = stacks(clients, cluster, goal, settings, &groups, &managed).await?;
        Ok::<_, Error>((groups, managed, stacks))
    };
    let ((groups, managed, stacks), access_entries, (aws_auth, aws_auth_holder)) =
        tokio::try_join!(groups, entries, aws_auth::map_roles(&clients.kube.client))?;
    let (replacement_stacks, stacks) =
        stacks.into_iter().partition(|(_, stack)| stack.tags.contains_key(TAG_REPLACEMENT));
    let node_groups = NodeGroups {
        stacks,
        groups,
        managed,
        access_entries,
        aws_auth,
        aws_auth_holder,
        ..NodeGroups::default()
    };
    Ok((node_groups, replacement_stacks))
}

/// The stacks that a design of this cluster could name: one for each zone of the region and for each existing ENIConfig,
/// because its name may be adopted; each of them for each pool. And those of eni-custom's groups, whatever their names.
async fn stacks(
    clients: &Clients,
    cluster: &Cluster,
    goal: Goal,
    settings: &Settings,
    groups: &BTreeMap<String, AutoScalingGroup>,
    managed: &[ManagedNodeGroup],
) -> Result<BTreeMap<String, Stack>> {
    let aws = &clients.aws;
    if goal.is_undo() {
        return undo::stacks(aws, cluster).await;
    }
    let zones = aws.ec2.zones().await?;
    let mut eniconfigs: BTreeSet<String> =
        zones.iter().map(|zone| settings.cni.eniconfig_names.get(zone).unwrap_or(zone).clone()).collect();
    let there = eniconfig::read(&clients.kube.client).await.unwrap_or_default().items;
    eniconfigs.extend(there.into_iter().map(|config| config.name));
    let of_groups = groups
        .values()
        .filter(|group| group.tags.contains_key(TAG_CLUSTER))
        .filter_map(AutoScalingGroup::stack);
    let mut names: BTreeSet<String> = of_groups.cloned().collect();
    names.insert(stack_name(&cluster.name, BASE));
    // A managed node group of all zones has a name of its own.
    let last: Vec<&str> = eniconfigs.iter().map(String::as_str).chain([MANAGED]).collect();
    names.extend(last.iter().map(|name| group_stack(cluster, None, name)));
    for pool in pool_names(groups, managed) {
        names.extend(last.iter().map(|name| group_stack(cluster, Some(pool), name)));
    }
    let found = try_join_all(names.iter().map(|name| aws.cloudformation.stack(name))).await?;
    Ok(found.into_iter().flatten().map(|stack| (stack.name.clone(), stack)).collect())
}

/// The pools of these groups, and that of nodes without a group. A cluster with one pool names no stack after it.
fn pool_names<'a>(
    groups: &'a BTreeMap<String, AutoScalingGroup>,
    managed: &'a [ManagedNodeGroup],
) -> Vec<&'a str> {
    let is_managed = |group: &AutoScalingGroup| managed.iter().any(|one| one.groups.contains(&group.name));
    let own = groups.values().filter(|group| !group.tags.contains_key(TAG_CLUSTER) && !is_managed(group));
    // Of eni-custom's own, the pool that they replace: its old node group may be gone.
    let name = |one: &'a ManagedNodeGroup| match one.settings.pool.tags.get(TAG_POOL) {
        Some(pool) if one.is_ours() => pool.as_str(),
        _ => one.name.as_str(),
    };
    let mut names: Vec<&str> = managed.iter().map(name).collect();
    names.extend(own.map(|group| group.name.as_str()));
    names.push(OTHER_NODES);
    names
}
