//! Progress events of a run. `ui` shows them; nothing else prints.

mod interrupt;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::calls::Count;
use crate::issue::Issue;
use crate::step::{Change, Step};

pub(crate) use interrupt::{Interrupt, Signalled};

/// One event.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The target cluster, as AWS describes it.
    Target {
        cluster: String,
        arn: String,
        account: String,
        region: String,
        /// URL of the API server.
        endpoint: String,
        /// ARN of the identity that makes the AWS calls.
        caller: String,
    },
    /// An issue that does not refuse the run, or that the end state has.
    Finding(Issue),
    /// The steps of the run in their order, before the first one starts.
    RunStarted {
        /// The steps are undone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
        steps: Vec<PlannedStep>,
    },
    /// A step has started.
    StepStarted {
        step: Step,
        /// Its number in AWS's documentation.
        number: u8,
        /// How many steps the run has.
        of: usize,
        /// The step is undone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A change is about to be made.
    Change { step: Step, change: Change },
    /// Still waiting for `what`; repeated.
    Waiting {
        /// It follows "waiting for": `new nodes to be Ready`.
        what: String,
        /// What is still missing; may be empty.
        detail: String,
        /// How long it has waited.
        seconds: u64,
        /// How much of it is there; absent if that can't be counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// The drain; only while nodes are drained.
        #[serde(skip_serializing_if = "Option::is_none")]
        drain: Option<DrainState>,
    },
    /// A sentence about the current step.
    Note { text: String },
    /// A step is done.
    StepDone {
        step: Step,
        /// How many changes it made.
        changes: usize,
        seconds: f64,
        /// The API calls that it made.
        calls: Count,
    },
    /// The end state was verified.
    Verified {
        /// Checks that passed.
        passed: usize,
        warnings: usize,
        /// Checks whose result is unknown, because something could not be read.
        unknown: usize,
    },
    /// A signal asked the run to stop. The call in flight is finished, and temporary changes are undone.
    Stopping {
        /// `SIGINT` (Ctrl-C), `SIGTERM` or `SIGHUP`.
        signal: &'static str,
    },
}

/// A step before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PlannedStep {
    pub step: Step,
    pub number: u8,
    /// Changes that the step makes, as far as is known before the run.
    pub changes: usize,
    /// Estimated duration in seconds; absent if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u64>,
}

/// How much of what is waited for is there: `2 of 3 nodes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Part {
    pub done: usize,
    pub of: usize,
    /// What is counted, in the singular: `node`.
    pub noun: &'static str,
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DrainState {
    /// Pods that have left the old nodes.
    pub pods_moved: usize,
    /// Pods that were to leave them in all.
    pub pods: usize,
    /// Old nodes without a pod to evict.
    pub nodes_empty: usize,
    pub nodes: usize,
    /// What most of the time is lost to; absent if nothing is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<DrainWait>,
    /// Estimated time until the last pod has left; absent if it can't be told, such as while nothing moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_seconds: Option<u64>,
}

/// What a drain waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DrainWait {
    /// Pods that wait for it.
    pub pods: usize,
    /// `14 pods for pdb/shop/cart (2 of 3 unhealthy)`
    pub why: String,
    /// The PodDisruptionBudget that allows no disruptions right now, as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// How long nothing has changed about it.
    pub seconds: u64,
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
