//! Exit codes: the same for every command, so that scripts can rely on them.

use std::fmt;
use std::process::ExitCode;

/// How a command ended. The later ones are worse: of several images, the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Nothing to do, by decision.
    Skipped,
    /// Failed.
    Failed,
    /// The command line is wrong. Most of that the argument parser finds and ends with the same code.
    WrongUsage,
}

/// An error that the command line is to blame for, found behind the argument parser.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongUsage => 2,
            Exit::Skipped => 3,
        })
    }
}
