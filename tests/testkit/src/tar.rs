//! Tar archives with every field in our hands.
//!
//! [`Header`] is one raw 512-byte block whose fields are set one by one; [`Archive`] strings blocks together. Neither
//! corrects anything: sizes may lie, checksums may be wrong, end blocks may be missing.

use crate::pax;

/// One tar block.
pub const BLOCK: usize = 512;

/// Which magic bytes a header carries; they decide how a reader takes the fields behind byte 257.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Before POSIX: no magic, no names of users, no prefix.
    V7,
    /// POSIX: `ustar\0` and version `00`.
    Ustar,
    /// GNU tar: `ustar  \0`, access and change times where POSIX has the prefix.
    Gnu,
    /// Schilling's star: POSIX magic, `tar\0` in the last four bytes.
    Star,
}

/// How the checksum field is filled.
#[derive(Clone, Copy, Debug)]
enum Checksum {
    Unsigned,
    Signed,
    Wrong,
}

/// A tar header block under construction. Defaults: mode 0644, ids 0, mtime 1,700,000,000, regular file, size 0.
#[derive(Clone, Debug)]
pub struct Header {
    raw: [u8; BLOCK],
    checksum: Checksum,
}

impl Header {
    /// A header of a dialect, with a name of at most 100 bytes (longer ones are cut).
    pub fn new(dialect: Dialect, name: impl AsRef<[u8]>) -> Self {
        let mut header = Self {
            raw: [0; BLOCK],
            checksum: Checksum::Unsigned,
        };
        match dialect {
            Dialect::V7 => {}
            Dialect::Ustar => header.put(257, b"ustar\x0000"),
            Dialect::Gnu => header.put(257, b"ustar  \0"),
            Dialect::Star => {
                header.put(257, b"ustar\x0000");
                header.put(508, b"tar\0");
            }
        }
        header
            .raw_field(0, 100, name.as_ref())
            .kind(b'0')
            .mode(0o644)
            .uid(0)
            .gid(0)
            .size(0)
            .mtime(1_700_000_000)
    }

    /// A POSIX header.
    pub fn ustar(name: impl AsRef<[u8]>) -> Self {
        Self::new(Dialect::Ustar, name)
    }

    /// A GNU header.
    pub fn gnu(name: impl AsRef<[u8]>) -> Self {
        Self::new(Dialect::Gnu, name)
    }

    /// The type flag, e.g. `b'5'` for a directory.
    pub fn kind(mut self, flag: u8) -> Self {
        self.raw[156] = flag;
        self
    }

    /// The mode field, octal.
    pub fn mode(self, mode: u64) -> Self {
        self.octal(100, 8, mode)
    }

    /// The owner's number, octal.
    pub fn uid(self, uid: u64) -> Self {
        self.octal(108, 8, uid)
    }

    /// The group's number, octal.
    pub fn gid(self, gid: u64) -> Self {
        self.octal(116, 8, gid)
    }

    /// The size field, octal; it need not be the size of what follows.
    pub fn size(self, size: u64) -> Self {
        self.octal(124, 12, size)
    }

    /// The modification time in seconds, octal.
    pub fn mtime(self, seconds: u64) -> Self {
        self.octal(136, 12, seconds)
    }

    /// The target of a link.
    pub fn link(self, target: impl AsRef<[u8]>) -> Self {
        self.raw_field(157, 100, target.as_ref())
    }

    /// Names of owner and group.
    pub fn owner(self, user: &str, group: &str) -> Self {
        self.raw_field(265, 32, user.as_bytes())
            .raw_field(297, 32, group.as_bytes())
    }

    /// Device numbers, octal.
    pub fn device(self, major: u64, minor: u64) -> Self {
        self.octal(329, 8, major).octal(337, 8, minor)
    }

    /// The prefix that POSIX puts before the name, with a slash between.
    pub fn prefix(self, prefix: impl AsRef<[u8]>) -> Self {
        self.raw_field(345, 155, prefix.as_ref())
    }

    /// Any field as octal digits, zero-filled, closed by a NUL.
    pub fn octal(mut self, at: usize, len: usize, value: u64) -> Self {
        let digits = format!("{value:0width$o}\0", width = len - 1);
        self.put(at, &digits.as_bytes()[digits.len() - len..]);
        self
    }

    /// Any field as base-256: the top bit set, two's complement, big endian.
    pub fn base256(mut self, at: usize, len: usize, value: i128) -> Self {
        let bytes = value.to_be_bytes();
        self.put(at, &bytes[bytes.len() - len..]);
        self.raw[at] |= 0x80;
        self
    }

    /// Any field as bytes, the rest of it NUL; bytes that do not fit are cut.
    pub fn raw_field(mut self, at: usize, len: usize, value: &[u8]) -> Self {
        let value = &value[..value.len().min(len)];
        self.raw[at..at + len].fill(0);
        self.put(at, value);
        self
    }

    /// The checksum that old Sun tars wrote: the bytes added as signed numbers.
    pub fn signed_checksum(mut self) -> Self {
        self.checksum = Checksum::Signed;
        self
    }

    /// A checksum that matches neither way of counting.
    pub fn wrong_checksum(mut self) -> Self {
        self.checksum = Checksum::Wrong;
        self
    }

    /// The finished block.
    pub fn bytes(&self) -> [u8; BLOCK] {
        let mut raw = self.raw;
        raw[148..156].fill(b' ');
        let sum: i64 = match self.checksum {
            Checksum::Unsigned => raw.iter().map(|&b| i64::from(b)).sum(),
            Checksum::Signed => raw.iter().map(|&b| i64::from(b.cast_signed())).sum(),
            Checksum::Wrong => raw.iter().map(|&b| i64::from(b)).sum::<i64>() + 4711,
        };
        let digits = format!("{sum:06o}\0 ");
        raw[148..156].copy_from_slice(digits.as_bytes());
        raw
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.raw[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// An archive under construction.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    out: Vec<u8>,
}

impl Archive {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// A header as it is, without data.
    pub fn header(mut self, header: Header) -> Self {
        self.out.extend_from_slice(&header.bytes());
        self
    }

    /// A header whose size field is set to the length of the data, then the data, padded.
    pub fn entry(self, header: Header, data: &[u8]) -> Self {
        self.header(header.size(data.len() as u64)).data(data)
    }

    /// A regular POSIX file.
    pub fn file(self, name: impl AsRef<[u8]>, data: &[u8]) -> Self {
        self.entry(Header::ustar(name), data)
    }

    /// A POSIX directory.
    pub fn dir(self, name: impl AsRef<[u8]>) -> Self {
        self.header(Header::ustar(name).kind(b'5').mode(0o755))
    }

    /// A POSIX symbolic link.
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.header(Header::ustar(name).kind(b'2').mode(0o777).link(target))
    }

    /// A POSIX hard link.
    pub fn hardlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.header(Header::ustar(name).kind(b'1').link(target))
    }

    /// A PAX extended header (`x`) for the next entry.
    pub fn pax(self, pairs: &[(&str, &[u8])]) -> Self {
        self.pax_raw(b'x', &pax::records(pairs))
    }

    /// A PAX header of either kind (`x`, `g`) with any bytes as its records.
    pub fn pax_raw(self, kind: u8, data: &[u8]) -> Self {
        self.entry(Header::ustar("PaxHeaders.0/entry").kind(kind), data)
    }

    /// A GNU long name (`L`) for the next entry.
    pub fn long_name(self, name: &[u8]) -> Self {
        self.entry(
            Header::gnu("././@LongLink").kind(b'L'),
            &[name, b"\0"].concat(),
        )
    }

    /// A GNU long link name (`K`) for the next entry.
    pub fn long_link(self, target: &[u8]) -> Self {
        self.entry(
            Header::gnu("././@LongLink").kind(b'K'),
            &[target, b"\0"].concat(),
        )
    }

    /// Data, padded with NULs to the next block.
    pub fn data(mut self, data: &[u8]) -> Self {
        self.out.extend_from_slice(data);
        let padded = self.out.len().next_multiple_of(BLOCK);
        self.out.resize(padded, 0);
        self
    }

    /// Bytes as they are, without padding.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// A number of NUL bytes.
    pub fn zeros(mut self, count: usize) -> Self {
        self.out.resize(self.out.len() + count, 0);
        self
    }

    /// Takes bytes away again from the end.
    pub fn cut(mut self, count: usize) -> Self {
        self.out.truncate(self.out.len().saturating_sub(count));
        self
    }

    /// The archive with the two zero blocks that end it.
    pub fn finish(self) -> Vec<u8> {
        self.zeros(2 * BLOCK).out
    }

    /// The archive as it stands, with no end blocks added.
    pub fn unfinished(self) -> Vec<u8> {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_sums_up_to_its_checksum() {
        let raw = Header::ustar("a").bytes();
        let said = i64::from_str_radix(
            std::str::from_utf8(&raw[148..154]).expect("test data is right"),
            8,
        )
        .expect("test data is right");
        let sum: i64 = raw.iter().map(|&b| i64::from(b)).sum::<i64>()
            - raw[148..156].iter().map(|&b| i64::from(b)).sum::<i64>()
            + 8 * 32;
        assert_eq!(said, sum);
    }

    #[test]
    fn an_archive_is_made_of_whole_blocks() {
        assert_eq!(Archive::new().file("a", b"x").finish().len(), 4 * BLOCK);
    }
}
