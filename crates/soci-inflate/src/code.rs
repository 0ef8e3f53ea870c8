//! From code lengths (RFC 1951 §3.2.2) to the codes: whether they are one, filling a table with them, and finding those that are longer than
//! it.

use crate::entry::{CODE_BIT, LITERAL_LENGTH_SYMBOLS};
use crate::error::{Code, Defect, ErrorKind};

/// Longest code (RFC 1951 §3.2.7).
const MOST_CODE_BITS: usize = 15;

/// A code: its symbols in the order of their codes, and how many there are of each length.
pub(crate) struct Lengths {
    counts: [u16; MOST_CODE_BITS + 1],
    symbols: [u16; LITERAL_LENGTH_SYMBOLS],
}

impl Lengths {
    /// By the lengths of all symbols, 0 to 15; 0 means that the symbol is not used.
    pub(crate) fn new(lengths: &[u8]) -> Lengths {
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
    pub(crate) fn check(&self, code: Code) -> Result<(), ErrorKind> {
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
pub(crate) struct CodeSet<'a> {
    /// For each symbol, without its code.
    pub(crate) entries: &'a [u32],
    /// For codes longer than the table.
    pub(crate) long: u32,
    /// For bits that are no code.
    pub(crate) none: u32,
}

impl CodeSet<'_> {
    /// Fills a table, whose size is a power of two, for a code that was checked.
    pub(crate) fn fill(&self, lengths: &Lengths, table: &mut [u32]) {
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
pub(crate) struct LongCodes<const SYMBOLS: usize> {
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
    pub(crate) const NONE: LongCodes<SYMBOLS> = LongCodes {
        ranges: [Range { end: 0, offset: 0 }; MOST_CODE_BITS + 1],
        symbols: [0; SYMBOLS],
    };

    pub(crate) fn set(&mut self, lengths: &Lengths) {
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
    pub(crate) fn find(&self, bits: u64) -> (usize, u32) {
        let next = u32::from((bits as u16).reverse_bits());
        let found = (1..=MOST_CODE_BITS).find(|bits| next < self.ranges[*bits].end);
        let code_bits = found.expect("the ranges of a complete code end at 2^16");
        let Range { offset, .. } = self.ranges[code_bits];
        let index = (next >> (16 - code_bits)).wrapping_add(offset) as usize;
        (usize::from(self.symbols[index]), code_bits as u32)
    }
}
