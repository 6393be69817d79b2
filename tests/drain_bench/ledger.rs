//! Counts pods as the events come: how many are healthy under each PodDisruptionBudget, and how many stand on old
//! nodes. It knows neither kube nor the sandbox, and takes constant time for an event, whatever the cluster's size.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

/// What counts of a pod.
#[derive(Clone, Debug)]
pub struct Pod {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub node: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Ready and not on its way out: as the disruption controller counts.
    pub healthy: bool,
    /// One stands on each node: it is never moved.
    pub of_daemon_set: bool,
}

/// What counts of a PodDisruptionBudget.
#[derive(Clone, Debug)]
pub struct Budget {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub spec: Value,
    /// status.disruptionsAllowed
    pub allowed: u64,
    /// status.desiredHealthy, for budgets of which the benchmark doesn't know the workload.
    pub desired: u64,
}

/// How a budget fared.
#[derive(Clone, Debug)]
pub struct Fared {
    pub name: String,
    pub least: u64,
    pub lowest: u64,
}

/// Pods that are not a DaemonSet's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub pods: usize,
    pub healthy: usize,
    pub on_old: usize,
    pub healthy_on_old: usize,
}

#[derive(Debug)]
struct Kept {
    pod: Pod,
    on_old: bool,
    /// Indices of the budgets that cover it.
    budgets: Vec<usize>,
}

#[derive(Debug)]
struct Watched {
    budget: Budget,
    gone: bool,
    least: u64,
    healthy: u64,
    lowest: u64,
    /// It is below its least; that is one violation until it is above it again.
    below: bool,
}

#[derive(Debug, Default)]
pub struct Ledger {
    old_nodes: HashSet<String>,
    /// Least healthy pods by `namespace/name` of the budget, as the workload has them.
    least: HashMap<String, u64>,
    pods: HashMap<String, Kept>,
    budgets: Vec<Watched>,
    counts: Counts,
    /// Pods when the tool began.
    wanted: usize,
    /// Pods that are gone for good, none of a DaemonSet's.
    deaths: usize,
    /// A tool is at work: what falls below its least is a violation.
    recording: bool,
    violations: Vec<String>,
    emptied_at: Option<Instant>,
    available_at: Option<Instant>,
    /// Events may have been missed so often, because a watch had to begin anew.
    pub gaps: usize,
}

impl Ledger {
    pub fn new(old_nodes: HashSet<String>) -> Self {
        Self { old_nodes, ..Self::default() }
    }

    /// The benchmark's own figures for its budgets, known before they are created.
    pub fn expect(&mut self, budget: String, least: u64) {
        self.least.insert(budget, least);
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn deaths(&self) -> usize {
        self.deaths
    }

    /// Pods that are no DaemonSet's: namespace and name.
    pub fn movable(&self) -> Vec<(String, String)> {
        let pods = self.pods.values().map(|kept| &kept.pod).filter(|pod| !pod.of_daemon_set);
        pods.map(|pod| (pod.namespace.clone(), pod.name.clone())).collect()
    }

    /// The disruption controller sees each budget as full as it is here.
    pub fn budgets_are_settled(&self) -> bool {
        self.there()
            .all(|each| each.healthy >= each.least && each.budget.allowed == each.healthy - each.least)
            && self.there().count() >= self.least.len()
    }

    /// The disruption controller lets every pod go of each budget that the benchmark made.
    pub fn budgets_are_open(&self) -> bool {
        self.there()
            .filter(|each| self.least.contains_key(&each.full_name()))
            .all(|each| each.budget.allowed == each.healthy)
    }

    fn there(&self) -> impl Iterator<Item = &Watched> {
        self.budgets.iter().filter(|each| !each.gone)
    }

    /// From here on a tool is at work.
    pub fn begin(&mut self) {
        self.recording = true;
        self.violations.clear();
        (self.emptied_at, self.available_at, self.gaps) = (None, None, 0);
        self.wanted = self.counts.pods;
        for each in &mut self.budgets {
            (each.lowest, each.below) = (each.healthy, each.healthy < each.least);
        }
    }

    /// The tool's work is over: violations and the lowest figure of each budget.
    pub fn end(&mut self) -> (Vec<String>, Vec<Fared>) {
        self.recording = false;
        let fared =
            self.there().map(|each| Fared { name: each.full_name(), least: each.least, lowest: each.lowest });
        let fared = fared.collect();
        (std::mem::take(&mut self.violations), fared)
    }

    /// When the last pod left the old nodes, where none is there now.
    pub fn emptied_at(&self) -> Option<Instant> {
        self.emptied_at
    }

    /// When all pods were healthy again, where they are now.
    pub fn available_at(&self) -> Option<Instant> {
        self.available_at
    }

    pub fn pods_listed(&mut self, pods: Vec<Pod>) {
        let there: HashSet<&String> = pods.iter().map(|pod| &pod.uid).collect();
        let gone: Vec<String> = self.pods.keys().filter(|uid| !there.contains(uid)).cloned().collect();
        for uid in gone {
            self.pod_gone(&uid);
        }
        for pod in pods {
            self.pod_seen(pod);
        }
    }

    pub fn pod_seen(&mut self, pod: Pod) {
        // Its labels stay as they are, so what covers it is looked for once.
        let budgets = match self.remove(&pod.uid) {
            Some(known) => known.budgets,
            None => {
                (0..self.budgets.len()).filter(|index| covers(&self.budgets[*index].budget, &pod)).collect()
            }
        };
        let on_old = pod.node.as_ref().is_some_and(|node| self.old_nodes.contains(node));
        let kept = Kept { pod, on_old, budgets };
        self.count(&kept, 1);
        self.look(&kept.budgets);
        self.pods.insert(kept.pod.uid.clone(), kept);
    }

    pub fn pod_gone(&mut self, uid: &str) {
        if let Some(kept) = self.remove(uid) {
            self.deaths += usize::from(!kept.pod.of_daemon_set);
            self.look(&kept.budgets);
        }
    }

    fn remove(&mut self, uid: &str) -> Option<Kept> {
        let kept = self.pods.remove(uid)?;
        self.count(&kept, -1);
        Some(kept)
    }

    fn count(&mut self, kept: &Kept, by: isize) {
        let add = |figure: &mut usize, counts: bool| {
            *figure = figure.saturating_add_signed(if counts { by } else { 0 });
        };
        if !kept.pod.of_daemon_set {
            add(&mut self.counts.pods, true);
            add(&mut self.counts.healthy, kept.pod.healthy);
            add(&mut self.counts.on_old, kept.on_old);
            add(&mut self.counts.healthy_on_old, kept.on_old && kept.pod.healthy);
        }
        for index in kept.budgets.iter().filter(|_| kept.pod.healthy) {
            let each = &mut self.budgets[*index];
            each.healthy = each.healthy.saturating_add_signed(by as i64);
        }
    }

    /// After each whole event, at what it touched: in between, a pod that changed counts as gone.
    fn look(&mut self, budgets: &[usize]) {
        let now = || Some(Instant::now());
        let empty = self.counts.on_old == 0;
        self.emptied_at = if empty { self.emptied_at.or_else(now) } else { None };
        let available = self.counts.healthy >= self.wanted;
        self.available_at = if available { self.available_at.or_else(now) } else { None };
        for index in budgets {
            let each = &mut self.budgets[*index];
            each.lowest = each.lowest.min(each.healthy);
            let was = std::mem::replace(&mut each.below, each.healthy < each.least);
            if self.recording && each.below && !was && !each.gone {
                let (name, healthy, least) = (each.full_name(), each.healthy, each.least);
                self.violations.push(format!("{name}: {healthy} pods healthy, {least} is the least"));
            }
        }
    }

    pub fn budgets_listed(&mut self, budgets: Vec<Budget>) {
        let there: HashSet<&String> = budgets.iter().map(|budget| &budget.uid).collect();
        let gone = self.there().filter(|each| !there.contains(&each.budget.uid));
        let gone: Vec<String> = gone.map(|each| each.budget.uid.clone()).collect();
        for uid in gone {
            self.budget_gone(&uid);
        }
        for budget in budgets {
            self.budget_seen(budget);
        }
    }

    pub fn budget_seen(&mut self, budget: Budget) {
        let full_name = format!("{}/{}", budget.namespace, budget.name);
        let least = self.least.get(&full_name).copied().unwrap_or(budget.desired);
        if let Some(index) = self.budgets.iter().position(|each| each.budget.uid == budget.uid) {
            if self.recording && self.budgets[index].budget.spec != budget.spec {
                self.violations.push(format!("{full_name} was changed"));
            }
            let each = &mut self.budgets[index];
            (each.budget, each.least) = (budget, least);
            return;
        }
        let index = self.budgets.len();
        let mut healthy = 0;
        for kept in self.pods.values_mut().filter(|kept| covers(&budget, &kept.pod)) {
            kept.budgets.push(index);
            healthy += u64::from(kept.pod.healthy);
        }
        self.budgets.push(Watched {
            budget,
            gone: false,
            least,
            healthy,
            lowest: healthy,
            below: healthy < least,
        });
    }

    pub fn budget_gone(&mut self, uid: &str) {
        let Some(each) = self.budgets.iter_mut().find(|each| each.budget.uid == uid) else { return };
        each.gone = true;
        if self.recording {
            self.violations.push(format!("{} was deleted", each.full_name()));
        }
    }
}

impl Watched {
    fn full_name(&self) -> String {
        format!("{}/{}", self.budget.namespace, self.budget.name)
    }
}

fn covers(budget: &Budget, pod: &Pod) -> bool {
    let wanted = budget.spec["selector"]["matchLabels"].as_object();
    budget.namespace == pod.namespace
        && wanted.is_some_and(|wanted| {
            wanted.iter().all(|(key, value)| pod.labels.get(key).map(String::as_str) == value.as_str())
        })
}
