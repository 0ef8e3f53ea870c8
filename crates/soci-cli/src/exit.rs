//! Exit codes: the same for every command, so that scripts can rely on them.

use std::process::ExitCode;

/// How a command ended. Wrong usage, which the argument parser answers, is 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Nothing to do, by decision.
    Skipped,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Skipped => 3,
        })
    }
}
