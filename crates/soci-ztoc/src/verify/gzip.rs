//! A gzip layer decoded twice side by side: straight from its start, and span by span from the checkpoints.

use super::VerifyError;
use super::checkpoint::check_checkpoint;
use crate::checkpoints::Checkpoints;
use crate::error::{BuildError, NotIndexable};
use crate::gzip::GzipStream;
use crate::model::{Span, Ztoc};
use crate::tar::{TarParser, push_content};

/// The two decodings of a gzip layer.
pub(super) struct GzipVerifier<'z> {
    checkpoints: &'z Checkpoints,
    straight: GzipStream,
    /// The checkpoint that the straight decoding comes to next.
    next_checkpoint: usize,
    replay: Replay<'z>,
    compressed_bytes: u64,
}

/// The layer decoded span by span, each by a decoder that knows its checkpoint and nothing else.
struct Replay<'z> {
    ztoc: &'z Ztoc,
    checkpoints: &'z Checkpoints,
    /// Number of the span being decoded, or of the next one.
    span: usize,
    /// `None` before the span's first byte.
    stream: Option<GzipStream>,
    /// How many of the bytes that the stream decoded last are not compared yet.
    pending_bytes: usize,
}

/// Some bytes of the layer.
#[derive(Clone, Copy)]
struct Piece<'b> {
    /// Compressed offset of the first.
    start: u64,
    bytes: &'b [u8],
}

impl<'b> Piece<'b> {
    fn end(self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// What it has of these bytes of the layer.
    fn part(self, from: u64, to: u64) -> &'b [u8] {
        let within =
            |offset: u64| (offset.saturating_sub(self.start) as usize).min(self.bytes.len());
        &self.bytes[within(from)..within(to).max(within(from))]
    }
}

impl<'z> GzipVerifier<'z> {
    pub(super) fn new(ztoc: &'z Ztoc, checkpoints: &'z Checkpoints) -> GzipVerifier<'z> {
        GzipVerifier {
            checkpoints,
            straight: GzipStream::from_start(),
            next_checkpoint: 0,
            replay: Replay {
                ztoc,
                checkpoints,
                span: 0,
                stream: None,
                pending_bytes: 0,
            },
            compressed_bytes: 0,
        }
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        content: &mut Result<TarParser, NotIndexable>,
    ) -> Result<(), VerifyError> {
        let piece = Piece {
            start: self.compressed_bytes,
            bytes,
        };
        let mut input = bytes;
        loop {
            let offset = self.straight.uncompressed_offset();
            let step = self
                .straight
                .advance(&mut input)
                .map_err(BuildError::from)?;
            if step.is_idle() && input.is_empty() {
                break;
            }
            self.replay.expect(step.output, offset, piece)?;
            push_content(content, step.output)?;
            if let Some(boundary) = step.boundary {
                while self.next_checkpoint < self.checkpoints.len()
                    && check_checkpoint(
                        self.next_checkpoint,
                        &self.checkpoints.get(self.next_checkpoint),
                        boundary,
                        &self.straight,
                    )?
                {
                    self.next_checkpoint += 1;
                }
            }
        }
        self.replay.use_up(piece)?;
        self.compressed_bytes += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), VerifyError> {
        self.straight.finish().map_err(BuildError::from)?;
        if self.next_checkpoint < self.checkpoints.len() {
            return Err(VerifyError::no_block(self.next_checkpoint));
        }
        // Of a layer that has the size that the zTOC says, the last span is begun; and what it gave is compared.
        let last = self.checkpoints.len() - 1;
        if self.replay.span != last || self.replay.stream.is_none() {
            return Err(VerifyError::SpanContent {
                span: self.replay.span,
                uncompressed_offset: self.straight.uncompressed_offset(),
            });
        }
        Ok(())
    }
}

impl Replay<'_> {
    /// What comes next has to be these bytes, which the layer has at this uncompressed offset. The piece is the one that gave them.
    fn expect(
        &mut self,
        mut expected: &[u8],
        mut offset: u64,
        piece: Piece<'_>,
    ) -> Result<(), VerifyError> {
        while !expected.is_empty() {
            if self.pending_bytes == 0 && !self.decode(piece)? {
                return Err(self.other_content(offset));
            }
            let found = self
                .stream
                .as_ref()
                .map_or(&[][..], |stream| stream.last_output(self.pending_bytes));
            let both = found.len().min(expected.len());
            if found[..both] != expected[..both] {
                let same = found.iter().zip(expected).take_while(|(a, b)| a == b);
                return Err(self.other_content(offset + same.count() as u64));
            }
            self.pending_bytes -= both;
            expected = &expected[both..];
            offset += both as u64;
        }
        Ok(())
    }

    /// Decodes what is left of a piece, of which nothing more comes: the straight decoding had the same bytes.
    fn use_up(&mut self, piece: Piece<'_>) -> Result<(), VerifyError> {
        if self.pending_bytes == 0 && !self.decode(piece)? {
            return Ok(());
        }
        let offset = self
            .stream
            .as_ref()
            .map_or(0, GzipStream::uncompressed_offset);
        Err(self.other_content(offset - self.pending_bytes as u64))
    }

    /// Goes on until something is decoded; false when the piece gives no more.
    fn decode(&mut self, piece: Piece<'_>) -> Result<bool, VerifyError> {
        loop {
            let span = self.ztoc.span(self.span);
            if self.stream.is_none() && span.compressed.start < piece.end() {
                let checkpoint = self.checkpoints.get(self.span);
                self.stream = Some(GzipStream::from_checkpoint(&checkpoint));
            }
            let Some(stream) = &mut self.stream else {
                return Ok(false);
            };
            let mut input = piece.part(stream.compressed_offset(), span.compressed.end);
            let step = stream
                .advance(&mut input)
                .map_err(|damage| VerifyError::SpanDecode {
                    span: span.index,
                    damage,
                })?;
            self.pending_bytes = step.output.len();
            if self.pending_bytes > 0 {
                return Ok(true);
            }
            if step.is_idle() && input.is_empty() {
                let is_last = span.index + 1 == self.ztoc.spans.len();
                if is_last || span.compressed.end > piece.end() {
                    return Ok(false);
                }
                self.end_span(&span)?;
            }
        }
    }

    fn end_span(&mut self, span: &Span) -> Result<(), VerifyError> {
        let stream = self.stream.take();
        check_end(
            span,
            stream.map_or(0, |stream| stream.uncompressed_offset()),
        )?;
        self.span += 1;
        Ok(())
    }

    fn other_content(&self, uncompressed_offset: u64) -> VerifyError {
        VerifyError::SpanContent {
            span: self.span,
            uncompressed_offset,
        }
    }
}

/// A span that is not the last has to end where the next one begins.
pub(super) fn check_end(span: &Span, found: u64) -> Result<(), VerifyError> {
    let expected = span.uncompressed.end;
    if found == expected {
        return Ok(());
    }
    Err(VerifyError::SpanEnd {
        span: span.index,
        expected,
        found,
    })
}
