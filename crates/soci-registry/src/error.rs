//! What can go wrong where images live, as data: who is to blame, what was expected, what was found.
//!
//! Two questions matter to whoever gets one of these: [`Error::kind`], which says what it is in the closed list of the
//! product, and [`Error::is_transient`], which says whether the same call may succeed later. Nothing in here can hold a
//! secret: addresses are [`Url`]s, which show neither query nor user, and what a server wrote is cut and cleaned first.

use std::io;
use std::path::PathBuf;

use crate::credentials::CredentialsError;
use crate::digest::Digest;
use crate::kind::Kind;
use crate::layout::LayoutFault;
use crate::reference::{Item, Target};
use crate::remote::{ProtocolFault, Refusal};
use crate::transport::{ConnectionFailure, SetupError, Url};

/// Why something could not be read from or written to where images live.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The way to the server: no connection, or one that broke.
    #[error("{request}: {failure}")]
    Connection {
        /// What was asked of whom.
        request: Box<Request>,
        /// What happened to the connection.
        failure: ConnectionFailure,
    },
    /// The server answered, and the answer was no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The server's answer is not one that a registry gives.
    #[error("{request}: {fault}")]
    Protocol {
        /// What was asked of whom.
        request: Box<Request>,
        /// How it breaks the protocol.
        fault: ProtocolFault,
    },
    /// What arrived is not what was promised.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
    /// More bytes than may be read into memory.
    #[error("{what} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// What was read.
        what: &'static str,
        /// The limit.
        limit_bytes: u64,
    },
    /// A blob was read on after its stream had failed.
    #[error("blob {blob} was read on after a failure: {reason}")]
    ReadAfterFailure {
        /// The blob.
        blob: Digest,
        /// The first failure's kind.
        kind: Kind,
        /// The first failure in words.
        reason: String,
    },
    /// The caller's deadline came before the answer.
    #[error("{action}: the time is up{}", last_failure(.last))]
    Deadline {
        /// What was being done.
        action: Action,
        /// The failure after which there was no time for another try, if there was one.
        #[source]
        last: Option<Box<Error>>,
    },
    /// No credentials could be had.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A registry, layout or archive does not hold what was asked for.
    #[error("{place} has no {target}")]
    Missing {
        /// Where it was looked for.
        place: String,
        /// What was looked for.
        target: Item,
    },
    /// The target is not one that this place can have.
    #[error("{target} cannot be used with a registry, only with a layout or an archive")]
    NotForRegistries {
        /// What was asked for.
        target: Target,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A folder or file is no OCI layout or archive.
    #[error("{}: {fault}", .path.display())]
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        fault: LayoutFault,
    },
}

/// What was promised of some bytes, and what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Another digest.
    #[error("{what} has digest {found}, expected {expected}")]
    Digest {
        /// Which bytes.
        what: Promise,
        /// As promised.
        expected: Digest,
        /// Of the bytes, or as the server says.
        found: Digest,
    },
    /// Another size.
    #[error("{what} has {found} bytes, expected {expected}")]
    Size {
        /// Which bytes.
        what: Promise,
        /// Bytes, as promised.
        expected: u64,
        /// Bytes that arrived or are announced.
        found: u64,
    },
}

/// Whose digest or size does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Promise {
    /// A blob, by the digest asked for.
    #[error("blob {0}")]
    Blob(Digest),
    /// A manifest, by what was asked for.
    #[error("manifest {0}")]
    Manifest(Target),
    /// A manifest's digest as the server's header says, for what was asked for.
    #[error("the server's digest header of {0}")]
    Header(Item),
    /// A manifest that was pushed, by what it was to be found under.
    #[error("the manifest stored as {0}")]
    Pushed(Target),
}

impl From<Mismatch> for Error {
    fn from(mismatch: Mismatch) -> Error {
        Error::Mismatch(Box::new(mismatch))
    }
}

/// What was asked of whom.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action} at {url}")]
pub struct Request {
    /// What was being done.
    pub action: Action,
    /// The address, which shows without its query.
    pub url: Url,
}

/// What is being done with a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Action {
    /// Finding out whether it speaks https.
    #[error("contacting the registry")]
    Contact,
    /// Asking for a token.
    #[error("getting a token")]
    GetToken,
    /// Asking what a tag holds.
    #[error("resolving the manifest")]
    Resolve,
    /// Reading a manifest.
    #[error("reading the manifest")]
    ReadManifest,
    /// Reading a blob.
    #[error("reading the blob")]
    ReadBlob,
    /// Asking whether a blob is there.
    #[error("looking for the blob")]
    CheckBlob,
    /// Asking where to upload a blob.
    #[error("starting the upload")]
    StartUpload,
    /// Uploading a blob.
    #[error("uploading the blob")]
    PushBlob,
    /// Writing a manifest or a tag.
    #[error("writing the manifest")]
    PushManifest,
    /// Listing tags.
    #[error("listing tags")]
    ListTags,
    /// Listing referrers.
    #[error("listing referrers")]
    ListReferrers,
}

impl Error {
    /// The failure's kind in the closed list that every outcome of the product is reported with.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Error::Connection { failure, .. } => failure.kind(),
            Error::Refused(refusal) => refusal.kind(),
            Error::Protocol { fault, .. } => fault.kind(),
            Error::Mismatch(_) => Kind::DigestMismatch,
            Error::TooLarge { .. } => Kind::InvalidImage,
            Error::ReadAfterFailure { kind, .. } => *kind,
            Error::Layout { fault, .. } => fault.kind(),
            Error::Deadline { .. } => Kind::Deadline,
            Error::Credentials(error) => error.kind(),
            Error::Setup(_) | Error::NotForRegistries { .. } => Kind::Configuration,
            Error::Missing { .. } => Kind::NotFound,
            Error::File { source, .. } => file_kind(source),
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind().is_transient()
    }

    /// Whether a manifest was refused because something that it names is not there: pushed once more, its parts and then the manifest may
    /// be taken.
    #[must_use]
    pub fn misses_parts(&self) -> bool {
        matches!(self, Error::Refused(refusal) if refusal.misses_parts())
    }

    /// Whether what was asked for is simply not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == Kind::NotFound
    }
}

fn file_kind(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Kind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Kind::Quota
        }
        _ => Kind::Configuration,
    }
}

fn last_failure(last: &Option<Box<Error>>) -> String {
    last.as_ref().map_or_else(String::new, |error| {
        format!("; the last try failed: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small_enough_to_be_returned_everywhere() {
        assert!(size_of::<Error>() <= 120, "{} bytes", size_of::<Error>());
    }

    #[test]
    fn a_full_disk_is_a_quota_and_a_read_only_one_is_denied() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, Kind::Quota),
            (io::ErrorKind::ReadOnlyFilesystem, Kind::Denied),
            (io::ErrorKind::NotFound, Kind::NotFound),
        ] {
            let path = PathBuf::from("blobs");
            let error = Error::File {
                action: "write",
                path,
                source: kind.into(),
            };
            assert_eq!(error.kind(), expected);
            assert!(!error.is_transient());
        }
    }
}
