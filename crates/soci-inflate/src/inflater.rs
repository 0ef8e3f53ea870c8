//! The decoder: a stream's parts as states, one function each.
//!
//! Every function takes its part as a whole or leaves its bits where they are; so input may end anywhere, and what comes out never
//! depends on where it did.

use alloc::boxed::Box;

use crate::WINDOW_BYTES;
use crate::bits::{BitReader, Bits};
use crate::dispatch;
use crate::entry::Meaning;
use crate::error::{Error, ErrorKind};
use crate::header::{DynamicHeader, Progress};
use crate::history::History;
use crate::step::{Event, Step};
use crate::tables::Tables;

/// A DEFLATE stream being decoded; see [the crate's documentation](crate).
pub struct Inflater {
    state: State,
    /// The block that is being decoded is the last one.
    is_last: bool,
    bits: Bits,
    consumed_bytes: u64,
    output_bytes: u64,
    history: History,
    header: Box<DynamicHeader>,
    tables: Box<Tables>,
    /// [`dispatch::decode`]; in tests also what processors have that are not this one.
    decode: Decode,
}

/// A fast loop.
type Decode = fn(&Tables, &mut History, &mut BitReader<'_>);

/// Bits of the longest literal/length code with its extra bits, and of the longest distance code with its.
const MOST_SYMBOL_BITS: u32 = (15 + 5) + (15 + 13);

/// What comes next.
#[derive(Clone, Copy)]
enum State {
    /// A byte of which only so many upper bits belong to this stream.
    SharedByte {
        bits: u32,
    },
    BlockHeader,
    StoredLength,
    Stored {
        left_bytes: usize,
    },
    DynamicHeader,
    Symbols,
    End,
    Failed(Error),
}

/// Why the states are left.
enum Pause {
    /// All input is consumed.
    InputEnd,
    /// The history is full.
    HistoryFull,
    /// The stream has ended.
    StreamEnd,
    /// A block ended.
    BlockEnd,
}

/// What [`Inflater::symbol`] did.
enum Symbol {
    Decoded,
    /// Its bits have not all arrived.
    Incomplete,
    EndOfBlock,
}

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater::new()
    }
}

impl Inflater {
    /// At the first bit of a stream. Allocates all the memory that it ever has, less than 300 KiB.
    #[must_use]
    pub fn new() -> Inflater {
        Inflater {
            state: State::BlockHeader,
            is_last: false,
            bits: Bits::default(),
            consumed_bytes: 0,
            output_bytes: 0,
            history: History::new(),
            header: Box::new(DynamicHeader::new()),
            tables: Box::new(Tables::new()),
            decode: dispatch::decode,
        }
    }

    /// At a checkpoint: a block begins with the upper `bits` (0–7) bits of the first byte pushed, for 0 with the first bit of it, and
    /// matches may refer to `window`, all of it.
    #[must_use]
    pub fn at_checkpoint(bits: u8, window: &[u8; WINDOW_BYTES]) -> Inflater {
        let mut inflater = Inflater::new();
        inflater.history.set_window(window);
        let bits = u32::from(bits & 7);
        if bits > 0 {
            inflater.state = State::SharedByte { bits };
        }
        inflater
    }

    /// Back to the first bit of a stream. The [window](Self::window) stays, though nothing in the stream can refer to it; offsets begin
    /// at zero again.
    pub fn reset(&mut self) {
        self.state = State::BlockHeader;
        self.bits = Bits::default();
        self.consumed_bytes = 0;
        self.output_bytes = 0;
        self.history.forget();
    }

    /// The 32 KiB decoded last, as far as it was not so much with those that a checkpoint brought, or else zeros, before them.
    #[must_use]
    pub fn window(&self) -> &[u8; WINDOW_BYTES] {
        let window = self.history.last(WINDOW_BYTES).first_chunk();
        window.expect("the history never has less than a window")
    }

    /// The last so many bytes decoded, at most as many as the last step gave.
    #[must_use]
    pub fn last_output(&self, bytes: usize) -> &[u8] {
        self.history.last(bytes)
    }

    /// Whether the last step ended because the history is full. The places at which that happens are the stream's, however it is cut.
    #[must_use]
    pub fn is_history_full(&self) -> bool {
        self.history.is_full()
    }

    /// Bits decoded, from the first bit of the first byte pushed; so many are consumed, and at most seven more.
    #[must_use]
    pub fn bit_offset(&self) -> u64 {
        8 * self.consumed_bytes - u64::from(self.bits.count)
    }

    /// Decodes from the front of `input` and removes what it consumes from there, until
    /// - a block ends, the last one included: the step has an event;
    /// - about 220 KiB have come out since the history slid: the step has no event, and there may be input left;
    /// - all input is consumed: more is needed, unless the step has an event.
    ///
    /// As long as there is input, each call consumes some of it or gives some output. Without input a call may still give what the
    /// input so far makes; when such a step is [idle](Step::is_idle), more input is needed. If no more comes, the stream is truncated.
    /// Behind [`Event::StreamEnd`] calls give idle steps and consume nothing. Cutting the input differently changes where the output
    /// is cut, and nothing else.
    ///
    /// # Errors
    /// [`Error`] when the stream is invalid: everything before the place has been given by earlier calls, and all later calls give the
    /// same error. How much input is consumed then does not matter, and is not told.
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<Step<'_>, Error> {
        if self.history.is_full() {
            self.history.slide();
        }
        let start = self.history.filled;
        let mut reader = BitReader::new(self.bits, input);
        let paused = self.run(&mut reader);
        if !matches!(paused, Ok(Pause::InputEnd)) {
            reader.give_back();
        }
        self.bits = reader.bits();
        self.consumed_bytes += reader.position as u64;
        *input = &input[reader.position..];
        self.output_bytes += (self.history.filled - start) as u64;
        let event = match paused {
            Ok(Pause::BlockEnd) => Some(self.end_block()),
            Ok(Pause::InputEnd | Pause::HistoryFull | Pause::StreamEnd) => None,
            Err(kind) => {
                let error = self.fail(kind);
                if self.history.filled == start {
                    return Err(error);
                }
                None
            }
        };
        let output = &self.history.bytes[start..self.history.filled];
        Ok(Step { output, event })
    }

    /// Goes from state to state until there is a reason to return.
    fn run(&mut self, reader: &mut BitReader<'_>) -> Result<Pause, ErrorKind> {
        loop {
            let pause = match self.state {
                State::SharedByte { bits } => self.shared_byte(reader, bits),
                State::BlockHeader => self.block_header(reader)?,
                State::StoredLength => self.stored_length(reader)?,
                State::Stored { left_bytes } => Some(self.stored(reader, left_bytes)),
                State::DynamicHeader => match self.header.read(reader, &mut self.tables)? {
                    Progress::Incomplete => Some(Pause::InputEnd),
                    Progress::Done => {
                        self.state = State::Symbols;
                        None
                    }
                },
                State::Symbols => Some(self.symbols(reader)?),
                State::End => Some(Pause::StreamEnd),
                State::Failed(error) => return Err(error.kind),
            };
            if let Some(pause) = pause {
                return Ok(pause);
            }
        }
    }

    fn shared_byte(&mut self, reader: &mut BitReader<'_>, bits: u32) -> Option<Pause> {
        if !reader.need(8) {
            return Some(Pause::InputEnd);
        }
        reader.drop(8 - bits);
        self.state = State::BlockHeader;
        None
    }

    fn block_header(&mut self, reader: &mut BitReader<'_>) -> Result<Option<Pause>, ErrorKind> {
        if !reader.need(3) {
            return Ok(Some(Pause::InputEnd));
        }
        let header = reader.peek(3);
        self.state = match header >> 1 {
            0 => State::StoredLength,
            1 => {
                self.tables.set_fixed();
                State::Symbols
            }
            2 => {
                self.header.begin();
                State::DynamicHeader
            }
            _ => return Err(ErrorKind::BlockType),
        };
        self.is_last = header & 1 == 1;
        reader.drop(3);
        if matches!(self.state, State::StoredLength) {
            reader.align();
        }
        Ok(None)
    }

    fn stored_length(&mut self, reader: &mut BitReader<'_>) -> Result<Option<Pause>, ErrorKind> {
        if !reader.need(32) {
            return Ok(Some(Pause::InputEnd));
        }
        let (length, complement) = (reader.buffer as u16, (reader.buffer >> 16) as u16);
        if length != !complement {
            return Err(ErrorKind::StoredLength { length, complement });
        }
        reader.drop(32);
        reader.give_back();
        self.state = State::Stored {
            left_bytes: usize::from(length),
        };
        Ok(None)
    }

    fn stored(&mut self, reader: &mut BitReader<'_>, left_bytes: usize) -> Pause {
        let bytes = reader.take_bytes(left_bytes.min(self.history.room()));
        self.history.extend(bytes);
        let left_bytes = left_bytes - bytes.len();
        self.state = State::Stored { left_bytes };
        if left_bytes == 0 {
            Pause::BlockEnd
        } else if self.history.is_full() {
            Pause::HistoryFull
        } else {
            Pause::InputEnd
        }
    }

    fn symbols(&mut self, reader: &mut BitReader<'_>) -> Result<Pause, ErrorKind> {
        loop {
            (self.decode)(&self.tables, &mut self.history, reader);
            if self.history.is_full() {
                return Ok(Pause::HistoryFull);
            }
            match self.symbol(reader)? {
                Symbol::Decoded => {}
                Symbol::Incomplete => return Ok(Pause::InputEnd),
                Symbol::EndOfBlock => return Ok(Pause::BlockEnd),
            }
        }
    }

    /// Decodes one symbol of any kind, if all its bits are there.
    fn symbol(&mut self, reader: &mut BitReader<'_>) -> Result<Symbol, ErrorKind> {
        reader.need(MOST_SYMBOL_BITS);
        let bits = reader.buffer;
        let entry = self.tables.literal(bits);
        if entry.all_bits() > reader.count {
            return Ok(Symbol::Incomplete);
        }
        match entry.meaning() {
            Meaning::Literal(byte) => self.history.push(byte),
            Meaning::EndOfBlock => {
                reader.drop(entry.all_bits());
                return Ok(Symbol::EndOfBlock);
            }
            Meaning::Length => {
                let behind = bits >> entry.all_bits();
                let distance = self.tables.distance(behind);
                if entry.all_bits() + distance.all_bits() > reader.count {
                    return Ok(Symbol::Incomplete);
                }
                if distance.is_invalid() {
                    return Err(ErrorKind::DistanceCode);
                }
                self.copy_match(distance.distance(behind), entry.length(bits))?;
                reader.drop(distance.all_bits());
            }
            Meaning::Long | Meaning::Invalid => return Err(ErrorKind::LiteralLengthCode),
        }
        reader.drop(entry.all_bits());
        Ok(Symbol::Decoded)
    }

    fn copy_match(&mut self, distance: usize, length: usize) -> Result<(), ErrorKind> {
        let available = self.history.reach();
        if distance > available {
            return Err(ErrorKind::DistanceTooFar {
                distance: distance as u16,
                available: available as u16,
            });
        }
        self.history.copy_match(distance, length);
        Ok(())
    }

    /// Behind a block, whole bytes being back in the input.
    fn end_block(&mut self) -> Event {
        let bit_offset = self.bit_offset();
        debug_assert!(
            self.bits.count < 8,
            "a block ends in the last consumed byte"
        );
        if self.is_last {
            self.state = State::End;
            self.bits = Bits::default();
            return Event::StreamEnd { bit_offset };
        }
        self.state = State::BlockHeader;
        Event::BlockEnd {
            bit_offset,
            unused_bits: self.bits.count as u8,
        }
    }

    fn fail(&mut self, kind: ErrorKind) -> Error {
        let error = match self.state {
            State::Failed(error) => error,
            _ => Error {
                kind,
                bit_offset: self.bit_offset(),
                output_bytes: self.output_bytes,
            },
        };
        self.state = State::Failed(error);
        error
    }
}

#[cfg(test)]
mod tests;
