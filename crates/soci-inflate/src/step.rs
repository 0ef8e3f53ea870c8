//! What a call gives: decoded bytes, and the places behind them that a caller may want to know.

/// What [`crate::Inflater::advance`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The bytes decoded by this call, in order and without gaps between calls.
    pub output: &'a [u8],
    /// What comes right behind `output`, if it is more than the next byte.
    pub event: Option<Event>,
}

impl Step<'_> {
    /// Nothing came out. With no input left this means that more is needed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.output.is_empty() && self.event.is_none()
    }
}

/// A place in the stream that a caller may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A block that is not the last one ended.
    BlockEnd {
        /// Where the next block's header begins, in bits from the first bit of the first byte pushed.
        bit_offset: u64,
        /// How many of the upper bits (0–7) of the last consumed byte belong to the next block.
        unused_bits: u8,
    },
    /// The last block ended. The byte in which it ends is consumed, and nothing behind it.
    StreamEnd {
        /// Where the stream ends, in bits from the first bit of the first byte pushed.
        bit_offset: u64,
    },
}
