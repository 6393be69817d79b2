//! Which pods may be evicted now, and which nodes are empty: what was seen goes in, what to do comes out. Pure.
//!
//! Pods wait by the budgets that cover them, not by node: no drain can be faster than its budgets allow, and one that
//! goes node by node pays each node's wait in turn. A budget's room is what its status says, less the evictions
//! that were sent since and that the status doesn't know yet. Beside the API's budgets each controller has one of our
//! own, whose room is read off the controller's pods (`default_budget`).

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
use budget::{Looked, Purse};
use jobs::{Job, Queue, QueueKey, State};
pub use report::{Progress, Waiting, Why};
pub use running::NotRunning;
use sets::Set;

/// How long a pod on a node that does not report is waited for beyond its grace period: a kubelet that is back by then
/// ends it.
const UNREACHABLE: Duration = Duration::from_secs(15);
/// After an answer that says nothing about a budget (the API server is busy, or away).
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// After one of admission's, which may ask others: as often as kubectl drain asks again.
const DENIED: Duration = Duration::from_secs(5);

/// How much may be done at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pods on their way out.
    pub in_flight: usize,
    /// Nodes that are being emptied.
    pub nodes: usize,
    /// How long one pod may take to end, where that is limited.
    pub pod: Option<Duration>,
    /// How long after its grace period a terminating pod is not waited for any longer, where that is limited.
    pub skip: Option<Duration>,
}

/// What was read of controllers before the drain.
#[derive(Debug, Clone, Default)]
pub struct Controllers {
    /// StatefulSets (`namespace/name`) whose pods go one at a time.
    pub ordered: BTreeSet<String>,
    /// Controllers (`Pod::workload_name`) of pods behind webhooks that fail closed.
    pub fail_closed: BTreeSet<String>,
    /// Each controller has a budget of our own, beside the API's.
    pub default_budget: bool,
}

/// What is to happen to a pod on a node that is drained.
pub type Verdict = Result<Option<Leave>, Refuse>;

/// What the API server said to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It ends after its grace period.
    LetGo,
    /// It is gone already.
    Gone,
    /// Its budget has no room.
    NoRoom(String),
    /// More than one budget covers it: it can never be evicted.
    Never(String),
    /// Not a word about budgets: to be tried again.
    Later(String),
    /// A webhook, a policy or the end of its namespace stands in the way of this pod alone: to be tried again.
    Denied(String),
}

/// The whole drain, as far as it is known.
pub struct Schedule {
    judge: Box<dyn Fn(&Pod) -> Verdict + Send>,
    limits: Limits,
    controllers: Controllers,
    nodes: BTreeMap<String, Place>,
    jobs: HashMap<String, Job>,
    queues: BTreeMap<QueueKey, Queue>,
    /// UIDs of jobs that were asked for or are ending, and of those that are to be asked again, with when.
    on_their_way: BTreeSet<String>,
    later: BTreeMap<String, Instant>,
    /// Budgets that evictions without an answer were sent for, by UID.
    asking: HashMap<String, String>,
    purses: BTreeMap<String, Purse>,
    /// The pods of each controller, by `Pod::workload_name`, and the controller of each pod, by UID.
    availability: BTreeMap<Arc<str>, Availability>,
    members: HashMap<String, Arc<str>>,
    /// UIDs of pods that are gone, with when their places are not waited for any longer, in order.
    vacated: VecDeque<(Instant, String)>,
    /// When the first pod could go, and whether pods that are not Ready since then have had their time.
    began: Option<Instant>,
    patience_is_over: bool,
    /// UIDs of pods that are terminating and not waited for.
    skipped: BTreeSet<String>,
    /// Nodes whose kubelets do not report.
    unreachable: BTreeSet<String>,
    /// When each budget and each controller last let a pod go.
    let_go: HashMap<String, Instant>,
    sets: BTreeMap<String, Set>,
    /// Pods that are not Ready, wherever they stand, by UID.
    unready: BTreeMap<String, Pod>,
    moved: usize,
    total: usize,
}

/// A node that is to be emptied.
#[derive(Debug, Default)]
struct Place {
    rank: usize,
    /// UIDs of what must go, and of what may not.
    jobs: BTreeSet<String>,
    refused: BTreeMap<String, (String, Refuse)>,
    told: bool,
}

impl Schedule {
    /// A schedule for these nodes. Pods and budgets are told by `pod` and `budget`, in any order.
    pub fn new(
        nodes: &BTreeSet<String>,
        controllers: Controllers,
        limits: Limits,
        judge: impl Fn(&Pod) -> Verdict + Send + 'static,
    ) -> Self {
        let nodes = nodes.iter().map(|name| (name.clone(), Place::default())).collect();
        Schedule {
            judge: Box::new(judge),
            limits,
            controllers,
            nodes,
            jobs: HashMap::new(),
            queues: BTreeMap::new(),
            on_their_way: BTreeSet::new(),
            later: BTreeMap::new(),
            asking: HashMap::new(),
            purses: BTreeMap::new(),
            availability: BTreeMap::new(),
            members: HashMap::new(),
            vacated: VecDeque::new(),
            began: None,
            patience_is_over: false,
            skipped: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            let_go: HashMap::new(),
            sets: BTreeMap::new(),
            unready: BTreeMap::new(),
            moved: 0,
            total: 0,
        }
    }

    /// Puts the nodes that can be empty soonest first. Called once all is known that there is.
    pub fn arrange(&mut self) {
        let ranks = order::ranks(self);
        for (name, place) in &mut self.nodes {
            place.rank = ranks.get(name).copied().unwrap_or_default();
        }
        let all: Vec<String> = self.jobs.keys().cloned().collect();
        for uid in all {
            self.enqueue(&uid);
        }
    }

    /// A pod as it is now.
    pub fn pod(&mut self, pod: Pod, now: Instant) {
        self.note_successor(&pod);
        self.note_readiness(&pod);
        self.note_availability(&pod, now);
        if !self.nodes.contains_key(&pod.node) || self.skipped.contains(&pod.uid) {
            return;
        }
        match (self.judge)(&pod) {
            Ok(Some(_)) => {
                if let Some(place) = self.nodes.get_mut(&pod.node) {
                    place.refused.remove(&pod.uid);
                }
                self.finish(&pod.uid, now);
            }
            Err(reason) => {
                if let Some(place) = self.nodes.get_mut(&pod.node) {
                    place.refused.insert(pod.uid.clone(), (pod.full_name(), reason));
                }
            }
            Ok(None) => self.job(pod, now),
        }
    }

    /// A pod is gone.
    pub fn pod_gone(&mut self, uid: &str, now: Instant) {
        self.unready.remove(uid);
        for place in self.nodes.values_mut() {
            place.refused.remove(uid);
        }
        self.note_gone(uid, now);
        self.finish(uid, now);
    }

    /// A budget as it is now. Its numbers count, and what was refused for it may be asked again.
    pub fn budget(&mut self, budget: Budget, now: Instant) {
        let name = budget.full_name();
        let jobs = &self.jobs;
        let is_known = |uid: &String, pod: &str| match jobs.get(uid).map(|job| &job.state) {
            // Gone: the status that comes now was written after it was let go.
            None => true,
            Some(State::Ending(since)) => {
                budget.disrupted.contains(pod) || now.duration_since(*since) > budget::SLOWEST_STATUS
            }
            Some(_) => budget.disrupted.contains(pod),
        };
        let changed = match self.purses.get_mut(&name) {
            Some(purse) => purse.now(&budget, is_known),
            None => {
                self.purses.insert(name, Purse::new(budget.clone()));
                true
            }
        };
        if changed {
            self.cover_anew(&budget.namespace);
        }
    }

    pub fn budget_gone(&mut self, name: &str) {
        if let Some(purse) = self.purses.remove(name) {
            self.cover_anew(&purse.budget.namespace);
        }
    }

    /// What came of an eviction.
    pub fn answered(&mut self, uid: &str, answer: Answer, now: Instant) {
        if let Some(purse) = self.asking.remove(uid).and_then(|name| self.purses.get_mut(&name)) {
            purse.answered(uid);
        }
        let Some(job) = self.jobs.get_mut(uid) else { return };
        if !matches!(job.state, State::Asked(_)) {
            return;
        }
        if !matches!(answer, Answer::Later(_) | Answer::Denied(_)) {
            job.refused_before = false;
        } else if !std::mem::replace(&mut job.refused_before, true) {
            job.since = now;
        }
        let purse = match job.queue.budgets.as_slice() {
            [one] => self.purses.get_mut(one),
            _ => None,
        };
        if !matches!(answer, Answer::LetGo | Answer::Gone)
            && let Some(stays) = self.members.get(uid).and_then(|name| self.availability.get_mut(name))
        {
            stays.take_back(&job.pod);
        }
        match answer {
            // Gone is only what the watch says is gone: a node is ended on its word.
            Answer::LetGo | Answer::Gone => {
                job.state = State::Ending(now);
                job.since = now;
                for held_by in job.queue.budgets.iter().chain(&job.queue.controller) {
                    self.let_go.insert(held_by.clone(), now);
                }
                return;
            }
            Answer::NoRoom(_) => {
                job.state = State::Waiting;
                if let Some(purse) = purse {
                    purse.refused(uid);
                }
            }
            Answer::Later(reason) => {
                job.state = State::Later(now + TRY_AGAIN, reason);
                if let Some(purse) = purse {
                    purse.take_back(uid);
                }
            }
            Answer::Denied(reason) => {
                job.state = State::Later(now + DENIED, reason);
                if let Some(purse) = purse {
                    purse.take_back(uid);
                }
            }
            Answer::Never(reason) => {
                job.state = State::Never(reason);
                if let Some(purse) = purse {
                    purse.take_back(uid);
                }
            }
        }
        // Asked in vain: its StatefulSet's turn is free again.
        if let Some(set) = self.set_of(uid).and_then(|name| self.sets.get_mut(&name))
            && set.moving.as_ref().is_some_and(|(_, moving, _)| moving == uid)
        {
            set.moving = None;
        }
        self.enqueue(uid);
    }

    /// Evictions to be sent now. Each counts as sent from here on.
    pub fn next(&mut self, now: Instant) -> Vec<Pod> {
        let mut room = self.limits.in_flight.saturating_sub(self.on_their_way.len());
        let active = self.active_nodes();
        self.begin(now);
        self.free_sets(now);
        self.free_places(now);
        // Its time has come: what keeps it from being asked now is told by an event, and waking up for it would spin.
        self.later.retain(|_, until| *until > now);
        let mut chosen = Vec::new();
        // One budget may cover several controllers.
        let mut purses: HashMap<&str, Looked<'_>> = HashMap::new();
        // Ready pods by controller: those whose labels differ wait in more than one queue.
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for (key, waiting) in &self.queues {
            // Of two budgets the API server takes neither (500): such pods were refused before the start, or came since.
            let mut purse = match key.budgets.as_slice() {
                [] => None,
                [one] => self.purses.get(one).map(|purse| purses.entry(one).or_insert_with(|| purse.look())),
                _ => continue,
            };
            let allowed = self.allowed(key).unwrap_or(usize::MAX);
            let taken = taken.entry(key.controller.as_deref().unwrap_or_default()).or_default();
            for (_, _, uid) in waiting.unready.iter().chain(&waiting.ready) {
                let Some(job) = self.jobs.get(uid) else { continue };
                if room == 0
                    || purse.as_ref().is_some_and(|purse| purse.is_empty_for(&job.pod))
                    || (job.pod.ready && *taken >= allowed)
                {
                    break;
                }
                let waits = matches!(&job.state, State::Later(until, _) if *until > now);
                let is_active = active.as_ref().is_none_or(|active| active.contains(&job.pod.node));
                if waits || !is_active || !self.is_its_sets_turn(job) {
                    continue;
                }
                if let Some(purse) = &mut purse
                    && !purse.pay(&job.pod)
                {
                    continue;
                }
                // One that is not Ready serves nobody.
                *taken += usize::from(job.pod.ready);
                room -= 1;
                chosen.push(uid.clone());
                if let Some(set) = self.set_name(&job.pod).and_then(|name| self.sets.get_mut(&name)) {
                    set.moving = Some((job.pod.name.clone(), uid.clone(), None));
                    set.successor = false;
                }
            }
        }
        chosen.iter().filter_map(|uid| self.ask(uid, now)).collect()
    }

    /// When to ask `next` again though nothing was seen; never a time at which it was asked already.
    pub fn wakes_at(&self) -> Option<Instant> {
        let later = self.later.values().copied();
        let sets = self.sets.values().filter_map(Set::gives_up_at);
        let vacated = self.vacated.iter().find(|(_, uid)| self.is_vacated(uid)).map(|(until, _)| *until);
        let patience = self.began.filter(|_| !self.patience_is_over).map(|began| began + PATIENCE);
        let sick = patience.filter(|_| self.availability.values().any(Availability::has_sick));
        let skipped = self.skips().map(|(at, _)| at).min();
        later.chain(sets).chain(vacated).chain(sick).chain(skipped).min()
    }

    /// Pods that are terminating for longer than anybody is to wait for them; each is told once. Their nodes may be ended.
    pub fn skip(&mut self, now: Instant) -> Vec<Pod> {
        let due: Vec<String> =
            self.skips().filter(|(at, _)| *at <= now).map(|(_, uid)| uid.clone()).collect();
        let mut skipped = Vec::new();
        for uid in due {
            skipped.extend(self.jobs.get(&uid).map(|job| job.pod.clone()));
            self.skipped.insert(uid.clone());
            self.finish(&uid, now);
        }
        skipped
    }

    /// Nodes whose kubelets do not report. Nobody there ends a pod, nor says that it has ended; its instance ends it. So
    /// nobody has to ask for these to be left behind (Cluster API does so by itself too, after five minutes).
    pub fn unreachable(&mut self, nodes: BTreeSet<String>) {
        self.unreachable = nodes;
    }

    /// When pods that are terminating are not waited for any longer.
    fn skips(&self) -> impl Iterator<Item = (Instant, &String)> {
        let any = self.limits.skip.is_some() || !self.unreachable.is_empty();
        let ending = any.then_some(&self.on_their_way).into_iter().flatten();
        let ending = ending.filter_map(|uid| Some((uid, self.jobs.get(uid)?)));
        let ending = ending.filter(|(_, job)| matches!(job.state, State::Ending(_)));
        ending.filter_map(|(uid, job)| {
            let unreachable = self.unreachable.contains(&job.pod.node).then_some(UNREACHABLE);
            let skip = self.limits.skip.into_iter().chain(unreachable).min()?;
            Some((job.overdue_from() + skip, uid))
        })
    }

    /// Nodes that have become empty of what must go; each is told once.
    pub fn emptied(&mut self) -> Vec<String> {
        let empty = self.nodes.iter_mut().filter(|(_, place)| place.is_empty() && !place.told);
        empty
            .map(|(name, place)| {
                place.told = true;
                name.clone()
            })
            .collect()
    }

    pub fn is_done(&self) -> bool {
        self.nodes.values().all(Place::is_empty)
    }

    /// Nothing is left to be done, and yet nodes are not empty: what stands there may not be evicted, or does not end.
    pub fn is_stuck(&self, now: Instant) -> bool {
        let hopeless = |job: &Job| match job.state {
            State::Never(_) => true,
            State::Ending(since) => self.limits.pod.is_some_and(|most| now.duration_since(since) >= most),
            _ => job.queue.budgets.len() > 1,
        };
        !self.is_done() && self.jobs.values().all(hopeless)
    }

    /// A pod that no waiting will move, and why. Whether it still waited.
    pub fn give_up(&mut self, uid: &str, why: &str) -> bool {
        let Some(job) = self.jobs.get_mut(uid) else { return false };
        if !matches!(job.state, State::Waiting | State::Later(..)) {
            return false;
        }
        job.state = State::Never(why.to_string());
        self.enqueue(uid);
        true
    }

    pub fn is_drained(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    /// The nodes that may be emptied now, where they are limited: the first that are not empty yet.
    fn active_nodes(&self) -> Option<BTreeSet<String>> {
        if self.limits.nodes >= self.nodes.len() {
            return None;
        }
        let mut left: Vec<(&usize, &String)> = self
            .nodes
            .iter()
            .filter(|(_, place)| !place.is_empty())
            .map(|(name, place)| (&place.rank, name))
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

impl Place {
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.refused.is_empty()
    }
}

#[cfg(test)]
mod tests;
