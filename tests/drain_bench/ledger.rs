//! Counts pods from watch events: how many are healthy under each PodDisruptionBudget, and how many run on old nodes.
//! Independent of kube and the sandbox. An event takes constant time, whatever the size of the cluster.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

/// What is counted of a pod.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub node: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Ready and not terminating, as the disruption controller counts.
    pub healthy: bool,
    /// A DaemonSet's pod is never moved.
    pub of_daemon_set: bool,
}

/// What is read of a PodDisruptionBudget.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub spec: Value,
    /// status.disruptionsAllowed
    pub allowed: u64,
    /// status.desiredHealthy, for budgets whose workload the benchmark does not know.
    pub desired: u64,
}

/// The lowest number of healthy pods of a budget during a run.
#[derive(Clone, Debug)]
pub(crate) struct BudgetResult {
    pub name: String,
    pub least: u64,
    pub lowest: u64,
}

/// Counts of pods, without those of DaemonSets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub pods: usize,
    pub healthy: usize,
    pub on_old: usize,
    pub healthy_on_old: usize,
}

#[derive(Debug)]
struct TrackedPod {
    pod: Pod,
    on_old: bool,
    /// Indices of the budgets that select the pod.
    budgets: Vec<usize>,
}

#[derive(Debug)]
struct TrackedBudget {
    budget: Budget,
    gone: bool,
    least: u64,
    healthy: u64,
    lowest: u64,
    /// Below its minimum. This is one violation until it is back at its minimum.
    below: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    old_nodes: HashSet<String>,
    /// Minimum of healthy pods by `namespace/name` of the budget, computed from the workload.
    least: HashMap<String, u64>,
    pods: HashMap<String, TrackedPod>,
    budgets: Vec<TrackedBudget>,
    counts: Counts,
    /// The number of pods when the tool started.
    wanted: usize,
    /// Deleted pods, without those of DaemonSets.
    deaths: usize,
    /// A tool is running: a budget below its minimum is a violation.
    recording: bool,
    violations: Vec<String>,
    emptied_at: Option<Instant>,
    available_at: Option<Instant>,
    /// How often a watch was restarted and may have missed events.
    pub gaps: usize,
}

impl Ledger {
    pub(crate) fn new(old_nodes: HashSet<String>) -> Self {
        Self { old_nodes, ..Self::default() }
    }

    /// Sets the minimum of a budget before it is created.
    pub(crate) fn expect(&mut self, budget: String, least: u64) {
        self.least.insert(budget, least);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn deaths(&self) -> usize {
        self.deaths
    }

    /// Namespace and name of all pods that belong to no DaemonSet.
    pub(crate) fn movable(&self) -> Vec<(String, String)> {
        let pods = self.pods.values().map(|kept| &kept.pod).filter(|pod| !pod.of_daemon_set);
        pods.map(|pod| (pod.namespace.clone(), pod.name.clone())).collect()
    }

    /// Whether the disruption controller has counted the same healthy pods for each budget.
    pub(crate) fn budgets_are_settled(&self) -> bool {
        self.existing_budgets()
            .all(|each| each.healthy >= each.least && each.budget.allowed == each.healthy - each.least)
            && self.existing_budgets().count() >= self.least.len()
    }

    /// Whether every budget of the benchmark currently allows the disruption of all its pods.
    pub(crate) fn budgets_are_open(&self) -> bool {
        self.existing_budgets()
            .filter(|each| self.least.contains_key(&each.full_name()))
            .all(|each| each.budget.allowed == each.healthy)
    }

    fn existing_budgets(&self) -> impl Iterator<Item = &TrackedBudget> {
        self.budgets.iter().filter(|each| !each.gone)
    }

    /// Starts recording: a tool starts.
    pub(crate) fn begin(&mut self) {
        self.recording = true;
        self.violations.clear();
        (self.emptied_at, self.available_at, self.gaps) = (None, None, 0);
        self.wanted = self.counts.pods;
        for each in &mut self.budgets {
            (each.lowest, each.below) = (each.healthy, each.healthy < each.least);
        }
    }

    /// Stops recording. Returns the violations and the lowest count of each budget.
    pub(crate) fn end(&mut self) -> (Vec<String>, Vec<BudgetResult>) {
        self.recording = false;
        let fared = self.existing_budgets().map(|each| BudgetResult {
            name: each.full_name(),
            least: each.least,
            lowest: each.lowest,
        });
        let fared = fared.collect();
        (std::mem::take(&mut self.violations), fared)
    }

    /// When the last pod left the old nodes, if none is there now.
    pub(crate) fn emptied_at(&self) -> Option<Instant> {
        self.emptied_at
    }

    /// When all pods became healthy again, if they are now.
    pub(crate) fn available_at(&self) -> Option<Instant> {
        self.available_at
    }

    pub(crate) fn pods_listed(&mut self, pods: Vec<Pod>) {
        let there: HashSet<&String> = pods.iter().map(|pod| &pod.uid).collect();
        let gone: Vec<String> = self.pods.keys().filter(|uid| !there.contains(uid)).cloned().collect();
        for uid in gone {
            self.pod_gone(&uid);
        }
        for pod in pods {
            self.pod_seen(pod);
        }
    }

    pub(crate) fn pod_seen(&mut self, pod: Pod) {
        // A pod's labels do not change, so its budgets are determined once.
        let budgets = match self.remove(&pod.uid) {
            Some(known) => known.budgets,
            None => {
                (0..self.budgets.len()).filter(|index| covers(&self.budgets[*index].budget, &pod)).collect()
            }
        };
        let on_old = pod.node.as_ref().is_some_and(|node| self.old_nodes.contains(node));
        let kept = TrackedPod { pod, on_old, budgets };
        self.count(&kept, 1);
        self.check_budgets(&kept.budgets);
        self.pods.insert(kept.pod.uid.clone(), kept);
    }

    pub(crate) fn pod_gone(&mut self, uid: &str) {
        if let Some(kept) = self.remove(uid) {
            self.deaths += usize::from(!kept.pod.of_daemon_set);
            self.check_budgets(&kept.budgets);
        }
    }

    fn remove(&mut self, uid: &str) -> Option<TrackedPod> {
        let kept = self.pods.remove(uid)?;
        self.count(&kept, -1);
        Some(kept)
    }

    fn count(&mut self, kept: &TrackedPod, by: isize) {
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

    /// Checks the affected budgets after each whole event. In between, a changed pod counts as gone.
    fn check_budgets(&mut self, budgets: &[usize]) {
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
                self.violations.push(format!("{name}: {healthy} healthy, minimum {least}"));
            }
        }
    }

    pub(crate) fn budgets_listed(&mut self, budgets: Vec<Budget>) {
        let there: HashSet<&String> = budgets.iter().map(|budget| &budget.uid).collect();
        let gone = self.existing_budgets().filter(|each| !there.contains(&each.budget.uid));
        let gone: Vec<String> = gone.map(|each| each.budget.uid.clone()).collect();
        for uid in gone {
            self.budget_gone(&uid);
        }
        for budget in budgets {
            self.budget_seen(budget);
        }
    }

    pub(crate) fn budget_seen(&mut self, budget: Budget) {
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
        self.budgets.push(TrackedBudget {
            budget,
            gone: false,
            least,
            healthy,
            lowest: healthy,
            below: healthy < least,
        });
    }

    pub(crate) fn budget_gone(&mut self, uid: &str) {
        let Some(each) = self.budgets.iter_mut().find(|each| each.budget.uid == uid) else { return };
        each.gone = true;
        if self.recording {
            self.violations.push(format!("{} was deleted", each.full_name()));
        }
    }
}

impl TrackedBudget {
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
