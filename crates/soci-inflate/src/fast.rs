//! The loops in which nearly all symbols are decoded.
//!
//! Whether a literal or a match comes next is nearly a coin's flip in a layer, so a loop that branches on it spends its time on
//! branches that were predicted wrong. [`decode_mixed`] does the same for both: it looks up a distance for every symbol, for a literal to
//! put it aside, and copies a chunk for every symbol (behind a literal, rubbish that the next symbol overwrites). When two literals
//! come, the second one takes the place of the distance. One branch per step is left for what is rare: a match that is longer than a
//! chunk or overlaps itself, which is done here, and the end of a block, long codes and errors, for which the loop ends.
//!
//! What does not compress is literals, and nearly all their codes have as many bits as a byte. There each symbol waits for the one
//! before only to learn what can be guessed: [`decode_even`] looks up several at once where they begin if the guess is right.

use core::array;
use core::hint::select_unpredictable;

use crate::bits::BitReader;
use crate::entry::{DistanceEntry, EVEN_BITS, LiteralEntry, Meaning};
use crate::history::{CHUNK_BYTES, History, LIMIT, copy_chunk, copy_match};
use crate::tables::Tables;

/// Bytes of input that are read at a time. Of their 64 bits at least 57 are not decoded yet. A step reads them behind its first symbol
/// and uses 22 at most (9 and 13 for a distance); the next one begins with the 35 that are left and uses 27 at most (11 and 5 for
/// a length, 11 for the lookup behind it).
const WORD_BYTES: usize = 8;

/// Room that a step needs: two literals. A match may begin at any place before the limit.
const STEP_BYTES: usize = 2;

/// Literals that are guessed at once: the last one's lookup needs 11 bits of a word's 57.
const GUESSED: usize = 6;

/// Decodes symbols while
/// - [`WORD_BYTES`] of input are there, and no bits from before it;
/// - [`STEP_BYTES`] of the history are free;
/// - the symbols' codes are in the tables, and they are neither the end of the block nor errors.
///
/// Where it stops the next bit is a symbol's first.
#[inline(always)]
pub(crate) fn decode(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
    if tables.is_even {
        decode_even(tables, history, reader);
    } else if history.floor == 0 {
        decode_mixed::<false>(tables, history, reader);
    } else {
        decode_mixed::<true>(tables, history, reader);
    }
}

/// What a loop goes on with: the input's last place to read a word from, and the offset of the next bit.
#[inline(always)]
fn start(reader: &BitReader<'_>) -> Option<(usize, usize)> {
    let last_word = reader.input.len().checked_sub(WORD_BYTES)?;
    let offset = reader.offset()?;
    (offset >> 3 <= last_word).then_some((last_word, offset))
}

#[inline(always)]
fn decode_mixed<const NEAR_START: bool>(
    tables: &Tables,
    history: &mut History,
    reader: &mut BitReader<'_>,
) {
    let input = reader.input;
    let Some((last_word, mut offset)) = start(reader) else {
        return;
    };
    let last_position = history.limit - STEP_BYTES;
    // With this the compiler knows that the loop's places are positions.
    assert!(last_position < LIMIT, "a history ends at its limit");
    let (mut at, floor) = (history.filled, history.floor);
    let bytes = &mut *history.bytes;
    let mut bits = bits_at(input, offset);
    while at <= last_position {
        let entry = tables.first_literal(bits);
        let offset_behind = offset + entry.all_bits() as usize;
        if offset_behind >> 3 > last_word {
            break;
        }
        // The same bits twice: a few at once, and all of them, which arrive while the few are looked up.
        let behind = bits.wrapping_shr(entry.0);
        let all_behind = bits_at(input, offset_behind);
        let next = tables.first_literal(behind);
        let is_literal = entry.is_literal();
        let are_literals = LiteralEntry(entry.0 & next.0).is_literal();
        let near = DistanceEntry(select_unpredictable(
            is_literal,
            DistanceEntry::NULL.0,
            tables.first_distance(behind).0,
        ));
        let second = DistanceEntry(select_unpredictable(are_literals, next.0, near.0));
        let length = entry.length(bits);
        let distance = near.distance(all_behind);
        if length > CHUNK_BYTES || distance < length || (NEAR_START && distance > at - floor) {
            let is_match = entry.meaning() == Meaning::Length && distance > 0;
            if !is_match || (NEAR_START && distance > at - floor) {
                break;
            }
            copy_match(bytes, at, distance, length);
            at += length;
        } else {
            copy_chunk(bytes, at.wrapping_sub(distance), at);
            let to = at + length;
            // Behind a match these two are rubbish.
            let pair = [entry.byte(), next.byte()];
            bytes[to..][..STEP_BYTES].copy_from_slice(&pair);
            at = to + usize::from(is_literal) + usize::from(are_literals);
        }
        offset = offset_behind + second.all_bits() as usize;
        bits = all_behind.wrapping_shr(second.0);
    }
    history.filled = at;
    reader.seek(offset);
}

/// Decodes an [even](Tables::is_even) block.
#[inline(always)]
fn decode_even(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
    let input = reader.input;
    let Some((last_word, mut offset)) = start(reader) else {
        return;
    };
    let limit = history.limit;
    // With this the compiler knows that the loop's places are positions.
    assert!(limit <= LIMIT, "a history ends at its limit");
    let (mut at, floor) = (history.filled, history.floor);
    let bytes = &mut *history.bytes;
    while offset >> 3 <= last_word && at + GUESSED <= limit {
        let bits = bits_at(input, offset);
        let guessed: [_; GUESSED] =
            array::from_fn(|index| tables.first_literal(bits >> (EVEN_BITS as usize * index)));
        let unevenness = guessed.iter().map(|entry| entry.unevenness());
        if unevenness.fold(0, |all, one| all | one) == 0 {
            bytes[at..][..GUESSED].copy_from_slice(&guessed.map(LiteralEntry::byte));
            at += GUESSED;
            offset += GUESSED * EVEN_BITS as usize;
            continue;
        }
        let entry = guessed[0];
        if entry.is_literal() {
            bytes[at] = entry.byte();
            at += 1;
            offset += entry.all_bits() as usize;
            continue;
        }
        let behind = bits.wrapping_shr(entry.0);
        let second = tables.first_distance(behind);
        let distance = second.distance(behind);
        if entry.meaning() != Meaning::Length || distance == 0 || distance > at - floor {
            break;
        }
        let length = entry.length(bits);
        copy_match(bytes, at, distance, length);
        at += length;
        offset += (entry.all_bits() + second.all_bits()) as usize;
    }
    history.filled = at;
    reader.seek(offset);
}

/// At least 57 bits from an offset on, whose byte is not behind the last word's place.
#[inline(always)]
fn bits_at(input: &[u8], offset: usize) -> u64 {
    let word = &input[offset >> 3..][..WORD_BYTES];
    let word = u64::from_le_bytes(word.try_into().expect("the slice has a word's length"));
    word >> (offset & 7)
}
