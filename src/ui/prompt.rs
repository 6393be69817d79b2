//! Questions on a terminal: lists that filter as one types, or, with `--plain`, numbered lists and whole lines. The
//! caller checks the answers.

mod plain;

use console::Term;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, FuzzySelect, Input};

use crate::error::{Error, Result};

use super::{Voice, terminal};

/// What is asked, and what a person may want to know before the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub ask: String,
    /// Why it matters, in one line; empty if that is obvious.
    pub why: String,
    /// What `?` prints; empty if there is nothing more to say.
    pub more: String,
    /// Whether `<` and Esc go back to an earlier question.
    pub back: bool,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    Is(T),
    /// Ask the question before this one again.
    Back,
}

/// An answer that can't work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub why: String,
    /// The nearest answer that would work; it becomes the default.
    pub nearest: Option<String>,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Refused { why, nearest: None }
    }
}

const MORE: &str = "?  more about this question";
const BACK: &str = "<  back to the question before";

/// Asks one question at a time on stderr, so that stdout stays the result.
pub(crate) struct Prompt {
    theme: ColorfulTheme,
    plain: bool,
}

impl Prompt {
    pub(super) fn new(voice: &Voice) -> Self {
        // console decides by itself otherwise, and does not know --color.
        console::set_colors_enabled_stderr(voice.color.on(&std::io::stderr()));
        Prompt { theme: ColorfulTheme::default(), plain: voice.plain }
    }

    /// A yes-or-no question, which never goes to an earlier one.
    pub(crate) fn confirm(&self, question: &str, default: bool) -> Result<bool> {
        if self.plain {
            return plain::confirm(question, default);
        }
        asked(|| Confirm::with_theme(&self.theme).with_prompt(question).default(default).interact())
    }

    /// Asks for a text without a default; it may be empty.
    pub(crate) fn typed(&self, question: &str) -> Result<String> {
        if self.plain {
            return plain::line(&format!("{question}: "));
        }
        asked(|| Input::with_theme(&self.theme).with_prompt(question).allow_empty(true).interact_text())
    }

    /// Asks until `check` accepts the text. A refusal is shown with the nearest text that would be accepted, which is
    /// then the default.
    pub(crate) fn text(
        &self,
        question: &Question,
        default: &str,
        check: impl Fn(&str) -> std::result::Result<(), Refused>,
    ) -> Result<Answer<String>> {
        let mut default = default.to_string();
        self.introduce(question);
        loop {
            let text = self.input(&question.ask, &default)?;
            match text.trim() {
                "?" => self.explain(question),
                "<" if question.back => return Ok(Answer::Back),
                "<" => self.say("  This is the first question: there is none to go back to."),
                text => match check(text) {
                    Ok(()) => {
                        self.report(&question.ask, text);
                        return Ok(Answer::Is(text.to_string()));
                    }
                    Err(Refused { why, nearest }) => {
                        let offer = nearest.as_deref().map(|nearest| format!("; {nearest} would work"));
                        self.refuse(&format!("{why}{}", offer.unwrap_or_default()));
                        default = nearest.unwrap_or(default);
                    }
                },
            }
        }
    }

    /// The index of the chosen item.
    pub(crate) fn choose(
        &self,
        question: &Question,
        items: &[String],
        default: usize,
    ) -> Result<Answer<usize>> {
        self.introduce(question);
        loop {
            let chosen = match self.plain {
                true => plain::choose(question, items, default)?,
                false => self.select(question, items, default)?,
            };
            match chosen {
                Some(at) if at < items.len() => {
                    self.report(&question.ask, items[at].trim_end());
                    return Ok(Answer::Is(at));
                }
                // After the items: more, then back.
                Some(at) if at == items.len() && !question.more.is_empty() => self.explain(question),
                None | Some(_) if question.back => return Ok(Answer::Back),
                None | Some(_) => {
                    self.say("  This is the first question: there is none to go back to. Ctrl-C ends.");
                }
            }
        }
    }

    /// `None`: Esc.
    fn select(&self, question: &Question, items: &[String], default: usize) -> Result<Option<usize>> {
        // A line that wraps would be cleared only in part.
        let width = super::width().saturating_sub(3).max(20);
        let more = (!question.more.is_empty()).then_some(MORE);
        let back = question.back.then_some(BACK);
        let rows = items.iter().map(String::as_str).chain(more).chain(back);
        let rows: Vec<String> = rows.map(|row| console::truncate_str(row, width, "…").into_owned()).collect();
        asked(|| {
            FuzzySelect::with_theme(&self.theme)
                .with_prompt(&question.ask)
                .items(rows)
                .default(default)
                .highlight_matches(false)
                .report(false)
                .interact_on_opt(&Term::stderr())
        })
    }

    fn input(&self, ask: &str, default: &str) -> Result<String> {
        if self.plain {
            let text = plain::line(&format!("{ask} [{default}]: "))?;
            return Ok(if text.is_empty() { default.to_string() } else { text });
        }
        asked(|| {
            Input::with_theme(&self.theme)
                .with_prompt(ask)
                .default(default.to_string())
                .allow_empty(true)
                .report(false)
                .interact_text()
        })
    }

    fn introduce(&self, question: &Question) {
        self.say("");
        if question.why.is_empty() {
            return;
        }
        for line in textwrap::wrap(&question.why, columns()) {
            self.say(&format!("  {}", self.theme.hint_style.apply_to(line)));
        }
    }

    /// The question with its answer, in one line. A plain terminal shows what was typed.
    fn report(&self, ask: &str, answer: &str) {
        if self.plain {
            return;
        }
        let theme = &self.theme;
        let width = super::width().saturating_sub(console::measure_text_width(ask) + 6).max(20);
        let answer = console::truncate_str(answer, width, "…");
        let (ask, answer) = (theme.prompt_style.apply_to(ask), theme.values_style.apply_to(answer));
        self.say(&format!("{} {ask} {} {answer}", theme.success_prefix, theme.success_suffix));
    }

    fn explain(&self, question: &Question) {
        let more = match question.more.is_empty() {
            true => "There is nothing more to say about this question.",
            false => question.more.as_str(),
        };
        for line in textwrap::wrap(more, columns()) {
            self.say(&format!("    {line}"));
        }
    }

    fn refuse(&self, why: &str) {
        let mark = if self.plain { "!".to_string() } else { self.theme.error_prefix.to_string() };
        for (at, line) in textwrap::wrap(why, columns()).iter().enumerate() {
            self.say(&format!("{} {line}", if at == 0 { mark.as_str() } else { " " }));
        }
    }

    /// A line between the questions.
    pub(crate) fn say(&self, line: &str) {
        super::eprint_text(&format!("{line}\n"));
    }
}

/// How wide a paragraph is: longer lines are hard to read.
fn columns() -> usize {
    super::width().saturating_sub(4).clamp(40, 96)
}

/// Asks in a thread of its own: a signal interrupts what the main thread waits for, which console would take for Ctrl-C, so
/// that a resized terminal would end the run.
fn asked<T: Send>(ask: impl FnOnce() -> dialoguer::Result<T> + Send) -> Result<T> {
    let _silence = terminal::silence();
    let answer = std::thread::scope(|scope| scope.spawn(ask).join());
    answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(stopped)
}

/// Ctrl-C at a question interrupts the run.
fn stopped(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(io) = error;
    // A list hides the cursor while it is shown, and does not put it back when it fails.
    let _ = Term::stderr().show_cursor();
    match io.kind() {
        std::io::ErrorKind::Interrupted => Error::interrupted_before_work(),
        _ => Error::failed("ask a question").because(io),
    }
}
