//! A gzip layer decoded twice side by side: straight from its start, and span by span from the checkpoints.

use crc32fast::Hasher;

use super::VerifyError;
use crate::error::{BuildError, NotIndexable};
use crate::gzip::GzipStream;
use crate::model::{SpanTable, Ztoc};
use crate::tar::{TarParser, push_content};

/// The two decodings of a gzip layer.
pub(super) struct GzipVerifier<'z> {
    ztoc: &'z Ztoc,
    straight: GzipStream,
    /// CRC-32 of the straight decoding, cut where the spans begin.
    straight_crcs: SpanCrcs,
    span: Option<(usize, GzipStream)>,
    span_crcs: Vec<u32>,
    compressed_bytes: u64,
    last_byte: u8,
}

/// CRC-32 of each span's uncompressed bytes; the last one's go to the end of the layer.
#[derive(Default)]
struct SpanCrcs {
    done: Vec<u32>,
    current: Hasher,
    offset: u64,
}

impl SpanCrcs {
    pub(super) fn push(&mut self, ztoc: &Ztoc, mut output: &[u8]) {
        while !output.is_empty() {
            let next = self.done.len() + 1;
            let left = if next < ztoc.spans.len() {
                ztoc.span(next)
                    .uncompressed
                    .start
                    .saturating_sub(self.offset)
            } else {
                u64::MAX
            };
            let (now, later) = output.split_at(
                usize::try_from(left).map_or(output.len(), |left| left.min(output.len())),
            );
            self.current.update(now);
            self.offset += now.len() as u64;
            output = later;
            if now.len() as u64 == left {
                self.done.push(std::mem::take(&mut self.current).finalize());
            }
        }
    }
}

impl<'z> GzipVerifier<'z> {
    pub(super) fn new(ztoc: &'z Ztoc) -> GzipVerifier<'z> {
        GzipVerifier {
            ztoc,
            straight: GzipStream::from_start(),
            straight_crcs: SpanCrcs::default(),
            span: None,
            span_crcs: Vec::new(),
            compressed_bytes: 0,
            last_byte: 0,
        }
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        content: &mut Result<TarParser, NotIndexable>,
    ) -> Result<(), VerifyError> {
        let mut input = bytes;
        loop {
            let step = self
                .straight
                .advance(&mut input)
                .map_err(BuildError::from)?;
            if step.is_idle() && input.is_empty() {
                break;
            }
            self.straight_crcs.push(self.ztoc, step.output);
            push_content(content, step.output)?;
        }
        self.push_spans(bytes)?;
        self.compressed_bytes += bytes.len() as u64;
        self.last_byte = *bytes.last().unwrap_or(&self.last_byte);
        Ok(())
    }

    /// Feeds each span's decoder with its part of the piece, from the checkpoints' first bytes to
    /// the next ones.
    fn push_spans(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        let base = self.compressed_bytes;
        let end = base + bytes.len() as u64;
        let within = |offset: u64| (offset.saturating_sub(base) as usize).min(bytes.len());
        loop {
            let next = match &mut self.span {
                // The first one, or the one behind a span that ended with the piece before.
                None => self.span_crcs.len(),
                Some((index, stream)) => {
                    let span = self.ztoc.span(*index);
                    let from = stream.compressed_offset().max(base);
                    decode(
                        *index,
                        stream,
                        &bytes[within(from)..within(span.compressed.end).max(within(from))],
                    )?;
                    if span.compressed.end > end || *index + 1 == self.ztoc.spans.len() {
                        return Ok(());
                    }
                    *index + 1
                }
            };
            self.end_span()?;
            let first_byte = self.ztoc.span(next).compressed.start;
            if first_byte >= end {
                return Ok(());
            }
            self.begin_span(next, first_byte < base)?;
        }
    }

    fn begin_span(&mut self, index: usize, shares_last_byte: bool) -> Result<(), VerifyError> {
        if let SpanTable::Gzip(checkpoints) = &self.ztoc.spans {
            let mut stream = GzipStream::from_checkpoint(&checkpoints.get(index));
            if shares_last_byte {
                decode(index, &mut stream, &[self.last_byte])?;
            }
            self.span = Some((index, stream));
        }
        Ok(())
    }

    fn end_span(&mut self) -> Result<(), VerifyError> {
        if let Some((span, mut stream)) = self.span.take() {
            let is_last = span + 1 == self.ztoc.spans.len();
            if !is_last && stream.uncompressed_offset() != self.ztoc.span(span).uncompressed.end {
                return Err(VerifyError::SpanContent { span });
            }
            self.span_crcs.push(stream.take_crc().finalize());
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), VerifyError> {
        self.straight.finish().map_err(BuildError::from)?;
        self.end_span()?;
        let SpanCrcs {
            mut done, current, ..
        } = self.straight_crcs;
        done.push(current.finalize());
        match done
            .iter()
            .zip(&self.span_crcs)
            .position(|(straight, span)| straight != span)
        {
            Some(span) => Err(VerifyError::SpanContent { span }),
            None if done.len() != self.span_crcs.len() => Err(VerifyError::SpanContent {
                span: self.span_crcs.len(),
            }),
            None => Ok(()),
        }
    }
}

fn decode(span: usize, stream: &mut GzipStream, mut bytes: &[u8]) -> Result<(), VerifyError> {
    stream
        .decode_all(&mut bytes)
        .map_err(|damage| VerifyError::SpanDecode { span, damage })
}
