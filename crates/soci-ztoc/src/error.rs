//! What can be wrong with a layer, as data: *damaged* and *not indexable* are different types.
//!
//! Damage means that the bytes are not what somebody once packed: a failure. "Not indexable" means
//! that the layer is sound, but that no zTOC of it would be read right: such a layer is left out
//! with its [`Reason`] and the image's other layers are indexed.

use std::fmt;

use crate::digest::Digest;
use crate::limits::LimitExceeded;
use crate::structure::StructureError;

/// Why no zTOC comes out of a layer and the layer cannot simply be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The layer's bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The layer is larger than the limits in force.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A span decoded from its checkpoint differs from the layer: our own fault, so nothing is
    /// published.
    #[error(
        "span {span} does not decode from its checkpoint: {found}; this is a bug, please report it"
    )]
    SelfCheck {
        /// The span's number, from 0.
        span: usize,
        /// What went wrong.
        found: String,
    },
    /// The zTOC made does not hold together: our own fault, so nothing is published.
    #[error("the zTOC made contradicts itself: {0}; this is a bug, please report it")]
    Structure(#[source] StructureError),
}

/// Damage in a layer, and where it was met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Damage {
    /// What is wrong.
    pub kind: DamageKind,
    /// Bytes of the layer before the damage: of deflate data those before the symbol or header that is refused, of all else those
    /// consumed before it was seen.
    pub compressed_offset: u64,
    /// Bytes decoded before the damage was seen.
    pub uncompressed_offset: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage {
            kind,
            compressed_offset,
            uncompressed_offset,
        } = self;
        match kind {
            // Wrong as a whole, at no place.
            DamageKind::Size { .. } | DamageKind::Digest { .. } => kind.fmt(f),
            _ => write!(
                f,
                "layer is damaged at compressed offset {compressed_offset}, uncompressed offset {uncompressed_offset}: {kind}"
            ),
        }
    }
}

/// The kinds of damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// The layer ends too early.
    #[error("ends within {within}")]
    Truncated {
        /// The part that is cut.
        within: &'static str,
    },
    /// A gzip member's header has flags that RFC 1952 reserves.
    #[error("gzip header has reserved flags set: {flags:#04x}")]
    ReservedFlags {
        /// The whole flag byte.
        flags: u8,
    },
    /// A gzip member's header fails its own checksum.
    #[error("gzip header checksum is {found:#06x}, its bytes give {expected:#06x}")]
    HeaderChecksum {
        /// Computed from the header.
        expected: u16,
        /// Stored in the header.
        found: u16,
    },
    /// The deflate data is invalid.
    #[error("invalid deflate data: {reason}")]
    Deflate {
        /// What is wrong, without numbers.
        reason: &'static str,
    },
    /// A member's content fails its CRC-32.
    #[error("gzip trailer has CRC-32 {found:#010x}, the content gives {expected:#010x}")]
    Crc32 {
        /// Computed from the content.
        expected: u32,
        /// Stored in the trailer.
        found: u32,
    },
    /// A member's content has another length, modulo 2^32, than its trailer says.
    #[error("gzip trailer has length {found} (modulo 2^32), the content has {expected}")]
    Length {
        /// Computed from the content.
        expected: u32,
        /// Stored in the trailer.
        found: u32,
    },
    /// The layer has another size than its descriptor says.
    #[error("layer has {found} bytes, expected {expected}")]
    Size {
        /// Bytes, as the caller expects.
        expected: u64,
        /// Bytes that arrived.
        found: u64,
    },
    /// The layer has another digest than its descriptor says.
    #[error("layer has digest {found}, expected {expected}")]
    Digest {
        /// As the caller expects.
        expected: Digest,
        /// Of the bytes that arrived.
        found: Digest,
    },
}

impl BuildError {
    /// The failure's kind in the closed list that every outcome of the product is reported with.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            BuildError::Damaged(Damage {
                kind: DamageKind::Digest { .. } | DamageKind::Size { .. },
                ..
            }) => "digest-mismatch",
            BuildError::Damaged(_) => "corrupt-layer",
            BuildError::Limit(_) => "too-large",
            BuildError::SelfCheck { .. } | BuildError::Structure(_) => "internal",
        }
    }

    /// Whether the same bytes may succeed later. They never do; fetching them again may help where
    /// [`Self::kind`] is `digest-mismatch`.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        false
    }
}

/// Why a sound layer gets no zTOC; the closed list of layer reasons that depend on its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Compressed with something other than gzip, or gzip with a header that consumers refuse.
    UnsupportedCompression,
    /// More than one gzip member, which consumers before soci-snapshotter v0.14.0 cannot read.
    MultiMemberGzip,
    /// A kind of tar entry that consumers cannot serve.
    UnsupportedTarEntry,
    /// An entry whose metadata consumers would refuse or get wrong.
    UnreadableMetadata,
    /// The content is no complete tar archive.
    NotATar,
    /// No bytes at all.
    Empty,
}

impl Reason {
    /// The reason as it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::UnsupportedCompression => "unsupported-compression",
            Reason::MultiMemberGzip => "multi-member-gzip",
            Reason::UnsupportedTarEntry => "unsupported-tar-entry",
            Reason::UnreadableMetadata => "unreadable-metadata",
            Reason::NotATar => "not-a-tar",
            Reason::Empty => "empty",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why and where a sound layer cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotIndexable {
    reason: Reason,
    detail: String,
    uncompressed_offset: u64,
}

impl NotIndexable {
    pub(crate) fn new(
        reason: Reason,
        uncompressed_offset: u64,
        detail: impl Into<String>,
    ) -> NotIndexable {
        NotIndexable {
            reason,
            detail: detail.into(),
            uncompressed_offset,
        }
    }

    /// The reason for reports.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What exactly was met, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Where in the uncompressed layer it was met, in bytes.
    #[must_use]
    pub fn uncompressed_offset(&self) -> u64 {
        self.uncompressed_offset
    }
}

impl fmt::Display for NotIndexable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} (at uncompressed offset {})",
            self.reason, self.detail, self.uncompressed_offset
        )
    }
}
