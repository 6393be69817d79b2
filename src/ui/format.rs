//! How results and progress are printed.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
    /// XML for CI: a testsuite for each section
    Junit,
}

impl ReportFormat {
    /// How an error is told in its place.
    pub fn plain(self) -> Format {
        match self {
            ReportFormat::Json => Format::Json,
            ReportFormat::Text | ReportFormat::Junit => Format::Text,
        }
    }
}
