//! Why a demonstration ends before its end, and what to do about it.

use std::io;
use std::path::Path;

use soci_index::{IndexError, LazyError};
use soci_registry::SetupError;

/// Files that are named when some are wrong.
const SHOWN: usize = 5;

/// Why a demonstration ends without what it was to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Nothing can listen there.
    #[error("cannot listen on 127.0.0.1:{port}: {error}; --port 0 takes any port that is free")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        error: io::Error,
    },
    /// A file or folder of ours, or of the machine's.
    #[error("cannot {doing} {path}: {error}{advice}")]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Where.
        path: String,
        /// What is wrong.
        error: io::Error,
        /// What to do, as far as that is known.
        advice: &'static str,
    },
    /// A file of the machine was written to while it was packed.
    #[error("{path} got shorter while it was read; run it again")]
    Changed {
        /// Which one.
        path: String,
    },
    /// There is nothing to make an image of.
    #[error(
        "no file that everybody may read under {roots}; name an image of your own with --image"
    )]
    NoFiles {
        /// Where was looked.
        roots: String,
    },
    /// The HTTP client.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Reading from or writing to a registry, layout or archive.
    #[error(transparent)]
    Store(#[from] soci_registry::Error),
    /// Reading what was indexed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Reading files through zTOCs.
    #[error("what was indexed cannot be read: {0}")]
    Lazy(#[from] LazyError),
    /// A manifest is none.
    #[error("{what} cannot be copied: {why}")]
    NotCopied {
        /// Which one.
        what: String,
        /// Why not.
        why: String,
    },
    /// The function did not index the image.
    #[error("the function failed: {0}")]
    Function(String),
    /// What was indexed is not what was pushed.
    #[error("{0}")]
    Wrong(String),
    /// Somebody wanted to end.
    #[error("interrupted")]
    Interrupted,
    /// A worker ended without a result.
    #[error("a worker ended without a result; this is a bug, please report it")]
    Worker,
}

impl DemoError {
    pub(crate) fn file(doing: &'static str, path: &Path, error: io::Error) -> DemoError {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "; free some space, or set TMPDIR to a folder that has a GB"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "; set TMPDIR to a folder that you may write to"
            }
            _ => "",
        };
        DemoError::File {
            doing,
            path: path.display().to_string(),
            error,
            advice: if doing == "read" { "" } else { advice },
        }
    }

    /// Of so many things some are wrong.
    pub(crate) fn wrong(wrong: &[String], of: usize, what: &str) -> DemoError {
        let shown = wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>();
        let more = if wrong.len() > SHOWN { "; …" } else { "" };
        DemoError::Wrong(format!(
            "wrong: {} of {of} {what}: {}{more}; please report this",
            wrong.len(),
            shown.join("; ")
        ))
    }
}
