//! Streams that compressors write seldom or never: what comes out is known, zlib-rs says the same, and no cut changes it.

#[path = "../../../../fuzz/src/laws/cuts.rs"]
pub mod cuts;
mod given;
#[path = "../../../../fuzz/src/laws/inflate.rs"]
pub mod laws;
mod refused;
#[path = "../support/mod.rs"]
mod support;

use laws::{Cuts, End, Ours, check};
use soci_inflate::{ErrorKind, Inflater};
use support::Symbol;

const BYTEWISE: Cuts = Cuts { mode: 0, state: 0 };

/// A valid stream gives this output, a block end for each block but the last, and its own length.
fn gives(stream: &[u8], output: &[u8], blocks: usize) -> Ours {
    let found = check(stream, BYTEWISE);
    let consumed_bytes = stream.len() as u64;
    assert_eq!(found.decoded.end, End::Stream { consumed_bytes });
    assert!(found.decoded.output == output, "other output");
    assert_eq!(found.bits.len() + 1, blocks);
    // Cut once, anywhere; long streams near their ends only.
    let near = if stream.len() > 2_000 { 40 } else { 1_000 };
    for cut in (0..stream.len()).filter(|cut| *cut < near || *cut + near > stream.len()) {
        let (first, rest) = stream.split_at(cut);
        assert!(
            laws::ours(Inflater::new(), [first, rest]) == found,
            "cut at {cut}"
        );
        let short = laws::zlib(first, output.len());
        assert_eq!(short.end, End::Incomplete, "cut at {cut}");
        let short_ours = laws::ours(Inflater::new(), [first]);
        assert_eq!(short_ours.decoded.end, End::Incomplete, "cut at {cut}");
        assert!(
            short_ours.decoded.output == short.output,
            "truncated at {cut}"
        );
    }
    found
}

/// An invalid stream is refused by both, for this reason, at this bit.
fn refused(stream: &[u8], kind: ErrorKind, bit_offset: u64) {
    let found = check(stream, BYTEWISE);
    assert_eq!(found.decoded.end, End::Invalid);
    let error = found.error.expect("it is invalid");
    assert_eq!((error.kind, error.bit_offset), (kind, bit_offset));
}

fn run(length: u16, distance: u16) -> Symbol {
    Symbol::Match { length, distance }
}
