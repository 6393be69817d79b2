//! The scenarios: numbers of nodes, Deployments, and their budgets.

/// Prefix of the namespaces' names; a number follows.
pub(crate) const NAMESPACES: &str = "drain-bench-";
/// Deployments per namespace. The disruption controller has one worker, which reads all pods of the namespace for each
/// budget (kubernetes, controller/disruption): with 10,000 pods in a namespace it lagged 15 s behind.
const IN_A_NAMESPACE: usize = 20;

/// A cluster and its workload.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub name: String,
    pub about: &'static str,
    pub azs: u8,
    /// Old nodes in each zone: m5.large, 27 pods besides those of the DaemonSets.
    pub nodes_per_az: u32,
    /// New nodes in each zone: m5.4xlarge, 108 pods.
    pub new_per_az: u32,
    pub apps: Vec<App>,
    /// The factor by which pods take longer to be Ready than `about` says. Already applied to `apps`.
    pub slower: u32,
}

/// A Deployment, and the PodDisruptionBudget over its pods.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub namespace: String,
    pub name: String,
    pub replicas: u32,
    pub budget: Option<Budget>,
    /// Seconds from a pod's start until it is Ready.
    pub ready_after: u32,
}

/// The forms of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// maxUnavailable: 5
    Pods(u32),
    /// maxUnavailable: 25%
    Percent(u32),
    /// minAvailable: 8
    Keep(u32),
}

impl Scenario {
    /// The tuple has the number of zones, and of old and new nodes in each.
    pub(crate) fn new(
        name: &str,
        about: &'static str,
        (azs, nodes_per_az, new_per_az): (u8, u32, u32),
        apps: Vec<App>,
    ) -> Self {
        Self { name: name.into(), about, azs, nodes_per_az, new_per_az, apps, slower: 1 }
    }

    pub(crate) fn nodes(&self) -> u32 {
        u32::from(self.azs) * self.nodes_per_az
    }

    pub(crate) fn pods(&self) -> u32 {
        self.apps.iter().map(|app| app.replicas).sum()
    }

    /// The same scenario with pods that take longer to be Ready by this factor.
    pub(crate) fn slower(mut self, times: u32) -> Self {
        self.slower *= times;
        self.apps.iter_mut().for_each(|app| app.ready_after *= times);
        self
    }

    pub(crate) fn slowest(&self) -> u32 {
        self.apps.iter().map(|app| app.ready_after).max().unwrap_or_default()
    }
}

/// All scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let quick = Scenario::new(
        "quick",
        "6 nodes, 10 Deployments of 6 pods, budget 1, replacements Ready after 5 s",
        (3, 2, 1),
        alike(10, 6, Some(Budget::Pods(1)), 5),
    );
    // Many evictions under one budget: the API server delays conflicting ones by half a second each.
    let wide = Scenario::new(
        "10-nodes-one-deployment",
        "one Deployment of 200, budget 25 %, Ready after 20 s",
        (2, 5, 2),
        alike(1, 200, Some(Budget::Percent(25)), 20),
    );
    let mut scenarios = vec![quick, wide];
    let budgets = [
        ("budget-1", Some(Budget::Pods(1))),
        ("budget-5", Some(Budget::Pods(5))),
        ("budget-25pct", Some(Budget::Percent(25))),
        ("no-budget", None),
    ];
    for (name, budget) in budgets {
        scenarios.push(of_50_nodes(name, "20 Deployments of 50, Ready after 5 s", alike(20, 50, budget, 5)));
    }
    scenarios.push(of_50_nodes("mixed", "Deployments of 1 to 200 with budgets of every kind", mixed(1, 1)));
    for (name, budget) in budgets {
        let apps = alike(200, 50, budget, 20);
        scenarios.push(of_500_nodes(name, "200 Deployments of 50, Ready after 20 s", apps));
    }
    scenarios.push(of_500_nodes("mixed", "Deployments of 1 to 200 with budgets of every kind", mixed(10, 4)));
    scenarios
}

fn of_50_nodes(name: &str, about: &'static str, apps: Vec<App>) -> Scenario {
    Scenario::new(&format!("50-nodes-{name}"), about, (2, 25, 6), apps)
}

/// Four zones, because each of the sandbox's subnets has addresses for about 200 such nodes.
fn of_500_nodes(name: &str, about: &'static str, apps: Vec<App>) -> Scenario {
    Scenario::new(&format!("500-nodes-{name}"), about, (4, 125, 28), apps)
}

fn alike(count: u32, replicas: u32, budget: Option<Budget>, ready_after: u32) -> Vec<App> {
    (0..count as usize).map(|index| app(index, replicas, budget, ready_after)).collect()
}

/// 1,000 pods in 23 Deployments, multiplied by `times`. Pods take `slower` times longer to be Ready.
fn mixed(times: u32, slower: u32) -> Vec<App> {
    use Budget::{Keep, Percent, Pods};
    let sizes = [
        (200, Some(Percent(10)), 5),
        (150, Some(Percent(25)), 8),
        (100, Some(Pods(5)), 5),
        (100, None, 5),
        (80, Some(Percent(10)), 5),
        (80, Some(Pods(5)), 10),
        (60, Some(Percent(25)), 12),
        (50, Some(Pods(2)), 5),
        (50, Some(Pods(5)), 5),
        (30, Some(Pods(1)), 5),
        (20, Some(Pods(1)), 5),
        (20, None, 5),
        (10, Some(Pods(1)), 8),
        (10, Some(Percent(25)), 5),
        (10, Some(Keep(8)), 5),
        (8, Some(Keep(6)), 5),
        (6, Some(Pods(1)), 5),
        (5, Some(Percent(50)), 5),
        (4, Some(Pods(1)), 5),
        (3, Some(Pods(1)), 10),
        (2, Some(Pods(1)), 10),
        (1, None, 5),
        (1, Some(Pods(1)), 5),
    ];
    let repeated = (0..times).flat_map(|_| sizes).enumerate();
    repeated
        .map(|(index, (replicas, budget, ready_after))| app(index, replicas, budget, ready_after * slower))
        .collect()
}

fn app(index: usize, replicas: u32, budget: Option<Budget>, ready_after: u32) -> App {
    let namespace = format!("{NAMESPACES}{}", index / IN_A_NAMESPACE);
    App { namespace, name: format!("app-{index:03}"), replicas, budget, ready_after }
}
