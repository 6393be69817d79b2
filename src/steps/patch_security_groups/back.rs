//! The way back of step 8: the new nodes drained within their pods' budgets, their groups at size 0, and the
//! ENIConfigs' groups as they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_token::client_token;
use crate::design::Design;
use crate::design::undo::our_nodes;
use crate::discover::Section;
use crate::drain;
use crate::error::{Error, Result};
use crate::eviction::{self, Outlook};
use crate::facts::{EniConfig, Facts, same_groups};
use crate::session::Session;
use crate::settings::Settings;
use crate::step::{Change, Sign, Step};
use crate::steps::launch_nodegroups::{complete, settled};
use crate::steps::{Rules, eniconfigs};
use crate::words::counted;

pub struct Back;

#[derive(Debug, Clone)]
pub enum Retreat {
    /// All nodes of our groups at once: pods must not move from one of them to the next.
    Drain { nodes: BTreeSet<String>, outlook: Outlook },
    /// Only where the stack itself stays.
    Shrink { stack: String, before: String },
    /// Only where the ENIConfig itself stays.
    Groups { config: EniConfig, before: Vec<String> },
}

impl Rules for Back {
    type Change = Retreat;
    const STEP: Step = Step::PatchSecurityGroups;
    // Webhooks too: what stands behind them may have been rolled out since the run began.
    const READS: &'static [Section] =
        &[Section::EniConfigs, Section::NodeGroups, Section::Nodes, Section::Reach];

    fn changes(design: &Design, facts: &Facts, settings: &Settings) -> Vec<Retreat> {
        let takes_back = |step| settings.undo.is_some_and(|undo| undo.takes_back(step));
        let mut retreats = Vec::new();
        let nodes = our_nodes(facts);
        if !nodes.is_empty() {
            let outlook = eviction::outlook(facts, &nodes, settings);
            retreats.push(Retreat::Drain { nodes, outlook });
        }
        if !takes_back(Step::LaunchNodegroups) {
            retreats.extend(design.zones.iter().filter_map(|zone| shrink(facts, &zone.stack)));
        }
        if !takes_back(Step::WriteEniconfigs) {
            retreats.extend(groups(design, facts));
        }
        retreats
    }

    fn describe(retreat: &Retreat) -> Change {
        match retreat {
            Retreat::Drain { nodes, outlook: Outlook { moving, time, .. } } => {
                let change =
                    Change::new(Sign::Remove, format!("{} of our groups", counted(nodes.len(), "node")))
                        .to("pods to move", moving.to_string());
                if *moving > 0 { change.to("predicted time", time.to_string()) } else { change }
            }
            Retreat::Shrink { stack, before } => {
                Change::new(Sign::Change, format!("size of {stack}")).from_to("nodes", Some(before), "0")
            }
            Retreat::Groups { config, before } => {
                Change::new(Sign::Change, format!("ENIConfig {}", config.name)).from_to(
                    "securityGroups",
                    Some(config.security_groups.join(", ")),
                    before.join(", "),
                )
            }
        }
    }

    async fn apply(session: &mut Session, retreat: Retreat) -> Result<()> {
        match retreat {
            Retreat::Drain { nodes, .. } => drain::drain(session, &nodes).await,
            Retreat::Shrink { stack, .. } => {
                let there = settled(session, &stack).await?;
                let sizes: BTreeMap<String, String> =
                    ["MinSize", "DesiredCapacity"].map(|name| (name.to_string(), "0".to_string())).into();
                let content = format!("{} {} {sizes:?}", there.id, there.updated);
                let token =
                    client_token(&session.facts.cluster.arn, Step::PatchSecurityGroups.name(), &content);
                session.clients.aws.cloudformation.update_parameters(&there, &sizes, &token).await?;
                complete(session, &stack).await.map(drop)
            }
            Retreat::Groups { config, before } => {
                let config = EniConfig { security_groups: before, ..config };
                eniconfigs::write(session, Step::PatchSecurityGroups, &[config], true).await
            }
        }
    }

    /// A group may have started a node since the nodes were listed.
    async fn settle(session: &mut Session) -> Result<()> {
        match our_nodes(&session.facts).is_empty() {
            true => Ok(()),
            false => Err(Error::failed("the node groups have new nodes").fix("run the same command again")),
        }
    }
}

fn shrink(facts: &Facts, stack: &str) -> Option<Retreat> {
    let before = facts.node_groups.stacks.get(stack)?.parameters.get("DesiredCapacity")?.clone();
    (before != "0").then(|| Retreat::Shrink { stack: stack.into(), before })
}

/// ENIConfigs of ours that have other groups than before step 8.
fn groups(design: &Design, facts: &Facts) -> Vec<Retreat> {
    let ours = facts.eniconfigs.items.iter().filter(|config| config.ours);
    let differing = ours.filter_map(|config| {
        let before = facts.record.eniconfigs.get(&config.name)?.as_ref().filter(|before| !before.ours);
        let first = match before {
            Some(before) => before.security_groups.clone(),
            None if design.security_groups.is_empty() => vec![facts.cluster.security_group.clone()],
            None => return None,
        };
        let differs = !same_groups(&config.security_groups, &first);
        differs.then(|| Retreat::Groups { config: config.clone(), before: first })
    });
    differing.collect()
}
