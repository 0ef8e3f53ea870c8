//! The two decoders, each driven as a walk over a layer drives it.

use std::hash::{DefaultHasher, Hasher};

use anyhow::{Context, Result, bail, ensure};
use flate2::Crc;
use soci_inflate::{Event, Inflater, WINDOW_BYTES};
use zlib_rs::{Inflate, InflateFlush, Status};

/// Bytes of a layer that are handed over at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Bytes that zlib-rs decodes between two slides of the window.
const ROOM_BYTES: usize = 256 * 1024;

/// Where its output goes.
const HISTORY_BYTES: usize = WINDOW_BYTES + ROOM_BYTES;

/// What takes output.
type Output<'a> = &'a mut dyn FnMut(&[u8]);

/// What takes block ends, by how many bytes are consumed there.
type BlockEnds<'a> = &'a mut dyn FnMut(u64);

/// What a decoder found in a layer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Findings {
    crc32: u32,
    pub(super) output_bytes: u64,
    /// Those that zlib-rs tells: not where a piece ends, or its room.
    pub(super) block_ends: u64,
    /// Of where each of them lies, in both streams.
    block_ends_hash: u64,
}

/// What a gzip member says of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) crc32: u32,
    /// Modulo 2^32.
    length: u32,
}

impl Findings {
    pub(super) fn of(
        decode: impl FnOnce(Output<'_>, BlockEnds<'_>) -> Result<()>,
    ) -> Result<Findings> {
        let crc = std::cell::RefCell::new((Crc::new(), 0_u64));
        let (mut ends, mut hasher) = (0, DefaultHasher::new());
        decode(
            &mut |output| {
                let (crc, output_bytes) = &mut *crc.borrow_mut();
                crc.update(output);
                *output_bytes += output.len() as u64;
            },
            &mut |consumed_bytes| {
                let output_bytes = crc.borrow().1;
                if !consumed_bytes.is_multiple_of(PIECE_BYTES as u64)
                    && !output_bytes.is_multiple_of(ROOM_BYTES as u64)
                {
                    ends += 1;
                    hasher.write_u64(consumed_bytes);
                    hasher.write_u64(output_bytes);
                }
            },
        )?;
        let (crc, output_bytes) = crc.into_inner();
        Ok(Findings {
            crc32: crc.sum(),
            output_bytes,
            block_ends: ends,
            block_ends_hash: hasher.finish(),
        })
    }

    pub(super) fn trailer(&self) -> Trailer {
        Trailer {
            crc32: self.crc32,
            length: self.output_bytes as u32,
        }
    }
}

/// The DEFLATE stream of a layer of one member with a plain header, as gzip writes it, and what its trailer says.
pub(super) fn split(layer: &[u8]) -> Result<(&[u8], Trailer)> {
    ensure!(
        layer.starts_with(&[0x1f, 0x8b, 8, 0]),
        "no gzip member with a plain header"
    );
    let (rest, length) = layer[10..]
        .split_last_chunk()
        .context("no trailer behind the member")?;
    let (deflate, crc32) = rest
        .split_last_chunk()
        .context("no trailer behind the member")?;
    Ok((
        deflate,
        Trailer {
            crc32: u32::from_le_bytes(*crc32),
            length: u32::from_le_bytes(*length),
        },
    ))
}

/// Ours.
pub(super) fn ours(deflate: &[u8], output: Output<'_>, block_end: BlockEnds<'_>) -> Result<()> {
    let mut inflater = Inflater::new();
    let mut consumed_bytes = 0;
    for mut piece in deflate.chunks(PIECE_BYTES) {
        loop {
            let before = piece.len();
            let step = inflater.advance(&mut piece)?;
            consumed_bytes += (before - piece.len()) as u64;
            output(step.output);
            match step.event {
                Some(Event::StreamEnd { .. }) => {
                    let all = consumed_bytes == deflate.len() as u64;
                    ensure!(all, "the stream ends before the member does");
                    return Ok(());
                }
                Some(Event::BlockEnd { .. }) => block_end(consumed_bytes),
                None if piece.is_empty() && step.is_idle() => break,
                None => {}
            }
        }
    }
    bail!("the stream is truncated")
}

/// zlib-rs, told to stop at every block. It does not say that it did; but it stops for nothing else while there is input and room.
pub(super) fn zlib_rs(deflate: &[u8], output: Output<'_>, block_end: BlockEnds<'_>) -> Result<()> {
    let mut inflate = Inflate::new(false, 15);
    let mut history = vec![0; HISTORY_BYTES];
    let mut filled = WINDOW_BYTES;
    let (mut start, mut end) = (0, PIECE_BYTES.min(deflate.len()));
    loop {
        if filled == HISTORY_BYTES {
            history.copy_within(filled - WINDOW_BYTES.., 0);
            filled = WINDOW_BYTES;
        }
        let out_before = inflate.total_out();
        let room = &mut history[filled..];
        let status = inflate
            .decompress(&deflate[start..end], room, InflateFlush::Block)
            .map_err(|error| anyhow::anyhow!("zlib-rs: {}", error.as_str()))?;
        let produced = (inflate.total_out() - out_before) as usize;
        output(&history[filled..filled + produced]);
        filled += produced;
        let consumed = inflate.total_in() as usize;
        let is_idle = consumed == start && produced == 0;
        start = consumed;
        match status {
            Status::StreamEnd => {
                ensure!(
                    start == deflate.len(),
                    "the stream ends before the member does"
                );
                return Ok(());
            }
            // Behind the last block it stops too, with all of the stream consumed.
            _ if start < end && filled < HISTORY_BYTES => block_end(start as u64),
            _ if start == end && end < deflate.len() => {
                end = deflate.len().min(end + PIECE_BYTES);
            }
            _ => ensure!(!is_idle, "the stream is truncated"),
        }
    }
}
