//! Proof that a zTOC is right for a layer: every span decoded from its checkpoint, every entry
//! found again in the archive.
//!
//! Neither mounting nor reading a few files proves a zTOC: nothing at run time notices a wrong
//! window. [`LayerVerifier`] is pushed the layer once and decodes it twice side by side, straight
//! from its start and span by span from the checkpoints, and compares the two byte by byte; beside that it reads
//! the archive again and compares the entries. [`SpanVerifier`] has parts of the layer only, and tells what can be told from those.

mod checkpoint;
mod gzip;
mod headers;
mod span;

pub use span::SpanVerifier;

use self::gzip::GzipVerifier;
use crate::consumer;
use crate::digest::Digest;
use crate::error::{BuildError, Damage, NotIndexable};
use crate::hash::{LayerHasher, LayerIdentity, Passed, SpanStart};
use crate::limits::Limits;
use crate::model::{FileMetadata, SpanTable, Ztoc};
use crate::tar::{TarParser, push_content};

/// What is wrong with a zTOC, or with the layer it is held against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The layer is damaged or beyond limits.
    #[error(transparent)]
    Layer(#[from] BuildError),
    /// No zTOC of this layer would be right.
    #[error("the layer cannot be indexed: {0}")]
    NotIndexable(NotIndexable),
    /// The layer has another size than the zTOC says.
    #[error("layer has {found} bytes, the zTOC says {expected}")]
    LayerSize {
        /// As the zTOC has it.
        expected: u64,
        /// Bytes of the layer.
        found: u64,
    },
    /// The archive has another size than the zTOC says.
    #[error("archive ends at uncompressed offset {found}, the zTOC says {expected}")]
    ArchiveSize {
        /// As the zTOC has it.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// A span's bytes have another digest.
    #[error("span {span} has another digest than the zTOC says")]
    SpanDigest {
        /// The span's number.
        span: usize,
    },
    /// A checkpoint is not what a decoder that comes to it finds.
    #[error("span {span} begins at a checkpoint that is wrong: {fault}")]
    Checkpoint {
        /// The span's number.
        span: usize,
        /// What is wrong.
        fault: CheckpointFault,
    },
    /// A span does not decode from its checkpoint.
    #[error("span {span} does not decode from its checkpoint: {}", .damage.kind)]
    SpanDecode {
        /// The span's number.
        span: usize,
        /// What the decoder met.
        damage: Damage,
    },
    /// A span decodes from its checkpoint to other bytes than the layer has there.
    #[error(
        "span {span} decodes from its checkpoint to other content than the layer has, from uncompressed offset {uncompressed_offset} on"
    )]
    SpanContent {
        /// The span's number.
        span: usize,
        /// The first byte that differs.
        uncompressed_offset: u64,
    },
    /// A span decodes to another number of bytes than the next checkpoint says.
    #[error("span {span} ends at uncompressed offset {found}, the zTOC says {expected}")]
    SpanEnd {
        /// The span's number.
        span: usize,
        /// Where the next span begins.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// The archive has other entries than the zTOC.
    #[error("archive has {found} entries, the zTOC {expected}")]
    FileCount {
        /// As the zTOC has it.
        expected: usize,
        /// Entries of the archive.
        found: usize,
    },
    /// An entry's header cannot be read where consumers look for it.
    #[error("entry {index} ({name}) has no header that consumers can read: {why}")]
    Header {
        /// Its number in archive order, from 0.
        index: usize,
        /// Its name in the zTOC.
        name: String,
        /// What was met instead.
        why: String,
    },
    /// An entry differs.
    #[error("entry {index} ({name}) differs from the archive in its {field}")]
    File {
        /// Its number in archive order, from 0.
        index: usize,
        /// Its name in the archive.
        name: String,
        /// The first field that differs.
        field: &'static str,
    },
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// Its place in the layer is wrong.
    #[error("no deflate block begins at its compressed offset")]
    NoBlock,
    /// Its place in the uncompressed layer is wrong.
    #[error("its uncompressed offset is {found}, the block begins at {expected}")]
    UncompressedOffset {
        /// Where the block begins.
        expected: u64,
        /// As stored.
        found: u64,
    },
    /// Its place within a byte is wrong.
    #[error("it says that {found} bits of the byte before it belong to the block, {expected} do")]
    Bits {
        /// How many do.
        expected: u8,
        /// As stored.
        found: u8,
    },
    /// Its window is wrong.
    #[error("its window is not what the layer has before it")]
    Window,
}

impl VerifyError {
    fn no_block(span: usize) -> VerifyError {
        let fault = CheckpointFault::NoBlock;
        VerifyError::Checkpoint { span, fault }
    }
}

/// Holds a zTOC against its layer; see the module's documentation.
pub struct LayerVerifier<'z> {
    ztoc: &'z Ztoc,
    hasher: LayerHasher,
    content: Result<TarParser, NotIndexable>,
    gzip: Option<GzipVerifier<'z>>,
    compressed_bytes: u64,
    next_start: usize,
}

impl<'z> LayerVerifier<'z> {
    /// Before the layer's first byte. The zTOC is one that [`Ztoc::check_structure`] finds in
    /// order.
    #[must_use]
    pub fn new(ztoc: &'z Ztoc, limits: &Limits) -> LayerVerifier<'z> {
        let gzip = match &ztoc.spans {
            SpanTable::Gzip(checkpoints) => Some(GzipVerifier::new(ztoc, checkpoints)),
            SpanTable::Uncompressed { .. } => None,
        };
        LayerVerifier {
            ztoc,
            hasher: LayerHasher::new(),
            content: Ok(TarParser::new(limits.clone())),
            gzip,
            compressed_bytes: 0,
            next_start: 0,
        }
    }

    /// Takes the next piece of the layer, of any size.
    ///
    /// # Errors
    /// [`VerifyError`], after which the verifier is of no further use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        let passed = Passed {
            starts: self.starts_within(bytes.len() as u64),
            is_refused: false,
        };
        self.hasher.push(bytes, passed);
        match &mut self.gzip {
            None => push_content(&mut self.content, bytes)?,
            Some(gzip) => gzip.push(bytes, &mut self.content)?,
        }
        self.compressed_bytes += bytes.len() as u64;
        Ok(())
    }

    /// The layer ends here. The answer is the layer's identity, for comparison with the descriptor.
    ///
    /// # Errors
    /// [`VerifyError`]: the first difference.
    pub fn finish(self) -> Result<LayerIdentity, VerifyError> {
        let LayerVerifier {
            ztoc,
            hasher,
            content,
            gzip,
            compressed_bytes,
            ..
        } = self;
        if compressed_bytes != ztoc.compressed_bytes {
            return Err(VerifyError::LayerSize {
                expected: ztoc.compressed_bytes,
                found: compressed_bytes,
            });
        }
        let hashed = hasher.finish();
        for (span, found) in hashed.spans.iter().enumerate() {
            span_digest(ztoc, span, *found)?;
        }
        if let Some(gzip) = gzip {
            gzip.finish()?;
        }
        let archive = content
            .and_then(TarParser::finish)
            .map_err(VerifyError::NotIndexable)?;
        consumer::check(ztoc).map_err(VerifyError::NotIndexable)?;
        compare_files(&ztoc.files, &archive.files)?;
        if archive.uncompressed_bytes != ztoc.uncompressed_bytes {
            return Err(VerifyError::ArchiveSize {
                expected: ztoc.uncompressed_bytes,
                found: archive.uncompressed_bytes,
            });
        }
        Ok(hashed.layer)
    }

    /// The span starts that lie in the next so many bytes.
    fn starts_within(&mut self, bytes: u64) -> Vec<SpanStart> {
        let end = self.compressed_bytes + bytes;
        let mut starts = Vec::new();
        while self.next_start < self.ztoc.spans.len() {
            let first_byte = self.ztoc.span(self.next_start).compressed.start;
            if first_byte >= end {
                break;
            }
            let previous_end = match self.next_start {
                0 => first_byte,
                next => self.ztoc.span(next - 1).compressed.end,
            };
            starts.push(SpanStart::plain(first_byte, previous_end));
            self.next_start += 1;
        }
        starts
    }
}

fn compare_files(stored: &[FileMetadata], found: &[FileMetadata]) -> Result<(), VerifyError> {
    if stored.len() != found.len() {
        return Err(VerifyError::FileCount {
            expected: stored.len(),
            found: found.len(),
        });
    }
    let mut both = stored.iter().zip(found).enumerate();
    both.try_for_each(|(index, (stored, found))| compare_file(index, stored, found))
}

fn compare_file(
    index: usize,
    stored: &FileMetadata,
    found: &FileMetadata,
) -> Result<(), VerifyError> {
    match first_difference(stored, found) {
        None => Ok(()),
        Some(field) => Err(VerifyError::File {
            index,
            name: found.display_name().into_owned(),
            field,
        }),
    }
}

fn span_digest(ztoc: &Ztoc, span: usize, found: Digest) -> Result<(), VerifyError> {
    if ztoc.span_digests.get(span) == Some(&found) {
        Ok(())
    } else {
        Err(VerifyError::SpanDigest { span })
    }
}

fn first_difference(stored: &FileMetadata, found: &FileMetadata) -> Option<&'static str> {
    let differs = [
        ("name", stored.name != found.name),
        ("type", stored.kind != found.kind),
        (
            "offset",
            stored.uncompressed_offset != found.uncompressed_offset,
        ),
        (
            "size",
            stored.uncompressed_bytes != found.uncompressed_bytes,
        ),
        ("link name", stored.link_name != found.link_name),
        ("mode", stored.mode != found.mode),
        ("user id", stored.uid != found.uid),
        ("group id", stored.gid != found.gid),
        ("user name", stored.user_name != found.user_name),
        ("group name", stored.group_name != found.group_name),
        ("modification time", stored.modified != found.modified),
        (
            "device number",
            (stored.device_major, stored.device_minor) != (found.device_major, found.device_minor),
        ),
        ("PAX records", stored.pax_records != found.pax_records),
    ];
    differs
        .into_iter()
        .find_map(|(field, differs)| differs.then_some(field))
}
