//! Carries a schedule out: what the API server shows goes in, evictions and ends of instances come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use crate::drain::end::{End, is_passing};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::eviction::local::LocalData;
use crate::eviction::schedule::{Answer, Limits, NotRunning, Schedule};
use crate::eviction::{controllers, filter, load_balancers};
use crate::facts::Pod;
use crate::k8s::pods::{self, Evicted};
use crate::k8s::{deployments, nodes as kube_nodes, volumes};
use crate::session::Session;
use crate::words::counted;

use super::surge::Surged;
use super::watch::{Kind, Seen};
use super::{AT_ONCE, left_over};

/// A pod that the scheduler had bound just before the cordon shows only now.
const LATE_BINDINGS: Duration = Duration::from_secs(2);
/// The controllers detach by force after six minutes; a DaemonSet's own volume never is.
const DETACH: Duration = Duration::from_secs(300);
/// An end that was refused for the moment.
const END_AGAIN: Duration = Duration::from_secs(2);
/// Whether Deployments still have their second replica.
const LOOK_AT_SURGED: Duration = Duration::from_secs(2);
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// After the last replacement that became Ready; images are pulled and nodes started within it, mostly.
const NO_REPLACEMENT: Duration = Duration::from_secs(300);
/// In a row: the log-in is not good any more, and renewing it doesn't help.
const MOST_UNAUTHORIZED: usize = 20;

pub struct Run<'a> {
    session: &'a Session,
    ending: &'a mut BTreeSet<String>,
    schedule: Schedule,
    local: LocalData,
    seen: UnboundedReceiver<Seen>,
    evictions: FuturesUnordered<BoxFuture<'static, (String, Result<Evicted>)>>,
    ends: FuturesUnordered<BoxFuture<'static, (String, Result<()>)>>,
    /// Empty nodes that are being taken out of their load balancers.
    exclusions: FuturesUnordered<BoxFuture<'static, (String, Result<()>)>>,
    /// How long they stay after that; nothing where no load balancer forwards to nodes.
    lb_drain: Option<Duration>,
    /// Deployments with a second replica, and the next look whether they still have it.
    surged: Vec<Surged>,
    looks: FuturesUnordered<BoxFuture<'static, Vec<(usize, String)>>>,
    slots: Arc<Semaphore>,
    /// Kinds that were not listed yet.
    unlisted: BTreeSet<Kind>,
    /// UIDs of the Nodes as they were first seen.
    uids: BTreeMap<String, String>,
    /// Volume attachments, by name, and their nodes.
    attached: BTreeMap<String, String>,
    /// Nodes whose kubelets do not report: nobody there detaches a volume.
    unreachable: BTreeSet<String>,
    /// Empty nodes that are to be ended, and not before when.
    leaving: BTreeMap<String, Leaving>,
    unauthorized: usize,
    started: Instant,
    /// When all nodes were empty and their ends asked for.
    emptied: Option<Instant>,
}

struct Leaving {
    not_before: Instant,
    /// Volumes that are still attached are not waited for any longer; never earlier than `not_before`.
    at_the_latest: Instant,
}

impl<'a> Run<'a> {
    pub fn new(
        session: &'a Session,
        nodes: &BTreeSet<String>,
        seen: UnboundedReceiver<Seen>,
        ending: &'a mut BTreeSet<String>,
        surged: Vec<Surged>,
    ) -> Self {
        let settings = session.settings.clone();
        let local = LocalData::of(&session.facts, nodes);
        let judging = local.clone();
        let limits = Limits {
            in_flight: settings.max_in_flight,
            nodes: settings.max_unavailable_nodes.unwrap_or(usize::MAX),
            pod: settings.pod_timeout,
            skip: settings.skip_wait_for_delete_timeout,
        };
        let known = controllers(&session.facts, &settings);
        let mut schedule =
            Schedule::new(nodes, known, limits, move |pod| filter::judge(pod, &settings, &judging));
        let unreachable = session.facts.nodes.iter().filter(|node| nodes.contains(&node.name));
        let unreachable: BTreeSet<String> =
            unreachable.filter(|node| node.is_unreachable()).map(|node| node.name.clone()).collect();
        schedule.unreachable(unreachable.clone());
        Run {
            session,
            ending,
            schedule,
            local,
            seen,
            evictions: FuturesUnordered::new(),
            ends: FuturesUnordered::new(),
            exclusions: FuturesUnordered::new(),
            lb_drain: load_balancers::wait(&session.facts, &session.settings),
            surged,
            looks: FuturesUnordered::new(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            unlisted: [Kind::Pods, Kind::Budgets, Kind::Nodes, Kind::Attachments].into(),
            uids: BTreeMap::new(),
            attached: BTreeMap::new(),
            unreachable,
            leaving: BTreeMap::new(),
            unauthorized: 0,
            started: Instant::now(),
            emptied: None,
        }
    }

    /// Until all nodes are empty, their ends are asked for, and what was moved runs again; answers what does not.
    pub async fn carry_out(mut self) -> Result<Vec<NotRunning>> {
        let result = self.work().await;
        if result.is_err() {
            // What is under way comes to its end: after Ctrl-C nobody is to wonder what was sent.
            let rest = async {
                while self.evictions.next().await.is_some() {}
                while self.ends.next().await.is_some() {}
            };
            let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
        }
        result.map(|()| self.schedule.not_running())
    }

    async fn work(&mut self) -> Result<()> {
        let deadline = self.started + self.session.settings.drain_deadline();
        let mut shown = Instant::now();
        self.look_at_surged();
        loop {
            let now = Instant::now();
            self.session.go_on()?;
            if self.unlisted.is_empty() {
                self.act(now);
                if self.schedule.is_done() && self.none_leaves() {
                    let emptied = *self.emptied.get_or_insert(now);
                    let since = self.schedule.last_replacement().unwrap_or(emptied).max(emptied);
                    if !self.schedule.awaits_replacements() || now >= deadline.min(since + NO_REPLACEMENT) {
                        return Ok(());
                    }
                } else {
                    self.emptied = None;
                }
            }
            let stuck = self.unlisted.is_empty() && self.none_leaves() && self.schedule.is_stuck(now);
            if (now >= deadline && self.emptied.is_none()) || stuck {
                return Err(left_over(&self.schedule.progress(), self.started.elapsed().as_secs(), stuck));
            }
            if now >= shown {
                shown = now + SHOW_EVERY;
                self.show();
            }
            let wake = self.wakes_at(now).min(deadline).min(shown);
            self.something_happens(wake).await?;
        }
    }

    fn none_leaves(&self) -> bool {
        self.exclusions.is_empty() && self.leaving.is_empty() && self.ends.is_empty()
    }

    /// Waits for whatever comes first, and takes note of it.
    async fn something_happens(&mut self, wake: Instant) -> Result<()> {
        tokio::select! {
            biased;
            () = self.session.interrupt.wait() => return Err(Error::interrupted()),
            Some((uid, answer)) = self.evictions.next() => self.answered(&uid, answer)?,
            Some(undone) = self.looks.next() => self.undone(&undone),
            Some((node, excluded)) = self.exclusions.next() => self.excluded(node, excluded)?,
            Some((node, ended)) = self.ends.next() => self.ended(&node, ended)?,
            Some(seen) = self.seen.next() => self.see(seen)?,
            () = tokio::time::sleep_until(wake.into()) => {}
        }
        // What has come meanwhile is one picture: decisions are taken on the whole of it.
        while let Some(Some(seen)) = self.seen.next().now_or_never() {
            self.see(seen)?;
        }
        Ok(())
    }

    fn act(&mut self, now: Instant) {
        for pod in self.schedule.skip(now) {
            self.session.events.note(format!(
                "{} is still terminating and is not waited for: node {} is terminated with it",
                pod.full_name(),
                pod.node
            ));
        }
        for node in self.schedule.emptied() {
            match self.lb_drain {
                Some(_) => self.exclude(node),
                None => self.leave(node, now.max(self.started + LATE_BINDINGS)),
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
            self.end(node);
        }
        for pod in self.schedule.next(now) {
            self.evict(pod);
        }
    }

    /// An autoscaler, a GitOps controller or somebody at a terminal may take a second replica away again: then its pod
    /// can't go, however long it is waited for.
    fn look_at_surged(&mut self) {
        if self.surged.is_empty() {
            return;
        }
        let (client, surged) = (self.session.clients.kube.client.clone(), self.surged.clone());
        let look = async move {
            tokio::time::sleep(LOOK_AT_SURGED).await;
            let mut undone = Vec::new();
            for (at, one) in surged.iter().enumerate() {
                let Some((namespace, name)) = one.deployment.split_once('/') else { continue };
                // What can't be read now is read the next time.
                let Ok(Some(replicas)) = deployments::replicas(&client, namespace, name).await else {
                    continue;
                };
                if replicas < one.replicas {
                    let by = deployments::scaled_by(&client, namespace, name).await.ok().flatten();
                    let by = by.unwrap_or_else(|| "somebody else".into());
                    undone.push((at, format!(
                        "Deployment {} was scaled back to {replicas} by {by}: its budget lets the only pod never go",
                        one.deployment
                    )));
                }
            }
            undone
        };
        self.looks.push(look.boxed());
    }

    fn undone(&mut self, undone: &[(usize, String)]) {
        for (at, why) in undone.iter().rev() {
            let surged = self.surged.remove(*at);
            let held = surged.pods.iter().filter(|uid| self.schedule.give_up(uid, why)).count();
            if held > 0 {
                self.session.events.note(why.clone());
            }
        }
        self.look_at_surged();
    }

    fn leave(&mut self, node: String, not_before: Instant) {
        let at_the_latest = not_before.max(Instant::now() + DETACH);
        self.leaving.insert(node, Leaving { not_before, at_the_latest });
    }

    /// An empty node still forwards connections to other nodes' pods: no new ones come when it has the label.
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
        self.leave(node, Instant::now() + self.lb_drain.unwrap_or_default());
        Ok(())
    }

    fn evict(&mut self, pod: Pod) {
        let (slots, evictor) = (Arc::clone(&self.slots), self.session.clients.kube.evictor.clone());
        let past_budgets = self.session.settings.disable_eviction;
        let (claims, events) = (self.local.replaceable(&pod), self.session.events.clone());
        let evict = async move {
            let _slot = slots.acquire().await;
            let answer = match past_budgets {
                true => pods::delete(&evictor, &pod).await,
                false => pods::evict(&evictor, &pod).await,
            };
            // The StatefulSet creates the pod again as soon as this one is gone, with the claim that is there then.
            for (claim, uid) in claims.iter().filter(|_| matches!(answer, Ok(Evicted::Accepted))) {
                if let Err(error) = volumes::delete_claim(&evictor, claim, uid).await {
                    // At the end of the drain it is tried again.
                    events.note(error.to_string());
                }
            }
            (pod.uid, answer)
        };
        self.evictions.push(evict.boxed());
    }

    fn end(&mut self, node: String) {
        let Some(end) = End::of(self.session, &node) else { return };
        self.ending.insert(node.clone());
        let (slots, clients) = (Arc::clone(&self.slots), self.session.clients.clone());
        let unowned = self.session.settings.terminate_unowned;
        let ended = async move {
            let _slot = slots.acquire().await;
            (node, end.now(clients, unowned).await)
        };
        self.ends.push(ended.boxed());
    }

    fn ended(&mut self, node: &str, ended: Result<()>) -> Result<()> {
        match ended {
            Ok(()) => Ok(()),
            Err(error) if is_passing(&error) => {
                let again = Instant::now() + END_AGAIN;
                self.leaving.insert(node.to_string(), Leaving { not_before: again, at_the_latest: again });
                Ok(())
            }
            Err(error) => {
                self.ending.remove(node);
                Err(error)
            }
        }
    }

    fn answered(&mut self, uid: &str, answer: Result<Evicted>) -> Result<()> {
        let answer = match answer {
            Ok(Evicted::Accepted) => Answer::LetGo,
            Ok(Evicted::Gone) => Answer::Gone,
            Ok(Evicted::NotNow(reason)) => Answer::NoRoom(reason),
            Ok(Evicted::TooManyBudgets(reason)) => Answer::Never(reason),
            Ok(Evicted::Denied(reason)) => Answer::Denied(reason),
            Ok(Evicted::Busy(reason)) => Answer::Later(reason),
            Err(error) if error.code() == "Forbidden" => {
                return Err(error.fix("the caller needs the verb create on pods/eviction"));
            }
            Err(error) if error.code() == "Unauthorized" => {
                self.unauthorized += 1;
                if self.unauthorized > MOST_UNAUTHORIZED {
                    return Err(error);
                }
                Answer::Later(error.to_string())
            }
            // The API server was away or is in trouble: it is asked again.
            Err(error) => Answer::Later(error.to_string()),
        };
        if !matches!(answer, Answer::Later(_)) {
            self.unauthorized = 0;
        }
        self.schedule.answered(uid, answer, Instant::now());
        Ok(())
    }

    fn see(&mut self, seen: Seen) -> Result<()> {
        let now = Instant::now();
        match seen {
            Seen::Pod(pod) => self.schedule.pod(*pod, now),
            Seen::PodGone(uid) => self.schedule.pod_gone(&uid, now),
            // Pods that are deleted and not evicted go past every budget.
            Seen::Budget(budget) if !self.session.settings.disable_eviction => {
                self.schedule.budget(*budget, now)
            }
            Seen::BudgetGone(name) => self.schedule.budget_gone(&name),
            Seen::Budget(_) => {}
            Seen::Node(node) => self.node(node),
            // Whatever registers under its name next is another one.
            Seen::NodeGone(name) => drop(self.uids.insert(name, String::new())),
            Seen::Attached { attachment, node } => drop(self.attached.insert(attachment, node)),
            Seen::Detached(attachment) => drop(self.attached.remove(&attachment)),
            Seen::Listed(kind) => {
                if self.unlisted.remove(&kind) && self.unlisted.is_empty() {
                    self.schedule.arrange();
                }
            }
            // Volumes that nobody can be asked about delay nothing.
            Seen::Trouble(Kind::Attachments, error) if error.code() == "Forbidden" => {
                self.session.events.note(format!("volume attachments are not waited for: {error}"));
                self.see(Seen::Listed(Kind::Attachments))?;
            }
            Seen::Trouble(_, error) if error.code() == "Forbidden" => return Err(error),
            Seen::Trouble(..) => {}
        }
        Ok(())
    }

    /// A Node that was deleted and has registered again takes pods: it is cordoned again, once for each time.
    fn node(&mut self, node: super::watch::NodeNow) {
        if !self.schedule.is_drained(&node.name) {
            return;
        }
        // The first look is from before the cordon.
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

    fn show(&self) {
        self.session.events.emit(Event::Waiting {
            what: "old nodes drained".into(),
            detail: format!("{}{}", self.schedule.line(Instant::now()), self.leaving_load_balancers()),
            seconds: self.started.elapsed().as_secs(),
        });
    }
}
