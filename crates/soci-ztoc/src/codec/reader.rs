//! Reads flatbuffers that anybody may have written: every offset is checked against the buffer
//! before it is followed.
//!
//! References lead to nested objects only through calls that the decoder makes, so there is no
//! recursion to exhaust.

use super::decode::DecodeError;

const WORD_BYTES: usize = 4;

/// A flatbuffer.
#[derive(Clone, Copy)]
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
}

/// A table in a flatbuffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: Buffer<'a>,
    place: usize,
    /// Each slot's distance from `place`, two bytes each, little endian.
    slots: &'a [u8],
}

/// A vector of references.
#[derive(Clone, Copy)]
pub(super) struct Refs<'a> {
    buffer: Buffer<'a>,
    first: usize,
    length: usize,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Buffer<'a> {
        Buffer { bytes }
    }

    pub(super) fn root(self, what: &'static str) -> Result<Table<'a>, DecodeError> {
        self.table_at(self.follow(0, what)?, what)
    }

    fn get(self, place: usize, bytes: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let error = DecodeError::OutOfBounds {
            what,
            offset: place as u64,
            buffer_bytes: self.bytes.len() as u64,
        };
        let end = place.checked_add(bytes).ok_or(error.clone())?;
        self.bytes.get(place..end).ok_or(error)
    }

    fn array<const N: usize>(
        self,
        place: usize,
        what: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let bytes = self.get(place, N, what)?;
        Ok(*bytes
            .first_chunk()
            .expect("get returns as many bytes as asked for"))
    }

    fn word(self, place: usize, what: &'static str) -> Result<usize, DecodeError> {
        Ok(u32::from_le_bytes(self.array(place, what)?) as usize)
    }

    /// Where the reference at `place` leads.
    fn follow(self, place: usize, what: &'static str) -> Result<usize, DecodeError> {
        // Both are below 2^32, so the sum fits 64 bits; whether it is in the buffer is checked on
        // access.
        Ok(place.saturating_add(self.word(place, what)?))
    }

    fn table_at(self, place: usize, what: &'static str) -> Result<Table<'a>, DecodeError> {
        let distance = i32::from_le_bytes(self.array(place, what)?);
        let out_of_bounds = || DecodeError::OutOfBounds {
            what,
            offset: place as u64,
            buffer_bytes: self.bytes.len() as u64,
        };
        let vtable = (place as i64 - i64::from(distance))
            .try_into()
            .map_err(|_| out_of_bounds())?;
        let vtable_bytes = usize::from(u16::from_le_bytes(self.array(vtable, what)?));
        let slots = self
            .get(vtable, vtable_bytes, what)?
            .get(WORD_BYTES..)
            .ok_or_else(out_of_bounds)?;
        Ok(Table {
            buffer: self,
            place,
            slots,
        })
    }

    /// The bytes of a vector of bytes, or of a string.
    fn bytes_at(self, place: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.word(place, what)?;
        self.get(place + WORD_BYTES, length, what)
    }
}

impl<'a> Table<'a> {
    /// Where the field in `slot` stands, if it is stored.
    fn field(&self, slot: usize) -> Option<usize> {
        let entry: &[u8; 2] = self.slots.get(2 * slot..)?.first_chunk()?;
        match u16::from_le_bytes(*entry) {
            0 => None,
            distance => Some(self.place + usize::from(distance)),
        }
    }

    pub(super) fn int64(&self, slot: usize, what: &'static str) -> Result<i64, DecodeError> {
        self.field(slot).map_or(Ok(0), |place| {
            Ok(i64::from_le_bytes(self.buffer.array(place, what)?))
        })
    }

    /// A 64-bit field that counts something: not negative.
    pub(super) fn count(&self, slot: usize, what: &'static str) -> Result<u64, DecodeError> {
        let value = self.int64(slot, what)?;
        u64::try_from(value).map_err(|_| DecodeError::Negative { what, value })
    }

    pub(super) fn uint32(&self, slot: usize, what: &'static str) -> Result<u32, DecodeError> {
        self.field(slot).map_or(Ok(0), |place| {
            Ok(u32::from_le_bytes(self.buffer.array(place, what)?))
        })
    }

    pub(super) fn int8(
        &self,
        slot: usize,
        default: i8,
        what: &'static str,
    ) -> Result<i8, DecodeError> {
        self.field(slot).map_or(Ok(default), |place| {
            Ok(i8::from_le_bytes(self.buffer.array(place, what)?))
        })
    }

    /// A string or vector of bytes; empty when it is not stored.
    pub(super) fn bytes(&self, slot: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.field(slot) {
            None => Ok(&[]),
            Some(place) => self.buffer.bytes_at(self.buffer.follow(place, what)?, what),
        }
    }

    pub(super) fn table(&self, slot: usize, what: &'static str) -> Result<Table<'a>, DecodeError> {
        let place = self.field(slot).ok_or(DecodeError::Missing { what })?;
        self.buffer.table_at(self.buffer.follow(place, what)?, what)
    }

    /// A vector of references; empty when it is not stored. Its length is that of bytes that are
    /// there.
    pub(super) fn refs(&self, slot: usize, what: &'static str) -> Result<Refs<'a>, DecodeError> {
        let Some(place) = self.field(slot) else {
            return Ok(Refs {
                buffer: self.buffer,
                first: 0,
                length: 0,
            });
        };
        let vector = self.buffer.follow(place, what)?;
        let length = self.buffer.word(vector, what)?;
        let first = vector + WORD_BYTES;
        self.buffer
            .get(first, length.saturating_mul(WORD_BYTES), what)?;
        Ok(Refs {
            buffer: self.buffer,
            first,
            length,
        })
    }
}

impl<'a> Refs<'a> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn tables(
        self,
        what: &'static str,
    ) -> impl Iterator<Item = Result<Table<'a>, DecodeError>> {
        self.places(what)
            .map(move |place| self.buffer.table_at(place?, what))
    }

    pub(super) fn strings(
        self,
        what: &'static str,
    ) -> impl Iterator<Item = Result<&'a [u8], DecodeError>> {
        self.places(what)
            .map(move |place| self.buffer.bytes_at(place?, what))
    }

    fn places(self, what: &'static str) -> impl Iterator<Item = Result<usize, DecodeError>> {
        (0..self.length).map(move |index| self.buffer.follow(self.first + index * WORD_BYTES, what))
    }
}
