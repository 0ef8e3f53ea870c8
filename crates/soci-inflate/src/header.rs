//! The header of a dynamic block (RFC 1951 §3.2.7): at most 4,500 bits, which may arrive in any pieces.

use crate::bits::BitReader;
use crate::entry::{END_OF_BLOCK, MOST_DISTANCES, MOST_LITERAL_LENGTHS};
use crate::error::ErrorKind;
use crate::tables::{CODE_LENGTH_SYMBOLS, CodeLengthTable, Tables};

/// The order in which the lengths of the codes for code lengths come.
const ORDER: [u8; CODE_LENGTH_SYMBOLS] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Bits of the longest code for a code length, with the longest number of repetitions.
const MOST_CODE_LENGTH_BITS: u32 = 7 + 7;

/// A header as far as it has been read.
pub(crate) struct DynamicHeader {
    stage: Stage,
    /// HLIT + 257 and HDIST + 1.
    literal_lengths: usize,
    distances: usize,
    /// HCLEN + 4.
    code_lengths: usize,
    /// How many code lengths of the current stage are read.
    have: usize,
    lengths_of_code_lengths: [u8; CODE_LENGTH_SYMBOLS],
    table: CodeLengthTable,
    /// First those of literals and lengths, then those of distances: they are one sequence, repetitions may cross over.
    lengths: [u8; MOST_LITERAL_LENGTHS + MOST_DISTANCES],
}

#[derive(Clone, Copy)]
enum Stage {
    Counts,
    LengthsOfCodeLengths,
    CodeLengths,
}

/// How a header goes on.
pub(crate) enum Progress {
    /// With bits that have not arrived.
    Incomplete,
    /// It is complete, and the tables are set.
    Done,
}

impl DynamicHeader {
    pub(crate) fn new() -> DynamicHeader {
        DynamicHeader {
            stage: Stage::Counts,
            literal_lengths: 0,
            distances: 0,
            code_lengths: 0,
            have: 0,
            lengths_of_code_lengths: [0; CODE_LENGTH_SYMBOLS],
            table: CodeLengthTable::new(),
            lengths: [0; MOST_LITERAL_LENGTHS + MOST_DISTANCES],
        }
    }

    /// At a header's first bit.
    pub(crate) fn begin(&mut self) {
        self.stage = Stage::Counts;
    }

    /// Reads on as far as bits are there.
    pub(crate) fn read(
        &mut self,
        reader: &mut BitReader<'_>,
        tables: &mut Tables,
    ) -> Result<Progress, ErrorKind> {
        loop {
            let done = match self.stage {
                Stage::Counts => self.read_counts(reader)?,
                Stage::LengthsOfCodeLengths => self.read_lengths_of_code_lengths(reader)?,
                Stage::CodeLengths => self.read_code_lengths(reader)?,
            };
            if !done {
                return Ok(Progress::Incomplete);
            }
            self.have = 0;
            self.stage = match self.stage {
                Stage::Counts => Stage::LengthsOfCodeLengths,
                Stage::LengthsOfCodeLengths => Stage::CodeLengths,
                Stage::CodeLengths => break,
            };
        }
        let all = &self.lengths[..self.literal_lengths + self.distances];
        let (literal_lengths, distances) = all.split_at(self.literal_lengths);
        if literal_lengths[END_OF_BLOCK] == 0 {
            return Err(ErrorKind::NoEndOfBlock);
        }
        tables.set(literal_lengths, distances)?;
        Ok(Progress::Done)
    }

    fn read_counts(&mut self, reader: &mut BitReader<'_>) -> Result<bool, ErrorKind> {
        if !reader.need(5 + 5 + 4) {
            return Ok(false);
        }
        let counts = reader.peek(5 + 5 + 4) as usize;
        self.literal_lengths = (counts & 31) + 257;
        self.distances = (counts >> 5 & 31) + 1;
        self.code_lengths = (counts >> 10) + 4;
        if self.literal_lengths > MOST_LITERAL_LENGTHS || self.distances > MOST_DISTANCES {
            return Err(ErrorKind::CodeCount {
                literal_lengths: self.literal_lengths as u16,
                distances: self.distances as u16,
            });
        }
        reader.drop(5 + 5 + 4);
        self.lengths_of_code_lengths = [0; CODE_LENGTH_SYMBOLS];
        Ok(true)
    }

    fn read_lengths_of_code_lengths(
        &mut self,
        reader: &mut BitReader<'_>,
    ) -> Result<bool, ErrorKind> {
        while self.have < self.code_lengths {
            if !reader.need(3) {
                return Ok(false);
            }
            self.lengths_of_code_lengths[usize::from(ORDER[self.have])] = reader.take(3) as u8;
            self.have += 1;
        }
        self.table.set(&self.lengths_of_code_lengths)?;
        Ok(true)
    }

    fn read_code_lengths(&mut self, reader: &mut BitReader<'_>) -> Result<bool, ErrorKind> {
        let all = self.literal_lengths + self.distances;
        while self.have < all {
            // Not all of these bits need be there; whether enough are is seen when it is known how many.
            reader.need(MOST_CODE_LENGTH_BITS);
            let (symbol, code_bits) = self.table.next(reader.buffer);
            let (extra_bits, least) = match symbol {
                0..=15 if reader.count < code_bits => return Ok(false),
                0..=15 => {
                    self.lengths[self.have] = symbol as u8;
                    self.have += 1;
                    reader.drop(code_bits);
                    continue;
                }
                16 => (2, 3),
                17 => (3, 3),
                _ => (7, 11),
            };
            if reader.count < code_bits + extra_bits {
                return Ok(false);
            }
            let times = least + (reader.peek(code_bits + extra_bits) >> code_bits) as usize;
            let length = match symbol {
                16 if self.have == 0 => return Err(ErrorKind::RepeatOfNothing),
                16 => self.lengths[self.have - 1],
                _ => 0,
            };
            let missing = all - self.have;
            if times > missing {
                return Err(ErrorKind::RepeatPastEnd {
                    times: times as u16,
                    missing: missing as u16,
                });
            }
            self.lengths[self.have..][..times].fill(length);
            self.have += times;
            reader.drop(code_bits + extra_bits);
        }
        Ok(true)
    }
}
