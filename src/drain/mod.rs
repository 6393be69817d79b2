//! Empties nodes within their pods' PodDisruptionBudgets and ends their instances through their owner.
//!
//! The seam to the rest is `drain`: it is given the nodes, and comes back when they are gone, or says why not.

pub mod budgets;
pub mod default_budget;
pub mod filter;
pub mod forecast;
mod gone;
mod moved;
pub mod owner;
pub mod preview;
pub mod room;
mod run;
pub mod schedule;
pub mod surge;
pub mod suspend;
mod watch;

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::k8s::nodes as kube_nodes;
use crate::settings::Settings;
use crate::walk::Walk;
use crate::words::{few, part, subject};

use forecast::{Time, forecast};
use run::Run;
use schedule::{Controllers, NotRunning};
use suspend::Ended;

/// What the drain of some nodes comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Pods that it moves.
    pub moving: usize,
    pub time: Time,
    /// Controllers of two or more pods that have no PodDisruptionBudget, and the default budget during the drain.
    pub guarded: usize,
}

/// How many pods the drain of these nodes moves, and how long it may take.
pub fn outlook(facts: &Facts, nodes: &BTreeSet<String>, settings: &Settings) -> Outlook {
    let moving = filter::sort(facts, nodes, settings).evict;
    // A pod that is deleted and not evicted asks no budget.
    let budgets = if settings.disable_eviction { &[][..] } else { &facts.budgets };
    let fail_closed = default_budget::fail_closed(facts);
    let own = (!settings.no_default_budget).then_some(&fail_closed);
    let forecast = forecast(&moving, &facts.pods, budgets, own);
    Outlook { moving: moving.len(), time: forecast.time, guarded: forecast.guarded }
}

/// What the schedule has to know of controllers.
fn controllers(facts: &Facts, settings: &Settings) -> Controllers {
    Controllers {
        ordered: facts.ordered_sets.clone(),
        fail_closed: default_budget::fail_closed(facts),
        default_budget: !settings.no_default_budget,
    }
}

/// How many calls that change something are under way at once.
const AT_ONCE: usize = 32;

/// Drains and terminates these nodes. On failure, at the deadline and at Ctrl-C the nodes that this run cordoned
/// and that are still there take pods again, and their owners get back what was held.
pub async fn drain(walk: &mut Walk, nodes: &BTreeSet<String>) -> Result<()> {
    let ours: BTreeSet<String> = walk
        .facts
        .ec2_nodes()
        .filter(|node| nodes.contains(&node.name) && !node.unschedulable)
        .map(|node| node.name.clone())
        .collect();
    walk.remember(|record| record.cordoned.extend(ours.iter().cloned())).await?;
    let mut ending = BTreeSet::new();
    let worked = work(walk, nodes, &ours, &mut ending).await;
    let not_running = worked.as_ref().ok().cloned().unwrap_or_default();
    if let Err(error) = worked {
        if walk.lock_lost.load(std::sync::atomic::Ordering::Relaxed) {
            // Another run may be at work on what would be put back.
            return Err(error);
        }
        // What went wrong first is what is reported; the record keeps what could not be put back for the next run.
        if let Err(second) = put_back(walk, nodes, &ending).await {
            walk.events.note(format!("not all is put back, the next run does it: {second}"));
        }
        return Err(error);
    }
    if nodes.is_empty() && !walk.design.old_nodes.is_empty() {
        // A run was cut, and its drain is not wanted any more.
        return put_back(walk, nodes, &ending).await;
    }
    surge::down(walk).await?;
    suspend::resume(walk, nodes, Ended::Done).await?;
    // Others that an interrupted run has cordoned and that this one was not asked to drain.
    uncordon(walk, nodes).await?;
    walk.remember(|record| record.cordoned.clear()).await?;
    // The nodes are gone and nothing is held any more: there is no way to put back what does not run.
    moved::check(&moved::still_wanted(walk, not_running).await)
}

/// Answers what was moved and does not run again.
async fn work(
    walk: &mut Walk,
    nodes: &BTreeSet<String>,
    ours: &BTreeSet<String>,
    ending: &mut BTreeSet<String>,
) -> Result<Vec<NotRunning>> {
    let seen = watch::watch(&walk.clients.kube.client);
    suspend::suspend(walk, nodes).await?;
    cordon(walk, ours, true).await?;
    surge::up(walk, nodes).await?;
    let not_running = Run::new(walk, nodes, seen, ending).carry_out().await?;
    gone::gone(walk, nodes).await?;
    Ok(not_running)
}

/// All of them before the first pod moves, so that none moves from one old node to another.
async fn cordon(walk: &Walk, nodes: &BTreeSet<String>, unschedulable: bool) -> Result<()> {
    let client = &walk.clients.kube.client;
    stream::iter(nodes)
        .map(|node| kube_nodes::set_unschedulable(client, node, unschedulable))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Uncordons what the record says we cordoned and what is still there, but for these nodes.
async fn uncordon(walk: &Walk, but: &BTreeSet<String>) -> Result<()> {
    let recorded = &walk.facts.record.cordoned;
    if recorded.is_subset(but) {
        return Ok(());
    }
    let there = kube_nodes::list(&walk.clients.kube.client).await?.into_iter().map(|node| node.name);
    let cordoned = there.filter(|name| recorded.contains(name) && !but.contains(name)).collect();
    cordon(walk, &cordoned, false).await
}

/// Takes back the cordons of this run and of those before it that were cut. It also runs after Ctrl-C, so it waits for
/// no pod.
pub async fn put_back(walk: &mut Walk, nodes: &BTreeSet<String>, ending: &BTreeSet<String>) -> Result<()> {
    uncordon(walk, ending).await?;
    surge::down(walk).await?;
    suspend::resume(walk, nodes, Ended::GivenUp).await?;
    let emptied = suspend::emptied(&walk.facts);
    if !emptied.is_empty() {
        suspend::resume_rebalance(walk, &emptied).await?;
    }
    walk.remember(|record| record.cordoned.clear()).await
}

/// The deadline is over, or nothing can be done any more.
fn left_over(progress: &schedule::Progress, seconds: u64, stuck: bool) -> Error {
    let lines: Vec<String> =
        progress.waiting.iter().map(|each| format!("{}: {}", few(&each.pods), each.why)).collect();
    let left = progress.pods - progress.moved;
    let what = match stuck {
        true => format!("{} on old nodes and can't be evicted", subject(left, "pod", "is", "are")),
        false => format!("{} on old nodes after {seconds} s", subject(left, "pod", "is still", "are still")),
    };
    Error::unproven(what)
        .at(part(progress.nodes - progress.empty, progress.nodes, "node"))
        .because(lines.join("\n         "))
        .next("run the same command again to go on; nodes that are not empty take pods again meanwhile")
}
