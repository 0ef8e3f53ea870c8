//! What a caller decides about the zTOC to be built.

use std::num::NonZeroU64;

use crate::digest::Digest;
use crate::limits::Limits;
use crate::model::DEFAULT_SPAN_BYTES;

/// Written into every zTOC unless asked otherwise. The number changes only when the bytes that we
/// write change.
pub const DEFAULT_BUILD_TOOL_IDENTIFIER: &str = "soci-index-builder ztoc/1";

/// How a zTOC is built. [`BuildOptions::default`] gives what the product uses by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// Uncompressed bytes between checkpoints.
    pub span_size: SpanSize,
    /// Who made it; part of the bytes.
    pub build_tool_identifier: String,
    /// What becomes of layers with more than one gzip member.
    pub multi_member: MultiMember,
    /// How large things may be.
    pub limits: Limits,
    /// What the layer must turn out to be.
    pub expected: Expected,
}

impl Default for BuildOptions {
    fn default() -> BuildOptions {
        BuildOptions {
            span_size: SpanSize::default(),
            build_tool_identifier: DEFAULT_BUILD_TOOL_IDENTIFIER.to_owned(),
            multi_member: MultiMember::default(),
            limits: Limits::default(),
            expected: Expected::default(),
        }
    }
}

/// Uncompressed bytes between checkpoints: from 1 to 2^63 - 1, by default 4 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanSize(NonZeroU64);

impl SpanSize {
    /// `None` for 0 and for what does not fit a signed 64-bit number, as which it is stored.
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Option<SpanSize> {
        NonZeroU64::new(bytes)
            .filter(|bytes| i64::try_from(bytes.get()).is_ok())
            .map(SpanSize)
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.get()
    }
}

impl Default for SpanSize {
    fn default() -> SpanSize {
        SpanSize(NonZeroU64::new(DEFAULT_SPAN_BYTES).expect("the default is not zero"))
    }
}

/// What becomes of layers with more than one gzip member (RFC 1952 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiMember {
    /// They are not indexed: consumers before soci-snapshotter v0.14.0 give I/O errors behind the
    /// first member.
    #[default]
    Skip,
    /// They are indexed, for consumers that are known to be newer.
    Allow,
}

/// What the layer's descriptor says about it; anything else is damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Digest of the compressed layer.
    pub digest: Option<Digest>,
    /// Size of the compressed layer in bytes.
    pub size_bytes: Option<u64>,
}
