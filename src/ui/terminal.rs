//! The settings of the terminal: during a question, and as they were found.

use std::io::IsTerminal;
use std::sync::Mutex;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// Remembers how the terminal is set, before the first question.
pub(super) fn remember() {
    if let (Ok(mut found), Ok(now)) = (FOUND.lock(), tcgetattr(std::io::stdin())) {
        found.get_or_insert(now);
    }
}

/// Sets the terminal as it was found: a question reads single keys without echo, and hides the cursor.
pub(super) fn restore(plain: bool) {
    let Some(found) = FOUND.lock().ok().and_then(|mut found| found.take()) else { return };
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &found);
    if !plain && std::io::stderr().is_terminal() {
        super::stage::write("\x1b[?25h");
    }
}

/// While it exists, keys are not echoed. console does that only while it reads one, so that keys typed faster than it
/// reads, or pasted, would be echoed between the lines of a question, and an Enter among them would move the cursor.
pub(super) struct Silence(Option<Termios>);

pub(super) fn silence() -> Silence {
    let found = tcgetattr(std::io::stdin()).ok();
    if let Some(mut now) = found.clone() {
        now.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &now);
    }
    Silence(found)
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(found) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, found);
        }
    }
}
