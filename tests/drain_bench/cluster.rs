//! The cluster to drain: old nodes with the workload, and new nodes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use sandbox::tools::say;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::bound::Rates;
use crate::ledger::{Counts, Ledger};
use crate::scenario::{self, App, Budget, Scenario};
use crate::watcher::Watcher;
use crate::workload;

/// The benchmark's concurrent requests.
const SIDE_BY_SIDE: usize = 32;
/// New nodes hold many pods, so few of them are needed.
const NEW_TYPE: &str = "m5.4xlarge";

pub(crate) struct Cluster {
    // Dropped before the sandbox that it watches.
    pub watcher: Watcher,
    pub sandbox: Sandbox,
    pub old_nodes: Vec<String>,
    new_nodes: Vec<String>,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    /// A sandbox on which setup is complete except for the drain.
    pub(crate) fn start(scenario: &Scenario, program: &Path) -> Result<Self> {
        let shape = Shape {
            azs: scenario.azs,
            nodes_per_az: scenario.nodes_per_az,
            old_nodes: OldNodes::SelfManaged,
            workloads: false,
            ..Shape::default()
        };
        let started = Instant::now();
        let sandbox = Sandbox::start(&shape)?;
        let runtime = runtime()?;
        let client = runtime.block_on(connect(&sandbox))?;
        let old_nodes = runtime.block_on(nodes(&client))?;
        say(&format!("{} old nodes after {:.0} s", old_nodes.len(), started.elapsed().as_secs_f64()));

        set_up(&sandbox, scenario, program)?;
        let old: BTreeSet<&String> = old_nodes.iter().collect();
        let all = runtime.block_on(nodes(&client))?;
        let new_nodes: Vec<String> = all.into_iter().filter(|node| !old.contains(node)).collect();
        say(&format!("{} new nodes after {:.0} s", new_nodes.len(), started.elapsed().as_secs_f64()));
        let ledger = Ledger::new(old_nodes.iter().cloned().collect());
        let watcher = runtime.block_on(Watcher::start(&client, ledger))?;
        Ok(Self { watcher, sandbox, old_nodes, new_nodes, client, runtime })
    }

    /// Creates the workload. Its pods run on the old nodes.
    pub(crate) fn place(&mut self, scenario: &Scenario) -> Result<()> {
        let started = Instant::now();
        self.set_unschedulable(&self.new_nodes, true)?;
        for app in &scenario.apps {
            workload::expect(&mut self.watcher.ledger(), app);
        }
        let others = self.watcher.ledger().counts().pods;
        let objects = workload::objects(scenario).to_string();
        self.sandbox.kubectl_with(&["create", "--validate=ignore", "-f", "-"], &objects)?;
        self.until_placed(others + scenario.pods() as usize)?;
        say(&format!("{} pods Ready after {:.0} s", scenario.pods(), started.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Moves all pods back to the old nodes and waits until they are Ready: all are evicted at once, with budgets that
    /// allow all disruptions. Returns how fast that was.
    pub(crate) fn reset(&mut self, scenario: &Scenario) -> Result<Rates> {
        self.set_unschedulable(&self.old_nodes, false)?;
        self.set_unschedulable(&self.new_nodes, true)?;
        self.set_budgets(scenario, |_| Budget::Percent(100))?;
        self.until("budgets that allow all disruptions", Duration::from_secs(300), Ledger::budgets_are_open)?;
        let pods = self.watcher.ledger().movable();
        let (wanted, before) = (pods.len(), self.watcher.ledger().deaths());
        let started = Instant::now();
        self.runtime.block_on(evict(&self.client, pods))?;
        self.until("the evicted pods to be deleted", Duration::from_secs(1800), |ledger| {
            ledger.deaths() >= before + wanted
        })?;
        let gone = started.elapsed().as_secs_f64();
        self.until("all pods to be Ready on old nodes", Duration::from_secs(1800), |ledger| {
            ledger.counts() == placed(wanted)
        })?;
        let ready = started.elapsed().as_secs_f64();
        say(&format!("{wanted} pods deleted after {gone:.0} s, back on the old nodes after {ready:.0} s"));
        self.set_budgets(scenario, |budget| budget)?;
        self.until_placed(wanted)?;
        self.open_new_nodes()?;
        let replacing = (ready - f64::from(scenario.slowest())).max(gone);
        Ok(Rates { gone: wanted as f64 / gone, replaced: wanted as f64 / replacing })
    }

    /// Lets pods run on the new nodes.
    pub(crate) fn open_new_nodes(&mut self) -> Result<()> {
        self.set_unschedulable(&self.new_nodes, false)?;
        self.until_untainted()
    }

    /// Changes every budget with `to`.
    fn set_budgets(&self, scenario: &Scenario, to: fn(Budget) -> Budget) -> Result<()> {
        let set = async |(app, budget): (&App, Budget)| {
            let api: Api<PodDisruptionBudget> = Api::namespaced(self.client.clone(), &app.namespace);
            let patch = Patch::Merge(json!({ "spec": workload::limits(to(budget)) }));
            api.patch(&app.name, &PatchParams::default(), &patch).await
        };
        let budgets = scenario.apps.iter().filter_map(|app| Some((app, app.budget?)));
        self.runtime.block_on(all(budgets.map(set))).context("changing budgets")
    }

    /// The scheduler looks at the taint of a cordon, which a controller removes some time after the uncordon.
    fn until_untainted(&mut self) -> Result<()> {
        let Self { sandbox, client, runtime, .. } = self;
        sandbox.until("the cordon's taints to be removed", Duration::from_secs(300), || {
            let tainted = runtime.block_on(cordoned(client)).map_err(|error| format!("{error:#}"))?;
            if tainted == 0 { Ok(Some(())) } else { Err(format!("{tainted} nodes have a taint")) }
        })
    }

    fn until_placed(&mut self, pods: usize) -> Result<()> {
        self.until("all pods to be Ready on old nodes", Duration::from_secs(1800), |ledger| {
            ledger.counts() == placed(pods) && ledger.budgets_are_settled()
        })
    }

    /// Waits until the watcher has seen this.
    pub(crate) fn until(
        &mut self,
        what: &str,
        limit: Duration,
        seen: impl Fn(&Ledger) -> bool,
    ) -> Result<()> {
        let Self { sandbox, watcher, .. } = self;
        sandbox.until(what, limit, || {
            watcher.check().map_err(|error| error.to_string())?;
            let ledger = watcher.ledger();
            if seen(&ledger) { Ok(Some(())) } else { Err(format!("{:?}", ledger.counts())) }
        })
    }

    fn set_unschedulable(&self, nodes: &[String], unschedulable: bool) -> Result<()> {
        let api: Api<Node> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({ "spec": { "unschedulable": unschedulable } }));
        let params = PatchParams::default();
        let patches = nodes.iter().map(|node| api.patch(node, &params, &patch));
        self.runtime.block_on(all(patches)).context("cordoning nodes")
    }
}

/// The flags of both `setup` and `drain-nodes`, so that the drain has nothing else left to do.
pub(crate) fn arguments(scenario: &Scenario) -> Vec<String> {
    let size = scenario.new_per_az.to_string();
    ["--instance-type", NEW_TYPE, "--nodes-per-zone", &size].map(String::from).to_vec()
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A client with the credentials of test code.
pub(crate) async fn connect(sandbox: &Sandbox) -> Result<Client> {
    Ok(Client::try_from(sandbox.admin_config().await?)?)
}

async fn nodes(client: &Client) -> Result<Vec<String>> {
    let list = Api::<Node>::all(client.clone()).list_metadata(&ListParams::default()).await?;
    Ok(list.items.into_iter().filter_map(|node| node.metadata.name).collect())
}

async fn cordoned(client: &Client) -> Result<usize> {
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?;
    let by_cordon = |taint: &Taint| taint.key == "node.kubernetes.io/unschedulable";
    let taints = nodes.items.iter().filter_map(|node| node.spec.as_ref()?.taints.as_ref());
    Ok(taints.filter(|taints| taints.iter().any(by_cordon)).count())
}

fn placed(pods: usize) -> Counts {
    Counts { pods, healthy: pods, on_old: pods, healthy_on_old: pods }
}

/// Evicts each pod, with retries: the API server rejects evictions that conflict with many others (409 or 504). The
/// cluster's own pods are deleted, because their budgets are not changed.
async fn evict(client: &Client, pods: Vec<(String, String)>) -> Result<()> {
    let evict = |(namespace, name): (String, String)| async move {
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        loop {
            let answer = match namespace.starts_with(scenario::NAMESPACES) {
                true => api.evict(&name, &EvictParams::default()).await.map(drop),
                false => api.delete(&name, &DeleteParams::default()).await.map(drop),
            };
            match answer {
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 || status.code >= 429 => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                other => return other,
            }
        }
    };
    all(pods.into_iter().map(evict)).await.context("evicting pods")
}

/// Sends the requests concurrently and stops at the first failure.
async fn all<T>(requests: impl Iterator<Item = impl Future<Output = kube::Result<T>>>) -> kube::Result<()> {
    stream::iter(requests).buffer_unordered(SIDE_BY_SIDE).try_collect::<Vec<_>>().await.map(drop)
}

fn set_up(sandbox: &Sandbox, scenario: &Scenario, program: &Path) -> Result<()> {
    let output = sandbox
        .command(program)
        .env_remove("KUBECONFIG")
        .current_dir(std::env::temp_dir())
        .args(["setup", "--yes", "--keep-old-nodes"])
        .args(arguments(scenario))
        .output()
        .context("starting eni-custom")?;
    if !output.status.success() {
        bail!("eni-custom setup: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
