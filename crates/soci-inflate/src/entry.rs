//! What a table says of the bits that come next: all that the fast loop needs, laid out so that it needs no test to tell a literal from a
//! match.
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
//! that is too long, or nearer than it is long, and it leaves those to others.

/// Literal/length codes, and distance codes, that a dynamic block may have.
pub(crate) const MOST_LITERAL_LENGTHS: usize = 286;
pub(crate) const MOST_DISTANCES: usize = 30;

/// Symbols that the fixed codes have; the last two of each mean nothing (RFC 1951 §3.2.6).
pub(crate) const LITERAL_LENGTH_SYMBOLS: usize = 288;
pub(crate) const DISTANCE_SYMBOLS: usize = 32;

/// The end of a block.
pub(crate) const END_OF_BLOCK: usize = 256;

/// One more bit of code, in an entry.
pub(crate) const CODE_BIT: u32 = 1 | 1 << CODE_SHIFT;

/// Where an entry has the bits of its code and its extra bits: a whole byte, of which a shift takes six bits by itself. With a mask of six
/// bits the compiler would mask before it shifts, and the shift would wait for that.
const ALL_BITS: u32 = 255;

/// Where an entry has the bits of its code. The two bits above are zero, since a shift takes six.
const CODE_SHIFT: u32 = 8;

/// Bits of code that nearly all literals have in what does not compress.
pub(crate) const EVEN_BITS: u32 = 8;

/// What an entry is, if it is neither a literal nor a length.
const KIND_END: u32 = 1;
pub(crate) const KIND_LONG: u32 = 2;
pub(crate) const KIND_INVALID: u32 = 3;

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

    pub(crate) const fn other(kind: u32) -> LiteralEntry {
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

    pub(crate) const fn other(kind: u32) -> DistanceEntry {
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
    pub(crate) fn is_long(self) -> bool {
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

/// The literal/length symbols' entries, without their codes.
pub(crate) const LITERAL_SYMBOLS: [u32; LITERAL_LENGTH_SYMBOLS] = {
    let mut entries = [0; LITERAL_LENGTH_SYMBOLS];
    let mut symbol = 0;
    while symbol < entries.len() {
        entries[symbol] = LiteralEntry::of_symbol(symbol).0;
        symbol += 1;
    }
    entries
};

/// The same for distances.
pub(crate) const DISTANCE_SYMBOL_ENTRIES: [u32; DISTANCE_SYMBOLS] = {
    let mut entries = [0; DISTANCE_SYMBOLS];
    let mut symbol = 0;
    while symbol < entries.len() {
        entries[symbol] = DistanceEntry::of_symbol(symbol).0;
        symbol += 1;
    }
    entries
};
