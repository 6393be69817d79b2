//! How a run ended, and its exit code; documented in docs/settings.md and stable.

use std::ffi::OsStr;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was requested is done.
    Done,
    /// `plan --detailed-exitcode`: there are changes to make.
    Changes,
    /// A call failed, or a wait timed out.
    Failed,
    /// The arguments are wrong.
    Usage,
    /// A check failed before anything was changed.
    Refused,
    /// The changes were made, but the result could not be verified.
    Unproven,
    /// Ctrl-C.
    Interrupted,
}

/// Which numbers the exit codes have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Codes {
    #[default]
    Usual,
    /// With `plan --detailed-exitcode` 2 means that there are changes, as in Terraform, so wrong usage is 1.
    Detailed,
}

impl Codes {
    const FLAG: &str = "--detailed-exitcode";

    /// The codes for arguments that are not parsed yet, or can't be.
    pub fn of_arguments(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let detailed = arguments.into_iter().any(|argument| argument.as_ref() == Self::FLAG);
        if detailed { Codes::Detailed } else { Codes::Usual }
    }

    /// The process's exit code.
    pub fn code(self, exit: Exit) -> u8 {
        match (exit, self) {
            (Exit::Done, _) => 0,
            (Exit::Failed, _) | (Exit::Usage, Codes::Detailed) => 1,
            (Exit::Usage, Codes::Usual) | (Exit::Changes, _) => 2,
            (Exit::Refused, _) => 3,
            (Exit::Unproven, _) => 4,
            // 128 + SIGINT
            (Exit::Interrupted, _) => 130,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_never_looks_like_changes() {
        let codes = |arguments: &[&str]| Codes::of_arguments(arguments);
        assert_eq!(codes(&["plan"]).code(Exit::Usage), 2);
        let detailed = codes(&["plan", "--detailed-exitcode"]);
        assert_eq!((detailed.code(Exit::Usage), detailed.code(Exit::Changes)), (1, 2));
    }
}
