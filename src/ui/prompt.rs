//! Questions on a terminal. The caller checks the answers.

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, Select};

use crate::error::{Error, Result};

/// Asks one question at a time on stderr, so that stdout stays the result.
#[derive(Default)]
pub(crate) struct Prompt {
    theme: ColorfulTheme,
}

impl Prompt {
    pub(crate) fn confirm(&self, question: &str, default: bool) -> Result<bool> {
        Confirm::with_theme(&self.theme).with_prompt(question).default(default).interact().map_err(stopped)
    }

    /// Asks until `check` accepts the text; shows the error of `check`.
    pub(crate) fn text(
        &self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> std::result::Result<(), String>,
    ) -> Result<String> {
        Input::with_theme(&self.theme)
            .with_prompt(question)
            .default(default.to_string())
            .validate_with(|text: &String| check(text))
            .interact_text()
            .map_err(stopped)
    }

    /// Asks for a text without a default; it may be empty.
    pub(crate) fn typed(&self, question: &str) -> Result<String> {
        Input::with_theme(&self.theme)
            .with_prompt(question)
            .allow_empty(true)
            .interact_text()
            .map_err(stopped)
    }

    /// The index of the chosen item.
    pub(crate) fn choose(&self, question: &str, items: &[String], default: usize) -> Result<usize> {
        Select::with_theme(&self.theme)
            .with_prompt(question)
            .items(items)
            .default(default)
            .interact()
            .map_err(stopped)
    }
}

/// Ctrl-C at a question interrupts the run.
fn stopped(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(io) = error;
    match io.kind() {
        std::io::ErrorKind::Interrupted => Error::interrupted(),
        _ => Error::failed("ask a question").because(io),
    }
}
