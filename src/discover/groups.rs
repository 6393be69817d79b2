//! Auto Scaling groups that something of the cluster names, and what holds their instances back.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::aws::Aws;
use crate::design::old_nodes;
use crate::error::Result;
use crate::facts::{Facts, Hook, group};

/// Auto Scaling groups that only their instances, EKS or the record tell of: they lack the cluster's tag.
pub(super) async fn named(aws: &Aws, facts: &mut Facts) -> Result<()> {
    let known = &facts.node_groups.groups;
    let names: BTreeSet<String> = facts.group_names().filter(|name| !known.contains_key(name)).collect();
    let found = aws.autoscaling.named(&names.into_iter().collect::<Vec<_>>()).await?;
    facts.node_groups.groups.extend(found);
    Ok(())
}

/// Terminate hooks of the groups whose nodes are to go. What can't be read is unknown, and said to be.
pub(super) async fn hooks(
    aws: &Aws,
    facts: &Facts,
) -> BTreeMap<String, std::result::Result<Vec<Hook>, String>> {
    let old = old_nodes(facts);
    let nodes = facts.nodes.iter().filter(|node| old.contains(&node.name));
    let groups: BTreeSet<String> =
        nodes.filter_map(|node| group(facts, node)).map(ToString::to_string).collect();
    let read = groups.into_iter().map(|name| async move {
        let hooks = aws.autoscaling.terminate_hooks(&name).await;
        (name, hooks.map_err(|error| error.in_short()))
    });
    join_all(read).await.into_iter().collect()
}
