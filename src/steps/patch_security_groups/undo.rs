//! Undo of step 8: drains the new nodes within the pods' budgets, sets their groups to size 0, and restores the
//! ENIConfigs' security groups.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::LocalBoxFuture;

use crate::client_token::client_token;
use crate::design::Design;
use crate::design::undo::our_nodes;
use crate::discover::Section;
use crate::drain;
use crate::error::{Error, Result};
use crate::eviction::{self, DrainOutlook};
use crate::facts::{EniConfig, Facts, count, same_groups};
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Sign, Step};
use crate::steps::launch_nodegroups::{complete, settled};
use crate::steps::{Rules, eniconfigs};
use crate::text::counted;

pub(crate) struct UndoPatchSecurityGroups;

#[derive(Debug, Clone)]
pub(crate) enum GroupsUndo {
    /// All new nodes at once: pods must not move from one new node to the next.
    Drain {
        nodes: BTreeSet<String>,
        /// How many of them each node group or NodePool has.
        owners: Vec<(String, usize)>,
        outlook: DrainOutlook,
    },
    /// Only if the stack itself is kept.
    Shrink { stack: String, before: String },
    /// Only if the ENIConfig itself is kept.
    Groups { config: EniConfig, before: Vec<String> },
}

impl Rules for UndoPatchSecurityGroups {
    type Change = GroupsUndo;
    const STEP: Step = Step::PatchSecurityGroups;
    // Webhooks too: their backends may have been rolled out since the run started.
    const READS: &'static [Section] =
        &[Section::EniConfigs, Section::NodeGroups, Section::Nodes, Section::Karpenter, Section::Reach];

    fn changes(scene: &Scene<'_>) -> Vec<GroupsUndo> {
        let Scene { design, facts, settings, .. } = *scene;
        let is_undone = |step| scene.undo().is_some_and(|undo| undo.covers(step));
        let mut changes = Vec::new();
        let nodes = our_nodes(facts);
        if !nodes.is_empty() {
            let outlook = eviction::outlook(facts, &nodes, settings);
            let owners = count(facts, &nodes);
            changes.push(GroupsUndo::Drain { nodes, owners, outlook });
        }
        if !is_undone(Step::LaunchNodegroups) {
            changes.extend(design.groups().filter_map(|(_, group)| shrink(facts, &group.stack)));
        }
        if !is_undone(Step::WriteEniconfigs) {
            changes.extend(groups(design, facts));
        }
        changes
    }

    fn describe(change: &GroupsUndo) -> Change {
        match change {
            GroupsUndo::Drain { nodes, owners, outlook: DrainOutlook { moving, time, .. } } => {
                let nodes = format!("{} with custom networking", counted(nodes.len(), "node"));
                let mut change = Change::new(Sign::Remove, nodes).expect("pods to move", moving.to_string());
                if *moving > 0 {
                    change = change.expect("predicted time", time.to_string());
                }
                owners.iter().fold(change, |change, (owner, nodes)| change.to(owner, counted(*nodes, "node")))
            }
            GroupsUndo::Shrink { stack, before } => Change::new(Sign::Change, format!("size of {stack}"))
                .before_after("desired size", Some(before), "0"),
            GroupsUndo::Groups { config, before } => {
                Change::new(Sign::Change, format!("ENIConfig {}", config.name)).before_after(
                    "securityGroups",
                    Some(config.security_groups.join(", ")),
                    before.join(", "),
                )
            }
        }
    }

    async fn apply(session: &mut Session, change: GroupsUndo) -> Result<()> {
        match change {
            GroupsUndo::Drain { nodes, .. } => drain::drain(session, &nodes).await,
            GroupsUndo::Shrink { stack, .. } => shrink_to_none(session, &stack).await,
            GroupsUndo::Groups { config, before } => {
                let config = EniConfig { security_groups: before, ..config };
                eniconfigs::write(session, Step::PatchSecurityGroups, &[config], true).await
            }
        }
    }

    fn beside<'a>(session: &'a Session, change: &'a GroupsUndo) -> Option<LocalBoxFuture<'a, Result<()>>> {
        match change {
            GroupsUndo::Shrink { stack, .. } => Some(Box::pin(shrink_to_none(session, stack))),
            GroupsUndo::Drain { .. } | GroupsUndo::Groups { .. } => None,
        }
    }

    /// A group may have started a node after the nodes were listed.
    async fn settle(session: &mut Session) -> Result<()> {
        if !our_nodes(&session.facts).is_empty() {
            // Those of the drain may be in the facts still.
            session.read(Self::READS).await?;
        }
        match our_nodes(&session.facts).is_empty() {
            true => Ok(()),
            false => Err(Error::failed("the node groups started new nodes during the drain")
                .fix("run the same command again")),
        }
    }
}

async fn shrink_to_none(session: &Session, stack: &str) -> Result<()> {
    let there = settled(session, stack).await?;
    let sizes: BTreeMap<String, String> =
        ["MinSize", "DesiredCapacity"].map(|name| (name.to_string(), "0".to_string())).into();
    let content = format!("{} {} {sizes:?}", there.id, there.updated);
    let token = client_token(&session.facts.cluster.arn, Step::PatchSecurityGroups.name(), &content);
    session.clients.aws.cloudformation.update_parameters(&there, &sizes, &token).await?;
    complete(session, stack).await.map(drop)
}

fn shrink(facts: &Facts, stack: &str) -> Option<GroupsUndo> {
    let before = facts.node_groups.stacks.get(stack)?.parameters.get("DesiredCapacity")?.clone();
    (before != "0").then(|| GroupsUndo::Shrink { stack: stack.into(), before })
}

/// Our ENIConfigs whose groups differ from those before step 8.
fn groups(design: &Design, facts: &Facts) -> Vec<GroupsUndo> {
    let ours = facts.eniconfigs.items.iter().filter(|config| config.ours);
    let differing = ours.filter_map(|config| {
        let before = facts.record.eniconfigs.get(&config.name)?.as_ref().filter(|before| !before.ours);
        let first = match before {
            Some(before) => before.security_groups.clone(),
            None if design.security_groups.is_empty() => vec![facts.cluster.security_group.clone()],
            None => return None,
        };
        let differs = !same_groups(&config.security_groups, &first);
        differs.then(|| GroupsUndo::Groups { config: config.clone(), before: first })
    });
    differing.collect()
}
