//! A zTOC as data: what is known about one layer so that its files can be read without the rest of
//! it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::checkpoints::Checkpoints;
use crate::digest::Digest;
use crate::pax_records::PaxRecords;
use crate::timestamp::Timestamp;

/// The only version of the format there is.
pub const VERSION: &str = "0.9";

/// Output bytes between checkpoints unless asked otherwise; soci-snapshotter's default, 4 MiB.
pub const DEFAULT_SPAN_BYTES: u64 = 4 << 20;

/// Table of contents and checkpoints of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ztoc {
    /// Format version, [`VERSION`].
    pub version: String,
    /// Which tool made it; part of the bytes, so of the digest.
    pub build_tool_identifier: String,
    /// Size of the layer as it lies in the registry, in bytes.
    pub compressed_bytes: u64,
    /// Size of the tar archive up to and with its end blocks, in bytes.
    pub uncompressed_bytes: u64,
    /// Every tar entry, in archive order.
    pub files: Vec<FileMetadata>,
    /// How to start decoding in the middle.
    pub spans: SpanTable,
    /// SHA-256 of each span's compressed bytes.
    pub span_digests: Vec<Digest>,
}

/// How a layer is cut into spans, by its compression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanTable {
    /// Gzip: a span begins at each checkpoint.
    Gzip(Checkpoints),
    /// Plain tar: spans of equal size.
    Uncompressed {
        /// Bytes per span.
        span_bytes: u64,
        /// Bytes of the layer.
        layer_bytes: u64,
    },
}

impl SpanTable {
    /// Number of spans.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            SpanTable::Gzip(checkpoints) => checkpoints.len(),
            SpanTable::Uncompressed {
                span_bytes,
                layer_bytes,
            } => usize::try_from(layer_bytes.div_ceil(*span_bytes)).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is no span at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The span size asked for when the zTOC was made, in uncompressed bytes.
    #[must_use]
    pub fn span_bytes(&self) -> u64 {
        match self {
            SpanTable::Gzip(checkpoints) => checkpoints.span_bytes(),
            SpanTable::Uncompressed { span_bytes, .. } => *span_bytes,
        }
    }

    /// Where span `index` begins: its first compressed byte and its first uncompressed byte.
    fn start(&self, index: usize) -> (u64, u64) {
        match self {
            SpanTable::Gzip(checkpoints) => {
                let checkpoint = checkpoints.get(index);
                (
                    checkpoint.first_compressed_byte(),
                    checkpoint.uncompressed_offset,
                )
            }
            SpanTable::Uncompressed { span_bytes, .. } => {
                (index as u64 * span_bytes, index as u64 * span_bytes)
            }
        }
    }

    /// Where span `index` ends in the compressed layer: neighbours share a byte where a checkpoint
    /// lies within one.
    fn compressed_end(&self, index: usize) -> u64 {
        match self {
            SpanTable::Gzip(checkpoints) => checkpoints.get(index).compressed_offset,
            SpanTable::Uncompressed { span_bytes, .. } => index as u64 * span_bytes,
        }
    }
}

/// One span: where its bytes lie in the layer and what they decode to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Number, from 0.
    pub index: usize,
    /// Bytes of the compressed layer. Neighbours share one byte where a checkpoint lies within it.
    pub compressed: Range<u64>,
    /// Bytes of the uncompressed layer. The last span ends with the archive, which may be before
    /// its first byte.
    pub uncompressed: Range<u64>,
}

impl Ztoc {
    /// Span `index`, which must be less than the number of spans.
    #[must_use]
    pub fn span(&self, index: usize) -> Span {
        let (compressed_start, uncompressed_start) = self.spans.start(index);
        let next = index + 1;
        let (compressed_end, uncompressed_end) = if next < self.spans.len() {
            (self.spans.compressed_end(next), self.spans.start(next).1)
        } else {
            (self.compressed_bytes, self.uncompressed_bytes)
        };
        Span {
            index,
            compressed: compressed_start..compressed_end,
            uncompressed: uncompressed_start..uncompressed_end,
        }
    }

    /// The spans that hold these uncompressed bytes.
    #[must_use]
    pub fn spans_of(&self, uncompressed: Range<u64>) -> Range<usize> {
        if uncompressed.is_empty() {
            return 0..0;
        }
        let holding = |offset: u64| match &self.spans {
            SpanTable::Gzip(checkpoints) => checkpoints.holding(offset),
            SpanTable::Uncompressed { span_bytes, .. } => (offset / span_bytes) as usize,
        };
        holding(uncompressed.start)..holding(uncompressed.end - 1) + 1
    }
}

/// One tar entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMetadata {
    /// Path as the archive has it, byte for byte.
    pub name: Box<[u8]>,
    /// What it is.
    pub kind: FileKind,
    /// Where its data begins in the uncompressed layer, in bytes.
    pub uncompressed_offset: u64,
    /// Length of its data in bytes; 0 for everything but regular files.
    pub uncompressed_bytes: u64,
    /// Target of a hard or symbolic link, byte for byte.
    pub link_name: Box<[u8]>,
    /// The header's mode number: permissions, and for some writers more.
    pub mode: i64,
    /// Owner.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Owner's name. Shared, because most entries of a layer have the same.
    pub user_name: Arc<[u8]>,
    /// Owning group's name.
    pub group_name: Arc<[u8]>,
    /// Modification time; none for a time that the format cannot hold, which only other tools let
    /// through.
    pub modified: Option<Timestamp>,
    /// Device number of a device, major part.
    pub device_major: i64,
    /// Device number of a device, minor part.
    pub device_minor: i64,
    /// The entry's PAX records, by key.
    pub pax_records: PaxRecords,
}

impl FileMetadata {
    /// The uncompressed bytes that hold the entry's data.
    #[must_use]
    pub fn data(&self) -> Range<u64> {
        self.uncompressed_offset
            ..self
                .uncompressed_offset
                .saturating_add(self.uncompressed_bytes)
    }

    /// The name as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn display_name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }
}

/// The kinds of entries that a zTOC can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Regular file.
    Regular,
    /// Directory.
    Directory,
    /// Another name of a file that stands before it in the same layer.
    HardLink,
    /// Symbolic link.
    Symlink,
    /// Character device; overlay file systems mark deleted files with one.
    CharacterDevice,
    /// Block device.
    BlockDevice,
    /// Named pipe.
    Fifo,
}

impl FileKind {
    const NAMES: [(FileKind, &'static str); 7] = [
        (FileKind::Regular, "reg"),
        (FileKind::Directory, "dir"),
        (FileKind::HardLink, "hardlink"),
        (FileKind::Symlink, "symlink"),
        (FileKind::CharacterDevice, "char"),
        (FileKind::BlockDevice, "block"),
        (FileKind::Fifo, "fifo"),
    ];

    /// The kind's name in the format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FileKind::NAMES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }

    /// The kind with this name in the format.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<FileKind> {
        FileKind::NAMES
            .iter()
            .find(|(_, known)| known.as_bytes() == name)
            .map(|(kind, _)| *kind)
    }
}
