//! The end of a run: what was reached, and the commands that come next.

use std::io::IsTerminal;

use crate::run::Outcome;

use super::{Ui, issue, stage, text};

/// Commands to copy after a run.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// What proves or continues it.
    pub next: Option<String>,
    pub undo: Option<String>,
    /// The same run without questions.
    pub same: Option<String>,
}

impl Ui {
    /// Shows the result with the time of each step, then the commands.
    pub(crate) fn ended(&self, outcome: &Outcome, closing: &Closing) {
        stage::close();
        // The board is gone, so a person whose stdout is a file sees the result here.
        if self.has_board() && !std::io::stdout().is_terminal() && !self.voice.quiet {
            super::eprint_text(&text::outcome(outcome));
        }
        self.outcome(outcome);
        self.say(&commands(closing));
    }
}

fn commands(closing: &Closing) -> String {
    let fields = [("next", &closing.next), ("undo", &closing.undo)];
    let fields: Vec<(&str, &str)> =
        fields.into_iter().filter_map(|(label, command)| Some((label, command.as_deref()?))).collect();
    let same = closing.same.as_ref().map(|command| format!("The same without questions: {command}\n"));
    format!("{}{}", issue::labelled(&fields, "  "), same.unwrap_or_default())
}
