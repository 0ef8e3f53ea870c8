//! The loop in which nearly all symbols are decoded.
//!
//! Whether a literal or a match comes next is nearly a coin's flip in a layer, so a loop that branches on it spends its time on
//! branches that were predicted wrong. This one does the same for both: it looks up a distance for every symbol (a literal's is null)
//! and copies a chunk for every symbol (behind a literal, rubbish that the next symbol overwrites). When two literals come, the second
//! one takes the place of the distance. One branch per step is left for what is rare: a match that is longer than a chunk or overlaps
//! itself, which is done here, and the end of a block, long codes and errors, for which the loop ends.

use crate::bits::BitReader;
use crate::history::{Bytes, CHUNK_BYTES, History, LIMIT, POSITIONS, copy_chunk, copy_match};
use crate::tables::{
    DISTANCE_BASE, DISTANCE_ENTRIES, DistanceEntry, LITERAL_BITS, LiteralEntry, Meaning, Tables,
};

/// Bytes of input that a step reads. Of their 64 bits at least 57 are not decoded yet; it uses 38 of them at most (11 and 5 for a
/// length, 9 and 13 for a distance), and the next step's first lookup 11.
const WORD_BYTES: usize = 8;

/// Room that a step needs: two literals. A match may begin at any place before the limit.
const STEP_BYTES: usize = 2;

/// Pairs of literals after which a run of them is expected: what does not compress has thousands, anything else hardly ever so many.
const RUN_PAIRS: u32 = 4;

/// A run that was worth it.
const LONG_RUN_BYTES: usize = 16;

/// Literals whose codes are in a word for certain.
const LITERALS_PER_WORD: usize = 57 / LITERAL_BITS as usize;

/// Decodes symbols while
/// - [`WORD_BYTES`] of input are there, and no bits from before it;
/// - [`STEP_BYTES`] of the history are free;
/// - the symbols' codes are in the tables, and they are neither the end of the block nor errors.
///
/// Where it stops the next bit is a symbol's first.
pub(crate) fn decode(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
    if history.floor == 0 {
        decode_with::<false>(tables, history, reader);
    } else {
        decode_with::<true>(tables, history, reader);
    }
}

fn decode_with<const NEAR_START: bool>(
    tables: &Tables,
    history: &mut History,
    reader: &mut BitReader<'_>,
) {
    let input = reader.input;
    let (Some(last_word), Some(mut offset)) =
        (input.len().checked_sub(WORD_BYTES), reader.offset())
    else {
        return;
    };
    if offset >> 3 > last_word {
        return;
    }
    let last_position = history.limit.min(LIMIT) - STEP_BYTES;
    let (mut at, floor) = (history.filled, history.floor);
    let bytes = &mut *history.bytes;
    // Looked up before the next word is read: the step before has the bits for it, and waits for nothing.
    let mut entry = tables.first_literal(word_at(input, offset >> 3) >> (offset & 7));
    let (mut pairs, mut pairs_before) = (0, 0);
    while offset >> 3 <= last_word && at <= last_position {
        if pairs == RUN_PAIRS {
            let start = at;
            (offset, at) = literal_run(tables, bytes, input, offset, at, history.limit);
            // Behind a long run the next one is not far.
            pairs_before = if at - start >= LONG_RUN_BYTES {
                RUN_PAIRS - 1
            } else {
                0
            };
            pairs = 0;
            if offset >> 3 > last_word {
                break;
            }
            entry = tables.first_literal(word_at(input, offset >> 3) >> (offset & 7));
            continue;
        }
        let bits = word_at(input, offset >> 3) >> (offset & 7);
        let behind = bits >> entry.all_bits();
        let index = (behind as usize | DISTANCE_BASE) & (entry.0 >> 22) as usize;
        let mut second = DistanceEntry(tables.distances[index & (DISTANCE_ENTRIES - 1)]);
        let literal = tables.first_literal(behind);
        let length = entry.length(bits);
        let distance = second.distance(behind);
        if length > CHUNK_BYTES || distance < length || (NEAR_START && distance > at - floor) {
            let is_match = entry.meaning() == Meaning::Length && distance > 0;
            if !is_match || (NEAR_START && distance > at - floor) {
                break;
            }
            copy_match(bytes, at, distance, length);
            at += length;
        } else {
            let literals = LiteralEntry(entry.0 | literal.0).is_literal();
            if literals {
                second = DistanceEntry(literal.0);
            }
            pairs = if literals { pairs + 1 } else { pairs_before };
            copy_chunk(bytes, at.wrapping_sub(distance), at);
            let end = at + length + usize::from(literals);
            // Behind a match these two are rubbish.
            let to = if entry.is_literal() { at } else { end } & (POSITIONS - 1);
            bytes[to..to + STEP_BYTES]
                .copy_from_slice(&[(entry.0 >> 22) as u8, (literal.0 >> 22) as u8]);
            at = end;
        }
        offset += (entry.0.wrapping_add(second.0) & 63) as usize;
        entry = tables.first_literal(behind >> second.all_bits());
    }
    history.filled = at;
    reader.seek(offset);
}

/// Decodes literals as long as nothing else comes, by a loop that is better than [`decode`]'s at these and at nothing else. The answer is
/// where it stops in input and output.
#[inline(never)]
fn literal_run(
    tables: &Tables,
    bytes: &mut Bytes,
    input: &[u8],
    mut offset: usize,
    mut at: usize,
    limit: usize,
) -> (usize, usize) {
    while offset >> 3 <= input.len() - WORD_BYTES && at + LITERALS_PER_WORD <= limit.min(LIMIT) {
        let mut bits = word_at(input, offset >> 3) >> (offset & 7);
        for _ in 0..LITERALS_PER_WORD {
            let entry = tables.first_literal(bits);
            if !entry.is_literal() {
                return (offset, at);
            }
            bytes[at & (POSITIONS - 1)] = (entry.0 >> 22) as u8;
            at += 1;
            bits >>= entry.all_bits();
            offset += entry.all_bits() as usize;
        }
    }
    (offset, at)
}

#[inline(always)]
fn word_at(input: &[u8], position: usize) -> u64 {
    let word = &input[position..position + WORD_BYTES];
    u64::from_le_bytes(word.try_into().expect("the slice has a word's length"))
}
