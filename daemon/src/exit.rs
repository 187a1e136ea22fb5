//! Exit codes: what a supervisor may conclude.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Done,
    /// It failed; trying again may help.
    Failed,
    /// The call's words are wrong, or for `check`: nothing could be compared.
    Usage,
    /// Works, but no standby could take over.
    Degraded,
    /// Nobody is active.
    NoActive,
    /// Nobody answers.
    Unreachable,
    /// A precondition isn't met; the message says which.
    Refused,
    /// Starting again doesn't help before somebody changes something (EX_CONFIG): configuration, or a blocked replica.
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Degraded => 3,
            Exit::NoActive => 4,
            Exit::Unreachable => 5,
            Exit::Refused => 6,
            Exit::Configuration => 78,
        })
    }
}
