//! Decides which pods may be evicted now, and which nodes are empty, from the events of the watches. Pure.
//!
//! Pods are queued by the budgets that cover them, not by node: the budgets limit the drain, and going node by node would
//! add up the waits of all nodes. A budget allows what its status says, less the evictions sent since that the status
//! does not show yet. In addition, each controller has a default budget (`default_budget`), computed from its pods.

mod availability;
mod budget;
mod jobs;
mod order;
mod own;
mod report;
mod running;
mod sets;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::facts::{Budget, Pod};

use super::budgets::covers;
use super::default_budget::Rule;
use super::filter::{Leave, Refuse};
use availability::{Availability, NOT_RECREATED, PATIENCE};
use budget::{BudgetLedger, LedgerView};
use jobs::{PendingPod, PodState, Queue, QueueKey};
pub(crate) use report::DrainProgress;
pub(crate) use running::NotRunning;
use sets::Set;

/// How long the drain waits, after the grace period, for a pod on a node that does not report: the kubelet may return.
const UNREACHABLE: Duration = Duration::from_secs(15);
/// Before an eviction is retried after an answer that is not about a budget (the API server is busy or unreachable).
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Before an eviction that admission denied is retried: the interval of kubectl drain.
const DENIED: Duration = Duration::from_secs(5);

/// How much is done at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Pods being evicted.
    pub in_flight: usize,
    /// Nodes being drained.
    pub nodes: usize,
    /// How long one pod may take to terminate, if limited.
    pub pod: Option<Duration>,
    /// How long after its grace period the drain waits for a terminating pod, if limited.
    pub skip: Option<Duration>,
}

/// What is known about controllers before the drain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Controllers {
    /// StatefulSets (`namespace/name`) whose pods are evicted one at a time.
    pub ordered: BTreeSet<String>,
    /// Controllers (`Pod::workload_name`) of pods behind webhooks that fail closed.
    pub fail_closed: BTreeSet<String>,
    /// Each controller has a default budget.
    pub default_budget: bool,
}

/// What happens to a pod on a drained node.
pub(crate) type Verdict = Result<Option<Leave>, Refuse>;

/// The API server's answer to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The pod terminates after its grace period.
    Accepted,
    /// It is gone already.
    Gone,
    /// Its budget allows no disruptions right now.
    NoDisruptions(String),
    /// More than one budget covers it: it can never be evicted.
    TooManyBudgets(String),
    /// An error that is not about budgets: retry.
    Retry(String),
    /// A webhook, a policy or a terminating namespace blocks this pod alone: retry.
    Denied(String),
}

/// The state of a drain.
pub(crate) struct Schedule {
    judge: Box<dyn Fn(&Pod) -> Verdict + Send>,
    limits: Limits,
    controllers: Controllers,
    nodes: BTreeMap<String, NodeQueue>,
    pending: HashMap<String, PendingPod>,
    queues: BTreeMap<QueueKey, Queue>,
    /// UIDs of pods being evicted or terminating, and of those to retry, with the time.
    evicting: BTreeSet<String>,
    later: BTreeMap<String, Instant>,
    /// Budgets of evictions that have no answer yet, by UID.
    unanswered: HashMap<String, String>,
    ledgers: BTreeMap<String, BudgetLedger>,
    /// The pods of each controller, by `Pod::workload_name`, and the controller of each pod, by UID.
    availability: BTreeMap<Arc<str>, Availability>,
    members: HashMap<String, Arc<str>>,
    /// UIDs of pods that are gone, with the time until which the drain waits for a replacement, in order.
    vacated: VecDeque<(Instant, String)>,
    /// When the first pod could be evicted, and whether `PATIENCE` is over since then.
    began: Option<Instant>,
    patience_is_over: bool,
    /// UIDs of terminating pods that the drain no longer waits for.
    skipped: BTreeSet<String>,
    /// Nodes whose kubelets do not report.
    unreachable: BTreeSet<String>,
    /// When a pod of each budget and each controller was last evicted.
    last_evicted: HashMap<String, Instant>,
    sets: BTreeMap<String, Set>,
    /// Pods that are not Ready, on any node, by UID.
    unready: BTreeMap<String, Pod>,
    moved: usize,
    total: usize,
}

/// A node to drain, with its pods.
#[derive(Debug, Default)]
struct NodeQueue {
    rank: usize,
    /// UIDs of pods to evict, and of those that may not be evicted.
    pods: BTreeSet<String>,
    refused: BTreeMap<String, (String, Refuse)>,
    reported: bool,
}

impl Schedule {
    /// A schedule for these nodes. Pods and budgets are added by `pod` and `budget`, in any order.
    pub(crate) fn new(
        nodes: &BTreeSet<String>,
        controllers: Controllers,
        limits: Limits,
        judge: impl Fn(&Pod) -> Verdict + Send + 'static,
    ) -> Self {
        let nodes = nodes.iter().map(|name| (name.clone(), NodeQueue::default())).collect();
        Schedule {
            judge: Box::new(judge),
            limits,
            controllers,
            nodes,
            pending: HashMap::new(),
            queues: BTreeMap::new(),
            evicting: BTreeSet::new(),
            later: BTreeMap::new(),
            unanswered: HashMap::new(),
            ledgers: BTreeMap::new(),
            availability: BTreeMap::new(),
            members: HashMap::new(),
            vacated: VecDeque::new(),
            began: None,
            patience_is_over: false,
            skipped: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            last_evicted: HashMap::new(),
            sets: BTreeMap::new(),
            unready: BTreeMap::new(),
            moved: 0,
            total: 0,
        }
    }

    /// Orders the nodes: those that can be empty soonest first. Called once all pods and budgets are added.
    pub(crate) fn arrange(&mut self) {
        let ranks = order::ranks(self);
        for (name, node) in &mut self.nodes {
            node.rank = ranks.get(name).copied().unwrap_or_default();
        }
        let all: Vec<String> = self.pending.keys().cloned().collect();
        for uid in all {
            self.enqueue(&uid);
        }
    }

    /// Adds or updates a pod.
    pub(crate) fn pod(&mut self, pod: Pod, now: Instant) {
        self.note_successor(&pod);
        self.note_readiness(&pod);
        self.note_availability(&pod, now);
        if !self.nodes.contains_key(&pod.node) || self.skipped.contains(&pod.uid) {
            return;
        }
        match (self.judge)(&pod) {
            Ok(Some(_)) => {
                if let Some(node) = self.nodes.get_mut(&pod.node) {
                    node.refused.remove(&pod.uid);
                }
                self.finish(&pod.uid, now);
            }
            Err(reason) => {
                if let Some(node) = self.nodes.get_mut(&pod.node) {
                    node.refused.insert(pod.uid.clone(), (pod.full_name(), reason));
                }
            }
            Ok(None) => self.note_pending(pod, now),
        }
    }

    /// A pod is gone.
    pub(crate) fn pod_gone(&mut self, uid: &str, now: Instant) {
        self.unready.remove(uid);
        for node in self.nodes.values_mut() {
            node.refused.remove(uid);
        }
        self.note_gone(uid, now);
        self.finish(uid, now);
    }

    /// Adds or updates a budget. Pods that it blocked may be tried again.
    pub(crate) fn budget(&mut self, budget: Budget, now: Instant) {
        let name = budget.full_name();
        let pending = &self.pending;
        let is_known = |uid: &String, pod: &str| match pending.get(uid).map(|entry| &entry.state) {
            // Gone: this status is newer than its eviction.
            None => true,
            Some(PodState::Terminating(since)) => {
                budget.disrupted.contains(pod) || now.duration_since(*since) > budget::SLOWEST_STATUS
            }
            Some(_) => budget.disrupted.contains(pod),
        };
        let changed = match self.ledgers.get_mut(&name) {
            Some(ledger) => ledger.update(&budget, is_known),
            None => {
                self.ledgers.insert(name, BudgetLedger::new(budget.clone()));
                true
            }
        };
        if changed {
            self.update_coverage(&budget.namespace);
        }
    }

    pub(crate) fn budget_gone(&mut self, name: &str) {
        if let Some(ledger) = self.ledgers.remove(name) {
            self.update_coverage(&ledger.budget.namespace);
        }
    }

    /// Handles the answer to an eviction.
    pub(crate) fn answered(&mut self, uid: &str, answer: Answer, now: Instant) {
        if let Some(ledger) = self.unanswered.remove(uid).and_then(|name| self.ledgers.get_mut(&name)) {
            ledger.answered(uid);
        }
        let Some(entry) = self.pending.get_mut(uid) else { return };
        if !matches!(entry.state, PodState::Asked(_)) {
            return;
        }
        if !matches!(answer, Answer::Retry(_) | Answer::Denied(_)) {
            entry.refused_before = false;
        } else if !std::mem::replace(&mut entry.refused_before, true) {
            entry.since = now;
        }
        let ledger = match entry.queue.budgets.as_slice() {
            [one] => self.ledgers.get_mut(one),
            _ => None,
        };
        if !matches!(answer, Answer::Accepted | Answer::Gone)
            && let Some(stays) = self.members.get(uid).and_then(|name| self.availability.get_mut(name))
        {
            stays.restore(&entry.pod);
        }
        match answer {
            // Only the watch decides that a pod is gone: then the node is terminated.
            Answer::Accepted | Answer::Gone => {
                entry.state = PodState::Terminating(now);
                entry.since = now;
                for held_by in entry.queue.budgets.iter().chain(&entry.queue.controller) {
                    self.last_evicted.insert(held_by.clone(), now);
                }
                return;
            }
            Answer::NoDisruptions(_) => {
                entry.state = PodState::Waiting;
                if let Some(ledger) = ledger {
                    ledger.refused(uid);
                }
            }
            Answer::Retry(reason) => {
                entry.state = PodState::Retry(now + TRY_AGAIN, reason);
                if let Some(ledger) = ledger {
                    ledger.release(uid);
                }
            }
            Answer::Denied(reason) => {
                entry.state = PodState::Retry(now + DENIED, reason);
                if let Some(ledger) = ledger {
                    ledger.release(uid);
                }
            }
            Answer::TooManyBudgets(reason) => {
                entry.state = PodState::Blocked(reason);
                if let Some(ledger) = ledger {
                    ledger.release(uid);
                }
            }
        }
        // Not evicted: another pod of its StatefulSet may be tried.
        if let Some(set) = self.set_of(uid).and_then(|name| self.sets.get_mut(&name))
            && set.moving.as_ref().is_some_and(|(_, moving, _)| moving == uid)
        {
            set.moving = None;
        }
        self.enqueue(uid);
    }

    /// Evictions to send now. Each counts as sent.
    pub(crate) fn next(&mut self, now: Instant) -> Vec<Pod> {
        let mut room = self.limits.in_flight.saturating_sub(self.evicting.len());
        let active = self.active_nodes();
        self.begin(now);
        self.free_sets(now);
        self.free_unfilled(now);
        // Their time has come. What blocks them now ends with an event; waking up for them would loop.
        self.later.retain(|_, until| *until > now);
        let mut chosen = Vec::new();
        // One budget may cover several controllers.
        let mut ledgers: HashMap<&str, LedgerView<'_>> = HashMap::new();
        // Ready pods by controller: pods with different labels are in several queues.
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for (key, waiting) in &self.queues {
            // With two budgets the API server answers 500. The checks refuse such pods, but they may have appeared since.
            let mut ledger = match key.budgets.as_slice() {
                [] => None,
                [one] => {
                    self.ledgers.get(one).map(|ledger| ledgers.entry(one).or_insert_with(|| ledger.view()))
                }
                _ => continue,
            };
            let allowed = self.allowed(key).unwrap_or(usize::MAX);
            let taken = taken.entry(key.controller.as_deref().unwrap_or_default()).or_default();
            for (_, _, uid) in waiting.unready.iter().chain(&waiting.ready) {
                let Some(entry) = self.pending.get(uid) else { continue };
                if room == 0
                    || ledger.as_ref().is_some_and(|ledger| ledger.is_empty_for(&entry.pod))
                    || (entry.pod.ready && *taken >= allowed)
                {
                    break;
                }
                let waits = matches!(&entry.state, PodState::Retry(until, _) if *until > now);
                let is_active = active.as_ref().is_none_or(|active| active.contains(&entry.pod.node));
                if waits || !is_active || !self.is_next_in_its_set(entry) {
                    continue;
                }
                if let Some(ledger) = &mut ledger
                    && !ledger.take(&entry.pod)
                {
                    continue;
                }
                // A pod that is not Ready does not count.
                *taken += usize::from(entry.pod.ready);
                room -= 1;
                chosen.push(uid.clone());
                if let Some(set) = self.set_name(&entry.pod).and_then(|name| self.sets.get_mut(&name)) {
                    set.moving = Some((entry.pod.name.clone(), uid.clone(), None));
                    set.successor = false;
                }
            }
        }
        chosen.iter().filter_map(|uid| self.ask(uid, now)).collect()
    }

    /// When to call `next` again without an event; always later than its last call.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let later = self.later.values().copied();
        let sets = self.sets.values().filter_map(Set::gives_up_at);
        let vacated = self.vacated.iter().find(|(_, uid)| self.is_vacated(uid)).map(|(until, _)| *until);
        let patience = self.began.filter(|_| !self.patience_is_over).map(|began| began + PATIENCE);
        let sick = patience.filter(|_| self.availability.values().any(Availability::has_unready_before));
        let skipped = self.skips().map(|(at, _)| at).min();
        later.chain(sets).chain(vacated).chain(sick).chain(skipped).min()
    }

    /// Pods that are terminating for too long; each is returned once. Their nodes may be terminated.
    pub(crate) fn skip(&mut self, now: Instant) -> Vec<Pod> {
        let due: Vec<String> =
            self.skips().filter(|(at, _)| *at <= now).map(|(_, uid)| uid.clone()).collect();
        let mut skipped = Vec::new();
        for uid in due {
            skipped.extend(self.pending.get(&uid).map(|entry| entry.pod.clone()));
            self.skipped.insert(uid.clone());
            self.finish(&uid, now);
        }
        skipped
    }

    /// Sets the nodes whose kubelets do not report. Pods there are never reported as gone, so the drain stops waiting for
    /// them without a flag (as Cluster API does after five minutes).
    pub(crate) fn unreachable(&mut self, nodes: BTreeSet<String>) {
        self.unreachable = nodes;
    }

    /// Until when the drain waits for terminating pods.
    fn skips(&self) -> impl Iterator<Item = (Instant, &String)> {
        let any = self.limits.skip.is_some() || !self.unreachable.is_empty();
        let ending = any.then_some(&self.evicting).into_iter().flatten();
        let ending = ending.filter_map(|uid| Some((uid, self.pending.get(uid)?)));
        let ending = ending.filter(|(_, entry)| matches!(entry.state, PodState::Terminating(_)));
        ending.filter_map(|(uid, entry)| {
            let unreachable = self.unreachable.contains(&entry.pod.node).then_some(UNREACHABLE);
            let skip = self.limits.skip.into_iter().chain(unreachable).min()?;
            Some((entry.overdue_from() + skip, uid))
        })
    }

    /// Nodes that have no more pods to evict; each is returned once.
    pub(crate) fn emptied(&mut self) -> Vec<String> {
        let empty = self.nodes.iter_mut().filter(|(_, node)| node.is_empty() && !node.reported);
        empty
            .map(|(name, node)| {
                node.reported = true;
                name.clone()
            })
            .collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.nodes.values().all(NodeQueue::is_empty)
    }

    /// Whether nodes are not empty and nothing can be done: their pods may not be evicted, or do not terminate.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        let hopeless = |entry: &PendingPod| match entry.state {
            PodState::Blocked(_) => true,
            PodState::Terminating(since) => {
                self.limits.pod.is_some_and(|most| now.duration_since(since) >= most)
            }
            _ => entry.queue.budgets.len() > 1,
        };
        !self.is_done() && self.pending.values().all(hopeless)
    }

    /// Marks a queued pod that can never be evicted. Returns whether it was still queued.
    pub(crate) fn give_up(&mut self, uid: &str, why: &str) -> bool {
        let Some(entry) = self.pending.get_mut(uid) else { return false };
        if !matches!(entry.state, PodState::Waiting | PodState::Retry(..)) {
            return false;
        }
        entry.state = PodState::Blocked(why.to_string());
        self.enqueue(uid);
        true
    }

    pub(crate) fn is_drained(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    /// The nodes that may be drained now, if limited: the first ones that are not empty.
    fn active_nodes(&self) -> Option<BTreeSet<String>> {
        if self.limits.nodes >= self.nodes.len() {
            return None;
        }
        let mut left: Vec<(&usize, &String)> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.is_empty())
            .map(|(name, node)| (&node.rank, name))
            .collect();
        left.sort();
        Some(left.into_iter().take(self.limits.nodes).map(|(_, name)| name.clone()).collect())
    }

    fn note_readiness(&mut self, pod: &Pod) {
        if pod.ready || pod.is_finished() || pod.deleting {
            self.unready.remove(&pod.uid);
            return;
        }
        self.unready.insert(pod.uid.clone(), pod.clone());
    }
}

impl NodeQueue {
    fn is_empty(&self) -> bool {
        self.pods.is_empty() && self.refused.is_empty()
    }
}

#[cfg(test)]
mod tests;
