//! The walking stage: decodes the layer once, takes checkpoints, and reads the tar entries as they
//! pass.
//!
//! Nothing found wrong with the *content* stops the walk: a flipped bit also makes a strange
//! archive, and only the checksum behind it tells damage from oddity. So the walk goes on to the
//! layer's end, without keeping checkpoints, and damage wins.

use crate::checkpoints::Checkpoints;
use crate::error::{BuildError, Damage, DamageKind, NotIndexable, Reason};
use crate::gzip::{Boundary, GzipStream, MEMBER_MAGIC};
use crate::hash::SpanStart;
use crate::limits;
use crate::model::{FileMetadata, SpanTable};
use crate::options::{BuildOptions, MultiMember};
use crate::self_check::{Passed, SelfCheck, SpanContent};
use crate::tar::{TarParser, push_content};

/// Output that may come before the first bytes of input are counted: one block's worth, so that the
/// ratio of a short layer is not judged.
const RATIO_GRACE_BYTES: u64 = 1 << 20;

/// Compressions that are no gzip, by the bytes that they begin with.
const OTHER_COMPRESSIONS: [(&str, &[u8]); 6] = [
    ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ("bzip2", b"BZh"),
    ("xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]),
    ("lz4", &[0x04, 0x22, 0x4d, 0x18]),
    ("lzip", b"LZIP"),
    ("gzip with an unknown method", &[0x1f, 0x8b]),
];

/// Longest of [`OTHER_COMPRESSIONS`].
const FIRST_BYTES: usize = 6;

/// The walking stage; see the module's documentation.
pub struct LayerWalker {
    options: BuildOptions,
    format: Format,
    /// The layer's first bytes, for naming other compressions.
    first_bytes: Vec<u8>,
    compressed_bytes: u64,
    content: Result<TarParser, NotIndexable>,
}

enum Format {
    /// Fewer bytes seen than the magic number has, all of them equal to it.
    Unknown,
    Gzip(Box<GzipWalk>),
    /// Plain tar, or something else that is no gzip.
    Plain,
}

struct GzipWalk {
    stream: GzipStream,
    checkpoints: Checkpoints,
    self_check: SelfCheck,
    last_checkpoint: u64,
    passed: Vec<Passed>,
}

/// What the walking stage gives for a layer that can be indexed.
pub struct WalkedLayer {
    pub(crate) files: Vec<FileMetadata>,
    pub(crate) uncompressed_bytes: u64,
    pub(crate) spans: SpanTable,
}

impl LayerWalker {
    /// Before the first byte.
    #[must_use]
    pub fn new(options: BuildOptions) -> LayerWalker {
        LayerWalker {
            format: Format::Unknown,
            first_bytes: Vec::with_capacity(FIRST_BYTES),
            compressed_bytes: 0,
            content: Ok(TarParser::new(options.limits.clone())),
            options,
        }
    }

    /// Walks over a piece of the layer and appends the starts of spans that it found to `starts`.
    /// Cutting the layer into other pieces gives the same starts. After an error the walker is
    /// of no further use.
    ///
    /// # Errors
    /// Damage, limits exceeded, or a failed self-check. That a layer cannot be indexed is no error:
    /// [`LayerWalker::finish`] tells it.
    pub fn push(&mut self, bytes: &[u8], starts: &mut Vec<SpanStart>) -> Result<(), BuildError> {
        let missing = FIRST_BYTES - self.first_bytes.len();
        self.first_bytes.extend(bytes.iter().take(missing));
        if matches!(self.format, Format::Unknown) {
            let seen = self.compressed_bytes as usize;
            return self.sniff(seen, bytes, starts);
        }
        self.walk(bytes, starts)
    }

    /// Decides by the first bytes; until they are complete they are held back.
    fn sniff(
        &mut self,
        held_back: usize,
        bytes: &[u8],
        starts: &mut Vec<SpanStart>,
    ) -> Result<(), BuildError> {
        let compared = self.first_bytes.len().min(MEMBER_MAGIC.len());
        if self.first_bytes[..compared] != MEMBER_MAGIC[..compared] {
            self.format = Format::Plain;
        } else if compared == MEMBER_MAGIC.len() {
            self.format = Format::Gzip(Box::new(GzipWalk::new(&self.options)));
        } else {
            self.compressed_bytes += bytes.len() as u64;
            return Ok(());
        }
        self.compressed_bytes = 0;
        self.walk(&MEMBER_MAGIC[..held_back], starts)?;
        self.walk(bytes, starts)
    }

    fn walk(&mut self, bytes: &[u8], starts: &mut Vec<SpanStart>) -> Result<(), BuildError> {
        match &mut self.format {
            Format::Unknown => {}
            Format::Gzip(gzip) => gzip.walk(bytes, starts, &mut self.content, &self.options)?,
            Format::Plain => {
                plain_starts(self.compressed_bytes, bytes.len(), &self.options, starts)?;
                push_content(&mut self.content, bytes)?;
            }
        }
        self.compressed_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Why the layer cannot be indexed, once that is beyond doubt: it is in another compression than gzip, of which nothing
    /// more is to be learnt by reading on. Every other reason waits for the layer's end, where damage would show.
    #[must_use]
    pub fn other_compression(&self) -> Option<NotIndexable> {
        let (Format::Plain, Err(why)) = (&self.format, &self.content) else {
            return None;
        };
        let why = name_compression(why.clone(), &self.first_bytes);
        (why.reason() == Reason::UnsupportedCompression).then_some(why)
    }

    /// The layer ends here.
    ///
    /// # Errors
    /// Damage: it ends too early. Or a failed self-check.
    pub fn finish(self) -> Result<Result<WalkedLayer, NotIndexable>, BuildError> {
        let LayerWalker {
            options,
            format,
            first_bytes,
            compressed_bytes,
            content,
        } = self;
        let mut is_plain = false;
        let spans = match format {
            Format::Unknown if compressed_bytes == 0 => {
                return Ok(Err(NotIndexable::new(
                    Reason::Empty,
                    0,
                    "the layer has no bytes",
                )));
            }
            Format::Unknown => {
                let kind = DamageKind::Truncated {
                    within: "a gzip header",
                };
                return Err(Damage {
                    kind,
                    compressed_offset: compressed_bytes,
                    uncompressed_offset: 0,
                }
                .into());
            }
            Format::Gzip(gzip) => SpanTable::Gzip(gzip.finish(content.is_ok(), &options)?),
            Format::Plain => {
                is_plain = true;
                SpanTable::Uncompressed {
                    span_bytes: options.span_size.bytes(),
                    layer_bytes: compressed_bytes,
                }
            }
        };
        Ok(match content.and_then(TarParser::finish) {
            Ok(archive) => Ok(WalkedLayer {
                files: archive.files,
                uncompressed_bytes: archive.uncompressed_bytes,
                spans,
            }),
            Err(why) if is_plain => Err(name_compression(why, &first_bytes)),
            Err(why) => Err(why),
        })
    }
}

/// Starts of spans of equal size among `bytes` bytes at `offset`.
fn plain_starts(
    offset: u64,
    bytes: usize,
    options: &BuildOptions,
    starts: &mut Vec<SpanStart>,
) -> Result<(), BuildError> {
    let span_bytes = options.span_size.bytes();
    let numbers = offset.div_ceil(span_bytes)..(offset + bytes as u64).div_ceil(span_bytes);
    limits::check("spans", numbers.end, options.limits.spans as u64)?;
    starts.extend(numbers.map(|number| {
        let first_byte = number * span_bytes;
        SpanStart {
            first_byte,
            previous_end: first_byte,
        }
    }));
    Ok(())
}

/// What is no tar from its first block on may be a compression that has a name.
fn name_compression(why: NotIndexable, first_bytes: &[u8]) -> NotIndexable {
    const FIRST_BLOCK_BYTES: u64 = 512;
    let known = OTHER_COMPRESSIONS
        .iter()
        .find(|(_, magic)| first_bytes.starts_with(magic));
    match known {
        Some((name, _))
            if why.reason() == Reason::NotATar
                && why.uncompressed_offset() <= FIRST_BLOCK_BYTES =>
        {
            NotIndexable::new(
                Reason::UnsupportedCompression,
                0,
                format!("compressed with {name}"),
            )
        }
        _ => why,
    }
}

impl GzipWalk {
    fn new(options: &BuildOptions) -> GzipWalk {
        GzipWalk {
            stream: GzipStream::from_start(),
            checkpoints: Checkpoints::new(options.span_size.bytes()),
            self_check: SelfCheck::new(),
            last_checkpoint: 0,
            passed: Vec::new(),
        }
    }

    fn walk(
        &mut self,
        bytes: &[u8],
        starts: &mut Vec<SpanStart>,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let mut input = bytes;
        loop {
            let step = self.stream.advance(&mut input)?;
            if step.is_idle() && input.is_empty() {
                break;
            }
            let boundary = step.boundary;
            push_content(content, step.output)?;
            if boundary.is_some() || self.stream.is_history_full() {
                self.check_ratio(options)?;
            }
            if let Some(boundary) = boundary {
                self.at_boundary(boundary, content, options)?;
            }
            self.check_memory(content, options)?;
        }
        if content.is_ok() {
            self.self_check
                .push(bytes, &self.passed, &self.checkpoints)?;
        } else if !self.checkpoints.is_empty() {
            self.checkpoints = Checkpoints::new(options.span_size.bytes());
        }
        starts.extend(self.passed.drain(..).map(|passed| passed.start));
        Ok(())
    }

    /// Takes a checkpoint where the rule of the format wants one: at the first boundary, and
    /// wherever more than a span has been decoded since the last. (soci-snapshotter takes one
    /// at *every* boundary before the first byte, and its reader then refuses the zTOC.)
    fn at_boundary(
        &mut self,
        boundary: Boundary,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let bits = match boundary {
            Boundary::Block { bits } => bits,
            Boundary::Member { count, long_text } => {
                self.judge_member(count, long_text, content, options);
                0
            }
        };
        if content.is_err() {
            return Ok(());
        }
        let uncompressed_offset = self.stream.uncompressed_offset();
        if !self.checkpoints.is_empty()
            && uncompressed_offset - self.last_checkpoint <= options.span_size.bytes()
        {
            return Ok(());
        }
        limits::check(
            "spans",
            self.checkpoints.len() as u64 + 1,
            options.limits.spans as u64,
        )?;
        let compressed_offset = self.stream.compressed_offset();
        self.checkpoints.push(
            compressed_offset,
            uncompressed_offset,
            bits,
            self.stream.window(),
        );
        let first_byte = compressed_offset - u64::from(bits > 0);
        self.last_checkpoint = uncompressed_offset;
        self.passed.push(Passed {
            start: SpanStart {
                first_byte,
                previous_end: compressed_offset,
            },
            before: SpanContent {
                crc: self.stream.take_crc(),
                uncompressed_end: uncompressed_offset,
            },
        });
        Ok(())
    }

    fn judge_member(
        &mut self,
        count: u64,
        long_text: bool,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) {
        let refusal = if count > 1 && options.multi_member == MultiMember::Skip {
            (
                Reason::MultiMemberGzip,
                "the layer has more than one gzip member",
            )
        } else if long_text {
            (
                Reason::UnsupportedCompression,
                "the gzip header has a text of 512 bytes or more, which consumers refuse",
            )
        } else {
            return;
        };
        if content.is_ok() {
            *content = Err(NotIndexable::new(
                refusal.0,
                self.stream.uncompressed_offset(),
                refusal.1,
            ));
        }
    }

    /// Judged where blocks end, and not whenever input runs out: else the verdict would depend on how the layer is cut.
    fn check_ratio(&self, options: &BuildOptions) -> Result<(), BuildError> {
        let ratio = options.limits.inflate_ratio;
        let most = self
            .stream
            .compressed_offset()
            .saturating_mul(ratio)
            .saturating_add(RATIO_GRACE_BYTES);
        if self.stream.uncompressed_offset() > most {
            return Err(limits::LimitExceeded {
                what: "uncompressed bytes per compressed byte",
                limit: ratio,
            }
            .into());
        }
        Ok(())
    }

    fn check_memory(
        &self,
        content: &Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let entries = content.as_ref().map_or(0, TarParser::memory_bytes);
        let memory_bytes = (self.checkpoints.memory_bytes() + entries) as u64;
        Ok(limits::check(
            "bytes of memory",
            memory_bytes,
            options.limits.memory_bytes as u64,
        )?)
    }

    fn finish(
        mut self,
        indexable: bool,
        options: &BuildOptions,
    ) -> Result<Checkpoints, BuildError> {
        self.stream.finish()?;
        self.check_ratio(options)?;
        if indexable {
            let last = SpanContent {
                crc: self.stream.take_crc(),
                uncompressed_end: self.stream.uncompressed_offset(),
            };
            self.self_check.finish(&last, &self.checkpoints)?;
        }
        Ok(self.checkpoints)
    }
}
