//! Bits in the order of RFC 1951 §3.1.1: a byte's lowest bit first.

/// Most bits that [`BitReader::need`] can ask for; more than a symbol has with all its parts (20 + 28).
pub(crate) const MOST_BITS: u32 = 56;

/// Bits that were taken from the input and not decoded yet. Between two calls of the decoder these are either fewer than eight,
/// or the beginning of something that the input so far has only in part.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bits {
    /// The next bit is the lowest. Above `count` there are zeros.
    pub(crate) buffer: u64,
    pub(crate) count: u32,
}

/// [`Bits`] with input behind them.
pub(crate) struct BitReader<'i> {
    /// As in [`Bits`], but above `count` there may be what follows in `input` already: it is or-ed in again, as the same.
    pub(crate) buffer: u64,
    pub(crate) count: u32,
    pub(crate) input: &'i [u8],
    /// Bytes of `input` that are in the buffer or decoded.
    pub(crate) position: usize,
}

impl<'i> BitReader<'i> {
    pub(crate) fn new(bits: Bits, input: &'i [u8]) -> BitReader<'i> {
        BitReader {
            buffer: bits.buffer,
            count: bits.count,
            input,
            position: 0,
        }
    }

    /// Takes from the input what fits: at least [`MOST_BITS`] are there afterwards, or all there are.
    #[inline]
    pub(crate) fn refill(&mut self) {
        if let Some(word) = self.input[self.position..].first_chunk() {
            self.buffer |= u64::from_le_bytes(*word) << self.count;
            self.position += (63 - self.count as usize) >> 3;
            self.count |= MOST_BITS;
        } else {
            while self.count < MOST_BITS && self.position < self.input.len() {
                self.buffer |= u64::from(self.input[self.position]) << self.count;
                self.position += 1;
                self.count += 8;
            }
        }
    }

    /// Whether so many bits, at most [`MOST_BITS`], are there. If not, all input is in the buffer.
    #[inline]
    pub(crate) fn need(&mut self, bits: u32) -> bool {
        if self.count < bits {
            self.refill();
        }
        self.count >= bits
    }

    /// The next so many bits, fewer than 32, which are there.
    #[inline]
    pub(crate) fn peek(&self, bits: u32) -> u32 {
        self.buffer as u32 & ((1 << bits) - 1)
    }

    /// Forgets so many bits, which are there.
    #[inline]
    pub(crate) fn drop(&mut self, bits: u32) {
        self.buffer >>= bits;
        self.count -= bits;
    }

    /// The next so many bits, fewer than 32, which are there, and forgets them.
    #[inline]
    pub(crate) fn take(&mut self, bits: u32) -> u32 {
        let value = self.peek(bits);
        self.drop(bits);
        value
    }

    /// Forgets what is left of a byte that was begun.
    pub(crate) fn align(&mut self) {
        self.drop(self.count & 7);
    }

    /// Puts whole bytes back into the input, as far as they came from it.
    pub(crate) fn give_back(&mut self) {
        let bytes = (self.count as usize >> 3).min(self.position);
        self.position -= bytes;
        self.count -= 8 * bytes as u32;
        self.buffer &= (1 << self.count) - 1;
    }

    /// How many bits of the input are decoded; none when bits from before it are left.
    pub(crate) fn offset(&self) -> Option<usize> {
        (8 * self.position).checked_sub(self.count as usize)
    }

    /// Goes on behind so many bits of the input.
    pub(crate) fn seek(&mut self, offset: usize) {
        self.position = offset.div_ceil(8);
        self.count = (8 * self.position - offset) as u32;
        self.buffer = match self.count {
            0 => 0,
            count => u64::from(self.input[self.position - 1]) >> (8 - count),
        };
    }

    /// Takes at most so many bytes from the input, the bit buffer being empty.
    pub(crate) fn take_bytes(&mut self, most: usize) -> &'i [u8] {
        debug_assert_eq!(self.count, 0);
        let rest = &self.input[self.position..];
        let bytes = &rest[..most.min(rest.len())];
        self.position += bytes.len();
        bytes
    }

    /// What is left between two calls.
    pub(crate) fn bits(&self) -> Bits {
        Bits {
            buffer: self.buffer & ((1 << self.count) - 1),
            count: self.count,
        }
    }
}
