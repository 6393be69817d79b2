//! Output formats of results and progress.

use std::io::IsTerminal;

use clap::ValueEnum;

use crate::exit::Codes;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Formats of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    Text,
    Json,
    // For a comment on a pull request.
    Markdown,
}

impl From<Format> for ResultFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => ResultFormat::Text,
            Format::Json => ResultFormat::Json,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
    /// JUnit XML for CI, with a testsuite for each section
    Junit,
    /// For a comment on a pull request
    Markdown,
}

impl From<ReportFormat> for ResultFormat {
    /// JUnit XML is for programs, but an error is not part of it.
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Json => ResultFormat::Json,
            ReportFormat::Markdown => ResultFormat::Markdown,
            ReportFormat::Text | ReportFormat::Junit => ResultFormat::Text,
        }
    }
}

/// When colors are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    // Not a doc comment: clap would print it as a long help of every command.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorWhen {
    /// Each stream by itself: `setup > plan.txt` still has colors on stderr.
    pub fn on(self, stream: &impl IsTerminal) -> bool {
        match self {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
            }
        }
    }
}

/// How a run talks, beside the format of its result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Voice {
    pub color: ColorWhen,
    /// Errors and the result only.
    pub quiet: bool,
    /// Each call on stderr.
    pub verbose: bool,
    /// Whole lines and numbered lists, and no cursor movement.
    pub plain: bool,
    /// The locale may not show anything but ASCII.
    pub ascii: bool,
    /// The exit codes that errors name.
    pub codes: Codes,
}
