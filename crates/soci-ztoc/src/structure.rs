//! What must hold within a zTOC, without a look at the layer: the rules of the format and those by
//! which soci-snapshotter v0.15.0 refuses a zTOC when it loads it.

use crate::model::{FileMetadata, Span, SpanTable, VERSION, Ztoc};

/// Unit in which tar pads, in bytes.
const TAR_BLOCK_BYTES: u64 = 512;

/// A contradiction within a zTOC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// Another version of the format.
    #[error("version is {found:?}, known is {VERSION:?}")]
    Version {
        /// As stored.
        found: String,
    },
    /// The highest span number does not fit the number of spans.
    #[error("{spans} spans, but {max_span_id} as the highest span number")]
    SpanCount {
        /// Spans that the checkpoints give.
        spans: usize,
        /// As stored.
        max_span_id: i32,
    },
    /// Not one digest per span.
    #[error("{spans} spans, but {digests} span digests")]
    DigestCount {
        /// Spans that the checkpoints give.
        spans: usize,
        /// Digests there are.
        digests: usize,
    },
    /// No spans, so nothing can be read.
    #[error("no spans")]
    NoSpans,
    /// The first span does not begin at the beginning.
    #[error("the first span begins at uncompressed offset {uncompressed_offset}")]
    FirstSpan {
        /// Where it begins.
        uncompressed_offset: u64,
    },
    /// A span does not begin behind the one before it.
    #[error(
        "span {index} ends at compressed offset {compressed_end} and uncompressed offset {uncompressed_end}, not behind its start at {compressed_start} and {uncompressed_start}"
    )]
    SpanOrder {
        /// The span's number.
        index: usize,
        /// Its first compressed byte.
        compressed_start: u64,
        /// Behind its last compressed byte.
        compressed_end: u64,
        /// Its first uncompressed byte.
        uncompressed_start: u64,
        /// Behind its last uncompressed byte.
        uncompressed_end: u64,
    },
    /// A plain tar's spans are for a layer of another size.
    #[error("spans are for {spans_bytes} bytes, the layer has {layer_bytes}")]
    LayerSize {
        /// As the spans have it.
        spans_bytes: u64,
        /// As the zTOC has it.
        layer_bytes: u64,
    },
    /// A plain tar's archive is larger than the layer that it is.
    #[error("the archive has {archive_bytes} bytes, but the uncompressed layer only {layer_bytes}")]
    ArchiveSize {
        /// The archive's uncompressed size.
        archive_bytes: u64,
        /// The layer's size.
        layer_bytes: u64,
    },
    /// An entry's header would begin behind its own data.
    #[error(
        "file {index} has its data at offset {data_start}, but its header cannot begin before {header_start}"
    )]
    FileOrder {
        /// The file's number in archive order, from 0.
        index: usize,
        /// Where its data begins.
        data_start: u64,
        /// Where its header begins: behind the data of the file before it.
        header_start: u64,
    },
    /// A file lies behind the end of the archive.
    #[error("file {index} ends at offset {data_end}, the archive at {archive_end}")]
    FileEnd {
        /// The file's number in archive order, from 0.
        index: usize,
        /// Where its data ends.
        data_end: u64,
        /// The archive's uncompressed size.
        archive_end: u64,
    },
}

impl Ztoc {
    /// Checks what must hold without a look at the layer: known version, counts that agree, spans
    /// in order and up to the layer's end, files in order and within the archive.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check_structure(&self) -> Result<(), StructureError> {
        if self.version != VERSION {
            return Err(StructureError::Version {
                found: self.version.clone(),
            });
        }
        self.check_spans()?;
        self.check_files()
    }

    fn check_spans(&self) -> Result<(), StructureError> {
        let spans = self.spans.len();
        if spans == 0 {
            return Err(StructureError::NoSpans);
        }
        if self.span_digests.len() != spans {
            return Err(StructureError::DigestCount {
                spans,
                digests: self.span_digests.len(),
            });
        }
        if let SpanTable::Uncompressed { layer_bytes, .. } = self.spans {
            self.check_plain_size(layer_bytes)?;
        }
        let uncompressed_offset = self.span(0).uncompressed.start;
        if uncompressed_offset != 0 {
            return Err(StructureError::FirstSpan {
                uncompressed_offset,
            });
        }
        (0..spans).try_for_each(|index| check_span(&self.span(index), index + 1 == spans))
    }

    /// A plain tar's spans are cut from the layer, so what lies behind it is in none of them.
    fn check_plain_size(&self, spans_bytes: u64) -> Result<(), StructureError> {
        let layer_bytes = self.compressed_bytes;
        if spans_bytes != layer_bytes {
            return Err(StructureError::LayerSize {
                spans_bytes,
                layer_bytes,
            });
        }
        let archive_bytes = self.uncompressed_bytes;
        if archive_bytes > layer_bytes {
            return Err(StructureError::ArchiveSize {
                archive_bytes,
                layer_bytes,
            });
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), StructureError> {
        for (index, file) in self.files.iter().enumerate() {
            let data = file.data();
            let header_start = header_start(&self.files, index);
            if header_start > data.start {
                return Err(StructureError::FileOrder {
                    index,
                    data_start: data.start,
                    header_start,
                });
            }
            if data.end > self.uncompressed_bytes {
                return Err(StructureError::FileEnd {
                    index,
                    data_end: data.end,
                    archive_end: self.uncompressed_bytes,
                });
            }
        }
        Ok(())
    }
}

/// Where consumers look for an entry's header, which the format does not store: behind the data of the entry before it. For the number
/// behind the last entry, where the archive's end begins.
pub(crate) fn header_start(files: &[FileMetadata], index: usize) -> u64 {
    let before = index.checked_sub(1).and_then(|before| files.get(before));
    before.map_or(0, |file| {
        let end = file.data().end;
        end.checked_next_multiple_of(TAR_BLOCK_BYTES).unwrap_or(end)
    })
}

/// Spans go up in both offsets. The last one may begin behind the archive, in padding that nobody
/// reads.
fn check_span(span: &Span, is_last: bool) -> Result<(), StructureError> {
    let compressed_up = span.compressed.start < span.compressed.end;
    if compressed_up && (is_last || span.uncompressed.start < span.uncompressed.end) {
        return Ok(());
    }
    Err(StructureError::SpanOrder {
        index: span.index,
        compressed_start: span.compressed.start,
        compressed_end: span.compressed.end,
        uncompressed_start: span.uncompressed.start,
        uncompressed_end: span.uncompressed.end,
    })
}
