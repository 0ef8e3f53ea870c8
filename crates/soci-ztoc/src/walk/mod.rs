//! The walking stage: decodes the layer once, takes checkpoints, and reads the tar entries as they
//! pass.
//!
//! Nothing found wrong with the *content* stops the walk: a flipped bit also makes a strange
//! archive, and only the checksum behind it tells damage from oddity. So the walk goes on to the
//! layer's end, without keeping checkpoints, and damage wins.

mod gzip;

use self::gzip::GzipWalk;
use crate::error::{BuildError, Damage, DamageKind, NotIndexable, Reason};
use crate::gzip::MEMBER_MAGIC;
use crate::hash::{Passed, SpanStart};
use crate::limits;
use crate::model::{FileMetadata, SpanTable};
use crate::options::BuildOptions;
use crate::self_check::SpanContent;
use crate::tar::{TarParser, push_content};

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

/// What the walking stage gives for a layer that can be indexed.
pub struct WalkedLayer {
    pub(crate) files: Vec<FileMetadata>,
    pub(crate) uncompressed_bytes: u64,
    pub(crate) spans: SpanTable,
    /// What the last span of a gzip layer holds.
    pub(crate) last_span: Option<SpanContent>,
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

    /// Walks over a piece of the layer. What it finds is for [`crate::LayerHasher`], with the same
    /// piece. After an error the walker is of no further use.
    ///
    /// # Errors
    /// Damage, or limits exceeded. That a layer cannot be indexed is no error:
    /// [`LayerWalker::finish`] tells it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Passed, BuildError> {
        let mut passed = Passed::default();
        let missing = FIRST_BYTES - self.first_bytes.len();
        self.first_bytes.extend(bytes.iter().take(missing));
        if matches!(self.format, Format::Unknown) {
            let seen = self.compressed_bytes as usize;
            self.sniff(seen, bytes, &mut passed)?;
        } else {
            self.walk(bytes, &mut passed)?;
        }
        if self.content.is_err() {
            passed.starts.clear();
            passed.is_refused = true;
        }
        Ok(passed)
    }

    /// Decides by the first bytes; until they are complete they are held back.
    fn sniff(
        &mut self,
        held_back: usize,
        bytes: &[u8],
        passed: &mut Passed,
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
        self.walk(&MEMBER_MAGIC[..held_back], passed)?;
        self.walk(bytes, passed)
    }

    fn walk(&mut self, bytes: &[u8], passed: &mut Passed) -> Result<(), BuildError> {
        match &mut self.format {
            Format::Unknown => {}
            Format::Gzip(gzip) => gzip.walk(bytes, passed, &mut self.content, &self.options)?,
            Format::Plain => {
                plain_starts(self.compressed_bytes, bytes.len(), &self.options, passed)?;
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
    /// Damage: it ends too early.
    pub fn finish(self) -> Result<Result<WalkedLayer, NotIndexable>, BuildError> {
        let LayerWalker {
            options,
            format,
            first_bytes,
            compressed_bytes,
            content,
        } = self;
        let mut is_plain = false;
        let mut last_span = None;
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
            Format::Gzip(gzip) => {
                let (checkpoints, last) = gzip.finish(&options)?;
                last_span = Some(last);
                SpanTable::Gzip(checkpoints)
            }
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
                last_span,
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
    passed: &mut Passed,
) -> Result<(), BuildError> {
    let span_bytes = options.span_size.bytes();
    let numbers = offset.div_ceil(span_bytes)..(offset + bytes as u64).div_ceil(span_bytes);
    limits::check("spans", numbers.end, options.limits.spans as u64)?;
    passed.starts.extend(numbers.map(|number| {
        let first_byte = number * span_bytes;
        SpanStart::plain(first_byte, first_byte)
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
