//! The progress of the drain, and why each remaining pod is still there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Instant;

use super::super::budgets::{COUNTED_AS_EVICTED, covers};
use super::super::filter::Refuse;
use super::{PodState, QueueKey, Schedule};
use crate::events::{DrainState, DrainWait};
use crate::facts::{Budget, Pod};
use crate::text::{counted, part, subject};

/// Seconds without a change from which on the line shows the time.
const WORTH_SAYING: u64 = 10;

/// The drain in numbers, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrainProgress {
    pub moved: usize,
    pub pods: usize,
    pub empty: usize,
    pub nodes: usize,
    /// The causes, most pods first.
    pub waiting: Vec<Waiting>,
}

struct Counts {
    moved: usize,
    pods: usize,
    empty: usize,
    nodes: usize,
}

/// Pods that are still there for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub why: Why,
    /// `namespace/name`, in order.
    pub pods: Vec<String>,
}

/// Why a pod is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The budget allows no disruptions right now.
    Budget {
        name: String,
        /// `2 of 3 unhealthy`, and which pods, with their messages.
        state: String,
        unready: Vec<String>,
    },
    /// The default budget of the controller allows no disruptions right now.
    Controller {
        name: String,
        /// `at most 1 of 4 pods unavailable at a time, 1 now`
        state: String,
        unready: Vec<String>,
    },
    TooManyBudgets(String),
    /// Evicted, and not gone; finalizers as `namespace/pod: finalizer`.
    Terminating(Vec<String>),
    /// Another pod of its StatefulSet is being evicted.
    StatefulSet,
    Refused(Refuse),
    /// The API server could not be reached, or admission denied the eviction.
    Answer(String),
    /// All nodes are empty, and replacements are not Ready: the first one, with its message.
    Unready(String),
    /// It is queued.
    Queued,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Budget { name, state, unready } => {
                write!(f, "pdb/{name} allows no disruptions right now ({state})")?;
                for pod in unready {
                    write!(f, "; {pod}")?;
                }
                Ok(())
            }
            Why::Controller { name, state, unready } => {
                write!(f, "{name}: {state} (--no-default-budget turns this limit off)")?;
                for pod in unready {
                    write!(f, "; {pod}")?;
                }
                Ok(())
            }
            Why::TooManyBudgets(names) => write!(f, "more than one PodDisruptionBudget covers it: {names}"),
            Why::Terminating(finalizers) => {
                f.write_str("terminating; waiting for its grace period or a finalizer")?;
                finalizers.iter().try_for_each(|finalizer| write!(f, "; {finalizer}"))
            }
            Why::StatefulSet => f.write_str("its StatefulSet moves one pod at a time"),
            Why::Refused(reason) => write!(f, "{reason}; {} allows it", reason.flag()),
            Why::Answer(reason) | Why::Unready(reason) => f.write_str(reason),
            Why::Queued => f.write_str("queued"),
        }
    }
}

impl Why {
    /// For one line: how many pods wait for what. `first` is a pod to name where the cause names none.
    pub(crate) fn short(&self, pods: usize, first: &str) -> String {
        match self {
            Why::Budget { name, state, .. } => format!("{} for pdb/{name} ({state})", counted(pods, "pod")),
            Why::Controller { name, state, .. } => format!("{} for {name} ({state})", counted(pods, "pod")),
            Why::TooManyBudgets(_) => format!("{} covered by more than one budget", counted(pods, "pod")),
            Why::Terminating(finalizers) => {
                let of = finalizers.first().map_or(first, String::as_str);
                format!("{} terminating ({of})", counted(pods, "pod"))
            }
            Why::StatefulSet => format!("{} queued in their StatefulSet", counted(pods, "pod")),
            Why::Refused(reason) => {
                format!("{} {} ({first})", subject(pods, "pod", "needs", "need"), reason.flag())
            }
            Why::Answer(reason) => format!("{} to retry ({first}: {reason})", counted(pods, "pod")),
            Why::Unready(reason) => format!("{} not Ready ({reason})", counted(pods, "replacement pod")),
            Why::Queued => format!("{} queued", counted(pods, "pod")),
        }
    }
}

/// `612/1000 pods moved · 31/50 nodes empty · waiting 40 s: 14 pods for pdb/shop/cart (2 of 3 unhealthy)`
impl fmt::Display for DrainState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pods, nodes) = (counted(self.pods, "pod"), counted(self.nodes, "node"));
        write!(f, "{}/{pods} moved · {}/{nodes} empty", self.pods_moved, self.nodes_empty)?;
        let Some(waiting) = &self.waiting else { return Ok(()) };
        f.write_str(" · waiting")?;
        if waiting.seconds >= WORTH_SAYING {
            write!(f, " {} s", waiting.seconds)?;
        }
        write!(f, ": {}", waiting.why)
    }
}

/// Pods that are still there for one reason.
#[derive(Default)]
struct Group {
    pods: Vec<String>,
    /// Since when nothing has changed; none for pods that only wait for others.
    since: Option<Instant>,
}

impl Group {
    fn add(&mut self, pod: String, since: Option<Instant>) {
        self.pods.push(pod);
        self.since = [self.since, since].into_iter().flatten().min();
    }
}

/// `Why` as a cheap key: thousands of pods are grouped by it twice a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Because<'a> {
    Budget(&'a str),
    Controller(&'a QueueKey),
    TooManyBudgets(&'a [String]),
    Terminating,
    StatefulSet,
    Refused(Refuse),
    Answer(&'a str),
    Unready,
    Queued,
}

impl Schedule {
    /// The whole progress, with each pod by name.
    pub(crate) fn progress(&self) -> DrainProgress {
        let waiting = self.grouped().into_iter().map(|(because, Group { mut pods, .. })| {
            pods.sort();
            Waiting { why: self.why(because), pods }
        });
        let mut waiting: Vec<Waiting> = waiting.collect();
        waiting.sort_by_key(|waiting| std::cmp::Reverse(waiting.pods.len()));
        let Counts { moved, pods, empty, nodes } = self.counts();
        DrainProgress { moved, pods, empty, nodes, waiting }
    }

    /// The progress in numbers. What it waits for is the cause that has not changed for longest; among equals, the one with
    /// the most pods.
    pub(crate) fn state(&self, now: Instant) -> DrainState {
        let Counts { moved, pods, empty, nodes } = self.counts();
        let groups = self.grouped();
        let longest = groups.iter().min_by_key(|(_, group)| {
            (group.since.is_none(), group.since, std::cmp::Reverse(group.pods.len()))
        });
        let waiting = longest.map(|(because, group)| {
            let first = group.pods.iter().min().map(String::as_str).unwrap_or_default();
            DrainWait {
                pods: group.pods.len(),
                why: self.why(*because).short(group.pods.len(), first),
                budget: if let Because::Budget(name) = because { Some(name.to_string()) } else { None },
                seconds: group.since.map_or(0, |since| now.saturating_duration_since(since).as_secs()),
            }
        });
        DrainState { pods_moved: moved, pods, nodes_empty: empty, nodes, waiting, left_seconds: None }
    }

    fn counts(&self) -> Counts {
        Counts {
            moved: self.moved,
            pods: self.total,
            empty: self.nodes.values().filter(|node| node.is_empty()).count(),
            nodes: self.nodes.len(),
        }
    }

    fn grouped(&self) -> BTreeMap<Because<'_>, Group> {
        let mut groups: BTreeMap<Because<'_>, Group> = BTreeMap::new();
        let last = |held_by: &str| self.last_evicted.get(held_by).copied().or(self.began);
        let mut full: HashMap<&QueueKey, bool> = HashMap::new();
        for entry in self.pending.values() {
            let key = &entry.queue;
            let because = match (&entry.state, key.budgets.as_slice()) {
                (PodState::Terminating(_), _) => Because::Terminating,
                (PodState::Retry(_, reason) | PodState::Blocked(reason), [] | [_]) => Because::Answer(reason),
                (PodState::Asked(_), _) => Because::Queued,
                (_, [_, _, ..]) => Because::TooManyBudgets(&key.budgets),
                (PodState::Waiting, [name]) if self.is_exhausted(name, &entry.pod) => Because::Budget(name),
                (PodState::Waiting, _)
                    if entry.pod.ready
                        && *full.entry(key).or_insert_with(|| self.allowed(key) == Some(0)) =>
                {
                    Because::Controller(key)
                }
                (PodState::Waiting, _) if !self.is_next_in_its_set(entry) => Because::StatefulSet,
                _ => Because::Queued,
            };
            let since = match because {
                Because::Budget(name) => last(name),
                Because::Controller(key) => key.controller.as_deref().and_then(last),
                Because::Terminating => Some(entry.since),
                Because::Answer(_) => Some(entry.since),
                Because::TooManyBudgets(_) => self.began,
                _ => None,
            };
            groups.entry(because).or_default().add(entry.pod.full_name(), since);
        }
        for one in self.moved_and_unready() {
            groups.entry(Because::Unready).or_default().add(one.0.full_name(), one.1);
        }
        for (name, reason) in self.nodes.values().flat_map(|node| node.refused.values()) {
            groups.entry(Because::Refused(*reason)).or_default().add(name.clone(), self.began);
        }
        groups
    }

    fn why(&self, because: Because<'_>) -> Why {
        match because {
            Because::Budget(name) => self.budget_why(name),
            Because::Controller(key) => self.controller_why(key),
            Because::TooManyBudgets(names) => Why::TooManyBudgets(names.join(", ")),
            Because::Terminating => Why::Terminating(self.finalizers()),
            Because::StatefulSet => Why::StatefulSet,
            Because::Refused(reason) => Why::Refused(reason),
            Because::Answer(reason) => Why::Answer(reason.to_string()),
            Because::Unready => Why::Unready(
                self.moved_and_unready().next().map(|(pod, _)| not_ready(pod)).unwrap_or_default(),
            ),
            Because::Queued => Why::Queued,
        }
    }

    /// The plan as text: nodes in the order in which they are drained, then budgets with their pods.
    pub(crate) fn outline(&self) -> Vec<String> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(name, node)| (node.rank, *name));
        let nodes = nodes.into_iter().enumerate().map(|(at, (name, node))| {
            let pods = counted(node.pods.len() + node.refused.len(), "pod");
            format!("{}. {name}: {pods} to move", at + 1)
        });
        let queues = self.queues.iter().filter(|(_, waiting)| waiting.len() > 0);
        // Sorted by name; a budget for several controllers is one line.
        let mut pace: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for (key, waiting) in queues {
            let own = key.controller.as_ref().filter(|_| self.rule(key).is_some());
            let (name, how) = match (key.budgets.as_slice(), own) {
                ([], None) => ("no budget".to_string(), "at once".to_string()),
                ([], Some(name)) => {
                    (format!("{name} (default budget)"), format!("{} at a time", self.at_once(name)))
                }
                ([name], _) => (format!("pdb/{name}"), format!("{} at a time", self.at_once(name))),
                (names, _) => (format!("pdb/{}", names.join(" and pdb/")), "never".to_string()),
            };
            pace.entry(name).or_insert((0, how)).0 += waiting.len();
        }
        let pace =
            pace.into_iter().map(|(name, (pods, how))| format!("{name}: {}, {how}", counted(pods, "pod")));
        nodes.chain(pace).collect()
    }

    fn is_exhausted(&self, budget: &str, pod: &Pod) -> bool {
        self.ledgers.get(budget).is_some_and(|ledger| !ledger.view().take(pod))
    }

    /// Finalizers of pods being evicted.
    fn finalizers(&self) -> Vec<String> {
        let ending = self.evicting.iter().filter_map(|uid| Some(&self.pending.get(uid)?.pod));
        let held = ending.filter_map(|pod| Some((pod, &pod.terminating.as_ref()?.finalizers)));
        let held = held.filter(|(_, finalizers)| !finalizers.is_empty());
        held.map(|(pod, finalizers)| format!("{}: {}", pod.full_name(), finalizers.join(", ")))
            .take(5)
            .collect()
    }

    fn controller_why(&self, key: &QueueKey) -> Why {
        let (Some(name), Some(rule)) = (&key.controller, self.rule(key)) else { return Why::Queued };
        let Some(pods) = self.availability.get(name.as_str()) else { return Why::Queued };
        let expected = pods.expected(self.patience_is_over);
        let unavailable = expected.saturating_sub(pods.ready());
        let unready = pods.starting().into_iter().filter_map(|uid| self.unready.get(uid));
        let unready: Vec<String> = unready.map(not_ready).take(5).collect();
        let state = format!("{}, {unavailable} now", rule.describe(expected));
        Why::Controller { name: name.clone(), state, unready }
    }

    fn budget_why(&self, name: &str) -> Why {
        let Some(budget) = self.ledgers.get(name).map(|ledger| &ledger.budget) else { return Why::Queued };
        let unready = self.unready.values().filter(|pod| covers(budget, pod)).map(not_ready);
        let evicted = self.counted_as_evicted(budget);
        let named = evicted.iter().map(|pod| format!("{}/{pod}: {COUNTED_AS_EVICTED}", budget.namespace));
        Why::Budget {
            name: name.into(),
            state: state(budget, evicted.len()),
            unready: unready.chain(named).take(5).collect(),
        }
    }

    /// Pods that the budget's status counts as evicted, and that this drain is not evicting.
    fn counted_as_evicted<'a>(&self, budget: &'a Budget) -> Vec<&'a String> {
        let leaving: BTreeSet<&String> = self
            .evicting
            .iter()
            .filter_map(|uid| Some(&self.pending.get(uid)?.pod))
            .filter(|pod| pod.namespace == budget.namespace)
            .map(|pod| &pod.name)
            .collect();
        budget.disrupted.iter().filter(|pod| !leaving.contains(pod)).collect()
    }
}

/// A pod with its message.
fn not_ready(pod: &Pod) -> String {
    format!("{}: {}", pod.full_name(), pod.not_ready_because.as_deref().unwrap_or("not Ready"))
}

/// `2 of 3 unhealthy`, `1 of 3 counted as evicted`, or the spec if all are healthy. `evicted` pods never count as
/// healthy.
fn state(budget: &Budget, evicted: usize) -> String {
    if let Some(message) = &budget.sync_failed {
        return format!("its status can't be computed: {message}");
    }
    let missing = usize::try_from(budget.expected - budget.current_healthy).unwrap_or_default();
    let expected = budget.expected;
    match (missing.saturating_sub(evicted), missing.min(evicted)) {
        (0, 0) => format!("{} Ready, {}", part(budget.current_healthy, expected, "pod"), budget.least),
        (unhealthy, 0) => format!("{unhealthy} of {expected} unhealthy"),
        (0, evicted) => format!("{evicted} of {expected} counted as evicted"),
        (unhealthy, evicted) => format!("{unhealthy} of {expected} unhealthy, {evicted} counted as evicted"),
    }
}
