//! Step 8: writes the security groups into each ENIConfig, and only then starts nodes.

mod launches;
mod undo;

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;

use crate::client_token::client_token;
use crate::design::{GroupDesign, PoolDesign, options};
use crate::discover::Section;
use crate::drain::suspend::read_groups;
use crate::error::{Error, Result};
use crate::events::Part;
use crate::facts::{EniConfig, Facts, Node, same_groups};
use crate::k8s::nodes;
use crate::net::max_pods::{Options, max_pods};
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign, Step};
use crate::tags::node_group_name;
use crate::text::counted;

use super::launch_nodegroups::{all_complete, settled};
use super::{Rules, eniconfigs};

pub(crate) use launches::Launches;
pub(crate) use undo::UndoPatchSecurityGroups;

pub(crate) struct PatchSecurityGroups;

#[derive(Debug, Clone)]
pub(crate) enum GroupsChange {
    Patch { name: String, before: Vec<String>, after: Option<Vec<String>>, subnet: Option<String> },
    Grow { group: GroupDesign, before: u32 },
}

impl Rules for PatchSecurityGroups {
    type Change = GroupsChange;
    const STEP: Step = Step::PatchSecurityGroups;
    const READS: &'static [Section] = &[Section::EniConfigs, Section::NodeGroups];

    fn changes(scene: &Scene<'_>) -> Vec<GroupsChange> {
        let Scene { design, facts, .. } = *scene;
        let after = design.final_groups(facts);
        let patches = design.zones.iter().filter_map(|zone| {
            let there = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig);
            let before =
                there.map_or_else(|| design.first_groups(facts), |config| config.security_groups.clone());
            if after.as_ref().is_some_and(|after| same_groups(&before, after)) {
                return None;
            }
            let subnet = there.map(|config| config.subnet.clone());
            Some(GroupsChange::Patch { name: zone.eniconfig.clone(), before, after: after.clone(), subnet })
        });
        // The order matters: the CNI never changes the groups of an existing interface (amazon-vpc-cni-k8s#277).
        patches.chain(design.groups().filter_map(|(_, group)| grow(facts, group))).collect()
    }

    fn describe(change: &GroupsChange) -> Change {
        match change {
            GroupsChange::Patch { name, before, after, .. } => {
                let change = Change::new(Sign::Change, format!("ENIConfig {name}"));
                match after {
                    Some(after) => {
                        change.before_after("securityGroups", Some(before.join(", ")), after.join(", "))
                    }
                    None => change.later("securityGroups"),
                }
            }
            GroupsChange::Grow { group, before } => {
                Change::new(Sign::Change, format!("size of {}", group.stack))
                    .before_after("desired size", Some(before.to_string()), group.size.to_string())
                    .to("max size", group.max_size.to_string())
            }
        }
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let Scene { design: _, facts, settings: _, .. } = *scene;
        let patches = |change: &GroupsChange| matches!(change, GroupsChange::Patch { .. });
        eniconfigs::note(facts, Self::changes(scene).iter().any(patches))
    }

    async fn apply(session: &mut Session, change: GroupsChange) -> Result<()> {
        match change {
            GroupsChange::Patch { name, after: Some(groups), subnet: Some(subnet), .. } => {
                let config = EniConfig { name, subnet, security_groups: groups, ours: true };
                let configs = match session.facts.addon_creates_eniconfigs() {
                    true => Self::configs(&session.scene()),
                    false => vec![config],
                };
                // Unchanged groups are no conflict; the checks asked about removed ones.
                eniconfigs::write(session, Step::PatchSecurityGroups, &configs, true).await
            }
            // The checks refuse this before the step starts: a step that it needs is not done.
            GroupsChange::Patch { .. } => Ok(()),
            GroupsChange::Grow { group, .. } => start_nodes(session, &group).await,
        }
    }

    /// The patches come first, and wait for nothing.
    fn beside<'a>(session: &'a Session, change: &'a GroupsChange) -> Option<LocalBoxFuture<'a, Result<()>>> {
        match change {
            GroupsChange::Grow { group, .. } => Some(Box::pin(start_nodes(session, group))),
            GroupsChange::Patch { .. } => None,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        let names: Vec<&str> = session.design.groups().map(|(_, group)| group.stack.as_str()).collect();
        all_complete(session, &names).await?;
        ready(session).await?;
        pods_have_addresses(session).await
    }
}

/// Sets the sizes of a group's stack.
async fn start_nodes(session: &Session, group: &GroupDesign) -> Result<()> {
    let there = settled(session, &group.stack).await?;
    let sizes: BTreeMap<String, String> = [
        ("MinSize".to_string(), group.min_size.to_string()),
        ("DesiredCapacity".to_string(), group.size.to_string()),
        ("MaxSize".to_string(), group.max_size.to_string()),
    ]
    .into();
    let token = client_token(
        &session.facts.cluster.arn,
        Step::PatchSecurityGroups.name(),
        &format!("{} {} {sizes:?}", there.id, there.updated),
    );
    session.clients.aws.cloudformation.update_parameters(&there, &sizes, &token).await
}

impl PatchSecurityGroups {
    /// All ENIConfigs whose groups change, with the new groups.
    fn configs(scene: &Scene<'_>) -> Vec<EniConfig> {
        let Scene { design: _, facts: _, settings: _, .. } = *scene;
        let patched = |change| match change {
            GroupsChange::Patch { name, after: Some(security_groups), subnet: Some(subnet), .. } => {
                Some(EniConfig { name, subnet, security_groups, ours: true })
            }
            _ => None,
        };
        Self::changes(scene).into_iter().filter_map(patched).collect()
    }
}

/// Whether a node group still needs to be resized.
pub(crate) fn grows(facts: &Facts, group: &GroupDesign) -> bool {
    grow(facts, group).is_some()
}

/// A group at size 0 grows. A group with nodes belongs to the autoscaler and the user, unless another size is set by flag.
fn grow(facts: &Facts, group: &GroupDesign) -> Option<GroupsChange> {
    let parameter =
        |key: &str| facts.node_groups.stacks.get(&group.stack)?.parameters.get(key)?.parse::<u32>().ok();
    let before = parameter("DesiredCapacity").unwrap_or_default();
    let max = parameter("MaxSize").unwrap_or_default();
    // A stack is created with its maximum.
    let is_there = facts.node_groups.stacks.contains_key(&group.stack);
    if before == group.size && (max >= group.max_size || !is_there) {
        return None;
    }
    Some(GroupsChange::Grow { group: group.clone(), before })
}

/// A node that accepts more pods than it has addresses for would leave them in ContainerCreating. No pod has been evicted
/// yet, so this is the moment to find it: an image may ignore or overrule what user data says.
async fn pods_have_addresses(session: &Session) -> Result<()> {
    let hard = Options { cap: false, ..options(&session.facts) };
    let groups = read_groups(session).await?;
    let nodes = nodes::list(&session.clients.kube.client).await?;
    for (pool, new) in session.design.groups() {
        let Some(group) = groups.values().find(|group| group.is_of(&new.stack)) else { continue };
        for node in nodes.iter().filter(|node| node.ready && group.holds(node)) {
            let own = pool.machine.types.iter().find(|one| one.kind.name == node.instance_type);
            let limit = own.and_then(|own| max_pods(&own.kind, &hard).ok());
            let Some(limit) = limit.filter(|limit| node.max_pods > limit.get()) else { continue };
            let (why, next) = too_many_pods(pool);
            return Err(Error::failed(format!(
                "a new node accepts {}, but an {} has addresses for {limit}",
                counted(node.max_pods, "pod"),
                node.instance_type
            ))
            .at(&node.name)
            .because(format!("pool {}: {why}; no pod was evicted", pool.name))
            .fix(format!("{} # then {next}", crate::fixes::command(&session.facts, "undo"))));
        }
    }
    Ok(())
}

/// Why a new node accepts more pods than it should, and what helps.
fn too_many_pods(pool: &PoolDesign) -> (&'static str, String) {
    match pool.kind.has_image_of_eks() {
        true => (
            "EKS sets max pods by aws-node's environment when it creates the node group, and does not know all of it",
            format!("setup with --managed-image {}=own, so that eni-custom sets max pods", pool.name),
        ),
        false => (
            "its image or user data overrules max pods",
            "set --ami-id or --ami-family for the pool, or its user data right".into(),
        ),
    }
}

/// What EKS reports about a managed node group.
async fn health(session: &Session, pool: &PoolDesign, group: &GroupDesign) -> Result<Option<String>> {
    if !pool.kind.is_managed() {
        return Ok(None);
    }
    let name = node_group_name(&group.stack);
    let eks = &session.clients.aws.eks;
    let managed = eks.managed_node_group(&session.facts.cluster.name, &name).await?;
    Ok((!managed.issues.is_empty()).then(|| managed.issues.join("; ")))
}

/// Waits until every group has its nodes Ready, and reports what keeps a node from starting.
async fn ready(session: &Session) -> Result<()> {
    let mut launches = Launches::default();
    let several = session.design.pools.len() > 1;
    let name = |pool: &PoolDesign, group: &GroupDesign| match several {
        true => format!("{} in {}", pool.name, group.zone_names()),
        false => group.zone_names(),
    };
    session
        .until("new nodes to be Ready", async || {
            let groups = read_groups(session).await?;
            let nodes = nodes::list(&session.clients.kube.client).await?;
            let mut waiting = Vec::new();
            let (mut there, mut all) = (0, 0);
            for (pool, new) in session.design.groups() {
                let Some(group) = groups.values().find(|group| group.is_of(&new.stack)) else {
                    waiting.push(format!("{}: group not visible yet", name(pool, new)));
                    continue;
                };
                // In capacity units, as the desired size is.
                let units = |is: fn(&Node) -> bool| -> u32 {
                    nodes.iter().filter(|node| is(node)).map(|node| group.units_of(node)).sum()
                };
                let (joined, ready) = (units(|_| true), units(|node| node.ready));
                let silent = units(Node::is_unreachable);
                let wanted = u32::try_from(group.desired).unwrap_or_default();
                there += ready.min(wanted) as usize;
                all += wanted as usize;
                // Waiting does not bring back a node that has stopped reporting; the checks name it.
                if new.size == 0 || (ready > 0 && ready + silent >= wanted && wanted > 0) {
                    continue;
                }
                let next = "the group keeps trying: run the same command again when there is capacity, or choose another \
                        --instance-type";
                if let Some(failure) = launches.failure(session, group, &new.zone_names(), next).await? {
                    waiting.push(format!("{}: {failure}", name(pool, new)));
                    continue;
                }
                let health = health(session, pool, new).await?.map(|issues| format!("; EKS: {issues}"));
                let health = health.unwrap_or_default();
                waiting.push(format!("{}: {ready} of {wanted} Ready, {joined} joined{health}", name(pool, new)));
            }
            let weighted = groups.values().flat_map(|group| &group.instances).any(|one| one.weight != 1);
            let noun = if weighted { "capacity unit" } else { "node" };
            let part = Part { done: there, of: all, noun };
            Ok(if waiting.is_empty() { Seen::Yes(()) } else { Seen::Partly(part, waiting.join("; ")) })
        })
        .await
}
