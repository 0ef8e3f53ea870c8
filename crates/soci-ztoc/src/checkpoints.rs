//! Checkpoints of a gzip layer, kept in the very bytes in which the zTOC holds them.
//!
//! They are nearly all of a large zTOC and nearly all of what a builder holds in memory, so they
//! exist once: packed as the format wants them, in blocks that are allocated when they are needed
//! and never copied.

use crate::gzip::WINDOW_BYTES;

/// Number of checkpoints (int32) and span size (int64), little endian.
const HEADER_BYTES: usize = 12;
/// Compressed and uncompressed offset (int64 each), bits (one byte), window.
const PACKED_BYTES: usize = 8 + 8 + 1 + WINDOW_BYTES;
/// Checkpoints per allocation: about 1 MiB.
const PER_BLOCK: usize = 32;

/// Where decoding can start: a deflate block begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint<'a> {
    /// First compressed byte of which no bit is used before the checkpoint.
    pub compressed_offset: u64,
    /// Bytes decoded before the checkpoint.
    pub uncompressed_offset: u64,
    /// How many bits (0–7) of the byte before `compressed_offset` come behind the checkpoint.
    pub bits: u8,
    /// The last 32 KiB decoded before the checkpoint, oldest first.
    pub window: &'a [u8; WINDOW_BYTES],
}

impl Checkpoint<'_> {
    /// First compressed byte that decoding from here needs.
    #[must_use]
    pub fn first_compressed_byte(&self) -> u64 {
        self.compressed_offset - u64::from(self.bits > 0)
    }
}

/// Packed checkpoints whose form is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoints {
    /// Too short for the two numbers in front.
    #[error("checkpoints have {found} bytes, at least {HEADER_BYTES} are needed")]
    Header {
        /// Bytes there are.
        found: usize,
    },
    /// The count and the bytes disagree.
    #[error(
        "checkpoints say that they are {count} with spans of {span_bytes} bytes, but have {found} bytes"
    )]
    Size {
        /// The count they state.
        count: i32,
        /// The span size they state.
        span_bytes: i64,
        /// Bytes there are.
        found: usize,
    },
    /// Offsets or bits outside the range that the format allows.
    #[error(
        "checkpoint {index} is at compressed offset {compressed_offset}, uncompressed offset {uncompressed_offset}, bits {bits}"
    )]
    Value {
        /// Its number, from 0.
        index: usize,
        /// As stored.
        compressed_offset: i64,
        /// As stored.
        uncompressed_offset: i64,
        /// As stored.
        bits: u8,
    },
}

/// The checkpoints of a layer, in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoints {
    span_bytes: u64,
    blocks: Vec<Vec<u8>>,
}

impl Checkpoints {
    /// No checkpoints yet.
    pub(crate) fn new(span_bytes: u64) -> Checkpoints {
        Checkpoints {
            span_bytes,
            blocks: Vec::new(),
        }
    }

    /// Appends one. `window` has 32 KiB.
    pub(crate) fn push(
        &mut self,
        compressed_offset: u64,
        uncompressed_offset: u64,
        bits: u8,
        window: &[u8],
    ) {
        if self
            .blocks
            .last()
            .is_none_or(|block| block.len() == PER_BLOCK * PACKED_BYTES)
        {
            self.blocks
                .push(Vec::with_capacity(PER_BLOCK * PACKED_BYTES));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.extend_from_slice(&compressed_offset.to_le_bytes());
            block.extend_from_slice(&uncompressed_offset.to_le_bytes());
            block.push(bits);
            block.extend_from_slice(window);
        }
    }

    /// Number of checkpoints.
    #[must_use]
    pub fn len(&self) -> usize {
        let Some((last, full)) = self.blocks.split_last() else {
            return 0;
        };
        full.len() * PER_BLOCK + last.len() / PACKED_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The span size asked for when they were made, in uncompressed bytes.
    #[must_use]
    pub fn span_bytes(&self) -> u64 {
        self.span_bytes
    }

    /// Checkpoint `index`, which must be less than [`Self::len`].
    #[must_use]
    pub fn get(&self, index: usize) -> Checkpoint<'_> {
        let start = index % PER_BLOCK * PACKED_BYTES;
        unpack(&self.blocks[index / PER_BLOCK][start..start + PACKED_BYTES])
    }

    /// The checkpoints in order.
    pub fn iter(&self) -> impl Iterator<Item = Checkpoint<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Number of the last checkpoint at or before an uncompressed offset; the first one for offsets
    /// before it.
    pub(crate) fn holding(&self, uncompressed_offset: u64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.get(middle).uncompressed_offset <= uncompressed_offset {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(Vec::capacity).sum()
    }

    /// Size of the packed form in bytes.
    pub(crate) fn packed_bytes(&self) -> usize {
        HEADER_BYTES + self.blocks.iter().map(Vec::len).sum::<usize>()
    }

    /// The packed form, in pieces.
    pub(crate) fn packed_header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&(self.len() as i32).to_le_bytes());
        header[4..].copy_from_slice(&(self.span_bytes as i64).to_le_bytes());
        header
    }

    /// Behind [`Self::packed_header`], the rest of the packed form.
    pub(crate) fn packed_blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(Vec::as_slice)
    }

    /// Reads the packed form. The count in front may be one more than there are checkpoints:
    /// soci-snapshotter's first format left out the first one, which then is right behind a
    /// gzip header of ten bytes.
    pub(crate) fn unpack(bytes: &[u8]) -> Result<Checkpoints, InvalidCheckpoints> {
        let found = bytes.len();
        let (header, packed) = bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or(InvalidCheckpoints::Header { found })?;
        let count = i32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let span_bytes = le_i64(&header[4..]);
        let stored = packed.len() / PACKED_BYTES;
        let first_left_out = i64::from(count) == stored as i64 + 1;
        let fits = packed.len().is_multiple_of(PACKED_BYTES)
            && (i64::from(count) == stored as i64 || first_left_out);
        if !fits || count < 1 || span_bytes < 1 {
            return Err(InvalidCheckpoints::Size {
                count,
                span_bytes,
                found,
            });
        }
        let mut checkpoints = Checkpoints::new(span_bytes as u64);
        if first_left_out {
            checkpoints.push(10, 0, 0, &[0; WINDOW_BYTES]);
        }
        for (index, packed) in packed.chunks_exact(PACKED_BYTES).enumerate() {
            check_value(index, packed)?;
            let Checkpoint {
                compressed_offset,
                uncompressed_offset,
                bits,
                window,
            } = unpack(packed);
            checkpoints.push(compressed_offset, uncompressed_offset, bits, window);
        }
        Ok(checkpoints)
    }
}

fn check_value(index: usize, packed: &[u8]) -> Result<(), InvalidCheckpoints> {
    let (compressed_offset, uncompressed_offset, bits) =
        (le_i64(packed), le_i64(&packed[8..]), packed[16]);
    if compressed_offset < 1 || uncompressed_offset < 0 || bits > 7 {
        return Err(InvalidCheckpoints::Value {
            index,
            compressed_offset,
            uncompressed_offset,
            bits,
        });
    }
    Ok(())
}

fn unpack(packed: &[u8]) -> Checkpoint<'_> {
    Checkpoint {
        compressed_offset: le_i64(packed) as u64,
        uncompressed_offset: le_i64(&packed[8..]) as u64,
        bits: packed[16],
        window: packed[17..]
            .first_chunk()
            .expect("a packed checkpoint ends with a whole window"),
    }
}

fn le_i64(bytes: &[u8]) -> i64 {
    i64::from_le_bytes(
        *bytes
            .first_chunk()
            .expect("callers pass at least eight bytes"),
    )
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints")
            .field("span_bytes", &self.span_bytes)
            .field("len", &self.len())
            .finish()
    }
}
