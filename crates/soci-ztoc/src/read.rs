//! One file out of a layer: which bytes of the layer are needed, and what they decode to.
//!
//! The caller fetches; this module says what and decodes:
//!
//! ```
//! # use soci_ztoc::{Ztoc, FileReader, Limits, ReadError};
//! # fn example(ztoc: &Ztoc, layer: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//! let mut content = Vec::new();
//! let mut reader = FileReader::new(ztoc, ztoc.find(b"etc/os-release")?, &Limits::default())?;
//! while let Some(span) = reader.next_span() {
//!     let fetched = &layer[span.compressed.start as usize..span.compressed.end as usize];
//!     let mut pieces = reader.open_span(fetched)?;
//!     while let Some(piece) = pieces.next_piece()? {
//!         content.extend_from_slice(piece);
//!     }
//! }
//! # Ok(content)
//! # }
//! ```

use std::ops::Range;

use crate::digest::Digest;
use crate::error::Damage;
use crate::gzip::GzipStream;
use crate::limits::{self, LimitExceeded, Limits};
use crate::model::{FileKind, FileMetadata, Span, SpanTable, Ztoc};
use crate::tree::clean;

/// Bytes per piece of a plain tar's span.
const PLAIN_PIECE_BYTES: usize = 256 * 1024;

/// Why a path leads to no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// No entry has this path.
    #[error("no such file in this layer")]
    NotFound,
    /// The entry has no content of its own.
    #[error("not a regular file but of type {}", kind.as_str())]
    NotRegular {
        /// What it is.
        kind: FileKind,
    },
    /// The entry is a symbolic link, which may well lead out of the layer.
    #[error("a symbolic link to {target:?}; ask for its target")]
    Symlink {
        /// Where it leads, as stored.
        target: String,
    },
    /// The entry is a hard link to something that is not in the layer.
    #[error("a hard link to {target:?}, which is not in this layer")]
    DanglingLink {
        /// Where it leads, as stored.
        target: String,
    },
}

impl Ztoc {
    /// The regular file at this path. Paths are compared as consumers compare them: without `.` and
    /// `..`, the last entry of a name counts, hard links are followed.
    ///
    /// # Errors
    /// [`FindError`].
    pub fn find(&self, path: &[u8]) -> Result<&FileMetadata, FindError> {
        let (index, file) = self
            .find_before(self.files.len(), path)
            .ok_or(FindError::NotFound)?;
        let file = self.follow_hard_links(index, file)?;
        match file.kind {
            FileKind::Regular => Ok(file),
            FileKind::Symlink => Err(FindError::Symlink {
                target: lossy(&file.link_name),
            }),
            kind => Err(FindError::NotRegular { kind }),
        }
    }

    /// A hard link leads to an entry before itself, so this ends.
    fn follow_hard_links<'a>(
        &'a self,
        mut index: usize,
        mut file: &'a FileMetadata,
    ) -> Result<&'a FileMetadata, FindError> {
        while file.kind == FileKind::HardLink {
            (index, file) = self.find_before(index, &file.link_name).ok_or_else(|| {
                FindError::DanglingLink {
                    target: lossy(&file.link_name),
                }
            })?;
        }
        Ok(file)
    }

    fn find_before(&self, end: usize, path: &[u8]) -> Option<(usize, &FileMetadata)> {
        let path = clean(path);
        self.files[..end]
            .iter()
            .enumerate()
            .rfind(|(_, file)| clean(&file.name) == path)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Why a file's bytes cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The caller brought another number of bytes than the span has.
    #[error("span {span} has {expected} bytes, got {found}")]
    SpanSize {
        /// The span's number.
        span: usize,
        /// Bytes that the span has.
        expected: u64,
        /// Bytes that were brought.
        found: u64,
    },
    /// The span's bytes are not those that the zTOC was made of.
    #[error("span {span} has digest {found}, the zTOC says {expected}")]
    SpanDigest {
        /// The span's number.
        span: usize,
        /// As the zTOC has it.
        expected: Digest,
        /// Of the bytes brought.
        found: Digest,
    },
    /// The span does not decode from its checkpoint.
    #[error("span {span} does not decode: {damage}")]
    Decode {
        /// The span's number.
        span: usize,
        /// What the decoder met.
        damage: Damage,
    },
    /// The span decodes to fewer bytes than the zTOC says.
    #[error("span {span} ends at uncompressed offset {found}, the zTOC says {expected}")]
    ShortSpan {
        /// The span's number.
        span: usize,
        /// Where it should end.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// A span is larger than the limits in force.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// Reads one file, span by span.
pub struct FileReader<'z> {
    ztoc: &'z Ztoc,
    data: Range<u64>,
    spans: Range<usize>,
}

impl<'z> FileReader<'z> {
    /// For an entry of this zTOC, which is one that [`Ztoc::check_structure`] finds in order.
    ///
    /// # Errors
    /// [`ReadError::Limit`] if a span that holds the file is too large to be held in memory.
    pub fn new(
        ztoc: &'z Ztoc,
        file: &FileMetadata,
        limits: &Limits,
    ) -> Result<FileReader<'z>, ReadError> {
        FileReader::of_bytes(ztoc, file.data(), limits)
    }

    /// For these uncompressed bytes of the layer, whatever entries they belong to: of many files that lie
    /// side by side, each span is decoded once.
    ///
    /// # Errors
    /// [`ReadError::Limit`] if a span that holds them is too large to be held in memory.
    pub fn of_bytes(
        ztoc: &'z Ztoc,
        data: Range<u64>,
        limits: &Limits,
    ) -> Result<FileReader<'z>, ReadError> {
        let spans = ztoc.spans_of(data.clone());
        for index in spans.clone() {
            let span = ztoc.span(index).compressed;
            limits::check(
                "bytes of a span",
                span.end.saturating_sub(span.start),
                limits.span_bytes,
            )?;
        }
        Ok(FileReader { ztoc, data, spans })
    }

    /// The span to be fetched next; `None` when the file is complete.
    #[must_use]
    pub fn next_span(&self) -> Option<Span> {
        (!self.spans.is_empty()).then(|| self.ztoc.span(self.spans.start))
    }

    /// Takes the bytes of [`Self::next_span`] and goes on to the one after it.
    ///
    /// # Errors
    /// [`ReadError`] if they are not that span's bytes.
    pub fn open_span<'b>(&mut self, bytes: &'b [u8]) -> Result<SpanPieces<'b>, ReadError> {
        let index = self.spans.start;
        let span = self.ztoc.span(index);
        let expected = span.compressed.end - span.compressed.start;
        if bytes.len() as u64 != expected {
            return Err(ReadError::SpanSize {
                span: index,
                expected,
                found: bytes.len() as u64,
            });
        }
        let (expected, found) = (self.ztoc.span_digests[index], Digest::of(bytes));
        if expected != found {
            return Err(ReadError::SpanDigest {
                span: index,
                expected,
                found,
            });
        }
        self.spans.start += 1;
        let stream = match &self.ztoc.spans {
            SpanTable::Uncompressed { .. } => None,
            SpanTable::Gzip(checkpoints) => Some(Box::new(GzipStream::from_checkpoint(
                &checkpoints.get(index),
            ))),
        };
        let wanted =
            self.data.start.max(span.uncompressed.start)..self.data.end.min(span.uncompressed.end);
        Ok(SpanPieces {
            span: index,
            stream,
            offset: span.uncompressed.start,
            wanted,
            bytes,
            plain: &[],
        })
    }
}

/// What one span gives of a file, in pieces.
pub struct SpanPieces<'b> {
    span: usize,
    /// `None` for plain tar.
    stream: Option<Box<GzipStream>>,
    /// Uncompressed offset of the next byte.
    offset: u64,
    wanted: Range<u64>,
    /// What is left of the span.
    bytes: &'b [u8],
    /// The piece of plain tar gone over last.
    plain: &'b [u8],
}

impl SpanPieces<'_> {
    /// The next piece, some 100 KiB; `None` behind the last one.
    ///
    /// # Errors
    /// [`ReadError`] if the span does not decode to what the zTOC says.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, ReadError> {
        while self.offset < self.wanted.end {
            let before = self.offset;
            let output_bytes = self.advance()?;
            let within = |offset: u64| (offset.saturating_sub(before) as usize).min(output_bytes);
            let piece = within(self.wanted.start)..within(self.wanted.end);
            if !piece.is_empty() {
                let output = self
                    .stream
                    .as_ref()
                    .map_or(self.plain, |stream| stream.last_output(output_bytes));
                return Ok(Some(&output[piece]));
            }
        }
        Ok(None)
    }

    /// Goes on by a piece and tells how many bytes it has.
    fn advance(&mut self) -> Result<usize, ReadError> {
        let (output_bytes, is_idle) = match &mut self.stream {
            None => {
                let piece_bytes = PLAIN_PIECE_BYTES.min(self.bytes.len());
                (self.plain, self.bytes) = self.bytes.split_at(piece_bytes);
                (piece_bytes, piece_bytes == 0)
            }
            Some(stream) => {
                let decoded = stream.advance(&mut self.bytes);
                let step = decoded.map_err(|damage| ReadError::Decode {
                    span: self.span,
                    damage,
                })?;
                (step.output.len(), step.is_idle())
            }
        };
        if is_idle && self.bytes.is_empty() {
            return Err(ReadError::ShortSpan {
                span: self.span,
                expected: self.wanted.end,
                found: self.offset,
            });
        }
        self.offset += output_bytes as u64;
        Ok(output_bytes)
    }
}
