//! Decoding a sample of spans again from their checkpoints, while their bytes pass by.
//!
//! No digest covers the windows of checkpoints, and consumers do not check what they decode: a
//! wrong window gives files with wrong content and no error. So the first span, the last, and one
//! in [`SAMPLE_EVERY`] between are decoded a second time by a decoder that knows only the
//! checkpoint, and compared. Which span is the last is known when it is over; until then its bytes
//! are remembered.
//!
//! The walk tells what it decoded, and lends copies of the few windows that are needed here: the hashing
//! stage, which has time for this, may run on another core.

use crate::checkpoints::Checkpoint;
use crate::error::BuildError;
use crate::gzip::{GzipStream, WINDOW_BYTES};

/// One span in so many is decoded again, beside the first and the last: under 3 % of the time for a
/// large layer.
const SAMPLE_EVERY: usize = 64;

/// A span that is remembered is decoded at once when it grows beyond this.
const REMEMBERED_BYTES: usize = 8 << 20;

/// Whether a span is decoded again, wherever the layer ends.
pub(crate) fn is_sampled(span: usize) -> bool {
    span.is_multiple_of(SAMPLE_EVERY)
}

/// What a span holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SpanContent {
    /// CRC-32 of its bytes, decoded.
    pub(crate) crc: u32,
    /// Behind the span's last byte.
    pub(crate) uncompressed_end: u64,
}

/// A checkpoint with a window of its own.
pub(crate) struct LentCheckpoint {
    pub(crate) compressed_offset: u64,
    pub(crate) uncompressed_offset: u64,
    pub(crate) bits: u8,
    pub(crate) window: Box<[u8; WINDOW_BYTES]>,
}

impl LentCheckpoint {
    pub(crate) fn new(checkpoint: &Checkpoint<'_>) -> LentCheckpoint {
        LentCheckpoint {
            compressed_offset: checkpoint.compressed_offset,
            uncompressed_offset: checkpoint.uncompressed_offset,
            bits: checkpoint.bits,
            window: Box::new(*checkpoint.window),
        }
    }

    fn decoder(&self) -> Box<GzipStream> {
        Box::new(GzipStream::from_checkpoint(&Checkpoint {
            compressed_offset: self.compressed_offset,
            uncompressed_offset: self.uncompressed_offset,
            bits: self.bits,
            window: &self.window,
        }))
    }
}

#[derive(Default)]
enum Watch {
    /// Before the first span, or in one that is not looked at.
    #[default]
    Nothing,
    /// Decoding along.
    Decode(Box<GzipStream>),
    /// Perhaps the last span: where it begins, and its bytes so far.
    Remember(LentCheckpoint, Vec<u8>),
    /// Wrong, or the layer is.
    Failed(BuildError),
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct SelfCheck {
    watch: Watch,
    /// Spans begun.
    spans: usize,
}

impl SelfCheck {
    /// The next span begins, and the walk decoded `before` since the last one began. Without a checkpoint the span is not
    /// looked at.
    pub(crate) fn begin_span(&mut self, before: &SpanContent, checkpoint: Option<LentCheckpoint>) {
        let remembered = match std::mem::take(&mut self.watch) {
            Watch::Failed(error) => return self.watch = Watch::Failed(error),
            Watch::Remember(_, bytes) => bytes,
            Watch::Nothing => Vec::new(),
            Watch::Decode(mut stream) => {
                let found = content(&mut stream);
                if let Err(error) = compare(self.spans - 1, &found, before) {
                    return self.watch = Watch::Failed(error);
                }
                Vec::new()
            }
        };
        self.watch = match checkpoint {
            None => Watch::Nothing,
            Some(checkpoint) if is_sampled(self.spans) => Watch::Decode(checkpoint.decoder()),
            Some(checkpoint) => {
                let mut bytes = remembered;
                bytes.clear();
                Watch::Remember(checkpoint, bytes)
            }
        };
        self.spans += 1;
    }

    /// Takes bytes of the span begun last.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        match &mut self.watch {
            Watch::Nothing | Watch::Failed(_) => {}
            Watch::Decode(_) => self.decode(bytes),
            Watch::Remember(_, remembered) => {
                remembered.extend_from_slice(bytes);
                if remembered.len() > REMEMBERED_BYTES {
                    self.decode_remembered();
                }
            }
        }
    }

    /// What the last span decodes to, unless one before it is wrong; nothing for a layer without checkpoints.
    pub(crate) fn finish(mut self) -> Result<Option<SpanContent>, BuildError> {
        self.decode_remembered();
        match self.watch {
            Watch::Decode(mut stream) => Ok(Some(content(&mut stream))),
            Watch::Nothing | Watch::Remember(..) => Ok(None),
            Watch::Failed(error) => Err(error),
        }
    }

    /// From remembering a span to decoding it; nothing to do for one that is being decoded.
    fn decode_remembered(&mut self) {
        if let Watch::Remember(checkpoint, bytes) = &mut self.watch {
            let bytes = std::mem::take(bytes);
            self.watch = Watch::Decode(checkpoint.decoder());
            self.decode(&bytes);
        }
    }

    fn decode(&mut self, mut bytes: &[u8]) {
        if let Watch::Decode(stream) = &mut self.watch
            && let Err(damage) = stream.decode_all(&mut bytes)
        {
            self.watch = Watch::Failed(BuildError::SelfCheck {
                span: self.spans - 1,
                found: damage.to_string(),
            });
        }
    }
}

/// What was decoded of a span that is over.
fn content(stream: &mut GzipStream) -> SpanContent {
    SpanContent {
        crc: stream.take_crc().finalize(),
        uncompressed_end: stream.uncompressed_offset(),
    }
}

/// Compares what the last of so many spans decodes to with what the walk has seen of it.
pub(crate) fn compare_last(
    spans: usize,
    found: Option<&SpanContent>,
    expected: Option<&SpanContent>,
) -> Result<(), BuildError> {
    let span = spans.saturating_sub(1);
    match (found, expected) {
        (_, None) => Ok(()),
        (Some(found), Some(expected)) => compare(span, found, expected),
        (None, Some(_)) => Err(BuildError::SelfCheck {
            span,
            found: "its bytes did not pass by".to_owned(),
        }),
    }
}

fn compare(span: usize, found: &SpanContent, expected: &SpanContent) -> Result<(), BuildError> {
    let found = if found.uncompressed_end != expected.uncompressed_end {
        format!(
            "it ends at uncompressed offset {}, not {}",
            found.uncompressed_end, expected.uncompressed_end
        )
    } else if found.crc != expected.crc {
        "its content differs".to_owned()
    } else {
        return Ok(());
    };
    Err(BuildError::SelfCheck { span, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Passed;
    use crate::{BuildOptions, Built, LayerHasher, LayerWalker, SpanSize};
    use soci_testkit::{content, gzip, tar::Archive};

    /// Repeats itself every 30,000 bytes, so every span but the first copies from its window.
    fn layer(repeats: usize, flush_every: usize) -> Vec<u8> {
        let content = content::random(9, 30_000).repeat(repeats);
        let archive = Archive::new().file("file", &content).finish();
        gzip::compress_flushing(&archive, 6, flush_every, gzip::Flush::Sync)
    }

    /// What the check says when the layer passes by in pieces, and the window of span `damaged` is damaged on its way from the
    /// walk.
    fn verdict(
        layer: &[u8],
        span_bytes: u64,
        piece_bytes: usize,
        damaged: Option<usize>,
    ) -> Result<usize, BuildError> {
        let options = BuildOptions {
            span_size: SpanSize::from_bytes(span_bytes).expect("a span size"),
            ..BuildOptions::default()
        };
        let mut walker = LayerWalker::new(options.clone());
        let mut hasher = LayerHasher::new();
        let mut spans = 0;
        for piece in layer.chunks(piece_bytes) {
            let mut passed = walker.push(piece).expect("a sound layer");
            if let Some(damaged) = damaged {
                damage_window(&mut passed, spans, damaged);
            }
            spans += passed.starts.len();
            hasher.push(piece, passed);
        }
        let walked = walker.finish().expect("a sound layer");
        match Built::join(walked, hasher.finish(), &options)? {
            Built::Indexed { ztoc, .. } => assert_eq!(ztoc.spans.len(), spans),
            Built::NotIndexable { why, .. } => panic!("not indexed: {why}"),
        }
        Ok(spans)
    }

    fn damage_window(passed: &mut Passed, spans_before: usize, damaged: usize) {
        for (index, start) in passed.starts.iter_mut().enumerate() {
            if let Some(checkpoint) = &mut start.checkpoint
                && spans_before + index == damaged
            {
                checkpoint.window.iter_mut().for_each(|byte| *byte ^= 0xff);
            }
        }
    }

    fn finds_damage_in(layer: &[u8], span_bytes: u64, piece_bytes: usize, damaged: usize) {
        let found = verdict(layer, span_bytes, piece_bytes, Some(damaged));
        assert!(
            matches!(found, Err(BuildError::SelfCheck { span, .. }) if span == damaged),
            "{damaged}: {found:?}"
        );
    }

    #[test]
    fn finds_a_damaged_window_of_the_sampled_and_last_spans() {
        // 130 spans and more: 64 and 128 are sampled.
        let layer = layer(200, 15_000);
        for piece_bytes in [1_000, 15_003, usize::MAX] {
            let spans = verdict(&layer, 30_000, piece_bytes, None).expect("nothing is wrong");
            assert!(spans > 129, "{spans} spans");
            for damaged in [64, 128, spans - 1] {
                finds_damage_in(&layer, 30_000, piece_bytes, damaged);
            }
        }
    }

    #[test]
    fn the_last_span_is_checked_whatever_its_number() {
        for repeats in [3, 64, 65, 66] {
            let layer = layer(repeats, 30_000);
            let spans = verdict(&layer, 29_000, 4_096, None).expect("nothing is wrong");
            finds_damage_in(&layer, 29_000, 4_096, spans - 1);
        }
    }

    #[test]
    fn a_last_span_too_long_to_be_remembered_is_checked() {
        let content = content::random(5, 30_000)
            .repeat(400)
            .into_iter()
            .chain(content::random(6, 9 << 20));
        let archive = Archive::new()
            .file("file", &content.collect::<Vec<_>>())
            .finish();
        let layer = gzip::compress_flushing(&archive, 6, 40_000, gzip::Flush::Sync);
        let span_bytes = 11_000_000;
        assert_eq!(verdict(&layer, span_bytes, 100_000, None), Ok(2));
        finds_damage_in(&layer, span_bytes, 100_000, 1);
    }

    #[test]
    fn a_refused_layer_is_not_decoded_again() {
        let layer = layer(3, 30_000);
        let mut walker = LayerWalker::new(BuildOptions::default());
        let mut hasher = LayerHasher::new();
        hasher.push(&layer, walker.push(&layer).expect("a sound layer"));
        let second = walker.push(&layer).expect("a sound layer");
        assert!(second.is_refused, "a second member");
        hasher.push(&layer, second);
        assert_eq!(hasher.finish().last_span, Ok(None));
    }
}
