//! From code lengths (RFC 1951 §3.2.2) to tables in which the next bits are looked up.
//!
//! A table has one entry ([`crate::entry`]) for each value that the next [`LITERAL_BITS`] or [`DISTANCE_BITS`] bits can have. Codes longer than
//! a table are so rare that they are searched for ([`LongCodes`]); second tables would have to be made for each block.

use crate::code::{CodeSet, Lengths, LongCodes};
use crate::entry::{
    CODE_BIT, DISTANCE_SYMBOL_ENTRIES, DISTANCE_SYMBOLS, DistanceEntry, END_OF_BLOCK, EVEN_BITS,
    KIND_INVALID, KIND_LONG, LITERAL_LENGTH_SYMBOLS, LITERAL_SYMBOLS, LiteralEntry, Meaning,
};
use crate::error::{Code, ErrorKind};

/// Bits that are looked up at once for a literal or a length.
pub(crate) const LITERAL_BITS: u32 = 11;
pub(crate) const LITERAL_ENTRIES: usize = 1 << LITERAL_BITS;

/// Bits that are looked up at once for a distance.
pub(crate) const DISTANCE_BITS: u32 = 9;

pub(crate) const DISTANCE_ENTRIES: usize = 1 << DISTANCE_BITS;

/// Symbols of the code for code lengths, and the bits that its longest code can have.
pub(crate) const CODE_LENGTH_SYMBOLS: usize = 19;
const CODE_LENGTH_BITS: u32 = 7;

/// Of 256 symbols so many are literals of [`EVEN_BITS`] bits, then a block is even.
const EVEN_LITERALS: usize = 192;

/// A code length's entry is the symbol, above the bits of its code.
const CODE_LENGTH_ENTRIES: [u32; CODE_LENGTH_SYMBOLS] = {
    let mut entries = [0; CODE_LENGTH_SYMBOLS];
    let mut symbol = 0;
    while symbol < entries.len() {
        entries[symbol] = (symbol as u32) << 16;
        symbol += 1;
    }
    entries
};

/// The two codes of a block.
pub(crate) struct Tables {
    pub(crate) literals: [u32; LITERAL_ENTRIES],
    pub(crate) distances: [u32; DISTANCE_ENTRIES],
    long_literals: LongCodes<LITERAL_LENGTH_SYMBOLS>,
    long_distances: LongCodes<DISTANCE_SYMBOLS>,
    /// Nearly all symbols are literals whose codes have [`EVEN_BITS`] bits, if they come as often as the codes' lengths tell.
    pub(crate) is_even: bool,
    is_fixed: bool,
}

impl Tables {
    pub(crate) fn new() -> Tables {
        Tables {
            literals: [0; LITERAL_ENTRIES],
            distances: [0; DISTANCE_ENTRIES],
            is_even: false,
            long_literals: LongCodes::NONE,
            long_distances: LongCodes::NONE,
            is_fixed: false,
        }
    }

    /// The codes of RFC 1951 §3.2.6.
    pub(crate) fn set_fixed(&mut self) {
        if self.is_fixed {
            return;
        }
        let mut lengths = [8; LITERAL_LENGTH_SYMBOLS];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        let set = self.set(&lengths, &[5; DISTANCE_SYMBOLS]);
        debug_assert_eq!(set, Ok(()), "the fixed codes are complete");
        self.is_fixed = true;
    }

    /// A dynamic block's codes, by their lengths.
    pub(crate) fn set(
        &mut self,
        literal_lengths: &[u8],
        distances: &[u8],
    ) -> Result<(), ErrorKind> {
        self.is_fixed = false;
        let code = Code::LiteralLength;
        let lengths = Lengths::new(literal_lengths);
        let set = CodeSet {
            entries: &LITERAL_SYMBOLS,
            long: LiteralEntry::other(KIND_LONG).0,
            none: LiteralEntry::other(KIND_INVALID).0,
        };
        lengths.check(code)?;
        self.is_even = is_even(literal_lengths);
        set.fill(&lengths, &mut self.literals);
        self.long_literals.set(&lengths);

        let lengths = Lengths::new(distances);
        let set = CodeSet {
            entries: &DISTANCE_SYMBOL_ENTRIES,
            long: DistanceEntry::other(KIND_LONG).0,
            none: DistanceEntry::other(KIND_INVALID).0,
        };
        lengths.check(Code::Distance)?;
        set.fill(&lengths, &mut self.distances);
        self.long_distances.set(&lengths);
        Ok(())
    }

    /// The entry for the literal/length code that comes next, as the table has it.
    #[inline(always)]
    pub(crate) fn first_literal(&self, bits: u64) -> LiteralEntry {
        LiteralEntry(self.literals[bits as usize & (LITERAL_ENTRIES - 1)])
    }

    /// The entry for the literal/length code that comes next, never [`Meaning::Long`].
    pub(crate) fn literal(&self, bits: u64) -> LiteralEntry {
        let entry = self.first_literal(bits);
        if entry.meaning() != Meaning::Long {
            return entry;
        }
        let (symbol, code_bits) = self.long_literals.find(bits);
        LiteralEntry(LITERAL_SYMBOLS[symbol] + code_bits * CODE_BIT)
    }

    /// The entry for the distance code that comes next, as the table has it.
    #[inline(always)]
    pub(crate) fn first_distance(&self, bits: u64) -> DistanceEntry {
        DistanceEntry(self.distances[bits as usize & (DISTANCE_ENTRIES - 1)])
    }

    /// The entry for the distance code that comes next.
    pub(crate) fn distance(&self, bits: u64) -> DistanceEntry {
        let entry = self.first_distance(bits);
        if !entry.is_long() {
            return entry;
        }
        let (symbol, code_bits) = self.long_distances.find(bits);
        DistanceEntry(DISTANCE_SYMBOL_ENTRIES[symbol] + code_bits * CODE_BIT)
    }
}

fn is_even(literal_lengths: &[u8]) -> bool {
    let literals = literal_lengths[..END_OF_BLOCK].iter();
    let even = literals.filter(|bits| u32::from(**bits) == EVEN_BITS);
    even.count() >= EVEN_LITERALS
}

/// The code in which a dynamic block's code lengths are written.
pub(crate) struct CodeLengthTable {
    entries: [u32; 1 << CODE_LENGTH_BITS],
}

impl CodeLengthTable {
    pub(crate) fn new() -> CodeLengthTable {
        CodeLengthTable {
            entries: [0; 1 << CODE_LENGTH_BITS],
        }
    }

    pub(crate) fn set(&mut self, lengths: &[u8; CODE_LENGTH_SYMBOLS]) -> Result<(), ErrorKind> {
        let set = CodeSet {
            entries: &CODE_LENGTH_ENTRIES,
            long: 0,
            // Without any code zlib reads each bit as a code length of zero, and finds that the block cannot end.
            none: CODE_LENGTH_ENTRIES[0],
        };
        let lengths = Lengths::new(lengths);
        lengths.check(Code::CodeLength)?;
        set.fill(&lengths, &mut self.entries);
        Ok(())
    }

    /// The symbol that comes next, and the bits of its code.
    #[inline]
    pub(crate) fn next(&self, bits: u64) -> (u32, u32) {
        let entry = self.entries[bits as usize & ((1 << CODE_LENGTH_BITS) - 1)];
        (entry >> 16, entry & 63)
    }
}
