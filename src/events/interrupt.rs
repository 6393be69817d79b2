//! Signals that ask a run to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::exit::{Codes, Exit};

/// Whether the run is asked to stop. All waits check it.
///
/// Ctrl-C, SIGTERM (CI cancels a job) and SIGHUP (the terminal is gone: nobody sees the run any more) all ask for it. A
/// run that has not begun to change anything stops at once. Otherwise the call in flight is finished and temporary
/// changes are undone; a second Ctrl-C exits at once. A second SIGTERM does not: GitHub Actions sends SIGINT and then
/// SIGTERM 7.5 seconds later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    /// Whether something may have been changed.
    at_work: AtomicBool,
    notify: Notify,
}

/// What a signal leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signalled {
    /// The process exits now; nothing was changed.
    BeforeWork,
    /// The run is asked to stop.
    AtWork(&'static str),
    /// The process exits now, although the run has not stopped.
    Again,
}

impl Interrupt {
    /// Starts to listen. `react` is called before anything else happens.
    pub(crate) fn listen(react: impl Fn(Signalled) + Send + 'static) -> Self {
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        tokio::spawn(async move {
            let listen = |kind| signal(kind).ok();
            let mut ctrl_c = listen(SignalKind::interrupt());
            let mut term = listen(SignalKind::terminate());
            let mut hangup = if is_ignored(HANGUP) { None } else { listen(SignalKind::hangup()) };
            loop {
                let name = tokio::select! {
                    () = next(&mut ctrl_c) => "SIGINT",
                    () = next(&mut term) => "SIGTERM",
                    () = next(&mut hangup) => "SIGHUP",
                };
                let Some(signalled) = shared.signalled(name) else { continue };
                react(signalled);
                if !matches!(signalled, Signalled::AtWork(_)) {
                    std::process::exit(Codes::default().code(Exit::Interrupted).into());
                }
                shared.set();
            }
        });
        interrupt
    }

    fn signalled(&self, name: &'static str) -> Option<Signalled> {
        match (self.0.at_work.load(Ordering::SeqCst), self.is_set()) {
            (false, _) => Some(Signalled::BeforeWork),
            (true, false) => Some(Signalled::AtWork(name)),
            (true, true) => (name == "SIGINT").then_some(Signalled::Again),
        }
    }

    /// From now on something may be changed: a signal no longer exits at once.
    pub(crate) fn begin_work(&self) {
        self.0.at_work.store(true, Ordering::SeqCst);
    }

    /// Asks the run to stop.
    pub(crate) fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Returns when the run is asked to stop.
    pub(crate) async fn wait(&self) {
        let notified = self.0.notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_set() {
            notified.await;
        }
    }
}

/// The next signal; never if it can't be listened to.
async fn next(signal: &mut Option<Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending().await
    }
}

const HANGUP: u32 = 1;

/// Whether the process was started with this signal ignored, as `nohup` does it: then it stays ignored. Where the system
/// does not say, `nohup` shows by the lack of a terminal.
fn is_ignored(signal: u32) -> bool {
    use std::io::IsTerminal;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask & (1 << (signal - 1)) != 0,
        None => !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_ctrl_c_cuts_a_run_short() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.signalled("SIGTERM"), Some(Signalled::BeforeWork));
        interrupt.begin_work();
        assert_eq!(interrupt.signalled("SIGHUP"), Some(Signalled::AtWork("SIGHUP")));
        interrupt.set();
        assert_eq!(interrupt.signalled("SIGTERM"), None);
        assert_eq!(interrupt.signalled("SIGINT"), Some(Signalled::Again));
    }
}
