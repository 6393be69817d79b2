//! Exit codes, documented in README and stable.

/// The exit code of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was requested is done.
    Done = 0,
    /// A call failed, or a wait timed out.
    Failed = 1,
    /// The arguments are wrong; with `plan --detailed-exitcode`: there are changes to make.
    Usage = 2,
    /// A check failed before anything was changed.
    Refused = 3,
    /// The changes were made, but the result could not be verified.
    Unproven = 4,
    /// Ctrl-C, as 128 + SIGINT.
    Interrupted = 130,
}

impl Exit {
    /// `plan --detailed-exitcode`: there are changes to make. Terraform uses the same number.
    pub const CHANGES: Exit = Exit::Usage;
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}
