//! Symptoms of problems: nodes that are not Ready, pods that do not start, and the events about them.

use std::marker::PhantomData;

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::Deserialize;

use crate::error::Result;
use crate::facts::{ClusterEvent, Facts, NodeTrouble, Obstacle, Symptoms, WaitingPod};

use super::slim::{self, Condition, Slim};
use super::{failure, pages, protobuf};

/// The number of events to read per reason: more would repeat the same.
const EVENTS: u32 = 500;
/// A younger pod may still be starting.
const PATIENCE_SECONDS: i64 = 60;

type SlimPod = Slim<Pod, slim::PodSpec, WaitingStatus>;

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WaitingStatus {
    conditions: Option<Vec<Condition>>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
}

/// Reads all symptoms. Parts without permission are noted; node conditions are read only if a node is not Ready.
pub async fn read(client: &Client, facts: &Facts) -> Result<Symptoms> {
    let not_ready = facts.ec2_nodes().any(|node| !node.ready);
    let nodes = async { if not_ready { nodes(client).await } else { Ok(Vec::new()) } };
    let (nodes, pods, events) = tokio::join!(nodes, pods(client), events(client));
    let mut symptoms = Symptoms::default();
    symptoms.nodes = or_note(&mut symptoms, "why nodes are not Ready", nodes)?;
    symptoms.pods = or_note(&mut symptoms, "pods that are Pending", pods)?;
    symptoms.events = or_note(&mut symptoms, "events", events)?;
    Ok(symptoms)
}

/// Turns a refusal into a note. An error without a code means that the server can't be reached, and is returned.
fn or_note<T: Default>(symptoms: &mut Symptoms, what: &'static str, read: Result<T>) -> Result<T> {
    match read {
        Err(error) if !error.code().is_empty() => {
            let why = error.reason().map(ToString::to_string).unwrap_or_default();
            symptoms.unread.insert(what, why);
            Ok(T::default())
        }
        read => read,
    }
}

/// Nodes whose Ready condition is not True, with its message.
async fn nodes(client: &Client) -> Result<Vec<NodeTrouble>> {
    let found = pages::packed::<protobuf::Node, _, _>(client, ListParams::default(), |node: slim::Node| {
        let conditions = node.status.unwrap_or_default().conditions.unwrap_or_default();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
        if ready.as_ref().is_some_and(|ready| ready.status == "True") {
            return None;
        }
        let message = ready.map(|ready| in_words(ready.reason, ready.message)).unwrap_or_default();
        Some(NodeTrouble { name: node.metadata.name.unwrap_or_default(), message })
    });
    found.await.map_err(|error| failure("list nodes", &error))
}

/// Pods that are Pending: not scheduled, or scheduled and not started.
pub async fn pods(client: &Client) -> Result<Vec<WaitingPod>> {
    let pending = ListParams::default().fields("status.phase=Pending");
    let now = Timestamp::now();
    let found = pages::all(client, pending, |pod: SlimPod| Some(trouble(pod, now)));
    found.await.map_err(|error| failure("list pods that are Pending", &error))
}

fn trouble(pod: SlimPod, now: Timestamp) -> WaitingPod {
    let Slim { metadata, spec, status, kind: PhantomData } = pod;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let age = metadata.creation_timestamp.map_or(0, |made| now.duration_since(made.0).as_secs());
    let containers = status.init_container_statuses.into_iter().chain(status.container_statuses).flatten();
    let waiting = containers.filter_map(|container| container.state?.waiting).next();
    let unscheduled = status
        .conditions
        .unwrap_or_default()
        .into_iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status != "True");
    let message = match (waiting, unscheduled) {
        (Some(waiting), _) => in_words(waiting.reason, waiting.message),
        (None, Some(condition)) => condition.message.unwrap_or_default(),
        (None, None) => String::new(),
    };
    WaitingPod {
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        node: spec.node_name.unwrap_or_default(),
        host_network: spec.host_network.unwrap_or_default(),
        old: age >= PATIENCE_SECONDS,
        obstacles: Obstacle::named_in(&message),
        message,
    }
}

fn in_words(reason: Option<String>, message: Option<String>) -> String {
    [reason, message].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// Warning events of a few reasons, at most one page of each, however large the cluster.
async fn events(client: &Client) -> Result<Vec<ClusterEvent>> {
    let api: Api<Event> = Api::all(client.clone());
    let read = async |fields: &str| {
        let query = ListParams::default().fields(fields).limit(EVENTS);
        api.list(&query).await.map_err(|error| failure("list events", &error))
    };
    let (sandbox, scheduling, nodes) = tokio::try_join!(
        read("reason=FailedCreatePodSandBox"),
        read("reason=FailedScheduling"),
        read("involvedObject.kind=Node,type=Warning"),
    )?;
    let all = sandbox.items.into_iter().chain(scheduling.items).chain(nodes.items);
    Ok(all
        .map(|event| ClusterEvent {
            kind: event.involved_object.kind.unwrap_or_default(),
            namespace: event.involved_object.namespace.unwrap_or_default(),
            name: event.involved_object.name.unwrap_or_default(),
            reason: event.reason.unwrap_or_default(),
            obstacles: event.message.as_deref().map(Obstacle::named_in).unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        })
        .collect())
}
