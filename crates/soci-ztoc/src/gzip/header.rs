//! The header of a gzip member (RFC 1952 §2.3), parsed from bytes that arrive in any pieces.

use crc32fast::Hasher;

/// The first three bytes of every gzip member that uses deflate: magic number and method.
pub(crate) const MEMBER_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// File names and comments of this many bytes or more are refused by Go's `compress/gzip`, with
/// which soci-snapshotter checks a layer's header before it reads anything.
const TEXT_FIELD_LIMIT_BYTES: usize = 512;

const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Why a header is no valid one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    ReservedFlags { flags: u8 },
    Checksum { expected: u16, found: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Flags,
    TimeAndSystem,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Checksum,
    Done,
}

/// A header as far as it has been read.
pub(crate) struct HeaderParser {
    field: Field,
    /// Bytes of the current field that have been read.
    read_bytes: usize,
    /// The current fixed-size field's value so far, little endian.
    value: u16,
    flags: u8,
    crc: Hasher,
    long_text: bool,
}

impl HeaderParser {
    /// Right behind [`MEMBER_MAGIC`].
    pub(crate) fn behind_magic() -> HeaderParser {
        let mut crc = Hasher::new();
        crc.update(&MEMBER_MAGIC);
        HeaderParser {
            field: Field::Flags,
            read_bytes: 0,
            value: 0,
            flags: 0,
            crc,
            long_text: false,
        }
    }

    /// Reads from `input`; returns how many bytes belong to the header, with an error if they
    /// are wrong. The header is complete when
    /// [`Self::is_done`].
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<usize, (usize, HeaderError)> {
        for (index, &byte) in input.iter().enumerate() {
            if self.is_done() {
                return Ok(index);
            }
            // The checksum covers every byte before itself.
            if self.field != Field::Checksum {
                self.crc.update(&[byte]);
            }
            self.take(byte).map_err(|error| (index + 1, error))?;
        }
        Ok(input.len())
    }

    pub(crate) fn is_done(&self) -> bool {
        self.field == Field::Done
    }

    /// True where the name or the comment is too long for the consumers of a zTOC.
    pub(crate) fn has_long_text(&self) -> bool {
        self.long_text
    }

    fn take(&mut self, byte: u8) -> Result<(), HeaderError> {
        match self.field {
            Field::Flags => {
                if byte & RESERVED != 0 {
                    return Err(HeaderError::ReservedFlags { flags: byte });
                }
                self.flags = byte;
                self.advance_after(1);
            }
            Field::TimeAndSystem => self.advance_after(6),
            Field::ExtraLength => {
                self.shift_in(byte);
                self.advance_after(2);
            }
            Field::Extra => self.advance_after(usize::from(self.value)),
            Field::Name | Field::Comment => self.take_text(byte),
            Field::Checksum => {
                self.shift_in(byte);
                if self.read_bytes == 1 {
                    let expected = self.crc.clone().finalize() as u16;
                    if self.value != expected {
                        return Err(HeaderError::Checksum {
                            expected,
                            found: self.value,
                        });
                    }
                }
                self.advance_after(2);
            }
            Field::Done => {}
        }
        Ok(())
    }

    fn take_text(&mut self, byte: u8) {
        self.read_bytes += 1;
        if byte == 0 {
            self.next_field();
        } else if self.read_bytes >= TEXT_FIELD_LIMIT_BYTES {
            self.long_text = true;
        }
    }

    fn shift_in(&mut self, byte: u8) {
        self.value |= u16::from(byte) << (8 * self.read_bytes);
    }

    /// Counts one byte of a field of `size` bytes and goes on behind its last.
    fn advance_after(&mut self, size: usize) {
        self.read_bytes += 1;
        if self.read_bytes >= size {
            self.next_field();
        }
    }

    /// The next field that this header has.
    fn next_field(&mut self) {
        let extra_bytes = self.value;
        self.read_bytes = 0;
        self.value = 0;
        loop {
            self.field = match self.field {
                Field::Flags => Field::TimeAndSystem,
                Field::TimeAndSystem => Field::ExtraLength,
                Field::ExtraLength => {
                    self.value = extra_bytes;
                    Field::Extra
                }
                Field::Extra => Field::Name,
                Field::Name => Field::Comment,
                Field::Comment => Field::Checksum,
                Field::Checksum | Field::Done => Field::Done,
            };
            if self.has_field() {
                return;
            }
        }
    }

    fn has_field(&self) -> bool {
        match self.field {
            Field::ExtraLength => self.flags & FEXTRA != 0,
            Field::Extra => self.flags & FEXTRA != 0 && self.value > 0,
            Field::Name => self.flags & FNAME != 0,
            Field::Comment => self.flags & FCOMMENT != 0,
            Field::Checksum => self.flags & FHCRC != 0,
            Field::Flags | Field::TimeAndSystem | Field::Done => true,
        }
    }
}
