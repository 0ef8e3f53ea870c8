//! Decoding a sample of spans again from their checkpoints, while their bytes pass by.
//!
//! No digest covers the windows of checkpoints, and consumers do not check what they decode: a
//! wrong window gives files with wrong content and no error. So the first span, the last, and one
//! in [`SAMPLE_EVERY`] between are decoded a second time by a decoder that knows only the
//! checkpoint, and compared. Which span is the last is known when it is over; until then its bytes
//! are remembered.

use crate::checkpoints::Checkpoints;
use crate::error::BuildError;
use crate::gzip::GzipStream;
use crate::hash::SpanStart;

/// One span in so many is decoded again, beside the first and the last: under 3 % of the time for a
/// large layer.
const SAMPLE_EVERY: usize = 64;

/// A span that is remembered is decoded at once when it grows beyond this.
const REMEMBERED_BYTES: usize = 8 << 20;

/// A span's content as the walk has seen it.
pub(crate) struct SpanContent {
    pub(crate) crc: crc32fast::Hasher,
    /// Behind the span's last byte.
    pub(crate) uncompressed_end: u64,
}

/// A checkpoint that the walk has made, and what it decoded between the one before and this one.
pub(crate) struct Passed {
    pub(crate) start: SpanStart,
    pub(crate) before: SpanContent,
}

enum Watch {
    /// Before the first span.
    Nothing,
    /// Decoding along.
    Decode(Box<GzipStream>),
    /// Perhaps the last span: its bytes so far.
    Remember(Vec<u8>),
}

pub(crate) struct SelfCheck {
    watch: Watch,
    /// Number of the span being watched.
    span: usize,
    compressed_offset: u64,
    last_byte: u8,
}

impl SelfCheck {
    pub(crate) fn new() -> SelfCheck {
        SelfCheck {
            watch: Watch::Nothing,
            span: 0,
            compressed_offset: 0,
            last_byte: 0,
        }
    }

    /// Takes a piece of the layer with the checkpoints that the walk made in it, which are in
    /// `checkpoints` already.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        passed: &[Passed],
        checkpoints: &Checkpoints,
    ) -> Result<(), BuildError> {
        let base = self.compressed_offset;
        let within = |offset: u64| (offset.saturating_sub(base) as usize).min(bytes.len());
        let mut next = 0;
        for checkpoint in passed {
            self.watch_bytes(
                &bytes[next..within(checkpoint.start.previous_end).max(next)],
                checkpoints,
            )?;
            let began = !matches!(self.watch, Watch::Nothing);
            if let Watch::Decode(stream) = &mut self.watch {
                compare(self.span, stream, &checkpoint.before)?;
            }
            self.span += usize::from(began);
            self.begin_span(checkpoints);
            if checkpoint.start.first_byte < base {
                self.watch_bytes(&[self.last_byte], checkpoints)?;
            }
            next = within(checkpoint.start.first_byte);
        }
        self.watch_bytes(&bytes[next..], checkpoints)?;
        self.compressed_offset += bytes.len() as u64;
        self.last_byte = *bytes.last().unwrap_or(&self.last_byte);
        Ok(())
    }

    /// The layer ends, and with it the last span.
    pub(crate) fn finish(
        mut self,
        last: &SpanContent,
        checkpoints: &Checkpoints,
    ) -> Result<(), BuildError> {
        self.decode_remembered(checkpoints)?;
        match &mut self.watch {
            Watch::Decode(stream) => compare(self.span, stream, last),
            Watch::Nothing | Watch::Remember(_) => Err(BuildError::SelfCheck {
                span: self.span,
                found: "its bytes did not pass by".to_owned(),
            }),
        }
    }

    fn begin_span(&mut self, checkpoints: &Checkpoints) {
        self.watch = if self.span.is_multiple_of(SAMPLE_EVERY) {
            Watch::Decode(Box::new(decoder(self.span, checkpoints)))
        } else {
            let mut remembered = match std::mem::replace(&mut self.watch, Watch::Nothing) {
                Watch::Remember(bytes) => bytes,
                Watch::Nothing | Watch::Decode(_) => Vec::new(),
            };
            remembered.clear();
            Watch::Remember(remembered)
        };
    }

    fn watch_bytes(&mut self, bytes: &[u8], checkpoints: &Checkpoints) -> Result<(), BuildError> {
        match &mut self.watch {
            Watch::Nothing => Ok(()),
            Watch::Decode(stream) => decode(self.span, stream, bytes),
            Watch::Remember(remembered) => {
                remembered.extend_from_slice(bytes);
                if remembered.len() > REMEMBERED_BYTES {
                    self.decode_remembered(checkpoints)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// From remembering a span to decoding it; nothing to do for one that is being decoded.
    fn decode_remembered(&mut self, checkpoints: &Checkpoints) -> Result<(), BuildError> {
        if let Watch::Remember(bytes) = &self.watch {
            let mut stream = Box::new(decoder(self.span, checkpoints));
            decode(self.span, &mut stream, bytes)?;
            self.watch = Watch::Decode(stream);
        }
        Ok(())
    }
}

fn decoder(span: usize, checkpoints: &Checkpoints) -> GzipStream {
    GzipStream::from_checkpoint(&checkpoints.get(span))
}

fn decode(span: usize, stream: &mut GzipStream, mut bytes: &[u8]) -> Result<(), BuildError> {
    stream
        .decode_all(&mut bytes)
        .map_err(|damage| BuildError::SelfCheck {
            span,
            found: damage.to_string(),
        })
}

fn compare(span: usize, stream: &mut GzipStream, expected: &SpanContent) -> Result<(), BuildError> {
    let end = stream.uncompressed_offset();
    let found = if end != expected.uncompressed_end {
        format!(
            "it ends at uncompressed offset {end}, not {}",
            expected.uncompressed_end
        )
    } else if stream.take_crc().finalize() != expected.crc.clone().finalize() {
        "its content differs".to_owned()
    } else {
        return Ok(());
    };
    Err(BuildError::SelfCheck { span, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gzip::WINDOW_BYTES;
    use crate::model::SpanTable;
    use crate::{BuildOptions, Builder, Built, SpanSize};
    use soci_testkit::{content, gzip, tar::Archive};

    /// Repeats itself every 30,000 bytes, so every span but the first copies from its window.
    fn layer(repeats: usize, flush_every: usize) -> Vec<u8> {
        let content = content::random(9, 30_000).repeat(repeats);
        let archive = Archive::new().file("file", &content).finish();
        gzip::compress_flushing(&archive, 6, flush_every, gzip::Flush::Sync)
    }

    fn checkpoints(layer: &[u8], span_bytes: u64) -> Checkpoints {
        let span_size = SpanSize::from_bytes(span_bytes).expect("a span size");
        let mut builder = Builder::new(BuildOptions {
            span_size,
            ..BuildOptions::default()
        });
        builder.push(layer).expect("a sound layer");
        let Ok(Built::Indexed { ztoc, .. }) = builder.finish() else {
            panic!("not indexed")
        };
        let SpanTable::Gzip(checkpoints) = ztoc.spans else {
            panic!("not gzip")
        };
        checkpoints
    }

    fn with_damaged_window(checkpoints: &Checkpoints, damaged: usize) -> Checkpoints {
        let mut copy = Checkpoints::new(checkpoints.span_bytes());
        for (index, point) in checkpoints.iter().enumerate() {
            let flip = if index == damaged { 0xff } else { 0 };
            let window: Vec<u8> = point.window.iter().map(|byte| byte ^ flip).collect();
            assert_eq!(window.len(), WINDOW_BYTES);
            copy.push(
                point.compressed_offset,
                point.uncompressed_offset,
                point.bits,
                &window,
            );
        }
        copy
    }

    /// What the check says of these checkpoints when the layer passes by in pieces.
    fn verdict(
        layer: &[u8],
        checkpoints: &Checkpoints,
        piece_bytes: usize,
    ) -> Result<(), BuildError> {
        let mut straight = GzipStream::from_start();
        let mut check = SelfCheck::new();
        let mut next = 0;
        for piece in layer.chunks(piece_bytes) {
            let mut passed = Vec::new();
            let mut input = piece;
            loop {
                let step = straight.advance(&mut input).expect("a sound layer");
                if step.is_idle() && input.is_empty() {
                    break;
                }
                let offset = straight.compressed_offset();
                if next < checkpoints.len() && checkpoints.get(next).compressed_offset == offset {
                    let first_byte = checkpoints.get(next).first_compressed_byte();
                    let uncompressed_end = straight.uncompressed_offset();
                    let before = SpanContent {
                        crc: straight.take_crc(),
                        uncompressed_end,
                    };
                    passed.push(Passed {
                        start: SpanStart {
                            first_byte,
                            previous_end: offset,
                        },
                        before,
                    });
                    next += 1;
                }
            }
            check.push(piece, &passed, checkpoints)?;
        }
        let uncompressed_end = straight.uncompressed_offset();
        check.finish(
            &SpanContent {
                crc: straight.take_crc(),
                uncompressed_end,
            },
            checkpoints,
        )
    }

    #[test]
    fn finds_a_damaged_window_of_the_first_sampled_and_last_spans() {
        // 130 spans and more: 64 and 128 are sampled; the last is taken off one by one to be each kind of span.
        let layer = layer(200, 15_000);
        let good = checkpoints(&layer, 30_000);
        let last = good.len() - 1;
        assert!(last > 128, "{last} spans");
        for piece_bytes in [1_000, 15_003, usize::MAX] {
            assert_eq!(verdict(&layer, &good, piece_bytes), Ok(()));
            for damaged in [64, 128, last] {
                let found = verdict(&layer, &with_damaged_window(&good, damaged), piece_bytes);
                assert!(
                    matches!(found, Err(BuildError::SelfCheck { span, .. }) if span == damaged),
                    "{damaged}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn the_last_span_is_checked_whatever_its_number() {
        for repeats in [3, 64, 65, 66] {
            let layer = layer(repeats, 30_000);
            let good = checkpoints(&layer, 29_000);
            let last = good.len() - 1;
            assert_eq!(verdict(&layer, &good, 4_096), Ok(()));
            let found = verdict(&layer, &with_damaged_window(&good, last), 4_096);
            assert!(
                matches!(found, Err(BuildError::SelfCheck { .. })),
                "{last}: {found:?}"
            );
        }
    }

    #[test]
    fn a_last_span_too_long_to_be_remembered_is_checked() {
        let content = content::random(5, 30_000)
            .repeat(3)
            .into_iter()
            .chain(content::random(6, 9 << 20));
        let archive = Archive::new()
            .file("file", &content.collect::<Vec<_>>())
            .finish();
        let layer = gzip::compress_flushing(&archive, 6, 40_000, gzip::Flush::Sync);
        let good = checkpoints(&layer, 20_000);
        let only_two = {
            let mut copy = Checkpoints::new(20_000);
            for point in good.iter().take(2) {
                copy.push(
                    point.compressed_offset,
                    point.uncompressed_offset,
                    point.bits,
                    point.window,
                );
            }
            copy
        };
        assert_eq!(verdict(&layer, &only_two, 100_000), Ok(()));
        let found = verdict(&layer, &with_damaged_window(&only_two, 1), 100_000);
        assert!(
            matches!(found, Err(BuildError::SelfCheck { span: 1, .. })),
            "{found:?}"
        );
    }
}
