//! How a panic, a bug of the program, is reported.

use std::panic;
use std::process;

use crate::exit::{Codes, Exit};

use super::eprint_text;

/// Reports a panic of any thread with what to do next, and ends the process with the exit code for a failure. A run
/// that went on without one of its tasks might change the cluster without holding its lock.
pub(crate) fn ends_the_process() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // A prompt or a spinner hides it.
        let _ = console::Term::stderr().show_cursor();
        usual(info);
        eprint_text(
            "error: this is a bug in eni-custom, and the run has stopped at once\n  \
             fix: run the same command again to continue: what is done already is not done again\n",
        );
        process::exit(Codes::default().code(Exit::Failed).into());
    }));
}
