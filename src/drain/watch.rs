//! What the API server tells of pods, budgets, nodes and volume attachments as long as a drain lasts.
//!
//! Lists are paged, watches ask for bookmarks, and only what is needed of each object is kept. A watch that has
//! expired (410) or broke is begun anew with a list; what that list lacks is gone.

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

/// One thing that was seen.
#[derive(Debug)]
pub enum Seen {
    Pod(Box<Pod>),
    /// By UID.
    PodGone(String),
    Budget(Box<Budget>),
    BudgetGone(String),
    Node(NodeNow),
    NodeGone(String),
    /// A volume is attached to a node, or about to be.
    Attached {
        attachment: String,
        node: String,
    },
    Detached(String),
    /// All that there is of a kind was told once.
    Listed(Kind),
    /// The watch broke; it is begun anew by itself.
    Trouble(Kind, Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Pods,
    Budgets,
    Nodes,
    Attachments,
}

/// What is followed of a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNow {
    pub name: String,
    pub uid: String,
    pub unschedulable: bool,
}

/// Everything that a drain follows, in one stream that never ends. It reads at once, also while nobody looks: what
/// comes before the first eviction takes as long as the lists.
pub fn watch(client: &Client) -> UnboundedReceiver<Seen> {
    let pods = follow::<slim::Pod>(
        client,
        Kind::Pods,
        |pod| (pod.metadata.uid.clone().unwrap_or_default(), |pod| Seen::Pod(Box::new(pods::pod(pod)))),
        Seen::PodGone,
    );
    let budgets = follow::<PodDisruptionBudget>(
        client,
        Kind::Budgets,
        |budget| (full_name(budget), |budget| Seen::Budget(Box::new(pods::budget(budget)))),
        Seen::BudgetGone,
    );
    let nodes = follow::<slim::Node>(client, Kind::Nodes, |node| (name(node), node_now), Seen::NodeGone);
    let attachments = follow::<VolumeAttachment>(
        client,
        Kind::Attachments,
        |attachment| (name(attachment), attached),
        Seen::Detached,
    );
    let (told, seen) = unbounded();
    let all = select_all([pods, budgets, nodes, attachments]);
    // Ends when nobody listens any more.
    tokio::spawn(all.map(Ok).forward(told));
    seen
}

fn node_now(node: slim::Node) -> Seen {
    Seen::Node(NodeNow {
        name: node.metadata.name.unwrap_or_default(),
        uid: node.metadata.uid.unwrap_or_default(),
        unschedulable: node.spec.and_then(|spec| spec.unschedulable).unwrap_or_default(),
    })
}

fn attached(attachment: VolumeAttachment) -> Seen {
    Seen::Attached {
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

/// An object's key, and how it is told.
type Told<K> = (String, fn(K) -> Seen);

/// All objects of a kind, as they are and as they change.
fn follow<K>(
    client: &Client,
    kind: Kind,
    look: fn(&K) -> Told<K>,
    gone: fn(String) -> Seen,
) -> BoxStream<'static, Seen>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let api: Api<K> = Api::all(client.clone());
    let config = watcher::Config::default().page_size(PAGE);
    let mut known: HashSet<String> = HashSet::new();
    // What the list under way has shown so far.
    let mut listed: HashSet<String> = HashSet::new();
    watcher(api, config)
        .default_backoff()
        .flat_map(move |event| {
            let mut told = Vec::new();
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    let (key, tell) = look(&object);
                    listed.insert(key);
                    told.push(tell(object));
                }
                Ok(Event::InitDone) => {
                    let now = std::mem::take(&mut listed);
                    told.extend(known.difference(&now).cloned().map(gone));
                    known = now;
                    told.push(Seen::Listed(kind));
                }
                Ok(Event::Apply(object)) => {
                    let (key, tell) = look(&object);
                    known.insert(key);
                    told.push(tell(object));
                }
                Ok(Event::Delete(object)) => {
                    let (key, _) = look(&object);
                    known.remove(&key);
                    told.push(gone(key));
                }
                Err(error) => told.push(Seen::Trouble(kind, trouble(kind, error))),
            }
            stream::iter(told)
        })
        .boxed()
}

fn trouble(kind: Kind, error: watcher::Error) -> Error {
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

    /// An API server that gives these answers, one after another, and then none.
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
    async fn a_watch_that_expired_is_begun_anew_and_what_the_list_lacks_is_gone() {
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
            |pod| (pod.metadata.uid.clone().unwrap_or_default(), |pod| Seen::Pod(Box::new(pods::pod(pod)))),
            Seen::PodGone,
        );
        let told: Vec<String> = seen
            .filter(|seen| std::future::ready(!matches!(seen, Seen::Trouble(..))))
            .take(6)
            .map(|seen| match seen {
                Seen::Pod(pod) => pod.name,
                Seen::PodGone(uid) => format!("{uid} gone"),
                Seen::Listed(_) => "listed".into(),
                other => format!("{other:?}"),
            })
            .collect()
            .await;
        assert_eq!(told, ["stays", "goes", "listed", "stays", "goes gone", "listed"]);
        let asked = asked.lock().unwrap();
        assert!(
            asked[1].contains("watch=true") && asked[1].contains("allowWatchBookmarks=true"),
            "{asked:?}"
        );
        assert!(asked[0].contains(&format!("limit={PAGE}")), "{asked:?}");
    }
}
