//! Waits until the drained instances and their Node objects are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::Result;
use crate::events::Part;
use crate::facts::{Facts, Hook, InstanceState, Lifecycle, chosen, group};
use crate::k8s::nodes as kube_nodes;
use crate::session::{Seen, Session, until};
use crate::text::counted;

use super::suspend::read_groups;

/// Waits until EC2 reports the instances as terminated and the Node objects are gone. Lifecycle hooks can keep
/// instances for hours, so their longest timeout is added to --timeout.
pub(super) async fn gone(session: &Session, nodes: &BTreeSet<String>) -> Result<()> {
    let facts = &session.facts;
    let ids: Vec<String> = chosen(facts, nodes).filter_map(|node| node.instance_id.clone()).collect();
    let timeout = session.settings.run.timeout + longest(facts, nodes);
    until(&session.events, &session.interrupt, timeout, "old instances to terminate", async || {
        let instances = session.clients.aws.ec2.instances(&ids).await?;
        let alive = instances.values().filter(|instance| instance.state != InstanceState::Terminated).count();
        let listed = kube_nodes::list(&session.clients.kube.client).await?;
        let joined = listed.iter().filter(|node| nodes.contains(&node.name)).count();
        if alive + joined == 0 {
            return Ok(Seen::Yes(()));
        }
        let held = match hooks(facts, nodes).next() {
            Some(_) => waiting(session, &ids).await?,
            None => String::new(),
        };
        let part = Part { done: ids.len().saturating_sub(alive), of: ids.len(), noun: "instance" };
        let left = format!("{} and {} left{held}", counted(alive, "instance"), counted(joined, "Node"));
        Ok(Seen::Partly(part, left))
    })
    .await
}

/// Terminate hooks of the nodes' groups.
fn hooks<'a>(facts: &'a Facts, nodes: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Hook> {
    let groups: BTreeSet<&str> = chosen(facts, nodes).filter_map(|node| group(facts, node)).collect();
    let of = groups.into_iter().filter_map(|name| facts.node_groups.hooks.get(name));
    of.filter_map(|hooks| hooks.as_ref().ok()).flatten()
}

/// How long hooks can keep an instance: the global timeouts run in parallel, so the longest one counts.
fn longest(facts: &Facts, nodes: &BTreeSet<String>) -> Duration {
    Duration::from_secs(hooks(facts, nodes).map(|hook| hook.longest).max().unwrap_or_default())
}

/// How many instances wait for a hook, as text.
async fn waiting(session: &Session, ids: &[String]) -> Result<String> {
    let groups = read_groups(session).await?;
    let instances = groups.values().flat_map(|group| &group.instances);
    let waiting =
        instances.filter(|one| one.state == Lifecycle::TerminatingWait && ids.contains(&one.id)).count();
    Ok(match waiting {
        0 => String::new(),
        count => format!(", {count} in Terminating:Wait for a lifecycle hook"),
    })
}
