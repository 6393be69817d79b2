//! Progress events of a run. `ui` shows them; nothing else prints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tokio::sync::Notify;

use crate::calls::Count;
use crate::exit::{Codes, Exit};
use crate::issue::Issue;
use crate::step::{Change, Step};

/// One event.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The target cluster, as AWS describes it.
    Target {
        cluster: String,
        arn: String,
        account: String,
        region: String,
        endpoint: String,
        caller: String,
    },
    Finding(Issue),
    StepStarted {
        step: Step,
        number: u8,
        of: usize,
        /// The step is undone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A change is about to be made.
    Change {
        step: Step,
        change: Change,
    },
    /// Still waiting for `what`; repeated.
    Waiting {
        what: String,
        detail: String,
        seconds: u64,
    },
    /// A sentence about the current step.
    Note {
        text: String,
    },
    StepDone {
        step: Step,
        changes: usize,
        seconds: f64,
        calls: Count,
    },
}

/// The sink of events.
#[derive(Clone)]
pub(crate) struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    pub(crate) fn to(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Events(Arc::new(sink))
    }

    pub(crate) fn emit(&self, event: Event) {
        (self.0)(event);
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }
}

/// Whether Ctrl-C was pressed. All waits check it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    notify: Notify,
}

impl Interrupt {
    /// Starts to listen. The second Ctrl-C exits at once.
    pub(crate) fn listen() -> Self {
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if shared.0.set.swap(true, Ordering::SeqCst) {
                    std::process::exit(Codes::default().code(Exit::Interrupted).into());
                }
                shared.0.notify.notify_waiters();
            }
        });
        interrupt
    }

    /// As if Ctrl-C was pressed.
    #[cfg(test)]
    pub(crate) fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Returns when Ctrl-C is pressed.
    pub(crate) async fn wait(&self) {
        let notified = self.0.notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_set() {
            notified.await;
        }
    }
}
