//! Exit codes, documented in README and stable.

/// How a run ended, as a shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked is so.
    Done = 0,
    /// A call failed, or something did not become so in time.
    Failed = 1,
    /// The arguments are wrong; with `plan --detailed-exitcode`: there are changes to make.
    Usage = 2,
    /// A check refused, before anything was changed.
    Refused = 3,
    /// The changes were made, but what was reached could not be proven.
    Unproven = 4,
    /// Ctrl-C, as 128 + SIGINT.
    Interrupted = 130,
}

impl Exit {
    /// `plan --detailed-exitcode`: there is something to do. terraform uses the same number.
    pub const CHANGES: Exit = Exit::Usage;
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}
