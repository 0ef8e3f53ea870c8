//! Deflate streams written block by block, so that a test decides where block boundaries fall.
//!
//! Compressors choose their own blocks; checkpoints can only be where blocks begin. [`Blocks`] writes stored, fixed and
//! dynamic blocks (RFC 1951) of any length, empty ones included, as literals and matches that the caller names.

/// One step of a compressed block.
#[derive(Clone, Copy, Debug)]
pub enum Symbol {
    /// A byte as it is.
    Literal(u8),
    /// A copy of exactly 258 bytes, the longest there is, from `distance` 1 to 4 bytes back.
    Run {
        /// How far back the copy begins: 1 to 4, the distances without extra bits.
        distance: u16,
    },
}

/// Bytes that one [`Symbol::Run`] stands for.
pub const RUN_BYTES: usize = 258;

/// A deflate stream under construction.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    out: Vec<u8>,
    bits: u64,
    held: u32,
}

impl Blocks {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stored block of at most 65,535 bytes.
    ///
    /// # Panics
    /// When the data is longer than a stored block can say.
    pub fn stored(mut self, data: &[u8], last: bool) -> Self {
        let len = u16::try_from(data.len()).expect("a stored block holds at most 65,535 bytes");
        self.block_header(0, last);
        self.align();
        self.out.extend_from_slice(&len.to_le_bytes());
        self.out.extend_from_slice(&(!len).to_le_bytes());
        self.out.extend_from_slice(data);
        self
    }

    /// Any amount of data as stored blocks of at most `piece` bytes; the last one ends the stream when `last` is set.
    pub fn stored_all(mut self, data: &[u8], piece: usize, last: bool) -> Self {
        let mut pieces = data.chunks(piece).peekable();
        while let Some(one) = pieces.next() {
            let ends = last && pieces.peek().is_none();
            self = self.stored(one, ends);
        }
        self
    }

    /// A block with the fixed codes.
    pub fn fixed(mut self, symbols: impl IntoIterator<Item = Symbol>, last: bool) -> Self {
        self.block_header(1, last);
        for symbol in symbols {
            match symbol {
                Symbol::Literal(byte) => self.fixed_code(u32::from(byte)),
                Symbol::Run { distance } => {
                    self.fixed_code(285);
                    self.code(u32::from(distance) - 1, 5);
                }
            }
        }
        self.fixed_code(256);
        self
    }

    /// A block with codes of its own: flat ones, 8 or 9 bits per literal, 4 or 5 per distance.
    pub fn dynamic(mut self, symbols: impl IntoIterator<Item = Symbol>, last: bool) -> Self {
        self.block_header(2, last);
        self.flat_tables();
        for symbol in symbols {
            match symbol {
                Symbol::Literal(byte) => self.flat_literal(u32::from(byte)),
                Symbol::Run { distance } => {
                    self.flat_literal(285);
                    self.flat_distance(u32::from(distance) - 1);
                }
            }
        }
        self.flat_literal(256);
        self
    }

    /// The finished stream, its last byte filled with zero bits.
    pub fn finish(mut self) -> Vec<u8> {
        self.align();
        self.out
    }

    fn block_header(&mut self, kind: u32, last: bool) {
        self.put(u32::from(last), 1);
        self.put(kind, 2);
    }

    /// RFC 1951 3.2.6.
    fn fixed_code(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// Code lengths for all 286 literals and 30 distances, sent one by one. 226 codes of 8 bits and 60 of 9 fill the code
    /// space exactly, so do 2 distances of 4 bits and 28 of 5; the four lengths themselves take 2 bits each.
    fn flat_tables(&mut self) {
        /// The order in which RFC 1951 3.2.7 sends the lengths of the code length codes.
        const ORDER: [u8; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        const USED: [u8; 4] = [4, 5, 8, 9];
        self.put(286 - 257, 5);
        self.put(30 - 1, 5);
        self.put(19 - 4, 4);
        for length in ORDER {
            self.put(if USED.contains(&length) { 2 } else { 0 }, 3);
        }
        let sent = |length: u8| {
            USED.iter()
                .position(|&u| u == length)
                .map_or(0, |at| at as u32)
        };
        for symbol in 0..286 {
            self.code(sent(if symbol < 226 { 8 } else { 9 }), 2);
        }
        for symbol in 0..30 {
            self.code(sent(if symbol < 2 { 4 } else { 5 }), 2);
        }
    }

    fn flat_literal(&mut self, symbol: u32) {
        if symbol < 226 {
            self.code(symbol, 8);
        } else {
            self.code(2 * 226 + symbol - 226, 9);
        }
    }

    fn flat_distance(&mut self, symbol: u32) {
        if symbol < 2 {
            self.code(symbol, 4);
        } else {
            self.code(2 * 2 + symbol - 2, 5);
        }
    }

    /// A Huffman code goes in with its highest bit first, everything else with its lowest.
    fn code(&mut self, code: u32, len: u32) {
        self.put(code.reverse_bits() >> (32 - len), len);
    }

    fn put(&mut self, value: u32, len: u32) {
        self.bits |= u64::from(value) << self.held;
        self.held += len;
        while self.held >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.held -= 8;
        }
    }

    fn align(&mut self) {
        if self.held > 0 {
            self.out.push(self.bits as u8);
            self.bits = 0;
            self.held = 0;
        }
    }
}

/// Bytes as symbols, one literal each.
pub fn literals(data: &[u8]) -> impl Iterator<Item = Symbol> + '_ {
    data.iter().map(|&byte| Symbol::Literal(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{content, gzip};
    use std::io::Read;

    #[test]
    fn matches_flate2_for_every_block_kind() {
        let data = content::mixed(1, 100_000);
        let run = std::iter::repeat_n(Symbol::Run { distance: 1 }, 3);
        let stream = Blocks::new()
            .fixed([], false)
            .stored(&data[..1000], false)
            .fixed(literals(&data[1000..40_000]), false)
            .stored(&[], false)
            .dynamic(literals(&data[40_000..]).chain(run), true)
            .finish();
        let mut expected = data.clone();
        expected.resize(data.len() + 3 * RUN_BYTES, data[data.len() - 1]);
        let member = gzip::Member::deflated(stream, &expected).bytes();
        let mut got = Vec::new();
        flate2::read::GzDecoder::new(&member[..])
            .read_to_end(&mut got)
            .expect("test data is right");
        assert!(got == expected);
    }
}
