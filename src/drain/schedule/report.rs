//! How far it is, and why each pod that is left is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::budgets::{COUNTED_AS_EVICTED, covers};
use super::super::filter::Refuse;
use super::{Schedule, State};
use crate::facts::{Budget, Pod};

/// The whole drain in numbers, and what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub moved: usize,
    pub pods: usize,
    pub empty: usize,
    pub nodes: usize,
    /// Most pods first.
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
pub struct Waiting {
    pub why: Why,
    /// `namespace/name`, in order.
    pub pods: Vec<String>,
}

/// Why a pod is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The budget has no room.
    Budget {
        name: String,
        /// How far it is: `2 of 3 unhealthy`, and which pods, with their own words.
        state: String,
        unready: Vec<String>,
    },
    TooManyBudgets(String),
    /// Let go, and not gone.
    Ending,
    /// Another pod of its StatefulSet is on its way.
    StatefulSet,
    Refused(Refuse),
    /// The API server could not be asked.
    Answer(String),
    /// Its turn has not come.
    Turn,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Budget { name, state, unready } => {
                write!(f, "pdb/{name} has no room ({state})")?;
                for pod in unready {
                    write!(f, "; {pod}")?;
                }
                Ok(())
            }
            Why::TooManyBudgets(names) => write!(f, "more than one PodDisruptionBudget covers it: {names}"),
            Why::Ending => f.write_str("told to end, and its grace period or a finalizer holds it"),
            Why::StatefulSet => f.write_str("its StatefulSet moves one pod at a time"),
            Why::Refused(reason) => write!(f, "{reason}; {} allows it", reason.flag()),
            Why::Answer(reason) => f.write_str(reason),
            Why::Turn => f.write_str("its turn has not come"),
        }
    }
}

impl Why {
    /// For one line: what holds how many pods.
    pub fn short(&self, pods: usize) -> String {
        match self {
            Why::Budget { name, state, .. } => format!("pdb/{name} {pods} ({state})"),
            Why::TooManyBudgets(_) => format!("{pods} under more than one budget"),
            Why::Ending => format!("{pods} ending"),
            Why::StatefulSet => format!("{pods} behind others of their StatefulSet"),
            Why::Refused(reason) => format!("{pods} that need {}", reason.flag()),
            Why::Answer(_) => format!("{pods} to be asked again"),
            Why::Turn => format!("{pods} in turn"),
        }
    }
}

/// The same, cheap to compare: thousands of pods are grouped by it twice a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Because<'a> {
    Budget(&'a str),
    TooManyBudgets(&'a [String]),
    Ending,
    StatefulSet,
    Refused(Refuse),
    Answer(&'a str),
    Turn,
}

impl Schedule {
    /// All of it, each pod by name.
    pub fn progress(&self) -> Progress {
        let waiting = self.grouped().into_iter().map(|(because, mut pods)| {
            pods.sort();
            Waiting { why: self.why(because), pods }
        });
        let mut waiting: Vec<Waiting> = waiting.collect();
        waiting.sort_by_key(|waiting| std::cmp::Reverse(waiting.pods.len()));
        let Counts { moved, pods, empty, nodes } = self.counts();
        Progress { moved, pods, empty, nodes, waiting }
    }

    /// `612/1000 pods · 31/50 nodes · waiting: pdb/shop/cart 14 (2 of 3 unhealthy)`
    pub fn line(&self) -> String {
        let Counts { moved, pods, empty, nodes } = self.counts();
        let counts = format!("{moved}/{pods} pods · {empty}/{nodes} nodes");
        let groups = self.grouped();
        // Of several that hold as many the first, as in the whole report.
        let most = groups.iter().rev().max_by_key(|(_, pods)| pods.len());
        match most {
            Some((because, pods)) => format!("{counts} · waiting: {}", self.why(*because).short(pods.len())),
            None => counts,
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            moved: self.moved,
            pods: self.total,
            empty: self.nodes.values().filter(|place| place.is_empty()).count(),
            nodes: self.nodes.len(),
        }
    }

    fn grouped(&self) -> BTreeMap<Because<'_>, Vec<String>> {
        let mut groups: BTreeMap<Because<'_>, Vec<String>> = BTreeMap::new();
        for job in self.jobs.values() {
            let because = match (&job.state, job.queue.as_slice()) {
                (State::Ending(_), _) => Because::Ending,
                (State::Later(_, reason) | State::Never(reason), [] | [_]) => Because::Answer(reason),
                (State::Asked(_), _) => Because::Turn,
                (_, [_, _, ..]) => Because::TooManyBudgets(&job.queue),
                (State::Waiting, [name]) if self.has_no_room(name, &job.pod) => Because::Budget(name),
                (State::Waiting, _) if !self.is_its_sets_turn(job) => Because::StatefulSet,
                _ => Because::Turn,
            };
            groups.entry(because).or_default().push(job.pod.full_name());
        }
        for (name, reason) in self.nodes.values().flat_map(|place| place.refused.values()) {
            groups.entry(Because::Refused(*reason)).or_default().push(name.clone());
        }
        groups
    }

    fn why(&self, because: Because<'_>) -> Why {
        match because {
            Because::Budget(name) => self.no_room(name),
            Because::TooManyBudgets(names) => Why::TooManyBudgets(names.join(", ")),
            Because::Ending => Why::Ending,
            Because::StatefulSet => Why::StatefulSet,
            Because::Refused(reason) => Why::Refused(reason),
            Because::Answer(reason) => Why::Answer(reason.to_string()),
            Because::Turn => Why::Turn,
        }
    }

    /// The order and the pace, in words: nodes as they are to be empty, then budgets with what waits for them.
    pub fn outline(&self) -> Vec<String> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(name, place)| (place.rank, *name));
        let nodes = nodes.into_iter().enumerate().map(|(at, (name, place))| {
            format!("{}. {name}: {} pods to move", at + 1, place.jobs.len() + place.refused.len())
        });
        let queues = self.queues.iter().filter(|(_, waiting)| waiting.len() > 0);
        let queues = queues.map(|(names, waiting)| match names.as_slice() {
            [] => format!("no budget: {} pods, at once", waiting.len()),
            [name] => {
                let allowed = self.purses.get(name).map_or(0, |purse| purse.budget.disruptions_allowed);
                format!("pdb/{name}: {} pods, {allowed} at a time", waiting.len())
            }
            _ => format!("pdb/{}: {} pods, never", names.join(" and pdb/"), waiting.len()),
        });
        nodes.chain(queues).collect()
    }

    fn has_no_room(&self, budget: &str, pod: &Pod) -> bool {
        self.purses.get(budget).is_some_and(|purse| !purse.look().pay(pod))
    }

    fn no_room(&self, name: &str) -> Why {
        let Some(budget) = self.purses.get(name).map(|purse| &purse.budget) else { return Why::Turn };
        let unready = self.unready.values().filter(|pod| covers(budget, pod));
        let unready = unready.map(|pod| {
            format!("{}: {}", pod.full_name(), pod.not_ready_because.as_deref().unwrap_or("not Ready"))
        });
        let evicted = self.counted_as_evicted(budget);
        let named = evicted.iter().map(|pod| format!("{}/{pod}: {COUNTED_AS_EVICTED}", budget.namespace));
        Why::Budget {
            name: name.into(),
            state: state(budget, evicted.len()),
            unready: unready.chain(named).take(5).collect(),
        }
    }

    /// Pods that the budget's status takes for evicted, and that are not on their way out as far as is known here.
    fn counted_as_evicted<'a>(&self, budget: &'a Budget) -> Vec<&'a String> {
        let leaving: BTreeSet<&String> = self
            .on_their_way
            .iter()
            .filter_map(|uid| Some(&self.jobs.get(uid)?.pod))
            .filter(|pod| pod.namespace == budget.namespace)
            .map(|pod| &pod.name)
            .collect();
        budget.disrupted.iter().filter(|pod| !leaving.contains(pod)).collect()
    }
}

/// `2 of 3 unhealthy`, `1 of 3 counted as evicted`, or what its spec leaves no room for. `evicted` pods are not among the
/// healthy ones, whatever they are.
fn state(budget: &Budget, evicted: usize) -> String {
    let missing = usize::try_from(budget.expected - budget.current_healthy).unwrap_or_default();
    let expected = budget.expected;
    match (missing.saturating_sub(evicted), missing.min(evicted)) {
        (0, 0) => format!("{} of {expected} pods Ready, {}", budget.current_healthy, budget.least),
        (unhealthy, 0) => format!("{unhealthy} of {expected} unhealthy"),
        (0, evicted) => format!("{evicted} of {expected} counted as evicted"),
        (unhealthy, evicted) => format!("{unhealthy} of {expected} unhealthy, {evicted} counted as evicted"),
    }
}
