//! A gzip layer as a stream of decoded pieces with the boundaries between deflate blocks.
//!
//! A layer is one or more members, one behind the other, and perhaps trailing bytes that belong to
//! none. The stream goes through them once. [`soci_inflate`] decodes what is in them and keeps the window.

use crc32fast::Hasher;
use soci_inflate::{Event, Inflater};

use super::header::{HeaderError, HeaderParser, MEMBER_MAGIC};
use crate::checkpoints::Checkpoint;
use crate::error::{Damage, DamageKind};

/// CRC-32 and length behind a member (RFC 1952 §2.3.1).
const TRAILER_BYTES: usize = 8;

/// Where a stream stands between two pieces of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Right behind a member's header.
    Member {
        /// Number of members begun, this one included.
        count: u64,
        /// The header has a text that consumers refuse.
        long_text: bool,
    },
    /// Right behind a deflate block that is not its member's last.
    Block {
        /// How many bits (0–7) of the last consumed byte belong to the next block.
        bits: u8,
    },
}

/// What one call of [`GzipStream::advance`] gave.
pub(crate) struct Step<'a> {
    /// Bytes decoded.
    pub(crate) output: &'a [u8],
    /// The boundary behind `output`, if there is one.
    pub(crate) boundary: Option<Boundary>,
}

impl Step<'_> {
    /// Nothing came out. With no input left this means that more is needed.
    pub(crate) fn is_idle(&self) -> bool {
        self.output.is_empty() && self.boundary.is_none()
    }
}

enum State {
    Header(HeaderParser),
    Body,
    Trailer {
        bytes: [u8; TRAILER_BYTES],
        have: usize,
    },
    /// Before the first member or behind one; so many bytes that follow look like the magic number
    /// of another one.
    Between {
        matched: usize,
    },
    /// Behind the last member.
    Trailing,
}

/// The decoder; see the module's documentation.
pub(crate) struct GzipStream {
    state: State,
    inflater: Inflater,
    /// Where the inflater's stream begins.
    deflate_start: u64,
    compressed_offset: u64,
    uncompressed_offset: u64,
    members: u64,
    /// The current member's checksum and where it began; `None` when decoding began in the middle
    /// of it.
    member: Option<Member>,
    /// CRC-32 of the output since [`GzipStream::take_crc`], without `piece`.
    recent: Hasher,
    /// CRC-32 of the output that is in neither `member` nor `recent` yet: each byte is summed
    /// once, the sums are combined.
    piece: Hasher,
}

struct Member {
    crc: Hasher,
    uncompressed_start: u64,
}

impl GzipStream {
    /// At the first byte of a layer that begins with [`MEMBER_MAGIC`].
    pub(crate) fn from_start() -> GzipStream {
        GzipStream::new(State::Between { matched: 0 }, Inflater::new(), 0, 0)
    }

    /// At a checkpoint: the next byte pushed is its first compressed byte.
    pub(crate) fn from_checkpoint(checkpoint: &Checkpoint<'_>) -> GzipStream {
        let &Checkpoint {
            uncompressed_offset,
            bits,
            window,
            ..
        } = checkpoint;
        GzipStream::new(
            State::Body,
            Inflater::at_checkpoint(bits, window),
            checkpoint.first_compressed_byte(),
            uncompressed_offset,
        )
    }

    fn new(
        state: State,
        inflater: Inflater,
        compressed_offset: u64,
        uncompressed_offset: u64,
    ) -> GzipStream {
        GzipStream {
            state,
            inflater,
            deflate_start: compressed_offset,
            compressed_offset,
            uncompressed_offset,
            members: 0,
            member: None,
            recent: Hasher::new(),
            piece: Hasher::new(),
        }
    }

    /// Bytes of the layer consumed so far, from its start.
    pub(crate) fn compressed_offset(&self) -> u64 {
        self.compressed_offset
    }

    /// Bytes decoded so far, from the layer's start.
    pub(crate) fn uncompressed_offset(&self) -> u64 {
        self.uncompressed_offset
    }

    /// The 32 KiB decoded last; zeros where there was nothing yet.
    pub(crate) fn window(&self) -> &[u8] {
        self.inflater.window()
    }

    /// The last so many bytes decoded, at most as many as the last step gave.
    pub(crate) fn last_output(&self, bytes: usize) -> &[u8] {
        self.inflater.last_output(bytes)
    }

    /// Whether the history is full: at offsets of the output that do not depend on how the input is cut.
    pub(crate) fn is_history_full(&self) -> bool {
        self.inflater.is_history_full()
    }

    /// CRC-32 of all output since the last call.
    pub(crate) fn take_crc(&mut self) -> Hasher {
        self.settle_crc();
        std::mem::take(&mut self.recent)
    }

    fn settle_crc(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        self.recent.combine(&piece);
        if let Some(member) = &mut self.member {
            member.crc.combine(&piece);
        }
    }

    /// Decodes the next piece: consumes from the front of `input`, and stops behind every boundary
    /// and whenever the history is full. With an empty `input` and an idle answer, more input
    /// is needed.
    pub(crate) fn advance(&mut self, input: &mut &[u8]) -> Result<Step<'_>, Damage> {
        loop {
            match &mut self.state {
                State::Body => return self.inflate(input),
                _ if input.is_empty() => {
                    return Ok(Step {
                        output: &[],
                        boundary: None,
                    });
                }
                State::Header(_) => {
                    if let Some(boundary) = self.read_header(input)? {
                        return Ok(Step {
                            output: &[],
                            boundary: Some(boundary),
                        });
                    }
                }
                State::Trailer { .. } => self.read_trailer(input)?,
                State::Between { matched } => {
                    if input[0] != MEMBER_MAGIC[*matched] {
                        self.state = State::Trailing;
                    } else if *matched + 1 < MEMBER_MAGIC.len() {
                        *matched += 1;
                        self.consume(input, 1);
                    } else {
                        self.consume(input, 1);
                        self.state = State::Header(HeaderParser::behind_magic());
                    }
                }
                State::Trailing => self.consume(input, input.len()),
            }
        }
    }

    /// Decodes all of `input`, only for the offsets and the checksum.
    pub(crate) fn decode_all(&mut self, input: &mut &[u8]) -> Result<(), Damage> {
        loop {
            if self.advance(input)?.is_idle() && input.is_empty() {
                return Ok(());
            }
        }
    }

    /// Tells whether the layer may end here.
    pub(crate) fn finish(&self) -> Result<(), Damage> {
        let within = match self.state {
            State::Header(_) => "a gzip header",
            State::Body => "deflate data",
            State::Trailer { .. } => "a gzip trailer",
            State::Between { .. } | State::Trailing => return Ok(()),
        };
        Err(self.damage(DamageKind::Truncated { within }))
    }

    fn consume(&mut self, input: &mut &[u8], bytes: usize) {
        *input = &input[bytes..];
        self.compressed_offset += bytes as u64;
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Boundary>, Damage> {
        let State::Header(parser) = &mut self.state else {
            return Ok(None);
        };
        let pushed = parser.push(input);
        let (done, long_text) = (parser.is_done(), parser.has_long_text());
        let (bytes, error) = match pushed {
            Ok(bytes) => (bytes, None),
            Err((bytes, error)) => (bytes, Some(error)),
        };
        self.consume(input, bytes);
        if let Some(error) = error {
            return Err(self.header_damage(error));
        }
        if !done {
            return Ok(None);
        }
        self.member = Some(Member {
            crc: Hasher::new(),
            uncompressed_start: self.uncompressed_offset,
        });
        self.inflater.reset();
        self.deflate_start = self.compressed_offset;
        self.members += 1;
        self.state = State::Body;
        Ok(Some(Boundary::Member {
            count: self.members,
            long_text,
        }))
    }

    fn inflate(&mut self, input: &mut &[u8]) -> Result<Step<'_>, Damage> {
        let before = input.len();
        let step = match self.inflater.advance(input) {
            Ok(step) => step,
            Err(error) => {
                return Err(Damage {
                    kind: DamageKind::Deflate {
                        reason: error.kind.reason(),
                    },
                    compressed_offset: self.deflate_start + error.bit_offset / 8,
                    uncompressed_offset: self.uncompressed_offset,
                });
            }
        };
        self.compressed_offset += (before - input.len()) as u64;
        self.uncompressed_offset += step.output.len() as u64;
        self.piece.update(step.output);
        let boundary = match step.event {
            None => None,
            Some(Event::BlockEnd { unused_bits, .. }) => {
                Some(Boundary::Block { bits: unused_bits })
            }
            Some(Event::StreamEnd { .. }) => {
                self.state = State::Trailer {
                    bytes: [0; TRAILER_BYTES],
                    have: 0,
                };
                None
            }
        };
        Ok(Step {
            output: step.output,
            boundary,
        })
    }

    fn read_trailer(&mut self, input: &mut &[u8]) -> Result<(), Damage> {
        let State::Trailer { bytes, have } = &mut self.state else {
            return Ok(());
        };
        let take = input.len().min(TRAILER_BYTES - *have);
        bytes[*have..*have + take].copy_from_slice(&input[..take]);
        *have += take;
        let complete = *have == TRAILER_BYTES;
        let [c0, c1, c2, c3, l0, l1, l2, l3] = *bytes;
        self.consume(input, take);
        if complete {
            self.check_trailer(
                u32::from_le_bytes([c0, c1, c2, c3]),
                u32::from_le_bytes([l0, l1, l2, l3]),
            )?;
            self.state = State::Between { matched: 0 };
        }
        Ok(())
    }

    fn check_trailer(&mut self, crc: u32, length: u32) -> Result<(), Damage> {
        self.settle_crc();
        let Some(member) = self.member.take() else {
            return Ok(());
        };
        let expected_length = (self.uncompressed_offset - member.uncompressed_start) as u32;
        let expected_crc = member.crc.finalize();
        if crc != expected_crc {
            return Err(self.damage(DamageKind::Crc32 {
                expected: expected_crc,
                found: crc,
            }));
        }
        if length != expected_length {
            return Err(self.damage(DamageKind::Length {
                expected: expected_length,
                found: length,
            }));
        }
        Ok(())
    }

    fn header_damage(&self, error: HeaderError) -> Damage {
        self.damage(match error {
            HeaderError::ReservedFlags { flags } => DamageKind::ReservedFlags { flags },
            HeaderError::Checksum { expected, found } => {
                DamageKind::HeaderChecksum { expected, found }
            }
        })
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage {
            kind,
            compressed_offset: self.compressed_offset,
            uncompressed_offset: self.uncompressed_offset,
        }
    }
}
