//! The one place that says how large anything read from a layer or a zTOC may be.
//!
//! Layers and zTOCs are hostile input: no number in them sizes an allocation or drives a loop
//! before it met one of these.

/// Upper bounds for what one layer or one zTOC may contain. [`Limits::default`] admits every layer
/// that the formats themselves can express up to a few hundred gigabytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Entries of the tar archive. Default 8,388,608.
    pub files: usize,
    /// Spans, so also checkpoints. Default 65,501: above it the checkpoints' size overflows the 31
    /// bits in which soci-snapshotter v0.15.0 computes it.
    pub spans: usize,
    /// Bytes of data of one PAX header or GNU long name. Default 1,048,576, the bound of Go's
    /// `archive/tar`, with which containers' layers are unpacked.
    pub special_header_bytes: u64,
    /// Bytes of memory that file metadata and checkpoints of one zTOC may take together. Default 2
    /// GiB, which is also the most a flatbuffer can hold.
    pub memory_bytes: usize,
    /// Uncompressed bytes per compressed byte, over the layer so far. Default 1,032, deflate's own
    /// maximum: layers of zeros come close to it. Lower it where time matters more than such
    /// layers.
    pub inflate_ratio: u64,
    /// Compressed bytes of one span that the reader will hold in memory. Default 1 GiB: a span is
    /// as long as the deflate block in which it ends.
    pub span_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            files: 1 << 23,
            spans: 65_501,
            special_header_bytes: 1 << 20,
            memory_bytes: (1 << 31) - 1,
            inflate_ratio: 1_032,
            span_bytes: 1 << 30,
        }
    }
}

/// Something in a layer or zTOC exceeds one of the [`Limits`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} exceed the limit of {limit}")]
pub struct LimitExceeded {
    /// What was counted, in the plural and with its unit.
    pub what: &'static str,
    /// The limit it exceeds.
    pub limit: u64,
}

/// `Ok` while `found` is within `limit`.
pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), LimitExceeded> {
    if found > limit {
        Err(LimitExceeded { what, limit })
    } else {
        Ok(())
    }
}
