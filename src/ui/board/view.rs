//! The board at one moment, in seconds: what `rows` lays out.

use std::time::Instant;

use crate::events::{DrainState, Part};
use crate::step::Step;

use super::{Progress, State};

/// The board at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub undo: bool,
    pub steps: Vec<StepView>,
    pub wait: Option<WaitView>,
    pub elapsed: u64,
    /// Of the whole run, where all parts of it can be estimated.
    pub left: Option<u64>,
    pub stopping: bool,
    /// Counts up: the frame of the spinner.
    pub frame: usize,
}

#[derive(Debug, Clone)]
pub(super) struct StepView {
    pub step: Step,
    pub state: StepState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    ToDo { changes: usize, estimate: Option<u64> },
    Running { made: usize, changes: usize, seconds: u64, left: Option<u64> },
    Done { changes: usize, seconds: u64 },
}

#[derive(Debug, Clone)]
pub(super) struct WaitView {
    pub what: String,
    pub detail: String,
    pub seconds: u64,
    pub part: Option<Part>,
    pub drain: Option<DrainState>,
}

impl State {
    pub(super) fn view(&self, now: Instant) -> View {
        let since = |then: Instant| now.saturating_duration_since(then);
        let drain_left =
            self.wait.as_ref().and_then(|wait| wait.drain.as_ref()).map(|drain| drain.left_seconds);
        let state = |step: &super::Step| match step.progress {
            Progress::ToDo => {
                StepState::ToDo { changes: step.planned.changes, estimate: step.planned.estimated_seconds }
            }
            Progress::Running { since: then, made } => {
                let seconds = since(then).as_secs();
                // A step that takes longer than estimated has no estimate any more.
                let by_plan =
                    || step.planned.estimated_seconds?.checked_sub(seconds).filter(|left| *left > 0);
                StepState::Running {
                    made,
                    changes: step.planned.changes,
                    seconds,
                    left: drain_left.unwrap_or_else(by_plan),
                }
            }
            Progress::Done { changes, seconds } => StepState::Done { changes, seconds: seconds as u64 },
        };
        let steps: Vec<StepView> =
            self.steps.iter().map(|step| StepView { step: step.planned.step, state: state(step) }).collect();
        let left = |step: &StepView| match step.state {
            StepState::ToDo { changes: 0, .. } | StepState::Done { .. } => Some(0),
            StepState::ToDo { estimate, .. } => estimate,
            StepState::Running { left, .. } => left,
        };
        let whole: Option<u64> = steps.iter().map(left).sum();
        View {
            undo: self.undo,
            left: whole.filter(|left| *left > 0 && !self.stopping),
            steps,
            wait: self.wait.as_ref().map(|wait| WaitView {
                what: wait.what.clone(),
                detail: wait.detail.clone(),
                seconds: since(wait.since).as_secs(),
                part: wait.part,
                drain: wait.drain.clone(),
            }),
            elapsed: since(self.started).as_secs(),
            stopping: self.stopping,
            frame: (since(self.started).as_millis() / super::TICK.as_millis()) as usize,
        }
    }
}
