//! Laws of soci-inflate: any bytes as a raw DEFLATE stream, side by side with zlib-rs.
//!
//! The first bytes of an input are a recipe: the fuzzer chooses the cuts too.

use soci_inflate::{Error, Event, Inflater, WINDOW_BYTES};
use zlib_rs::{Inflate, InflateFlush, Status};

/// Where an input is cut; short pieces end within, or just behind, a word of eight bytes.
pub type Cuts = super::cuts::Cuts<12>;

/// Bytes of the recipe in front of an input.
pub const RECIPE_BYTES: usize = 3;

/// Block ends from which a stream is decoded again; a law is to be quick.
const RESUMED: usize = 8;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With its last block, in the last of so many bytes.
    Stream {
        /// The stream's length.
        consumed_bytes: u64,
    },
    /// Not within the input.
    Incomplete,
    /// With an error.
    Invalid,
}

/// A block's end that is not the stream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEnd {
    /// Bytes of the stream up to there, the one included that the next block shares.
    pub consumed_bytes: u64,
    /// Bytes that have come out.
    pub output_bytes: usize,
}

/// What both decoders can tell of a stream.
#[derive(PartialEq, Eq)]
pub struct Decoded {
    /// Everything that came out.
    pub output: Vec<u8>,
    /// In order, the last block's excepted.
    pub block_ends: Vec<BlockEnd>,
    /// The verdict.
    pub end: End,
}

/// What ours tells beyond that.
#[derive(PartialEq, Eq)]
pub struct Ours {
    /// What both can tell.
    pub decoded: Decoded,
    /// Of each block end, the bit offset and the unused bits.
    pub bits: Vec<(u64, u8)>,
    /// Bits decoded in all.
    pub end_bit_offset: u64,
    /// Of an invalid stream, why it is.
    pub error: Option<Error>,
}

/// Any bytes as a stream: zlib-rs says the same of it, and however it is cut the answer is the same.
pub fn inflate(input: &[u8]) {
    let Some((&[mode, low, high], stream)) = input.split_first_chunk::<RECIPE_BYTES>() else {
        return;
    };
    let state = u64::from(u16::from_le_bytes([low, high]));
    check(stream, Cuts { mode, state });
}

/// Holds one stream to the law; gives what came out.
pub fn check(stream: &[u8], cuts: Cuts) -> Ours {
    let whole = ours(Inflater::new(), [stream]);
    let theirs = zlib(stream, whole.decoded.output.len());
    assert_same(&whole.decoded, &theirs, stream.len() as u64);
    let cut = ours(Inflater::new(), cuts.pieces(stream));
    assert!(cut == whole, "cutting the stream changed the answer");
    // The first, and others at equal distances: that a block's bits are right shows only in what is decoded from there.
    let ends = whole.bits.len();
    for number in (0..ends).step_by(ends.div_ceil(RESUMED).max(1)) {
        resume(stream, &whole, number, cuts);
    }
    whole
}

fn assert_same(ours: &Decoded, theirs: &Decoded, stream_bytes: u64) {
    assert_eq!(ours.end, theirs.end);
    assert!(ours.output == theirs.output, "the output differs");
    // When a block ends with the input, zlib does not tell.
    let known = |end: &&BlockEnd| end.consumed_bytes < stream_bytes;
    let [ours, theirs] =
        [ours, theirs].map(|one| one.block_ends.iter().filter(known).collect::<Vec<_>>());
    assert!(ours == theirs, "the block ends differ");
}

/// Decodes from a block's end and holds it against what came from the start.
fn resume(stream: &[u8], whole: &Ours, number: usize, cuts: Cuts) {
    let end = whole.decoded.block_ends[number];
    let (bit_offset, unused_bits) = whole.bits[number];
    let first_byte = bit_offset / 8;
    assert_eq!(
        first_byte + u64::from(unused_bits > 0),
        end.consumed_bytes,
        "of a shared byte the next block has the upper bits"
    );
    let inflater = Inflater::at_checkpoint(unused_bits, &window(whole, end.output_bytes));
    let resumed = ours(inflater, cuts.pieces(&stream[first_byte as usize..]));
    let rest = &whole.decoded.output[end.output_bytes..];
    let found = &resumed.decoded.output;
    // A window has 32 KiB, of which less may be there: what was too far back at a stream's start is not any more.
    let is_short = end.output_bytes < WINDOW_BYTES && whole.decoded.end == End::Invalid;
    assert!(
        found == rest || is_short && found.starts_with(rest),
        "decoded from block end {number}, the output differs"
    );
    if !is_short {
        let shifted: Vec<_> = whole.bits[number + 1..]
            .iter()
            .map(|(offset, unused)| (offset - 8 * first_byte, *unused))
            .collect();
        assert!(resumed.bits == shifted, "the block ends differ");
    }
}

/// The window at so many bytes of output, zeros where there was nothing yet.
fn window(whole: &Ours, output_bytes: usize) -> Box<[u8; WINDOW_BYTES]> {
    let have = output_bytes.min(WINDOW_BYTES);
    let mut window = Box::new([0; WINDOW_BYTES]);
    window[WINDOW_BYTES - have..]
        .copy_from_slice(&whole.decoded.output[output_bytes - have..output_bytes]);
    window
}

/// Decodes pieces with ours.
pub fn ours<'p>(mut inflater: Inflater, pieces: impl IntoIterator<Item = &'p [u8]>) -> Ours {
    let mut answer = Ours {
        decoded: Decoded {
            output: Vec::new(),
            block_ends: Vec::new(),
            end: End::Incomplete,
        },
        bits: Vec::new(),
        end_bit_offset: 0,
        error: None,
    };
    let mut pushed = 0;
    for mut piece in pieces {
        pushed += piece.len() as u64;
        while push(&mut inflater, &mut piece, pushed, &mut answer) {}
        if answer.decoded.end != End::Incomplete {
            break;
        }
    }
    answer.end_bit_offset = inflater.bit_offset();
    answer
}

/// One step; false when there is no other.
fn push(inflater: &mut Inflater, piece: &mut &[u8], pushed: u64, answer: &mut Ours) -> bool {
    let before = piece.len();
    let (event, idle) = match inflater.advance(piece) {
        Ok(step) => {
            answer.decoded.output.extend_from_slice(step.output);
            (step.event, step.is_idle())
        }
        Err(error) => {
            assert_eq!(error.output_bytes, answer.decoded.output.len() as u64);
            assert_eq!(inflater.advance(&mut &[0][..]), Err(error), "errors stay");
            answer.error = Some(error);
            answer.decoded.end = End::Invalid;
            return false;
        }
    };
    assert!(
        !idle || piece.len() < before || before == 0,
        "a call without progress"
    );
    let consumed_bytes = pushed - piece.len() as u64;
    match event {
        None => return !(idle && piece.is_empty()),
        Some(Event::BlockEnd {
            bit_offset,
            unused_bits,
        }) => {
            assert_eq!(bit_offset, inflater.bit_offset());
            let output_bytes = answer.decoded.output.len();
            let have = output_bytes.min(WINDOW_BYTES);
            let last = &answer.decoded.output[output_bytes - have..];
            assert!(inflater.window().ends_with(last), "another window");
            answer.bits.push((bit_offset, unused_bits));
            answer.decoded.block_ends.push(BlockEnd {
                consumed_bytes,
                output_bytes,
            });
        }
        Some(Event::StreamEnd { bit_offset }) => {
            assert_eq!(bit_offset.div_ceil(8), consumed_bytes);
            answer.decoded.end = End::Stream { consumed_bytes };
            let mut more = &[0xff; 4][..];
            let step = inflater.advance(&mut more).expect("the stream has ended");
            assert!(step.is_idle() && more.len() == 4, "the stream has ended");
            return false;
        }
    }
    true
}

/// Decodes a stream with zlib-rs, which gets room for more than is expected to come out.
pub fn zlib(stream: &[u8], expected_bytes: usize) -> Decoded {
    let mut inflate = Inflate::new(false, 15);
    let mut output = vec![0; expected_bytes + 300];
    let mut block_ends = Vec::new();
    let end = loop {
        let before = (inflate.total_in(), inflate.total_out());
        let (input, room) = (
            &stream[before.0 as usize..],
            &mut output[before.1 as usize..],
        );
        let status = inflate.decompress(input, room, InflateFlush::Block);
        let after = (inflate.total_in(), inflate.total_out());
        let here = BlockEnd {
            consumed_bytes: after.0,
            output_bytes: after.1 as usize,
        };
        match status {
            Err(_) => break End::Invalid,
            Ok(Status::StreamEnd) => {
                // It stops behind the last block, and once more at the stream's end.
                if block_ends.last() == Some(&here) {
                    block_ends.pop();
                }
                break End::Stream {
                    consumed_bytes: after.0,
                };
            }
            Ok(_) if after == before => break End::Incomplete,
            Ok(_) => block_ends.push(here),
        }
    };
    output.truncate(inflate.total_out() as usize);
    Decoded {
        output,
        block_ends,
        end,
    }
}
