//! Watches pods and PodDisruptionBudgets during the whole run of a tool, with its own requests. Reads only the fields
//! that the ledger counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use kube::Client;
use kube::core::WatchEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::ledger::{Budget, Ledger, Pod};

const PODS: &str = "/api/v1/pods";
const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";
/// Objects per page of a list.
const PAGE: u32 = 500;

/// Two watches that run until this is dropped.
pub(crate) struct Watcher {
    ledger: Arc<Mutex<Ledger>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watcher {
    /// Lists all objects, then watches them.
    pub(crate) async fn start(client: &Client, ledger: Ledger) -> Result<Self> {
        let ledger = Arc::new(Mutex::new(ledger));
        // Budgets first: a pod's budgets are determined when it is first seen.
        let budgets = follow::<BudgetSeen>(client, &ledger, BUDGETS).await?;
        let pods = follow::<PodSeen>(client, &ledger, PODS).await?;
        Ok(Self { ledger, tasks: vec![budgets, pods] })
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// An error if a watch has ended: the counts since then are worthless.
    pub(crate) fn check(&self) -> Result<()> {
        if self.tasks.iter().any(JoinHandle::is_finished) {
            bail!("one of the benchmark's watches ended");
        }
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Objects that the ledger tracks.
trait Seen: DeserializeOwned + Clone + Send + 'static {
    fn version(&self) -> &str;
    fn listed(ledger: &mut Ledger, objects: Vec<Self>);
    fn seen(self, ledger: &mut Ledger);
    fn gone(self, ledger: &mut Ledger);
}

async fn follow<T: Seen>(
    client: &Client,
    ledger: &Arc<Mutex<Ledger>>,
    path: &'static str,
) -> Result<JoinHandle<()>> {
    let (objects, mut version) = list::<T>(client, path).await?;
    T::listed(&mut lock(ledger), objects);
    let (client, ledger) = (client.clone(), Arc::clone(ledger));
    Ok(tokio::spawn(async move {
        loop {
            // The server ends a watch now and then. Continue from the last version seen.
            let ended = watch::<T>(&client, &ledger, path, &mut version).await;
            if matches!(ended, Ok(Ended::Expired)) {
                lock(&ledger).gaps += 1;
                let Ok((objects, current)) = list::<T>(&client, path).await else { return };
                version = current;
                T::listed(&mut lock(&ledger), objects);
            } else if ended.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }))
}

enum Ended {
    Closed,
    /// 410: the events since then are no longer available.
    Expired,
}

async fn watch<T: Seen>(
    client: &Client,
    ledger: &Mutex<Ledger>,
    path: &str,
    version: &mut String,
) -> Result<Ended> {
    let query =
        format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=7200&resourceVersion={version}");
    let events = client.request_events::<T>(http::Request::get(query).body(Vec::new())?).await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                version.clear();
                version.push_str(object.version());
                object.seen(&mut lock(ledger));
            }
            WatchEvent::Deleted(object) => {
                version.clear();
                version.push_str(object.version());
                object.gone(&mut lock(ledger));
            }
            WatchEvent::Bookmark(bookmark) => *version = bookmark.metadata.resource_version,
            WatchEvent::Error(status) if status.code == 410 => return Ok(Ended::Expired),
            WatchEvent::Error(status) => bail!("watching {path}: {}", status.message),
        }
    }
    Ok(Ended::Closed)
}

#[derive(Deserialize)]
struct List<T> {
    metadata: ListMeta,
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue", default)]
    next: String,
}

/// All objects, and the resource version of the list.
async fn list<T: DeserializeOwned>(client: &Client, path: &str) -> Result<(Vec<T>, String)> {
    let mut objects = Vec::new();
    let mut query = format!("{path}?limit={PAGE}");
    loop {
        let request = http::Request::get(&query).body(Vec::new())?;
        let page: List<T> = client.request(request).await.with_context(|| format!("listing {path}"))?;
        objects.extend(page.items);
        if page.metadata.next.is_empty() {
            return Ok((objects, page.metadata.resource_version));
        }
        query = format!("{path}?limit={PAGE}&continue={}", page.metadata.next);
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    namespace: String,
    name: String,
    resource_version: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Clone, Deserialize)]
struct Owner {
    kind: String,
}

#[derive(Clone, Deserialize)]
struct PodSeen {
    metadata: Metadata,
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
struct PodStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl From<PodSeen> for Pod {
    fn from(seen: PodSeen) -> Self {
        let PodSeen { metadata, spec, status } = seen;
        let ready = status.conditions.iter().any(|each| each.kind == "Ready" && each.status == "True");
        Pod {
            healthy: ready && metadata.deletion_timestamp.is_none(),
            of_daemon_set: metadata.owner_references.iter().any(|owner| owner.kind == "DaemonSet"),
            uid: metadata.uid,
            namespace: metadata.namespace,
            name: metadata.name,
            labels: metadata.labels,
            node: spec.node_name,
        }
    }
}

impl Seen for PodSeen {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }

    fn listed(ledger: &mut Ledger, objects: Vec<Self>) {
        ledger.pods_listed(objects.into_iter().map(Pod::from).collect());
    }

    fn seen(self, ledger: &mut Ledger) {
        ledger.pod_seen(self.into());
    }

    fn gone(self, ledger: &mut Ledger) {
        ledger.pod_gone(&self.metadata.uid);
    }
}

#[derive(Clone, Deserialize)]
struct BudgetSeen {
    metadata: Metadata,
    spec: Value,
    #[serde(default)]
    status: BudgetStatus,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BudgetStatus {
    disruptions_allowed: u64,
    desired_healthy: u64,
}

impl From<BudgetSeen> for Budget {
    fn from(seen: BudgetSeen) -> Self {
        let BudgetSeen { metadata, spec, status } = seen;
        Budget {
            uid: metadata.uid,
            namespace: metadata.namespace,
            name: metadata.name,
            spec,
            allowed: status.disruptions_allowed,
            desired: status.desired_healthy,
        }
    }
}

impl Seen for BudgetSeen {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }

    fn listed(ledger: &mut Ledger, objects: Vec<Self>) {
        ledger.budgets_listed(objects.into_iter().map(Budget::from).collect());
    }

    fn seen(self, ledger: &mut Ledger) {
        ledger.budget_seen(self.into());
    }

    fn gone(self, ledger: &mut Ledger) {
        ledger.budget_gone(&self.metadata.uid);
    }
}
