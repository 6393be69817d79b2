//! `verify --probe`: pods that test what every pod needs. In each zone one pod listens and one connects. They are always
//! removed, and they end by themselves if eni-custom can't remove them.

mod answer;
mod pod;
mod policies;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::{Facts, Node};
use crate::issue::{Issue, id};
use crate::k8s::lock::own_identity;
use crate::k8s::probe::{PodSeen, Probe};
use crate::session::{Seen, Session, until};
use crate::verify::{ReportSection, nodes_for_pods};

use answer::{Asked, ZoneAnswer};
use pod::{Role, Run};

/// How the probe's pods are started.
#[derive(Debug, Clone)]
pub struct Options {
    /// With sh, nc, nslookup and httpd, as busybox has them.
    pub image: String,
    pub namespace: String,
    /// Time for the pods to start, and the same again for them to answer.
    pub timeout: Duration,
}

/// Runs the probe. If the API server refuses its pods, the result is unknown; a service that does not answer is an error.
pub(crate) async fn probe(session: &Session, options: &Options) -> Result<ReportSection> {
    let places = places(&session.facts);
    if places.is_empty() {
        return Ok(section(vec![
            Issue::error(id::VFY_050, "no zone has a node that can run a probe")
                .at(&session.facts.cluster.name)
                .why("it needs a Ready node with room for two pods and with interfaces as in its ENIConfig"),
        ]));
    }
    let run =
        Run { identity: own_identity(), image: options.image.clone(), seconds: options.timeout.as_secs() };
    let pods = Probe::new(session.clients.kube.client.clone(), &options.namespace);
    let asked = async {
        pods.remove_left().await?;
        ask(session, &pods, &run, &places, options.timeout).await
    };
    let asked = asked.await;
    // Also after an error and after Ctrl-C: no call is abandoned, so all created pods have the label.
    let removed = pods.remove(&run.identity).await;
    match asked {
        Ok(zones) => {
            removed?;
            let mut checks = answer::checks(&zones);
            if policies::any_failed(&checks) {
                checks.extend(policies::check(&options.namespace, pods.policies().await));
            }
            Ok(section(checks))
        }
        // The API server refused: a quota, a policy, or a missing permission.
        Err(error) if !error.code().is_empty() && error.exit() == Exit::Failed => {
            removed?;
            let because = error.reason().map(ToString::to_string).unwrap_or_default();
            Ok(section(vec![
                Issue::unknown(id::VFY_050, "whether pods reach what they need: the probe could not start", because)
                    .at(format!("namespace {}", options.namespace))
                    .fix("choose another namespace with --probe-namespace, or allow creating and deleting pods there"),
            ]))
        }
        Err(error) => Err(error),
    }
}

fn section(checks: Vec<Issue>) -> ReportSection {
    ReportSection::new("probe", checks)
}

/// A Ready node for each zone, with room for both pods; prefers nodes without taints, then the emptiest.
fn places(facts: &Facts) -> BTreeMap<String, String> {
    let mut running: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in facts.pods.iter().filter(|pod| !pod.is_finished()) {
        *running.entry(&pod.node).or_default() += 1;
    }
    let room = |node: &Node| {
        node.max_pods.saturating_sub(running.get(node.name.as_str()).copied().unwrap_or_default())
    };
    let mut best: BTreeMap<String, &Node> = BTreeMap::new();
    for node in nodes_for_pods(facts) {
        if !node.ready || node.unschedulable || room(node) < 2 {
            continue;
        }
        let rank = |node: &Node| (node.taints.is_empty(), room(node));
        let known = best.entry(node.zone.clone()).or_insert(node);
        if rank(node) > rank(known) {
            *known = node;
        }
    }
    best.into_iter().map(|(zone, node)| (zone, node.name.clone())).collect()
}

async fn ask(
    session: &Session,
    pods: &Probe,
    run: &Run,
    places: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<Vec<ZoneAnswer>> {
    for (zone, node) in places {
        start(session, pods, &pod::pod(run, Role::Listens, zone, node, &[])).await?;
    }
    let listening = watch(session, pods, run, Role::Listens, "probe pods to listen", timeout, |pod| {
        pod.address.is_some() && pod.phase == "Running"
    });
    let listening = listening.await?;
    let address = |zone: &String| {
        let pod = listening.iter().find(|pod| pod.zone == *zone)?;
        pod.address.clone().filter(|_| pod.phase == "Running")
    };
    let up: Vec<(String, String)> =
        places.keys().filter_map(|zone| Some((zone.clone(), address(zone)?))).collect();
    for (zone, node) in places.iter().filter(|(zone, _)| up.iter().any(|(up, _)| up == *zone)) {
        let others: Vec<(String, String)> = up.iter().filter(|(up, _)| up != zone).cloned().collect();
        start(session, pods, &pod::pod(run, Role::Asks, zone, node, &others)).await?;
    }
    let asking =
        watch(session, pods, run, Role::Asks, "probe pods to answer", timeout, |pod| pod.exit.is_some())
            .await?;
    let of_zone = |(zone, node): (&String, &String)| {
        let seen = |pods: &[PodSeen]| pods.iter().find(|pod| pod.zone == *zone).cloned();
        let asked = match (address(zone), seen(&asking), seen(&listening)) {
            (None, _, listens) => Asked::NotStarted(listens.map(|pod| pod.delayed_by).unwrap_or_default()),
            (Some(_), Some(pod), _) => match pod.exit {
                Some((code, message)) => Asked::Ended { code, message },
                None => Asked::NotStarted(pod.delayed_by),
            },
            (Some(_), None, _) => Asked::NotStarted("the pod was deleted by something else".into()),
        };
        let others = up.iter().map(|(zone, _)| zone.clone()).filter(|other| other != zone).collect();
        ZoneAnswer { zone: zone.clone(), node: node.clone(), others, asked }
    };
    Ok(places.iter().map(of_zone).collect())
}

/// Ctrl-C takes effect between two pods, never while one is being created.
async fn start(session: &Session, pods: &Probe, pod: &serde_json::Value) -> Result<()> {
    if session.interrupt.is_set() {
        return Err(Error::interrupted());
    }
    pods.create(pod).await
}

/// Lists the pods of a role until all are `done`, or until the timeout; returns their last state.
async fn watch(
    session: &Session,
    pods: &Probe,
    run: &Run,
    role: Role,
    what: &str,
    timeout: Duration,
    done: impl Fn(&PodSeen) -> bool,
) -> Result<Vec<PodSeen>> {
    let mut seen = Vec::new();
    let waited = until(&session.events, &session.interrupt, timeout, what, async || {
        seen = pods.list(&run.identity, role.label()).await?;
        let waiting: Vec<&str> = seen.iter().filter(|pod| !done(pod)).map(|pod| pod.zone.as_str()).collect();
        Ok(if waiting.is_empty() { Seen::Yes(()) } else { Seen::NotYet(waiting.join(", ")) })
    });
    let waited = waited.await;
    match waited {
        // On a timeout the result is reported zone by zone.
        Err(error) if error.exit() == Exit::Failed && error.code().is_empty() && !seen.is_empty() => Ok(seen),
        Err(error) => Err(error),
        Ok(()) => Ok(seen),
    }
}

#[cfg(test)]
mod tests;
