//! The output, contiguous with what later bytes may refer to.
//!
//! ```text
//! bytes:  | 32 KiB that the next distance may need | decoded since the last slide … | free | slack |
//!           ^ floor: nothing before it is there                              filled ^       ^ limit
//! ```
//! A symbol may begin wherever `filled < limit`; the slack takes what it is longer, and what copies in whole chunks write beyond
//! their end.

use alloc::boxed::Box;
use alloc::vec;

use crate::WINDOW_BYTES;

/// Positions at which a byte can be. A power of two, so that a mask makes any number a position. 256 KiB stay in a core's
/// second-level cache, and the window's copy at each slide is a seventh of the output.
pub(crate) const POSITIONS: usize = 1 << 18;

/// Longest match (RFC 1951 §3.2.5).
pub(crate) const MATCH_BYTES: usize = 258;

/// Bytes that are copied at a time.
pub(crate) const CHUNK_BYTES: usize = 32;

/// What copies in chunks may write behind a match: less than two chunks.
const SLACK_BYTES: usize = 2 * CHUNK_BYTES;

/// Where the history is full: a match that begins before it ends at a position.
pub(crate) const LIMIT: usize = POSITIONS - MATCH_BYTES;

/// All of the history, any chunk that begins at a position included.
pub(crate) type Bytes = [u8; POSITIONS + SLACK_BYTES];

/// See the module's documentation.
pub(crate) struct History {
    pub(crate) bytes: Box<Bytes>,
    pub(crate) filled: usize,
    pub(crate) floor: usize,
    /// [`LIMIT`], less in tests only.
    pub(crate) limit: usize,
}

impl History {
    /// Without a byte; the window is zeros that nothing may refer to.
    pub(crate) fn new() -> History {
        let bytes = vec![0; POSITIONS + SLACK_BYTES].into_boxed_slice();
        History {
            bytes: bytes
                .try_into()
                .expect("the slice was made with the array's length"),
            filled: WINDOW_BYTES,
            floor: WINDOW_BYTES,
            limit: LIMIT,
        }
    }

    /// With a window to refer to, and without output.
    pub(crate) fn set_window(&mut self, window: &[u8; WINDOW_BYTES]) {
        self.bytes[..WINDOW_BYTES].copy_from_slice(window);
        self.filled = WINDOW_BYTES;
        self.floor = 0;
    }

    /// Nothing that is there may be referred to from here on.
    pub(crate) fn forget(&mut self) {
        self.floor = self.filled;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled >= self.limit
    }

    /// The last so many bytes.
    pub(crate) fn last(&self, bytes: usize) -> &[u8] {
        &self.bytes[self.filled - bytes..self.filled]
    }

    /// Moves the window to the front.
    pub(crate) fn slide(&mut self) {
        let start = self.filled - WINDOW_BYTES;
        self.bytes.copy_within(start..self.filled, 0);
        self.filled = WINDOW_BYTES;
        self.floor = self.floor.saturating_sub(start);
    }

    /// How far back a match may begin.
    pub(crate) fn reach(&self) -> usize {
        (self.filled - self.floor).min(WINDOW_BYTES)
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[self.filled] = byte;
        self.filled += 1;
    }

    /// How many bytes are free before the limit.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.filled)
    }

    /// Appends bytes, no more than [`Self::room`].
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.filled..][..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Appends a match, the distance being at most [`Self::reach`].
    pub(crate) fn copy_match(&mut self, distance: usize, length: usize) {
        copy_match(&mut self.bytes, self.filled, distance, length);
        self.filled += length;
    }
}

/// Copies one chunk to a position from one; masked, so that the compiler knows that it is one.
#[inline(always)]
pub(crate) fn copy_chunk(bytes: &mut Bytes, from: usize, to: usize) {
    let from = from & (POSITIONS - 1);
    let mut chunk = [0; CHUNK_BYTES];
    chunk.copy_from_slice(&bytes[from..from + CHUNK_BYTES]);
    bytes[to..to + CHUNK_BYTES].copy_from_slice(&chunk);
}

/// Writes a match at a position before [`LIMIT`], and rubbish behind it into the slack.
pub(crate) fn copy_match(bytes: &mut Bytes, at: usize, distance: usize, length: usize) {
    let from = at - distance;
    if distance == 1 {
        let byte = bytes[from];
        bytes[at..at + length].fill(byte);
        return;
    }
    // What repeats after `period` bytes repeats after twice as many: a short period is doubled until it has a whole chunk.
    let mut period = distance;
    while period < CHUNK_BYTES {
        copy_chunk(bytes, from, from + period);
        period *= 2;
    }
    let end = at + length;
    let mut from = from;
    while from + period < end {
        copy_chunk(bytes, from, from + period);
        from += CHUNK_BYTES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_of_every_distance_and_length_are_copied_byte_by_byte() {
        let mut history = History::new();
        for (at, byte) in history.bytes.iter_mut().enumerate() {
            *byte = (at * 7 % 251) as u8;
        }
        // At the last place where a match may begin.
        let at = LIMIT - 1;
        for distance in (1..=70).chain([1_000, WINDOW_BYTES]) {
            for length in 3..=MATCH_BYTES {
                let mut expected = history.bytes[at - distance..at].to_vec();
                for place in 0..length {
                    expected.push(expected[place]);
                }
                history.filled = at;
                history.copy_match(distance, length);
                assert_eq!(history.filled, at + length);
                assert!(
                    history.bytes[at - distance..at + length] == expected,
                    "{length} bytes from {distance} back"
                );
            }
        }
    }

    #[test]
    fn the_window_slides_and_the_first_byte_with_it() {
        let mut history = History::new();
        history.extend(&[7; 100_000]);
        assert_eq!(history.reach(), WINDOW_BYTES);
        history.slide();
        assert_eq!((history.filled, history.floor), (WINDOW_BYTES, 0));
        assert_eq!(history.last(WINDOW_BYTES), [7; WINDOW_BYTES]);

        let mut history = History::new();
        history.extend(&[7; 100]);
        history.slide();
        assert_eq!(history.reach(), 100);
        history.forget();
        assert_eq!(history.reach(), 0);
    }
}
