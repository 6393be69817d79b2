//! Runs a schedule: feeds it what the watches report, sends its evictions and terminates empty nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use crate::drain::end::{Termination, is_transient};
use crate::error::{Error, Result};
use crate::events::{DrainState, Event};
use crate::eviction;
use crate::eviction::local::LocalData;
use crate::eviction::remaining::Pace;
use crate::eviction::schedule::{Answer, Limits, NotRunning, Schedule};
use crate::eviction::{controllers, filter, load_balancers};
use crate::facts::Pod;
use crate::k8s::pods::{self, Evicted};
use crate::k8s::{deployments, nodes as kube_nodes, volumes};
use crate::session::Session;
use crate::text::counted;

use super::surge::Surged;
use super::watch::{Kind, WatchEvent};
use super::{AT_ONCE, left_over};

/// A pod that was scheduled just before the cordon may show up this late.
const LATE_BINDINGS: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 2 });
/// Longest wait for volumes to detach. Kubernetes force-detaches after 6 minutes; a DaemonSet's volume never detaches.
const DETACH: Duration = Duration::from_secs(300);
/// Before a termination that failed with a transient error is retried.
const RETRY_TERMINATION: Duration = Duration::from_secs(2);
/// How often it is checked whether Deployments still have their second replica.
const CHECK_SURGED_EVERY: Duration = Duration::from_secs(2);
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// Longest wait for another replacement pod to become Ready; usually enough to start a node and pull images.
const NO_REPLACEMENT: Duration = Duration::from_secs(300);
/// Unauthorized answers in a row before the run fails: the authentication is no longer valid.
const MOST_UNAUTHORIZED: usize = 20;

pub(super) struct Run<'a> {
    session: &'a Session,
    terminating: &'a mut BTreeSet<String>,
    schedule: Schedule,
    local: LocalData,
    seen: UnboundedReceiver<WatchEvent>,
    evictions: FuturesUnordered<BoxFuture<'static, (String, Result<Evicted>)>>,
    terminations: FuturesUnordered<BoxFuture<'static, (String, Result<()>)>>,
    /// Empty nodes that are being labelled to leave their load balancers.
    exclusions: FuturesUnordered<BoxFuture<'static, (String, Result<()>)>>,
    /// How long they stay after that; none where no load balancer forwards to nodes.
    lb_drain: Option<Duration>,
    /// Deployments with a second replica, and the next check whether they still have it.
    surged: Vec<Surged>,
    surge_checks: FuturesUnordered<BoxFuture<'static, Vec<(usize, String)>>>,
    slots: Arc<Semaphore>,
    /// Kinds whose first list is not complete.
    unlisted: BTreeSet<Kind>,
    /// UIDs of the Node objects, by name.
    uids: BTreeMap<String, String>,
    /// Nodes of volume attachments, by the attachment's name.
    attached: BTreeMap<String, String>,
    /// Nodes whose kubelets do not report: their volumes are not detached, so the drain does not wait for that.
    unreachable: BTreeSet<String>,
    /// Empty nodes that are to be terminated, with the times.
    leaving: BTreeMap<String, Leaving>,
    unauthorized: usize,
    started: Instant,
    /// The forecast for all pods.
    predicted: Duration,
    /// How many pods have left, and since when.
    moved: (usize, Instant),
    /// When all nodes were empty and their terminations requested.
    emptied: Option<Instant>,
}

struct Leaving {
    not_before: Instant,
    /// The node is terminated now even if volumes are still attached; never earlier than `not_before`.
    at_the_latest: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        session: &'a Session,
        nodes: &BTreeSet<String>,
        seen: UnboundedReceiver<WatchEvent>,
        terminating: &'a mut BTreeSet<String>,
        surged: Vec<Surged>,
    ) -> Self {
        let settings = session.settings.clone();
        let local = LocalData::of(&session.facts, nodes);
        let judging = local.clone();
        let limits = Limits {
            in_flight: settings.drain.max_in_flight,
            nodes: settings.drain.max_unavailable_nodes.unwrap_or(usize::MAX),
            pod: settings.drain.pod_timeout,
            skip: settings.drain.skip_wait_for_delete_timeout,
        };
        let known = controllers(&session.facts, &settings);
        let mut schedule =
            Schedule::new(nodes, known, limits, move |pod| filter::judge(pod, &settings, &judging));
        let unreachable = session.facts.nodes.iter().filter(|node| nodes.contains(&node.name));
        let unreachable: BTreeSet<String> =
            unreachable.filter(|node| node.is_unreachable()).map(|node| node.name.clone()).collect();
        schedule.unreachable(unreachable.clone());
        let lb_drain = load_balancers::wait(&session.facts, &session.settings);
        let outlook = eviction::outlook(&session.facts, nodes, &session.settings);
        let predicted = outlook.time.estimate.saturating_sub(lb_drain.unwrap_or_default());
        Run {
            session,
            terminating,
            schedule,
            local,
            seen,
            evictions: FuturesUnordered::new(),
            terminations: FuturesUnordered::new(),
            exclusions: FuturesUnordered::new(),
            lb_drain,
            surged,
            surge_checks: FuturesUnordered::new(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            unlisted: [Kind::Pods, Kind::Budgets, Kind::Nodes, Kind::Attachments].into(),
            uids: BTreeMap::new(),
            attached: BTreeMap::new(),
            unreachable,
            leaving: BTreeMap::new(),
            unauthorized: 0,
            started: Instant::now(),
            predicted,
            moved: (0, Instant::now()),
            emptied: None,
        }
    }

    /// Runs until all nodes are empty, their terminations requested and the evicted pods run again. Returns the controllers
    /// whose pods do not.
    pub(super) async fn run_to_end(mut self) -> Result<Vec<NotRunning>> {
        let result = self.work().await;
        if result.is_err() {
            // Wait for calls in flight, so that after Ctrl-C it is known what was done.
            let rest = async {
                while self.evictions.next().await.is_some() {}
                while self.terminations.next().await.is_some() {}
            };
            let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
        }
        result.map(|()| self.schedule.not_running())
    }

    async fn work(&mut self) -> Result<()> {
        let deadline = self.started + self.session.settings.drain_deadline();
        let mut shown = Instant::now();
        self.check_surged();
        loop {
            let now = Instant::now();
            self.session.stop_if_interrupted()?;
            if self.unlisted.is_empty() {
                self.act(now);
                if self.schedule.is_done() && self.none_leaving() {
                    let emptied = *self.emptied.get_or_insert(now);
                    let since = self.schedule.last_replacement().unwrap_or(emptied).max(emptied);
                    if !self.schedule.awaits_replacements() || now >= deadline.min(since + NO_REPLACEMENT) {
                        return Ok(());
                    }
                } else {
                    self.emptied = None;
                }
            }
            let stuck = self.unlisted.is_empty() && self.none_leaving() && self.schedule.is_stuck(now);
            if (now >= deadline && self.emptied.is_none()) || stuck {
                return Err(left_over(&self.schedule.progress(), self.started.elapsed().as_secs(), stuck));
            }
            if now >= shown {
                shown = now + SHOW_EVERY;
                self.show(now);
            }
            let wake = self.wakes_at(now).min(deadline).min(shown);
            self.wait_for_event(wake).await?;
        }
    }

    fn none_leaving(&self) -> bool {
        self.exclusions.is_empty() && self.leaving.is_empty() && self.terminations.is_empty()
    }

    /// Waits for the next event and handles it.
    async fn wait_for_event(&mut self, wake: Instant) -> Result<()> {
        tokio::select! {
            biased;
            () = self.session.interrupt.wait() => return Err(Error::interrupted()),
            Some((uid, answer)) = self.evictions.next() => self.answered(&uid, answer)?,
            Some(undone) = self.surge_checks.next() => self.surge_undone(&undone),
            Some((node, excluded)) = self.exclusions.next() => self.excluded(node, excluded)?,
            Some((node, ended)) = self.terminations.next() => self.terminated(&node, ended)?,
            Some(seen) = self.seen.next() => self.handle(seen)?,
            () = tokio::time::sleep_until(wake.into()) => {}
        }
        // Handle all queued events before deciding, so that decisions see the newest state.
        while let Some(Some(seen)) = self.seen.next().now_or_never() {
            self.handle(seen)?;
        }
        Ok(())
    }

    fn act(&mut self, now: Instant) {
        for pod in self.schedule.skip(now) {
            self.session.events.note(format!(
                "{} is still terminating; no longer waiting for it, node {} is terminated",
                pod.full_name(),
                pod.node
            ));
        }
        for node in self.schedule.emptied() {
            match self.lb_drain {
                Some(_) => self.exclude(node),
                None => self.start_leaving(node, now.max(self.started + LATE_BINDINGS)),
            }
        }
        let busy: BTreeSet<&String> =
            self.attached.values().filter(|node| !self.unreachable.contains(*node)).collect();
        let ready: Vec<String> = self
            .leaving
            .iter()
            .filter(|(node, leaving)| {
                now >= leaving.not_before && (!busy.contains(node) || now >= leaving.at_the_latest)
            })
            .map(|(node, _)| node.clone())
            .collect();
        for node in ready {
            self.leaving.remove(&node);
            self.terminate(node);
        }
        for pod in self.schedule.next(now) {
            self.evict(pod);
        }
    }

    /// Starts the next check of second replicas. An autoscaler, a GitOps controller or a person may remove one; then its
    /// pod can never be evicted.
    fn check_surged(&mut self) {
        if self.surged.is_empty() {
            return;
        }
        let (client, surged) = (self.session.clients.kube.client.clone(), self.surged.clone());
        let look = async move {
            tokio::time::sleep(CHECK_SURGED_EVERY).await;
            let mut undone = Vec::new();
            for (at, one) in surged.iter().enumerate() {
                let Some((namespace, name)) = one.deployment.split_once('/') else { continue };
                // A failed read is tried again at the next check.
                let Ok(Some(replicas)) = deployments::replicas(&client, namespace, name).await else {
                    continue;
                };
                if replicas < one.replicas {
                    let by = deployments::scaled_by(&client, namespace, name).await.ok().flatten();
                    let by = by.unwrap_or_else(|| "somebody else".into());
                    undone.push((at, format!(
                        "Deployment {} was scaled back to {replicas} by {by}: its budget never allows evicting its only pod",
                        one.deployment
                    )));
                }
            }
            undone
        };
        self.surge_checks.push(look.boxed());
    }

    fn surge_undone(&mut self, undone: &[(usize, String)]) {
        for (at, why) in undone.iter().rev() {
            let surged = self.surged.remove(*at);
            let held = surged.pods.iter().filter(|uid| self.schedule.give_up(uid, why)).count();
            if held > 0 {
                self.session.events.note(why.clone());
            }
        }
        self.check_surged();
    }

    fn start_leaving(&mut self, node: String, not_before: Instant) {
        let at_the_latest = not_before.max(Instant::now() + DETACH);
        self.leaving.insert(node, Leaving { not_before, at_the_latest });
    }

    /// Labels an empty node so that it leaves its load balancers: it still forwards connections to pods on other nodes.
    fn exclude(&mut self, node: String) {
        let (slots, client) = (Arc::clone(&self.slots), self.session.clients.kube.client.clone());
        let excluded = async move {
            let _slot = slots.acquire().await;
            let excluded = kube_nodes::set_excluded(&client, &node, true).await;
            (node, excluded)
        };
        self.exclusions.push(excluded.boxed());
    }

    fn excluded(&mut self, node: String, excluded: Result<()>) -> Result<()> {
        excluded?;
        self.start_leaving(node, Instant::now() + self.lb_drain.unwrap_or_default());
        Ok(())
    }

    fn evict(&mut self, pod: Pod) {
        let (slots, evictor) = (Arc::clone(&self.slots), self.session.clients.kube.evictor.clone());
        let past_budgets = self.session.settings.drain.disable_eviction;
        let (claims, events) = (self.local.replaceable(&pod), self.session.events.clone());
        let evict = async move {
            let _slot = slots.acquire().await;
            let answer = match past_budgets {
                true => pods::delete(&evictor, &pod).await,
                false => pods::evict(&evictor, &pod).await,
            };
            // The StatefulSet recreates the pod as soon as this one is gone, and would use the old claim if it still existed.
            for (claim, uid) in claims.iter().filter(|_| matches!(answer, Ok(Evicted::Accepted))) {
                if let Err(error) = volumes::delete_claim(&evictor, claim, uid).await {
                    // The end of the drain tries again.
                    events.note(error.to_string());
                }
            }
            (pod.uid, answer)
        };
        self.evictions.push(evict.boxed());
    }

    fn terminate(&mut self, node: String) {
        let Some(end) = Termination::of(self.session, &node) else { return };
        self.terminating.insert(node.clone());
        let (slots, clients) = (Arc::clone(&self.slots), self.session.clients.clone());
        let unowned = self.session.settings.drain.terminate_unowned;
        let ended = async move {
            let _slot = slots.acquire().await;
            (node, end.terminate(clients, unowned).await)
        };
        self.terminations.push(ended.boxed());
    }

    fn terminated(&mut self, node: &str, ended: Result<()>) -> Result<()> {
        match ended {
            Ok(()) => Ok(()),
            Err(error) if is_transient(&error) => {
                let again = Instant::now() + RETRY_TERMINATION;
                self.leaving.insert(node.to_string(), Leaving { not_before: again, at_the_latest: again });
                Ok(())
            }
            Err(error) => {
                self.terminating.remove(node);
                Err(error)
            }
        }
    }

    fn answered(&mut self, uid: &str, answer: Result<Evicted>) -> Result<()> {
        let answer = match answer {
            Ok(Evicted::Accepted) => Answer::Accepted,
            Ok(Evicted::Gone) => Answer::Gone,
            Ok(Evicted::NotNow(reason)) => Answer::NoDisruptions(reason),
            Ok(Evicted::TooManyBudgets(reason)) => Answer::TooManyBudgets(reason),
            Ok(Evicted::Denied(reason)) => Answer::Denied(reason),
            Ok(Evicted::Busy(reason)) => Answer::Retry(reason),
            Err(error) if error.code() == "Forbidden" => {
                return Err(error.fix("give the caller the verb create on pods/eviction"));
            }
            Err(error) if error.code() == "Unauthorized" => {
                self.unauthorized += 1;
                if self.unauthorized > MOST_UNAUTHORIZED {
                    return Err(error);
                }
                Answer::Retry(error.to_string())
            }
            // The API server is unreachable or failing: retry.
            Err(error) => Answer::Retry(error.to_string()),
        };
        if !matches!(answer, Answer::Retry(_)) {
            self.unauthorized = 0;
        }
        self.schedule.answered(uid, answer, Instant::now());
        Ok(())
    }

    fn handle(&mut self, seen: WatchEvent) -> Result<()> {
        let now = Instant::now();
        match seen {
            WatchEvent::Pod(pod) => self.schedule.pod(*pod, now),
            WatchEvent::PodGone(uid) => self.schedule.pod_gone(&uid, now),
            // With --disable-eviction pods are deleted, and budgets do not apply.
            WatchEvent::Budget(budget) if !self.session.settings.drain.disable_eviction => {
                self.schedule.budget(*budget, now)
            }
            WatchEvent::BudgetGone(name) => self.schedule.budget_gone(&name),
            WatchEvent::Budget(_) => {}
            WatchEvent::Node(node) => self.node(node),
            // A Node that registers under this name later is a new one.
            WatchEvent::NodeGone(name) => drop(self.uids.insert(name, String::new())),
            WatchEvent::Attached { attachment, node } => drop(self.attached.insert(attachment, node)),
            WatchEvent::Detached(attachment) => drop(self.attached.remove(&attachment)),
            WatchEvent::Listed(kind) => {
                if self.unlisted.remove(&kind) && self.unlisted.is_empty() {
                    self.schedule.arrange();
                }
            }
            // Without permission to watch attachments, do not wait for them.
            WatchEvent::Failed(Kind::Attachments, error) if error.code() == "Forbidden" => {
                self.session.events.note(format!("not waiting for volumes to detach: {error}"));
                self.handle(WatchEvent::Listed(Kind::Attachments))?;
            }
            WatchEvent::Failed(_, error) if error.code() == "Forbidden" => return Err(error),
            WatchEvent::Failed(..) => {}
        }
        Ok(())
    }

    /// A Node that was deleted and registered again is not cordoned: cordons it, once per registration.
    fn node(&mut self, node: super::watch::NodeState) {
        if !self.schedule.is_drained(&node.name) {
            return;
        }
        // The first event may be older than the cordon.
        let Some(known) = self.uids.insert(node.name.clone(), node.uid.clone()) else { return };
        if node.unschedulable || known == node.uid {
            return;
        }
        let client = self.session.clients.kube.client.clone();
        let events = self.session.events.clone();
        tokio::spawn(async move {
            if let Err(error) = kube_nodes::set_unschedulable(&client, &node.name, true).await {
                events.note(error.to_string());
            }
        });
    }

    fn wakes_at(&self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(60);
        let leaving = self.leaving.iter().map(|(node, leaving)| {
            if self.attached.values().any(|at| at == node) {
                leaving.at_the_latest
            } else {
                leaving.not_before
            }
        });
        leaving.chain(self.schedule.wakes_at()).min().unwrap_or(far)
    }

    fn leaving_load_balancers(&self) -> String {
        let now = Instant::now();
        let left =
            self.leaving.values().map(|leaving| leaving.not_before.saturating_duration_since(now).as_secs());
        match (self.lb_drain, left.max()) {
            (Some(_), Some(seconds)) => {
                format!(" · {} leaving load balancers, {seconds} s left", counted(self.leaving.len(), "node"))
            }
            _ => String::new(),
        }
    }

    fn show(&mut self, now: Instant) {
        let state = self.schedule.state(now);
        if state.pods_moved != self.moved.0 {
            self.moved = (state.pods_moved, now);
        }
        let pace = Pace {
            predicted: self.predicted,
            elapsed: self.started.elapsed(),
            quiet: now.saturating_duration_since(self.moved.1),
            moved: state.pods_moved,
            pods: state.pods,
        };
        let left = pace.left().map(|left| (left + self.lb_drain.unwrap_or_default()).as_secs());
        let state = DrainState { left_seconds: left, ..state };
        self.session.events.emit(Event::Waiting {
            what: "nodes to be drained".into(),
            detail: format!("{state}{}", self.leaving_load_balancers()),
            seconds: self.started.elapsed().as_secs(),
            part: None,
            drain: Some(state),
        });
    }
}
