//! The standing board of a run: the steps with their states, and what the running one waits for.

mod rows;
mod view;

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::events::{DrainState, Event, Part, PlannedStep};

use super::{ascii, progress, stage};

/// How often the times on the board are drawn again.
const TICK: Duration = Duration::from_millis(200);

/// How the board looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub color: bool,
    /// Nothing but ASCII.
    pub ascii: bool,
}

pub(super) struct Board(Arc<Mutex<State>>);

/// What the events have said so far.
struct State {
    look: Look,
    started: Instant,
    /// None before the run starts, and in verify.
    steps: Vec<Step>,
    undo: bool,
    wait: Option<Wait>,
    stopping: bool,
    /// The heading of the running step, until a line stands below it.
    heading: Option<String>,
}

struct Step {
    planned: PlannedStep,
    progress: Progress,
}

enum Progress {
    ToDo,
    Running { since: Instant, made: usize },
    Done { changes: usize, seconds: f64 },
}

struct Wait {
    what: String,
    detail: String,
    since: Instant,
    part: Option<Part>,
    drain: Option<DrainState>,
}

impl Board {
    /// Draws itself again from time to time, and when the terminal changes its size, as long as it exists.
    pub(super) fn new(look: Look) -> Self {
        let state = State {
            look,
            started: Instant::now(),
            steps: Vec::new(),
            undo: false,
            wait: None,
            stopping: false,
            heading: None,
        };
        let state = Arc::new(Mutex::new(state));
        tokio::spawn(tick(Arc::downgrade(&state)));
        Board(state)
    }

    pub(super) fn show(&self, event: &Event) {
        let Ok(mut state) = self.0.lock() else { return };
        if let Some(lines) = state.note(event) {
            stage::write(&ascii::legible(&lines));
        }
        state.draw();
    }
}

async fn tick(board: Weak<Mutex<State>>) {
    let mut resized = signal(SignalKind::window_change()).ok();
    loop {
        let resize = async {
            match &mut resized {
                Some(resized) => drop(resized.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = resize => stage::resized(),
        }
        let Some(board) = board.upgrade() else { return };
        if let Ok(state) = board.lock() {
            state.draw();
        }
    }
}

impl State {
    /// Takes an event in. Returns lines for the scrollback.
    fn note(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::RunStarted { undo, steps } => {
                self.undo = *undo;
                self.wait = None;
                self.started = Instant::now();
                let step =
                    |planned: &PlannedStep| Step { planned: planned.clone(), progress: Progress::ToDo };
                self.steps = steps.iter().map(step).collect();
            }
            Event::StepStarted { step, .. } => {
                self.wait = None;
                self.heading = progress::line(event, self.look.color);
                let running = self.steps.iter_mut().find(|each| each.planned.step == *step);
                if let Some(running) = running {
                    running.progress = Progress::Running { since: Instant::now(), made: 0 };
                }
            }
            Event::StepDone { step, changes, seconds, .. } => {
                self.wait = None;
                self.heading = None;
                if let Some(done) = self.steps.iter_mut().find(|each| each.planned.step == *step) {
                    done.progress = Progress::Done { changes: *changes, seconds: *seconds };
                }
            }
            Event::Waiting { what, detail, seconds, part, drain } => {
                let since = Instant::now().checked_sub(Duration::from_secs(*seconds));
                self.wait = Some(Wait {
                    what: what.clone(),
                    detail: detail.clone(),
                    since: since.unwrap_or(self.started),
                    part: *part,
                    drain: drain.clone(),
                });
            }
            Event::Stopping { .. } => self.stopping = true,
            Event::Change { step, .. } => {
                self.wait = None;
                let running = self.steps.iter_mut().find(|each| each.planned.step == *step);
                if let Some(Step { progress: Progress::Running { made, .. }, .. }) = running {
                    *made += 1;
                }
                return self.below_heading(event);
            }
            Event::Note { .. } | Event::Finding(_) | Event::Target { .. } | Event::Verified { .. } => {
                return self.below_heading(event);
            }
        }
        None
    }

    fn below_heading(&mut self, event: &Event) -> Option<String> {
        let line = progress::line(event, self.look.color)?;
        let heading = self.heading.take().map(|heading| format!("{heading}\n")).unwrap_or_default();
        Some(format!("{heading}{line}\n"))
    }

    fn draw(&self) {
        // Before the steps, and in verify, there may be a wait.
        if !self.steps.is_empty() || self.wait.is_some() {
            stage::show(rows::rows(&self.view(Instant::now()), stage::size(), self.look));
        }
    }
}
