//! From code lengths (RFC 1951 §3.2.2) to tables in which the next bits are looked up.
//!
//! A table has one entry for each value that the next [`LITERAL_BITS`] or [`DISTANCE_BITS`] bits can have. An entry says all that
//! the fast loop needs, laid out so that it needs no test to tell a literal from a match:
//!
//! ```text
//!             31   30       22 21      14 13 12 11        8 7         0
//! literal    | 1  | 0         | byte     | 0   | code bits | code bits |
//! length     | 0  | base      | 0        | 0   | code bits | all bits  |   all bits: code and extra bits
//! other      | 0  | 511       | kind     | 0   | code bits | code bits |   see below
//!
//!             31          16 15    14 13 12 11        8 7         0
//! distance   | base         | 0      | 0   | code bits | all bits  |
//! other      | 0            | kind   | 0   | code bits | code bits |
//! ```
//! *Other* is the end of a block, a code that is longer than the table, and what is no code. To the fast loop they look like a match
//! that is too long, or nearer than it is long, and it leaves those to others. Codes longer than a table are so rare that they are
//! searched for ([`LongCodes`]); second tables would have to be made for each block.

use crate::error::{Code, Defect, ErrorKind};

/// Bits that are looked up at once for a literal or a length.
pub(crate) const LITERAL_BITS: u32 = 11;
pub(crate) const LITERAL_ENTRIES: usize = 1 << LITERAL_BITS;

/// Bits that are looked up at once for a distance.
pub(crate) const DISTANCE_BITS: u32 = 9;

pub(crate) const DISTANCE_ENTRIES: usize = 1 << DISTANCE_BITS;

/// Longest code (RFC 1951 §3.2.7).
const MOST_CODE_BITS: usize = 15;

/// Literal/length codes, and distance codes, that a dynamic block may have.
pub(crate) const MOST_LITERAL_LENGTHS: usize = 286;
pub(crate) const MOST_DISTANCES: usize = 30;

/// Symbols that the fixed codes have; the last two of each mean nothing (RFC 1951 §3.2.6).
const LITERAL_LENGTH_SYMBOLS: usize = 288;
const DISTANCE_SYMBOLS: usize = 32;

/// The end of a block.
pub(crate) const END_OF_BLOCK: usize = 256;

/// Symbols of the code for code lengths, and the bits that its longest code can have.
pub(crate) const CODE_LENGTH_SYMBOLS: usize = 19;
const CODE_LENGTH_BITS: u32 = 7;

/// One more bit of code, in an entry.
const CODE_BIT: u32 = 1 | 1 << CODE_SHIFT;

/// Where an entry has the bits of its code and its extra bits: a whole byte, of which a shift takes six bits by itself. With a mask of six
/// bits the compiler would mask before it shifts, and the shift would wait for that.
const ALL_BITS: u32 = 255;

/// Where an entry has the bits of its code. The two bits above are zero, since a shift takes six.
const CODE_SHIFT: u32 = 8;

/// Bits of code that nearly all literals have in what does not compress.
pub(crate) const EVEN_BITS: u32 = 8;

/// Of 256 symbols so many are literals of [`EVEN_BITS`] bits, then a block is even.
const EVEN_LITERALS: usize = 192;

/// What an entry is, if it is neither a literal nor a length.
const KIND_END: u32 = 1;
const KIND_LONG: u32 = 2;
const KIND_INVALID: u32 = 3;

/// A literal/length entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiteralEntry(pub(crate) u32);

/// A distance entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DistanceEntry(pub(crate) u32);

/// What [`LiteralEntry::meaning`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Literal(u8),
    Length,
    EndOfBlock,
    /// The code is longer than the table.
    Long,
    Invalid,
}

impl LiteralEntry {
    /// The base of *other* entries: longer than any match.
    const OTHER_LENGTH: u32 = 511;

    const LITERAL: u32 = 1 << 31;
    const LENGTH_SHIFT: u32 = 22;
    const BYTE_SHIFT: u32 = 14;

    const fn other(kind: u32) -> LiteralEntry {
        LiteralEntry(Self::OTHER_LENGTH << Self::LENGTH_SHIFT | kind << Self::BYTE_SHIFT)
    }

    /// Without its code.
    const fn of_symbol(symbol: usize) -> LiteralEntry {
        LiteralEntry(match symbol {
            0..END_OF_BLOCK => Self::LITERAL | (symbol as u32) << Self::BYTE_SHIFT,
            END_OF_BLOCK => Self::other(KIND_END).0,
            257..MOST_LITERAL_LENGTHS => {
                let (base, extra_bits) = LENGTHS[symbol - 257];
                (base as u32) << Self::LENGTH_SHIFT | extra_bits as u32
            }
            _ => Self::other(KIND_INVALID).0,
        })
    }

    #[inline(always)]
    pub(crate) fn is_literal(self) -> bool {
        (self.0 as i32) < 0
    }

    #[inline(always)]
    pub(crate) fn meaning(self) -> Meaning {
        if self.is_literal() {
            return Meaning::Literal(self.byte());
        }
        match u32::from(self.byte()) {
            0 => Meaning::Length,
            KIND_END => Meaning::EndOfBlock,
            KIND_LONG => Meaning::Long,
            _ => Meaning::Invalid,
        }
    }

    /// Bits of code and extra bits.
    #[inline(always)]
    pub(crate) fn all_bits(self) -> u32 {
        self.0 & ALL_BITS
    }

    /// What bits differ from those that every literal of [`EVEN_BITS`] bits has.
    #[inline(always)]
    pub(crate) fn unevenness(self) -> u32 {
        (self.0 ^ (Self::LITERAL | EVEN_BITS)) & (Self::LITERAL | ALL_BITS)
    }

    /// A literal's, rubbish for a length.
    #[inline(always)]
    pub(crate) fn byte(self) -> u8 {
        (self.0 >> Self::BYTE_SHIFT) as u8
    }

    /// 0 for a literal.
    #[inline(always)]
    pub(crate) fn length(self, bits: u64) -> usize {
        (self.0 >> Self::LENGTH_SHIFT & 511) as usize + extra(self.0, bits)
    }
}

impl DistanceEntry {
    /// A literal's distance: no bits; far enough for what is copied to have been written some time ago, and near enough to be in the
    /// fastest cache. What is copied is written over.
    pub(crate) const NULL: DistanceEntry = DistanceEntry(256 << 16);

    const KIND_SHIFT: u32 = 14;

    const fn other(kind: u32) -> DistanceEntry {
        DistanceEntry(kind << Self::KIND_SHIFT)
    }

    /// Without its code.
    const fn of_symbol(symbol: usize) -> DistanceEntry {
        DistanceEntry(match symbol {
            0..MOST_DISTANCES => {
                let (base, extra_bits) = DISTANCES[symbol];
                (base as u32) << 16 | extra_bits as u32
            }
            _ => Self::other(KIND_INVALID).0,
        })
    }

    /// The code is longer than the table.
    fn is_long(self) -> bool {
        self.0 >> Self::KIND_SHIFT == KIND_LONG
    }

    pub(crate) fn is_invalid(self) -> bool {
        self.0 >> Self::KIND_SHIFT == KIND_INVALID
    }

    /// Bits of code and extra bits.
    #[inline(always)]
    pub(crate) fn all_bits(self) -> u32 {
        self.0 & ALL_BITS
    }

    /// 0 for what is no distance.
    #[inline(always)]
    pub(crate) fn distance(self, bits: u64) -> usize {
        (self.0 >> 16) as usize + extra(self.0, bits)
    }
}

/// The value of the extra bits behind an entry's code.
#[inline(always)]
fn extra(entry: u32, bits: u64) -> usize {
    let all = bits as u32 & !(!0 << (entry & 31));
    all.wrapping_shr(entry >> CODE_SHIFT) as usize
}

/// Shortest length and number of extra bits, from symbol 257 on (RFC 1951 §3.2.5).
const LENGTHS: [(u16, u8); 29] = {
    let mut lengths = [(0, 0); 29];
    let mut symbol = 0;
    let mut base = 3;
    while symbol < 28 {
        let extra_bits = if symbol < 8 { 0 } else { (symbol - 4) / 4 };
        lengths[symbol] = (base, extra_bits as u8);
        base += 1 << extra_bits;
        symbol += 1;
    }
    // The last one would be 259 long.
    lengths[28] = (258, 0);
    lengths
};

/// Shortest distance and number of extra bits (RFC 1951 §3.2.5).
const DISTANCES: [(u16, u8); MOST_DISTANCES] = {
    let mut distances = [(0, 0); MOST_DISTANCES];
    let mut symbol = 0;
    let mut base = 1;
    while symbol < MOST_DISTANCES {
        let extra_bits = if symbol < 4 { 0 } else { (symbol - 2) / 2 };
        distances[symbol] = (base, extra_bits as u8);
        base += 1 << extra_bits;
        symbol += 1;
    }
    distances
};

const LITERAL_SYMBOLS: [u32; LITERAL_LENGTH_SYMBOLS] = {
    let mut entries = [0; LITERAL_LENGTH_SYMBOLS];
    let mut symbol = 0;
    while symbol < entries.len() {
        entries[symbol] = LiteralEntry::of_symbol(symbol).0;
        symbol += 1;
    }
    entries
};

const DISTANCE_SYMBOL_ENTRIES: [u32; DISTANCE_SYMBOLS] = {
    let mut entries = [0; DISTANCE_SYMBOLS];
    let mut symbol = 0;
    while symbol < entries.len() {
        entries[symbol] = DistanceEntry::of_symbol(symbol).0;
        symbol += 1;
    }
    entries
};

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

/// A code: its symbols in the order of their codes, and how many there are of each length.
struct Lengths {
    counts: [u16; MOST_CODE_BITS + 1],
    symbols: [u16; LITERAL_LENGTH_SYMBOLS],
}

impl Lengths {
    /// By the lengths of all symbols, 0 to 15; 0 means that the symbol is not used.
    fn new(lengths: &[u8]) -> Lengths {
        let mut counts = [0; MOST_CODE_BITS + 1];
        for length in lengths {
            counts[usize::from(length & 15)] += 1;
        }
        let mut offsets = [0; MOST_CODE_BITS + 1];
        for bits in 1..MOST_CODE_BITS {
            offsets[bits + 1] = offsets[bits] + counts[bits];
        }
        let used = lengths.len() as u16 - counts[0];
        // The unused ones go behind the used ones.
        offsets[0] = used;
        counts[0] = used;
        let mut symbols = [0; LITERAL_LENGTH_SYMBOLS];
        for (symbol, length) in lengths.iter().enumerate() {
            let offset = &mut offsets[usize::from(length & 15)];
            symbols[usize::from(*offset)] = symbol as u16;
            *offset += 1;
        }
        Lengths { counts, symbols }
    }

    /// How many symbols are used.
    fn used(&self) -> u16 {
        self.counts[0]
    }

    /// Whether they make a code, in zlib's judgement.
    fn check(&self, code: Code) -> Result<(), ErrorKind> {
        let wrong = |defect| Err(ErrorKind::CodeLengths { code, defect });
        let mut free = 1_i32;
        for count in &self.counts[1..] {
            free = 2 * free - i32::from(*count);
            if free < 0 {
                return wrong(Defect::OverSubscribed);
            }
        }
        // No code at all, or a single one of one bit, leaves bits that are an error only where they come.
        let is_allowed = free == 0
            || self.used() == 0
            || (self.used() == 1 && self.counts[1] == 1 && code != Code::CodeLength);
        if is_allowed {
            Ok(())
        } else {
            wrong(Defect::Incomplete)
        }
    }
}

/// What a table's entries are made of.
struct CodeSet<'a> {
    /// For each symbol, without its code.
    entries: &'a [u32],
    /// For codes longer than the table.
    long: u32,
    /// For bits that are no code.
    none: u32,
}

impl CodeSet<'_> {
    /// Fills a table, whose size is a power of two, for a code that was checked.
    fn fill(&self, lengths: &Lengths, table: &mut [u32]) {
        if lengths.used() < 2 {
            // Even where one code is, or none.
            table.fill(self.none + CODE_BIT);
            if lengths.used() == 1 {
                let entry = self.entries[usize::from(lengths.symbols[0])] + CODE_BIT;
                table.iter_mut().step_by(2).for_each(|even| *even = entry);
            }
            return;
        }
        let table_bits = table.len().ilog2() as usize;
        let mut symbols = lengths.symbols.iter();
        // Codes come in ascending order, but their first bit is the table's lowest: they are counted up with their bits reversed.
        let mut reversed = 0;
        // The table as far as it is filled, for codes of so many bits, repeats for those of one more.
        let mut size = 1;
        for code_bits in 1..=table_bits {
            table.copy_within(..size, size);
            size *= 2;
            let code = code_bits as u32 * CODE_BIT;
            for symbol in symbols
                .by_ref()
                .take(usize::from(lengths.counts[code_bits]))
            {
                table[reversed] = self.entries[usize::from(*symbol)] + code;
                reversed = next_reversed(reversed, size);
            }
        }
        // Behind the last code of the table's bits begin the longer ones; a complete code without them ends at zero again.
        while reversed != 0 {
            table[reversed] = self.long;
            reversed = next_reversed(reversed, size);
        }
    }
}

/// Adds one to a number whose highest bit is `size / 2` and counts as its lowest; behind the last comes zero.
#[inline]
fn next_reversed(reversed: usize, size: usize) -> usize {
    let zeros = !reversed & (size - 1);
    if zeros == 0 {
        return 0;
    }
    let bit = 1 << zeros.ilog2();
    reversed & (bit - 1) | bit
}

/// Finds codes that are longer than a table, by the ranges that codes of each length fill.
struct LongCodes<const SYMBOLS: usize> {
    ranges: [Range; MOST_CODE_BITS + 1],
    symbols: [u16; SYMBOLS],
}

/// The codes of one length.
#[derive(Clone, Copy)]
struct Range {
    /// Behind the last of them, as the upper bits of 16.
    end: u32,
    /// Add it to a code to get its symbol's index.
    offset: u32,
}

impl<const SYMBOLS: usize> LongCodes<SYMBOLS> {
    const NONE: LongCodes<SYMBOLS> = LongCodes {
        ranges: [Range { end: 0, offset: 0 }; MOST_CODE_BITS + 1],
        symbols: [0; SYMBOLS],
    };

    fn set(&mut self, lengths: &Lengths) {
        self.symbols.copy_from_slice(&lengths.symbols[..SYMBOLS]);
        let (mut code, mut index) = (0_u32, 0_u32);
        for bits in 1..=MOST_CODE_BITS {
            let count = u32::from(lengths.counts[bits]);
            code *= 2;
            let offset = index.wrapping_sub(code);
            code += count;
            index += count;
            let end = code << (16 - bits);
            self.ranges[bits] = Range { end, offset };
        }
    }

    /// The symbol whose code comes next, and the bits of its code. The code is complete.
    #[cold]
    fn find(&self, bits: u64) -> (usize, u32) {
        let next = u32::from((bits as u16).reverse_bits());
        let found = (1..=MOST_CODE_BITS).find(|bits| next < self.ranges[*bits].end);
        let code_bits = found.expect("the ranges of a complete code end at 2^16");
        let Range { offset, .. } = self.ranges[code_bits];
        let index = (next >> (16 - code_bits)).wrapping_add(offset) as usize;
        (usize::from(self.symbols[index]), code_bits as u32)
    }
}
