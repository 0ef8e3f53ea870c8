//! Gzip members with every header field in our hands, and ordinary compression.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Flag bits of RFC 1952 2.3.1.
const FTEXT: u8 = 1;
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

/// One gzip member under construction: a plain header, a deflate stream, a right trailer, until told otherwise.
#[derive(Clone, Debug)]
pub struct Member {
    flags: u8,
    extra: Vec<u8>,
    name: Vec<u8>,
    comment: Vec<u8>,
    header_crc_xor: u16,
    deflate: Vec<u8>,
    crc32: u32,
    isize: u32,
}

impl Member {
    /// A member around a deflate stream that yields `data`.
    pub fn deflated(deflate: Vec<u8>, data: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(data);
        Self {
            flags: 0,
            extra: Vec::new(),
            name: Vec::new(),
            comment: Vec::new(),
            header_crc_xor: 0,
            deflate,
            crc32: crc.sum(),
            // ISIZE is the length modulo 2^32.
            isize: data.len() as u32,
        }
    }

    /// A member that compresses `data` at a level from 0 to 9.
    pub fn new(data: &[u8], level: u32) -> Self {
        Self::deflated(deflate(data, level, 0, Flush::Sync), data)
    }

    /// The right trailer for some bytes followed by zeros, without ever holding the zeros.
    pub fn zeros_behind(mut self, head: &[u8], mut zeros: u64) -> Self {
        let piece = vec![0; 1 << 20];
        let mut crc = Crc::new();
        crc.update(head);
        self.isize = (head.len() as u64).wrapping_add(zeros) as u32;
        while zeros > 0 {
            let part = zeros.min(piece.len() as u64);
            crc.update(&piece[..part as usize]);
            zeros -= part;
        }
        self.crc32 = crc.sum();
        self
    }

    /// Sets FEXTRA with these bytes.
    ///
    /// # Panics
    /// When the field is longer than its two length bytes can say.
    pub fn extra(mut self, extra: &[u8]) -> Self {
        assert!(
            extra.len() <= usize::from(u16::MAX),
            "FEXTRA holds at most 65,535 bytes"
        );
        self.flags |= FEXTRA;
        self.extra = extra.to_vec();
        self
    }

    /// Sets FNAME.
    pub fn name(mut self, name: &[u8]) -> Self {
        self.flags |= FNAME;
        self.name = name.to_vec();
        self
    }

    /// Sets FCOMMENT.
    pub fn comment(mut self, comment: &[u8]) -> Self {
        self.flags |= FCOMMENT;
        self.comment = comment.to_vec();
        self
    }

    /// Sets FTEXT.
    pub fn text(mut self) -> Self {
        self.flags |= FTEXT;
        self
    }

    /// Sets FHCRC with the right checksum.
    pub fn header_crc(mut self) -> Self {
        self.flags |= FHCRC;
        self
    }

    /// Sets FHCRC with a wrong checksum.
    pub fn wrong_header_crc(mut self) -> Self {
        self.flags |= FHCRC;
        self.header_crc_xor = 0x5a5a;
        self
    }

    /// Sets a flag bit that RFC 1952 reserves.
    pub fn reserved_flag(mut self, bit: u8) -> Self {
        self.flags |= bit;
        self
    }

    /// Makes the CRC-32 wrong.
    pub fn wrong_crc(mut self) -> Self {
        self.crc32 ^= 1;
        self
    }

    /// Makes ISIZE wrong.
    pub fn wrong_isize(mut self) -> Self {
        self.isize ^= 1;
        self
    }

    /// The header alone.
    pub fn header(&self) -> Vec<u8> {
        // Magic, deflate, flags, no time, no extra flags, unknown system.
        let mut out = vec![0x1f, 0x8b, 8, self.flags, 0, 0, 0, 0, 0, 255];
        if self.flags & FEXTRA != 0 {
            out.extend_from_slice(&(self.extra.len() as u16).to_le_bytes());
            out.extend_from_slice(&self.extra);
        }
        if self.flags & FNAME != 0 {
            out.extend_from_slice(&self.name);
            out.push(0);
        }
        if self.flags & FCOMMENT != 0 {
            out.extend_from_slice(&self.comment);
            out.push(0);
        }
        if self.flags & FHCRC != 0 {
            let mut crc = Crc::new();
            crc.update(&out);
            out.extend_from_slice(&(crc.sum() as u16 ^ self.header_crc_xor).to_le_bytes());
        }
        out
    }

    /// The finished member.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        out.extend_from_slice(&self.deflate);
        out.extend_from_slice(&self.crc32.to_le_bytes());
        out.extend_from_slice(&self.isize.to_le_bytes());
        out
    }
}

/// Compresses into one member, as any tool would.
pub fn compress(data: &[u8], level: u32) -> Vec<u8> {
    Member::new(data, level).bytes()
}

/// Compresses into one member with a flush every `every` bytes.
pub fn compress_flushing(data: &[u8], level: u32, every: usize, flush: Flush) -> Vec<u8> {
    Member::deflated(deflate(data, level, every, flush), data).bytes()
}

/// Compresses into members of at most `every` bytes each, as bgzip and some parallel tools do.
pub fn compress_members(data: &[u8], level: u32, every: usize) -> Vec<u8> {
    data.chunks(every)
        .flat_map(|piece| compress(piece, level))
        .collect()
}

/// What a flush does beside ending the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// The window goes on: matches may reach back over the flush.
    Sync,
    /// The window is forgotten.
    Full,
}

/// A raw deflate stream with a flush every `every` bytes (0: none).
///
/// # Panics
/// Never in practice: the compressor refuses only streams that were not begun properly.
pub fn deflate(data: &[u8], level: u32, every: usize, flush: Flush) -> Vec<u8> {
    let mode = match flush {
        Flush::Sync => FlushCompress::Sync,
        Flush::Full => FlushCompress::Full,
    };
    let mut encoder = Compress::new(Compression::new(level), false);
    let mut out = Vec::new();
    let every = if every == 0 { data.len().max(1) } else { every };
    let mut pieces = data.chunks(every).peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_some() {
            step(&mut encoder, piece, &mut out, mode);
        } else {
            step(&mut encoder, piece, &mut out, FlushCompress::Finish);
        }
    }
    if data.is_empty() {
        step(&mut encoder, &[], &mut out, FlushCompress::Finish);
    }
    out
}

fn step(encoder: &mut Compress, mut input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) {
    loop {
        out.reserve(64 << 10);
        let before = encoder.total_in();
        let status = encoder
            .compress_vec(input, out, flush)
            .expect("a fresh deflate stream takes any input");
        input = &input[(encoder.total_in() - before) as usize..];
        let has_room = out.len() < out.capacity();
        if status == Status::StreamEnd
            || (input.is_empty() && has_room && flush != FlushCompress::Finish)
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content;
    use std::io::Read;

    fn inflate(layer: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::MultiGzDecoder::new(layer)
            .read_to_end(&mut out)
            .expect("test data is right");
        out
    }

    #[test]
    fn matches_flate2_for_every_way_of_compressing() {
        let data = content::mixed(2, 300_000);
        for level in 0..=9 {
            assert!(inflate(&compress(&data, level)) == data, "level {level}");
        }
        for flush in [Flush::Sync, Flush::Full] {
            assert!(
                inflate(&compress_flushing(&data, 6, 10_000, flush)) == data,
                "{flush:?}"
            );
        }
        assert!(inflate(&compress_members(&data, 6, 50_000)) == data);
        assert!(inflate(&compress(&[], 6)).is_empty());
    }

    #[test]
    fn matches_flate2_for_every_header_field() {
        let member = Member::new(b"x", 6)
            .extra(b"abc")
            .name(b"n")
            .comment(b"c")
            .text()
            .header_crc()
            .bytes();
        assert_eq!(inflate(&member), b"x");
    }
}
