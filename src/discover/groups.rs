//! Auto Scaling groups that belong to the cluster but lack its tag, and terminate lifecycle hooks.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::aws::Aws;
use crate::design::old_nodes;
use crate::error::Result;
use crate::facts::{Facts, Hook, group};

/// Auto Scaling groups without the cluster's tag, known from their instances, from EKS or from the record.
pub(super) async fn named(aws: &Aws, facts: &mut Facts) -> Result<()> {
    let known = &facts.node_groups.groups;
    let names: BTreeSet<String> = facts.group_names().filter(|name| !known.contains_key(name)).collect();
    let found = aws.autoscaling.named(&names.into_iter().collect::<Vec<_>>()).await?;
    facts.node_groups.groups.extend(found);
    Ok(())
}

/// Terminate hooks of the groups whose nodes will be drained. Hooks that can't be read are reported as unknown.
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
