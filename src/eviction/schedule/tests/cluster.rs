//! A simulated cluster: random workloads, late answers, virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::*;
use super::{allowing, on};

/// A cluster that answers as the API server, the kubelets and the controllers do, each a little late.
pub(super) struct Cluster {
    now: u64,
    due: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    apps: Vec<App>,
    pods: BTreeMap<String, RunningPod>,
    lag: Vec<u64>,
    /// Each watch delivers its events in order: the time of its last one.
    pods_sent: u64,
    budgets_sent: u64,
    /// Every n-th eviction finds the API server busy.
    busy: Option<usize>,
    pub rejected: usize,
    pub evictions: usize,
    pub least_ok: bool,
}

#[derive(Debug, Clone)]
struct App {
    budget: Option<Budget>,
    /// Pods that must be healthy, whatever the budget.
    least: i32,
    ready_after: u64,
    ends_after: u64,
    made: usize,
}

#[derive(Debug, Clone)]
struct RunningPod {
    pod: Pod,
    app: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Evict(String),
    Ends(String),
    Ready(String),
    Count(usize),
    PodSeen(String, bool, bool),
    PodGone(String),
    BudgetSeen(usize, i32, i32, Vec<String>),
    Reply(String, u8),
    Wake,
}

impl Cluster {
    fn later(&mut self) -> u64 {
        self.sequence += 1;
        let at = usize::try_from(self.sequence).unwrap() % self.lag.len();
        self.lag[at]
    }

    fn at(&mut self, time: u64, what: Event) {
        self.sequence += 1;
        self.due.push(Reverse((time, self.sequence, what)));
    }

    fn send_pod(&mut self, uid: &str) {
        let RunningPod { pod, .. } = &self.pods[uid];
        let what = Event::PodSeen(uid.into(), pod.ready, pod.deleting);
        self.pods_sent = self.pods_sent.max(self.now + self.later());
        self.at(self.pods_sent, what);
    }

    fn send_budget(&mut self, app: usize) {
        let Some(budget) = self.apps[app].budget.clone() else { return };
        self.budgets_sent = self.budgets_sent.max(self.now + self.later());
        let disrupted = budget.disrupted.into_iter().collect();
        let what = Event::BudgetSeen(app, budget.disruptions_allowed, budget.current_healthy, disrupted);
        self.at(self.budgets_sent, what);
    }

    fn evict(&mut self, uid: &str) {
        self.evictions += 1;
        if self.busy.is_some_and(|every| self.evictions.is_multiple_of(every)) {
            return self.reply(uid, 3);
        }
        let Some(RunningPod { pod, app }) = self.pods.get_mut(uid) else { return self.reply(uid, 1) };
        let app = *app;
        if let Some(budget) = &mut self.apps[app].budget {
            if budget.disruptions_allowed == 0 {
                self.rejected += 1;
                return self.reply(uid, 2);
            }
            budget.disruptions_allowed -= 1;
            budget.disrupted.insert(pod.name.clone());
        }
        pod.deleting = true;
        let ends = self.now + self.apps[app].ends_after;
        self.send_budget(app);
        self.send_pod(uid);
        self.at(ends, Event::Ends(uid.into()));
        self.count_soon(app);
        self.reply(uid, 0);
    }

    fn reply(&mut self, uid: &str, code: u8) {
        let time = self.now + self.later();
        self.at(time, Event::Reply(uid.into(), code));
    }

    fn count_soon(&mut self, app: usize) {
        let time = self.now + self.later();
        self.at(time, Event::Count(app));
    }

    fn ends(&mut self, uid: &str) {
        let Some(RunningPod { mut pod, app }) = self.pods.remove(uid) else { return };
        self.pods_sent = self.pods_sent.max(self.now + self.later());
        self.at(self.pods_sent, Event::PodGone(uid.into()));
        self.apps[app].made += 1;
        pod.name = format!("app{app}-new-{}", self.apps[app].made);
        pod.uid = format!("uid-{}", pod.name);
        pod.node = "new".into();
        (pod.ready, pod.deleting) = (false, false);
        let uid = pod.uid.clone();
        self.pods.insert(uid.clone(), RunningPod { pod, app });
        self.send_pod(&uid);
        let ready = self.now + self.apps[app].ready_after;
        self.at(ready, Event::Ready(uid));
        self.count_soon(app);
    }

    fn healthy(&self, app: usize) -> i32 {
        let healthy =
            self.pods.values().filter(|each| each.app == app && each.pod.ready && !each.pod.deleting).count();
        i32::try_from(healthy).unwrap()
    }

    fn count(&mut self, app: usize) {
        let healthy = self.healthy(app);
        let running: BTreeSet<String> = self
            .pods
            .values()
            .filter(|each| each.app == app && !each.pod.deleting)
            .map(|each| each.pod.name.clone())
            .collect();
        let Some(budget) = &mut self.apps[app].budget else { return };
        budget.disrupted.retain(|name| running.contains(name));
        let disrupted = i32::try_from(budget.disrupted.len()).unwrap();
        budget.current_healthy = healthy - disrupted;
        budget.disruptions_allowed = (budget.current_healthy - budget.desired_healthy).max(0);
        self.send_budget(app);
    }

    /// Drains the old nodes; returns the time in milliseconds.
    fn drain(&mut self, schedule: &mut Schedule) -> u64 {
        let base = Instant::now();
        let at = |millis: u64| base + Duration::from_millis(millis);
        let mut last = 0;
        let mut woken = BTreeSet::new();
        self.at(0, Event::Wake);
        while let Some(Reverse((time, _, what))) = self.due.pop() {
            assert!(time < 100_000_000, "it never ends: {:?}", schedule.progress());
            self.now = time;
            match what {
                Event::Evict(uid) => self.evict(&uid),
                Event::Ends(uid) => self.ends(&uid),
                Event::Ready(uid) => {
                    let Some(running) = self.pods.get_mut(&uid) else { continue };
                    running.pod.ready = true;
                    let app = running.app;
                    self.send_pod(&uid);
                    self.count_soon(app);
                }
                Event::Count(app) => self.count(app),
                Event::PodSeen(uid, ready, deleting) => {
                    if let Some(running) = self.pods.get(&uid) {
                        schedule.pod(Pod { ready, deleting, ..running.pod.clone() }, at(time));
                    }
                }
                Event::PodGone(uid) => schedule.pod_gone(&uid, at(time)),
                Event::BudgetSeen(app, allowed, healthy, disrupted) => {
                    let budget = self.apps[app].budget.clone().unwrap();
                    let disrupted = disrupted.into_iter().collect();
                    let seen = Budget {
                        disruptions_allowed: allowed,
                        current_healthy: healthy,
                        disrupted,
                        ..budget
                    };
                    schedule.budget(seen, at(time));
                }
                Event::Reply(uid, code) => {
                    let answer = match code {
                        0 => Answer::Accepted,
                        1 => Answer::Gone,
                        3 => Answer::Retry(String::new()),
                        _ => Answer::NoDisruptions(String::new()),
                    };
                    schedule.answered(&uid, answer, at(time));
                }
                Event::Wake => {}
            }
            for app in 0..self.apps.len() {
                let least = self.apps[app].least;
                let budget = self.apps[app].budget.as_ref().map_or(0, |budget| budget.desired_healthy);
                self.least_ok &= self.healthy(app) >= least.max(budget);
            }
            for pod in schedule.next(at(time)) {
                let arrives = time + self.later();
                self.at(arrives, Event::Evict(pod.uid));
            }
            if let Some(wakes) = schedule.wakes_at() {
                assert!(wakes > at(time), "it would spin: {:?}", schedule.progress());
                let wakes = u64::try_from(wakes.duration_since(base).as_millis()).unwrap();
                if woken.insert(wakes) {
                    self.at(wakes, Event::Wake);
                }
            }
            if !schedule.is_done() {
                last = time;
            }
        }
        last
    }
}

/// A workload: its pods, and how they behave.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub replicas: usize,
    /// Disruptions allowed; none means no budget.
    pub allowed: Option<usize>,
    ready_after: u64,
    ends_after: u64,
}

impl Wanted {
    /// Pods that may be unavailable at once: as the budget says, but never all; without one a quarter.
    pub(super) fn at_once(&self) -> usize {
        let most = self.replicas.saturating_sub(1).max(1);
        self.allowed.map_or(self.replicas.div_ceil(4), |allowed| allowed.min(most))
    }
}

pub(super) fn wanted() -> impl Strategy<Value = Wanted> {
    (1usize..30, prop::option::of(1usize..6), 100u64..10_000, 0u64..3_000).prop_map(
        |(replicas, allowed, ready_after, ends_after)| Wanted { replicas, allowed, ready_after, ends_after },
    )
}

/// Drains all old nodes; returns the cluster, the schedule, the time and its lower bound in milliseconds.
pub(super) fn play(
    wanted: &[Wanted],
    node_count: usize,
    lag: Vec<u64>,
    limits: Limits,
    busy: Option<usize>,
) -> (Cluster, Schedule, u64, u64) {
    let names: Vec<String> = (0..node_count).map(|at| format!("old{at}")).collect();
    let all = names.iter().cloned().collect();
    let controllers = Controllers { default_budget: true, ..Controllers::default() };
    let mut schedule = Schedule::new(&all, controllers, limits, |_| Ok(None));
    let mut cluster = Cluster {
        now: 0,
        due: BinaryHeap::new(),
        sequence: 0,
        apps: Vec::new(),
        pods: BTreeMap::new(),
        lag,
        pods_sent: 0,
        budgets_sent: 0,
        busy,
        rejected: 0,
        evictions: 0,
        least_ok: true,
    };
    let now = Instant::now();
    let mut bound = 0;
    for (app, wanted) in wanted.iter().enumerate() {
        let label = format!("app{app}");
        let count = i32::try_from(wanted.replicas).unwrap();
        let budget = wanted.allowed.map(|allowed| {
            let allowed = i32::try_from(allowed).unwrap().min(count);
            allowing(&label, allowed, count)
        });
        let rounds = u64::try_from(wanted.replicas.div_ceil(wanted.at_once())).unwrap();
        bound = bound.max((rounds - 1) * (wanted.ready_after + wanted.ends_after) + wanted.ends_after);
        if let Some(budget) = &budget {
            schedule.budget(budget.clone(), now);
        }
        cluster.apps.push(App {
            budget,
            least: count - i32::try_from(wanted.at_once()).unwrap(),
            ready_after: wanted.ready_after,
            ends_after: wanted.ends_after,
            made: 0,
        });
        for replica in 0..wanted.replicas {
            let set = crate::facts::Controller { kind: "ReplicaSet".into(), name: label.clone() };
            let node = &names[(replica + app) % node_count];
            let pod = Pod { controller: Some(set.into()), ..on(node, &format!("{label}-{replica}"), &label) };
            schedule.pod(pod.clone(), now);
            cluster.pods.insert(pod.uid.clone(), RunningPod { pod, app });
        }
    }
    schedule.arrange();
    let took = cluster.drain(&mut schedule);
    (cluster, schedule, took, bound)
}
