//! What each step is given: the clients, what was asked, what was read, what is to be, and how to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::clients::Clients;
use crate::design::{Design, design};
use crate::discover::{Section, refresh};
use crate::error::{Error, Result};
use crate::events::{Event, Events, Interrupt};
use crate::facts::{Facts, Record};
use crate::k8s::record;
use crate::settings::Settings;

/// How long EC2 may take to show what it has accepted (EC2 API reference, "Eventual consistency").
pub const CONSISTENCY: Duration = Duration::from_secs(15);

/// A run under way.
pub struct Session {
    pub clients: Clients,
    pub settings: Settings,
    pub facts: Facts,
    pub design: Design,
    pub events: Events,
    pub interrupt: Interrupt,
    /// The lock is not ours any more.
    pub lock_lost: Arc<AtomicBool>,
}

/// Something that is waited for.
pub enum Seen<T> {
    Yes(T),
    /// Not yet; how far it is.
    NotYet(String),
}

impl Session {
    /// Reads everything anew. The design comes out the same but for what became known.
    pub async fn observe(&mut self) -> Result<()> {
        self.read(&Section::ALL).await
    }

    /// Reads these parts anew, and makes the design anew with them.
    pub async fn read(&mut self, sections: &[Section]) -> Result<()> {
        // Large, and within every step: on the heap, or a step's own state is as large.
        Box::pin(refresh(&self.clients, &self.settings, &mut self.facts, sections)).await?;
        self.design = design(&self.settings, &self.facts);
        Ok(())
    }

    /// Writes down what can't be observed later, before it is changed. Nothing new, nothing written.
    pub async fn remember(&mut self, note: impl FnOnce(&mut Record)) -> Result<()> {
        let mut record = self.facts.record.clone();
        note(&mut record);
        if record != self.facts.record {
            record::write(&self.clients.kube.client, &record, &self.facts.cluster.arn).await?;
            self.facts.record = record;
        }
        Ok(())
    }

    /// Asks again and again until it is so. Gives up after `--timeout`, or at Ctrl-C.
    pub async fn until<T>(&self, what: &str, probe: impl AsyncFnMut() -> Result<Seen<T>>) -> Result<T> {
        until(&self.events, &self.interrupt, self.settings.timeout, what, probe).await
    }

    /// The same for what is put back after Ctrl-C.
    pub async fn until_uninterrupted<T>(
        &self,
        what: &str,
        probe: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        until(&self.events, &Interrupt::default(), self.settings.timeout, what, probe).await
    }

    /// Repeats a call that says NotFound for something just made: EC2 and IAM are eventually consistent.
    pub async fn once_visible<T>(&self, what: &str, mut call: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        self.until(what, async || match call().await {
            Ok(value) => Ok(Seen::Yes(value)),
            Err(error) if error.code().contains("NotFound") => Ok(Seen::NotYet(error.to_string())),
            Err(error) => Err(error),
        })
        .await
    }

    /// Between two changes is where a run stops: at Ctrl-C, and when another run may be at work.
    pub fn go_on(&self) -> Result<()> {
        if self.lock_lost.load(Ordering::Relaxed) {
            return Err(Error::failed(
                "the lock was lost: this run could not renew it, and another may be at work",
            )
            .at("Lease kube-system/eni-custom"));
        }
        if self.interrupt.is_set() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// As `Session::until`, for those who have no session at hand.
pub async fn until<T>(
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
        let detail = match probe().await? {
            Seen::Yes(value) => return Ok(value),
            Seen::NotYet(detail) => detail,
        };
        if started.elapsed() >= timeout {
            return Err(Error::failed(format!("{what}: not so after {} s", timeout.as_secs()))
                .because(detail)
                .fix("run the same command again to go on waiting, or give a longer --timeout"));
        }
        events.emit(Event::Waiting { what: what.into(), detail, seconds: started.elapsed().as_secs() });
        let pause = pauses.next().unwrap_or(Duration::from_secs(5));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = interrupt.wait() => return Err(Error::interrupted()),
        }
    }
}
