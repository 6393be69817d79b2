//! The state of a run that each step receives: clients, settings, facts and design, and how to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::aws::eks::{Update, Updated};
use crate::clients::Clients;
use crate::design::{Design, design};
use crate::discover::{Section, refresh};
use crate::error::{Error, Result};
use crate::events::{Event, Events, Interrupt, Part};
use crate::facts::{Facts, Record};
use crate::goal::Goal;
use crate::k8s::record;
use crate::scene::Scene;
use crate::settings::Settings;

/// How long EC2 may take to show a change that it has accepted (EC2 API reference, "Eventual consistency").
///
/// In tests every answer is up to date.
pub(crate) const CONSISTENCY: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 15 });

/// Calls of the same kind that are in flight at the same time, as many as Terraform makes by default.
pub(crate) const AT_ONCE: usize = 10;

/// A run in progress.
pub(crate) struct Session {
    pub clients: Clients,
    pub goal: Goal,
    pub settings: Settings,
    pub facts: Facts,
    pub design: Design,
    pub events: Events,
    pub interrupt: Interrupt,
    /// Set when this run has lost the lock.
    pub lock_lost: Arc<AtomicBool>,
}

/// The result of one look at a condition.
pub(crate) enum Seen<T> {
    Yes(T),
    /// The condition is not true yet, with the progress.
    NotYet(String),
    /// The same, where it can be counted how much of it is true.
    Partly(Part, String),
}

impl Session {
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene { goal: self.goal, settings: &self.settings, facts: &self.facts, design: &self.design }
    }

    /// Reads all facts again, and computes the design from them.
    pub(crate) async fn observe(&mut self) -> Result<()> {
        self.read(&Section::ALL).await
    }

    /// Reads these sections again, and computes the design from them.
    pub(crate) async fn read(&mut self, sections: &[Section]) -> Result<()> {
        // This future is large and part of every step, so it is boxed.
        Box::pin(refresh(&self.clients, self.goal, &self.settings, &mut self.facts, sections)).await?;
        self.design = design(&self.settings, &self.facts);
        Ok(())
    }

    /// Records what can't be read any more after the change. Writes only if the record changes.
    pub(crate) async fn remember(&mut self, note: impl FnOnce(&mut Record)) -> Result<()> {
        let mut record = self.facts.record.clone();
        note(&mut record);
        if record != self.facts.record {
            record::write(&self.clients.kube.client, &record, &self.facts.cluster.arn).await?;
            self.facts.record = record;
        }
        Ok(())
    }

    /// Polls until the probe returns `Yes`. Fails after `--timeout` or on Ctrl-C.
    ///
    /// `what` follows "waiting for": `new nodes to be Ready`.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        probe: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        until(&self.events, &self.interrupt, self.settings.run.timeout, what, probe).await
    }

    /// Repeats a call that fails with NotFound for a new resource: EC2 and IAM are eventually consistent.
    pub(crate) async fn once_visible<T>(
        &self,
        what: &str,
        mut call: impl AsyncFnMut() -> Result<T>,
    ) -> Result<T> {
        self.until(what, async || match call().await {
            Ok(value) => Ok(Seen::Yes(value)),
            Err(error) if error.code().contains("NotFound") => Ok(Seen::NotYet(error.to_string())),
            Err(error) => Err(error),
        })
        .await
    }

    /// Waits until EKS has made an update.
    pub(crate) async fn updated(&self, interrupt: &Interrupt, of: Updated<'_>, update: &str) -> Result<()> {
        let cluster = &self.facts.cluster.name;
        let what = format!("{of} to be updated");
        until(&self.events, interrupt, self.settings.run.timeout, &what, async || {
            match self.clients.aws.eks.update(cluster, of, update).await {
                Ok(Update::Successful) => Ok(Seen::Yes(())),
                Ok(Update::InProgress) => Ok(Seen::NotYet("in progress".into())),
                Ok(Update::Failed(reason)) => Err(Error::failed(format!("EKS could not update the {of}"))
                    .at(format!("update {update}"))
                    .because(reason)
                    .fix(format!(
                        "aws eks describe-update --name {cluster} {} --update-id {update}",
                        of.flag()
                    ))),
                // A new update is not visible at once.
                Err(error) if error.code() == "ResourceNotFoundException" => {
                    Ok(Seen::NotYet(error.to_string()))
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Errors if the run must stop before its next change: on Ctrl-C, or if the lock was lost.
    pub(crate) fn stop_if_interrupted(&self) -> Result<()> {
        if self.lock_lost.load(Ordering::Relaxed) {
            return Err(Error::failed(
                "the lock was lost: this run could not renew it, and another run may have started",
            )
            .at("Lease kube-system/eni-custom"));
        }
        if self.interrupt.is_set() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// The same as `Session::until`, without a session.
pub(crate) async fn until<T>(
    events: &Events,
    interrupt: &Interrupt,
    timeout: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<Seen<T>>,
) -> Result<T> {
    let started = Instant::now();
    let mut pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(5))
        .with_factor(1.4)
        .without_max_times()
        .build();
    loop {
        let (part, detail) = match probe().await? {
            Seen::Yes(value) => return Ok(value),
            Seen::NotYet(detail) => (None, detail),
            Seen::Partly(part, detail) => (Some(part), detail),
        };
        if started.elapsed() >= timeout {
            return Err(Error::failed(format!("timed out after {} s waiting for {what}", timeout.as_secs()))
                .because(detail)
                .fix("run the same command again to keep waiting, or set a longer --timeout"));
        }
        events.emit(Event::Waiting {
            what: what.into(),
            detail,
            seconds: started.elapsed().as_secs(),
            part,
            drain: None,
        });
        let pause = pauses.next().unwrap_or(Duration::from_secs(5));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = interrupt.wait() => return Err(Error::interrupted()),
        }
    }
}
