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
            Watch::Nothing | Watch::Remember(_) => Ok(()),
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

    fn decode_remembered(&mut self, checkpoints: &Checkpoints) -> Result<(), BuildError> {
        if let Watch::Remember(bytes) = std::mem::replace(&mut self.watch, Watch::Nothing) {
            let mut stream = Box::new(decoder(self.span, checkpoints));
            decode(self.span, &mut stream, &bytes)?;
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
