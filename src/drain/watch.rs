//! Watches pods, budgets, nodes and volume attachments during a drain.
//!
//! Lists are paged, watches use bookmarks, and only the needed fields are kept. A watch that expired (410) or failed is
//! restarted with a new list; objects missing from that list are gone.

use std::collections::HashSet;
use std::fmt::Debug;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::stream::{self, BoxStream, StreamExt, select_all};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::facts::{Budget, Pod};
use crate::k8s::pages::PAGE;
use crate::k8s::{failure, pods, slim};

/// One event.
#[derive(Debug)]
pub(super) enum WatchEvent {
    Pod(Box<Pod>),
    /// By UID.
    PodGone(String),
    Budget(Box<Budget>),
    BudgetGone(String),
    Node(NodeState),
    NodeGone(String),
    /// A volume is attached to a node, or about to be.
    Attached {
        attachment: String,
        node: String,
    },
    Detached(String),
    /// The list of a kind is complete.
    Listed(Kind),
    /// The watch failed; it restarts by itself.
    Failed(Kind, Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Pods,
    Budgets,
    Nodes,
    Attachments,
}

/// The watched fields of a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeState {
    pub name: String,
    pub uid: String,
    pub unschedulable: bool,
}

/// All events that a drain needs, in one endless stream. Reading starts at once, so that the lists load while the drain
/// prepares its first eviction.
pub(super) fn watch(client: &Client) -> UnboundedReceiver<WatchEvent> {
    let pods = follow::<slim::Pod>(
        client,
        Kind::Pods,
        |pod| (pod.metadata.uid.clone().unwrap_or_default(), |pod| WatchEvent::Pod(Box::new(pods::pod(pod)))),
        WatchEvent::PodGone,
    );
    let budgets = follow::<PodDisruptionBudget>(
        client,
        Kind::Budgets,
        |budget| (full_name(budget), |budget| WatchEvent::Budget(Box::new(pods::budget(budget)))),
        WatchEvent::BudgetGone,
    );
    let nodes =
        follow::<slim::Node>(client, Kind::Nodes, |node| (name(node), node_state), WatchEvent::NodeGone);
    let attachments = follow::<VolumeAttachment>(
        client,
        Kind::Attachments,
        |attachment| (name(attachment), attached),
        WatchEvent::Detached,
    );
    let (sender, seen) = unbounded();
    let all = select_all([pods, budgets, nodes, attachments]);
    // Ends when the receiver is dropped.
    tokio::spawn(all.map(Ok).forward(sender));
    seen
}

fn node_state(node: slim::Node) -> WatchEvent {
    WatchEvent::Node(NodeState {
        name: node.metadata.name.unwrap_or_default(),
        uid: node.metadata.uid.unwrap_or_default(),
        unschedulable: node.spec.and_then(|spec| spec.unschedulable).unwrap_or_default(),
    })
}

fn attached(attachment: VolumeAttachment) -> WatchEvent {
    WatchEvent::Attached {
        node: attachment.spec.node_name,
        attachment: attachment.metadata.name.unwrap_or_default(),
    }
}

fn name<K: Resource>(object: &K) -> String {
    object.meta().name.clone().unwrap_or_default()
}

fn full_name<K: Resource>(object: &K) -> String {
    format!("{}/{}", object.meta().namespace.clone().unwrap_or_default(), name(object))
}

/// An object's key, and how to make an event of it.
type Described<K> = (String, fn(K) -> WatchEvent);

/// Lists and watches all objects of a kind.
fn follow<K>(
    client: &Client,
    kind: Kind,
    describe: fn(&K) -> Described<K>,
    gone: fn(String) -> WatchEvent,
) -> BoxStream<'static, WatchEvent>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let api: Api<K> = Api::all(client.clone());
    let config = watcher::Config::default().page_size(PAGE);
    let mut known: HashSet<String> = HashSet::new();
    // Keys of the list in progress.
    let mut listed: HashSet<String> = HashSet::new();
    watcher(api, config)
        .default_backoff()
        .flat_map(move |event| {
            let mut seen = Vec::new();
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    let (key, event) = describe(&object);
                    listed.insert(key);
                    seen.push(event(object));
                }
                Ok(Event::InitDone) => {
                    let now = std::mem::take(&mut listed);
                    seen.extend(known.difference(&now).cloned().map(gone));
                    known = now;
                    seen.push(WatchEvent::Listed(kind));
                }
                Ok(Event::Apply(object)) => {
                    let (key, event) = describe(&object);
                    known.insert(key);
                    seen.push(event(object));
                }
                Ok(Event::Delete(object)) => {
                    let (key, _) = describe(&object);
                    known.remove(&key);
                    seen.push(gone(key));
                }
                Err(error) => seen.push(WatchEvent::Failed(kind, failed(kind, error))),
            }
            stream::iter(seen)
        })
        .boxed()
}

fn failed(kind: Kind, error: watcher::Error) -> Error {
    let what = match kind {
        Kind::Pods => "watch pods",
        Kind::Budgets => "watch PodDisruptionBudgets",
        Kind::Nodes => "watch nodes",
        Kind::Attachments => "watch VolumeAttachments",
    };
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => failure(what, &error),
        watcher::Error::WatchError(status) => failure(what, &kube::Error::Api(status)),
        watcher::Error::NoResourceVersion => Error::failed(what).because("the reply has no resourceVersion"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, version: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version},
        })
    }

    /// An API server that gives these answers in order, and then none.
    fn server(answers: Vec<String>) -> (Client, Arc<Mutex<Vec<String>>>) {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let log = Arc::clone(&asked);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            log.lock().unwrap().push(request.uri().to_string());
            let answer = answers.lock().unwrap().pop_front();
            async move {
                match answer {
                    Some(text) => {
                        Ok::<_, tower::BoxError>(http::Response::new(Body::from(text.into_bytes())))
                    }
                    None => std::future::pending().await,
                }
            }
        });
        (Client::new(service, "default"), asked)
    }

    fn list(pods: &[Value], version: &str) -> String {
        json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": version}, "items": pods})
            .to_string()
    }

    #[tokio::test]
    async fn an_expired_watch_restarts_with_a_list_and_reports_missing_objects_as_gone() {
        let expired = json!({"type": "ERROR", "object": {
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410,
            "message": "too old resource version",
        }});
        let (client, asked) = server(vec![
            list(&[pod("stays", "1"), pod("goes", "2")], "5"),
            format!("{expired}\n"),
            list(&[pod("stays", "1")], "9"),
        ]);
        let seen = follow::<slim::Pod>(
            &client,
            Kind::Pods,
            |pod| {
                (pod.metadata.uid.clone().unwrap_or_default(), |pod| {
                    WatchEvent::Pod(Box::new(pods::pod(pod)))
                })
            },
            WatchEvent::PodGone,
        );
        let seen: Vec<String> = seen
            .filter(|seen| std::future::ready(!matches!(seen, WatchEvent::Failed(..))))
            .take(6)
            .map(|seen| match seen {
                WatchEvent::Pod(pod) => pod.name,
                WatchEvent::PodGone(uid) => format!("{uid} gone"),
                WatchEvent::Listed(_) => "listed".into(),
                other => format!("{other:?}"),
            })
            .collect()
            .await;
        assert_eq!(seen, ["stays", "goes", "listed", "stays", "goes gone", "listed"]);
        let asked = asked.lock().unwrap();
        assert!(
            asked[1].contains("watch=true") && asked[1].contains("allowWatchBookmarks=true"),
            "{asked:?}"
        );
        assert!(asked[0].contains(&format!("limit={PAGE}")), "{asked:?}");
    }
}
