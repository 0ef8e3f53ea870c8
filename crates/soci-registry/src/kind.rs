//! The closed list of failure kinds that every outcome of the product is reported with.

use std::fmt;

/// What a failure is, for whoever decides what happens next: try again, call a person, change a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The other side or the way to it is unwell; later it may work.
    Transient,
    /// Too many requests; later it will work.
    Throttled,
    /// The caller's deadline came first.
    Deadline,
    /// Bytes are not those that a digest or a size promised.
    DigestMismatch,
    /// The tag is taken and the repository does not let it move.
    ImmutableTag,
    /// Credentials are missing, refused or too weak; or a file may not be touched.
    Denied,
    /// The key that encrypts the repository refused.
    Kms,
    /// A quota or a disk is full.
    Quota,
    /// No such repository, manifest, tag or blob.
    NotFound,
    /// What was read is no valid OCI document, or larger than one may be.
    InvalidImage,
    /// Something that was set up is wrong: an address, a certificate, a credential helper, a server that is no registry.
    Configuration,
    /// Our own fault.
    Internal,
}

impl Kind {
    /// The kind as it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Transient => "transient",
            Kind::Throttled => "throttled",
            Kind::Deadline => "deadline",
            Kind::DigestMismatch => "digest-mismatch",
            Kind::ImmutableTag => "immutable-tag",
            Kind::Denied => "denied",
            Kind::Kms => "kms",
            Kind::Quota => "quota",
            Kind::NotFound => "not-found",
            Kind::InvalidImage => "invalid-image",
            Kind::Configuration => "configuration",
            Kind::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Kind::Transient | Kind::Throttled | Kind::Deadline)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
