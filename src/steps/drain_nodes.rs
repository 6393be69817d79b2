//! Step 9: drains the old nodes within their pods' budgets, and terminates them through their owner.

mod drift;
mod old_groups;
pub(crate) mod replacement;
mod undo;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::discover::Section;
use crate::drain;
use crate::error::Result;
use crate::eviction::{self, DrainOutlook};
use crate::facts::count;
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Sign, Step};
use crate::text::{counted, subject};

use super::Rules;

pub(crate) use undo::UndoDrainNodes;

pub(crate) struct DrainNodes;

#[derive(Debug, Clone)]
pub(crate) enum Removal {
    Drain(Replace),
    Drift(drift::Drift),
    /// An old managed node group.
    Group(String),
}

/// All old nodes at once: pods must not move from one old node to the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replace {
    nodes: BTreeSet<String>,
    /// `owner: how many`
    owners: Vec<(String, usize)>,
    outlook: DrainOutlook,
}

/// What an interrupted drain left behind, and how it is cleaned up.
fn interrupted() -> Change {
    Change::new(Sign::Change, "node groups and nodes of an interrupted drain").before_after(
        "suspended or cordoned",
        Some("yes"),
        "no",
    )
}

impl Rules for DrainNodes {
    type Change = Removal;
    const STEP: Step = Step::DrainNodes;
    // Webhooks too: their backends may have been rolled out since the run started.
    const READS: &'static [Section] =
        &[Section::NodeGroups, Section::Nodes, Section::Karpenter, Section::Reach];

    fn changes(scene: &Scene<'_>) -> Vec<Removal> {
        let groups = scene.design.deleted.iter().cloned().map(Removal::Group);
        let drifts = drift::changes(scene).into_iter().map(Removal::Drift);
        drains(scene).map(Removal::Drain).into_iter().chain(drifts).chain(groups).collect()
    }

    fn describe(removal: &Removal) -> Change {
        match removal {
            Removal::Drain(drain) => described(drain),
            Removal::Drift(drift) => drift::describe(drift),
            Removal::Group(name) => Change::new(Sign::Remove, format!("managed node group {name}")),
        }
    }

    fn predicted(changes: &[Removal]) -> Option<Duration> {
        let of = |removal: &Removal| match removal {
            Removal::Drain(drain) => Some(drain.outlook.time.estimate),
            Removal::Drift(_) | Removal::Group(_) => None,
        };
        changes.iter().filter_map(of).max()
    }

    fn left_out(scene: &Scene<'_>) -> Option<String> {
        let Scene { design, settings, .. } = *scene;
        let old = design.old_nodes.difference(&design.karpenter.replaced).count();
        let staying = if settings.drain.keep_old_nodes { old } else { old - design.drained.len() };
        match (staying, settings.drain.keep_old_nodes) {
            (0, _) => None,
            (staying, true) => {
                Some(format!("{} kept (--keep-old-nodes)", subject(staying, "old node", "is", "are")))
            }
            (staying, false) => Some(format!("{} not selected", subject(staying, "old node", "is", "are"))),
        }
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let drain = &scene.settings.drain;
        match drain.preview && !drain.keep_old_nodes {
            true => eviction::preview::preview(scene),
            false => Vec::new(),
        }
    }

    async fn apply(session: &mut Session, removal: Removal) -> Result<()> {
        match removal {
            Removal::Drain(drain) => drain::drain(session, &drain.nodes).await,
            Removal::Drift(drift) => drift::start(session, drift).await,
            Removal::Group(name) => old_groups::delete(session, &name).await,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        drift::replaced(session).await?;
        old_groups::gone(session).await
    }
}

/// The drain, unless there is nothing to drain and no earlier drain to finish.
fn drains(scene: &Scene<'_>) -> Option<Replace> {
    let Scene { design, facts, settings, .. } = *scene;
    let left = facts.record.drain_is_open() || !drain::suspend::emptied(facts).is_empty();
    if (design.drained.is_empty() || settings.drain.keep_old_nodes) && !left {
        return None;
    }
    if settings.drain.keep_old_nodes || design.drained.is_empty() && !facts.record.drain_is_open() {
        return Some(Replace::default());
    }
    let outlook = eviction::outlook(facts, &design.drained, settings);
    let owners = count(facts, &design.drained);
    Some(Replace { nodes: design.drained.clone(), owners, outlook })
}

fn described(change: &Replace) -> Change {
    if change.nodes.is_empty() {
        return interrupted();
    }
    let mut described = Change::new(Sign::Remove, counted(change.nodes.len(), "old node"))
        .expect("pods to move", change.outlook.moving.to_string());
    if change.outlook.moving > 0 || change.outlook.lb_drain.is_some() {
        described = described.expect("predicted time", change.outlook.time.to_string());
    }
    if change.outlook.guarded > 0 {
        let controllers = counted(change.outlook.guarded, "controller");
        let pace = format!("{controllers}, at most 25 % of the pods unavailable at a time");
        described = described.expect("without a PodDisruptionBudget", pace);
    }
    if let Some(wait) = change.outlook.lb_drain {
        described =
            described.expect("predicted time includes", format!("{} s for load balancers", wait.as_secs()));
    }
    change.owners.iter().fold(described, |change, (owner, nodes)| change.to(owner, counted(*nodes, "node")))
}
