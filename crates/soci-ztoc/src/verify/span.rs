//! One span by itself: what can be proven of a zTOC with a part of the layer.
//!
//! A span's bytes prove its digest; decoded from its checkpoint they prove where the next checkpoint is, its bits and its window; and
//! of every entry whose header lies in the span the header is read again and compared, as soci-snapshotter does before it serves
//! the file. What they do not prove is the checkpoint from which they were decoded: that takes the span before it, and so in
//! the end the whole layer, which [`LayerVerifier`](super::LayerVerifier) reads.

use std::collections::BTreeSet;
use std::ops::Range;

use super::checkpoint::check_checkpoint;
use super::gzip::check_end;
use super::headers::Headers;
use super::{VerifyError, span_digest};
use crate::checkpoints::Checkpoints;
use crate::digest::Digest;
use crate::error::BuildError;
use crate::gzip::{Boundary, GzipStream};
use crate::limits::Limits;
use crate::model::{Span, SpanTable, Ztoc};
use crate::structure::header_start;

/// Holds single spans of a layer against its zTOC; see the module's documentation.
pub struct SpanVerifier<'z> {
    ztoc: &'z Ztoc,
    limits: Limits,
}

impl<'z> SpanVerifier<'z> {
    /// The zTOC is one that [`Ztoc::check_structure`] finds in order.
    #[must_use]
    pub fn new(ztoc: &'z Ztoc, limits: &Limits) -> SpanVerifier<'z> {
        SpanVerifier {
            ztoc,
            limits: limits.clone(),
        }
    }

    /// Spans that tell most, in order: the first, the last, those with the last entry's header and the archive's end, and others at
    /// equal distances. Not many more than were asked for, or all there are.
    #[must_use]
    pub fn sample(&self, spans: usize) -> Vec<usize> {
        let last = self.ztoc.spans.len().saturating_sub(1);
        let steps = spans.max(2) - 1;
        let (files, end) = (&self.ztoc.files, self.ztoc.uncompressed_bytes);
        let telling = [
            header_start(files, files.len().saturating_sub(1)),
            header_start(files, files.len()),
            end.saturating_sub(1),
        ];
        let holding = telling.map(|offset| self.ztoc.spans_of(offset..end.min(offset + 1)));
        let spread = (0..=steps).map(|step| step * last / steps);
        let chosen: BTreeSet<usize> = spread.chain(holding.into_iter().flatten()).collect();
        chosen.into_iter().filter(|span| *span <= last).collect()
    }

    /// The bytes of the layer that [`Self::check`] needs for a span, which must be less than the number of spans: the span's own,
    /// for the first one with the gzip header before it.
    #[must_use]
    pub fn part(&self, span: usize) -> Range<u64> {
        let compressed = self.ztoc.span(span).compressed;
        match span {
            0 => 0..compressed.end,
            _ => compressed,
        }
    }

    /// Holds a span, which must be less than the number of spans, against its bytes of the layer, [`Self::part`]. The answer is how
    /// many entries' headers were read and compared.
    ///
    /// # Errors
    /// [`VerifyError`]: the first difference.
    pub fn check(&self, span: usize, bytes: &[u8]) -> Result<usize, VerifyError> {
        let part = self.part(span);
        let span = self.ztoc.span(span);
        let before = (span.compressed.start - part.start) as usize;
        let own = bytes.get(before..).unwrap_or_default();
        span_digest(self.ztoc, span.index, Digest::of(own))?;
        let mut headers = Headers::new(self.ztoc, &self.limits, span.uncompressed.start);
        match &self.ztoc.spans {
            SpanTable::Uncompressed { .. } => headers.push(own)?,
            SpanTable::Gzip(checkpoints) => {
                if span.index == 0 {
                    check_first(checkpoints, bytes)?;
                }
                self.decode(&span, checkpoints, own, &mut headers)?;
            }
        }
        headers.finish(span.index + 1 == self.ztoc.spans.len())
    }

    fn decode(
        &self,
        span: &Span,
        checkpoints: &Checkpoints,
        mut bytes: &[u8],
        headers: &mut Headers<'_>,
    ) -> Result<(), VerifyError> {
        let mut stream = GzipStream::from_checkpoint(&checkpoints.get(span.index));
        let broken = |damage| VerifyError::SpanDecode {
            span: span.index,
            damage,
        };
        let next = span.index + 1;
        let mut next_is_right = next == checkpoints.len();
        loop {
            let step = stream.advance(&mut bytes).map_err(broken)?;
            if step.is_idle() && bytes.is_empty() {
                break;
            }
            headers.push(step.output)?;
            if let (Some(boundary), false) = (step.boundary, next_is_right) {
                next_is_right = check_checkpoint(next, &checkpoints.get(next), boundary, &stream)?;
            }
        }
        if next == checkpoints.len() {
            return stream.finish().map_err(broken);
        }
        check_end(span, stream.uncompressed_offset())?;
        if next_is_right {
            Ok(())
        } else {
            Err(VerifyError::no_block(next))
        }
    }
}

/// The first checkpoint has to be right behind the gzip header.
fn check_first(checkpoints: &Checkpoints, mut layer: &[u8]) -> Result<(), VerifyError> {
    let mut straight = GzipStream::from_start();
    let step = straight.advance(&mut layer).map_err(BuildError::from)?;
    let first = checkpoints.get(0);
    match step.boundary {
        Some(boundary @ Boundary::Member { .. }) => {
            check_checkpoint(0, &first, boundary, &straight)?
                .then_some(())
                .ok_or(VerifyError::no_block(0))
        }
        _ => Err(VerifyError::no_block(0)),
    }
}
