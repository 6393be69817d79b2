//! What a signal shows.

use std::sync::Mutex;

use crate::error::Error;
use crate::events::{Event, Events, Signalled};
use crate::exit::Exit;

use super::{Ui, stage, terminal};

/// Whether the end by a signal is reported: the run itself may end with it too.
static REPORTED: Mutex<bool> = Mutex::new(false);

impl Ui {
    /// Shows what signals lead to.
    pub(crate) fn signals(&self, events: Events) -> impl Fn(Signalled) + Send + 'static + use<> {
        terminal::remember();
        let ui = self.clone();
        move |signalled| match signalled {
            Signalled::BeforeWork => ui.error(&Error::interrupted_before_work()),
            Signalled::AtWork(signal) => events.emit(Event::Stopping { signal }),
            Signalled::Again => ui.error(&Error::left_at_once()),
        }
    }

    /// Shows an error. The end by a signal is shown once, whoever reports it first.
    pub(crate) fn error(&self, error: &Error) {
        let mut reported = REPORTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if error.exit() == Exit::Interrupted && std::mem::replace(&mut *reported, true) {
            return;
        }
        stage::close();
        if error.exit() == Exit::Interrupted {
            terminal::restore(self.voice.plain);
        }
        self.report_error(error);
    }
}
