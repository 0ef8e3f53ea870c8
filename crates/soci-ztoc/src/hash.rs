//! The hashing stage: digest of the whole layer and of each span, from the bytes that the walking
//! stage has passed. It has less to do than that stage, so the self-check is done here too.

use std::ops::Range;

use crate::digest::{Digest, DigestHasher};
use crate::error::{BuildError, Damage, DamageKind};
use crate::options::Expected;
use crate::self_check::{LentCheckpoint, SelfCheck, SpanContent};

/// What the walking stage found in a piece of the layer, for the hashing stage.
#[derive(Default)]
pub struct Passed {
    pub(crate) starts: Vec<SpanStart>,
    /// The layer cannot be indexed: what its spans hold does not matter.
    pub(crate) is_refused: bool,
}

/// Where a span begins, as the walking stage found it.
pub(crate) struct SpanStart {
    /// First compressed byte of the span.
    pub(crate) first_byte: u64,
    /// Behind the last compressed byte of the span before it, which may be one more than
    /// `first_byte`: the two share a byte when the checkpoint lies within it.
    pub(crate) previous_end: u64,
    /// What was decoded since the span before began, in a gzip layer.
    pub(crate) before: Option<SpanContent>,
    /// Where the self-check may need it: in spans of the sample, and in those that are not over in the same piece.
    pub(crate) checkpoint: Option<LentCheckpoint>,
}

impl SpanStart {
    /// Where nothing else is known of it, or wanted.
    pub(crate) fn plain(first_byte: u64, previous_end: u64) -> Self {
        Self {
            first_byte,
            previous_end,
            before: None,
            checkpoint: None,
        }
    }
}

/// A layer's identity: digest and size of its compressed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerIdentity {
    /// SHA-256 of all bytes.
    pub digest: Digest,
    /// Number of bytes.
    pub size_bytes: u64,
}

/// What the hashing stage gives.
#[derive(Debug)]
pub struct HashedLayer {
    pub(crate) layer: LayerIdentity,
    pub(crate) spans: Vec<Digest>,
    /// What the last span decodes to, if all before it decode as they should.
    pub(crate) last_span: Result<Option<SpanContent>, BuildError>,
}

impl HashedLayer {
    /// Which layer it is.
    #[must_use]
    pub fn layer(&self) -> LayerIdentity {
        self.layer
    }
}

impl LayerIdentity {
    /// Whether it is the layer that was expected.
    ///
    /// # Errors
    /// [`Damage`]: size or digest differ.
    pub fn check(&self, expected: &Expected) -> Result<(), Damage> {
        let kind = match *expected {
            Expected {
                size_bytes: Some(size),
                ..
            } if size != self.size_bytes => DamageKind::Size {
                expected: size,
                found: self.size_bytes,
            },
            Expected {
                digest: Some(digest),
                ..
            } if digest != self.digest => DamageKind::Digest {
                expected: digest,
                found: self.digest,
            },
            Expected { .. } => return Ok(()),
        };
        Err(Damage {
            kind,
            compressed_offset: self.size_bytes,
            uncompressed_offset: 0,
        })
    }
}

/// How many bytes before the ones being pushed a span may begin: one that it shares with the span
/// before it, or the first two of a layer, of which the walking stage cannot tell yet whether they
/// begin a gzip member.
const KEPT_BYTES: usize = 2;

/// The hashing stage. It is given the same pieces as [`crate::LayerWalker`], each after the walker,
/// with what the walker found in it; so it can run on another core, one piece behind.
#[derive(Default)]
pub struct LayerHasher {
    layer: DigestHasher,
    size_bytes: u64,
    kept: [u8; KEPT_BYTES],
    span: Option<DigestHasher>,
    spans: Vec<Digest>,
    self_check: SelfCheck,
}

impl LayerHasher {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> LayerHasher {
        LayerHasher::default()
    }

    /// Adds a piece of the layer and what walking it gave.
    pub fn push(&mut self, bytes: &[u8], passed: Passed) {
        self.layer.update(bytes);
        if passed.is_refused {
            self.span = None;
            self.self_check = SelfCheck::default();
        }
        let mut next = self.size_bytes;
        for start in passed.starts {
            self.update_span(next..start.previous_end, bytes);
            self.end_span();
            self.span = Some(DigestHasher::new());
            if let Some(before) = &start.before {
                self.self_check.begin_span(before, start.checkpoint);
            }
            next = start.first_byte;
        }
        self.update_span(next..self.size_bytes + bytes.len() as u64, bytes);
        self.size_bytes += bytes.len() as u64;
        self.keep(bytes);
    }

    /// The digests of everything added.
    #[must_use]
    pub fn finish(mut self) -> HashedLayer {
        self.end_span();
        HashedLayer {
            layer: LayerIdentity {
                digest: self.layer.finish(),
                size_bytes: self.size_bytes,
            },
            spans: self.spans,
            last_span: self.self_check.finish(),
        }
    }

    /// Adds to the current span what it has of this range, which lies in the bytes kept and those being pushed.
    fn update_span(&mut self, range: Range<u64>, bytes: &[u8]) {
        let base = self.size_bytes;
        if let Some(span) = &mut self.span {
            let kept =
                |offset: u64| KEPT_BYTES - (base.saturating_sub(offset) as usize).min(KEPT_BYTES);
            let pushed = |offset: u64| (offset.saturating_sub(base) as usize).min(bytes.len());
            let parts = [
                &self.kept[kept(range.start)..kept(range.end).max(kept(range.start))],
                &bytes[pushed(range.start)..pushed(range.end).max(pushed(range.start))],
            ];
            for part in parts {
                span.update(part);
                self.self_check.push(part);
            }
        }
    }

    fn end_span(&mut self) {
        self.spans
            .extend(self.span.take().map(DigestHasher::finish));
    }

    fn keep(&mut self, bytes: &[u8]) {
        for byte in &bytes[bytes.len().saturating_sub(KEPT_BYTES)..] {
            self.kept.rotate_left(1);
            self.kept[KEPT_BYTES - 1] = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans that begin at the first number, those before them ending at the second.
    fn passed(starts: impl IntoIterator<Item = (u64, u64)>) -> Passed {
        let start = |(first_byte, previous_end)| SpanStart::plain(first_byte, previous_end);
        Passed {
            starts: starts.into_iter().map(start).collect(),
            is_refused: false,
        }
    }

    #[test]
    fn neighbours_share_a_byte_across_pieces() {
        let layer = b"0123456789";
        // Spans 2..5, 4..8 and 8..10: the first two share byte 4.
        let starts = [(2, 0), (4, 5), (8, 8)];
        let expected = [&layer[2..5], &layer[4..8], &layer[8..]].map(Digest::of);
        for piece_bytes in 1..=layer.len() {
            let mut hasher = LayerHasher::new();
            for (index, piece) in layer.chunks(piece_bytes).enumerate() {
                let (from, to) = (index * piece_bytes, index * piece_bytes + piece.len());
                let found = starts
                    .into_iter()
                    .filter(|(first_byte, previous_end): &(u64, u64)| {
                        let last_byte_needed = *previous_end.max(&(first_byte + 1)) - 1;
                        (from..to).contains(&(last_byte_needed as usize))
                    });
                hasher.push(piece, passed(found));
            }
            let hashed = hasher.finish();
            assert_eq!(hashed.spans, expected, "pieces of {piece_bytes}");
            assert_eq!(
                hashed.layer,
                LayerIdentity {
                    digest: Digest::of(layer),
                    size_bytes: 10
                }
            );
        }
    }

    /// The first two bytes of a layer are held back while they may begin a gzip member. With spans of one byte, more
    /// than one begins in them; the first used to get both bytes.
    #[test]
    fn regression_review_spans_that_end_in_bytes_held_back() {
        let layer = b"\x1f\x8b!";
        let mut hasher = LayerHasher::new();
        hasher.push(&layer[..1], Passed::default());
        hasher.push(&layer[1..2], Passed::default());
        hasher.push(&layer[2..], passed([(0, 0), (1, 1), (2, 2)]));
        let expected = [&layer[..1], &layer[1..2], &layer[2..]].map(Digest::of);
        assert_eq!(hasher.finish().spans, expected);
    }
}
