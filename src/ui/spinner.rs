//! A spinner while the cluster is read: there is no step to show yet.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// There is one stderr.
static SPINNER: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows what is being done, until [`stop`].
pub(super) fn start(what: &str, ascii: bool) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(if ascii { style.tick_chars("|/-\\ ") } else { style });
    }
    bar.set_message(what.to_string());
    bar.enable_steady_tick(Duration::from_millis(120));
    let before = SPINNER.lock().unwrap_or_else(PoisonError::into_inner).replace(bar);
    if let Some(before) = before {
        before.finish_and_clear();
    }
}

/// Removes it, if there is one.
pub(super) fn stop() {
    if let Some(bar) = SPINNER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}

/// Writes something else on stderr, above the spinner if there is one.
pub(super) fn beside(write: impl FnOnce()) {
    match SPINNER.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}
