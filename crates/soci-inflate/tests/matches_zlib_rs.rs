//! Streams that compressors write, and what damage makes of them: zlib-rs says the same, and no cut changes it.

#[path = "../../../fuzz/src/laws/cuts.rs"]
pub mod cuts;
#[path = "../../../fuzz/src/laws/inflate.rs"]
pub mod laws;
mod support;

use laws::{Cuts, End, check};
use proptest::prelude::*;
use soci_testkit::gzip::{self, Flush};
use soci_testkit::{content, dialects};
use support::{Codes, Stream, Symbol};

/// One file's content of some kind.
fn data(kind: u8, seed: u64, bytes: usize) -> Vec<u8> {
    match kind {
        0 => content::text(seed, bytes),
        1 => content::random(seed, bytes),
        2 => vec![seed as u8; bytes],
        3 => dialects::samples(bytes).swap_remove(0).tar,
        _ => content::mixed(seed, bytes),
    }
}

fn any_cuts() -> impl Strategy<Value = Cuts> {
    (0u8..4, any::<u16>()).prop_map(|(mode, state)| Cuts {
        mode,
        state: state.into(),
    })
}

fn any_symbol() -> impl Strategy<Value = Symbol> {
    prop_oneof![
        3 => any::<u8>().prop_map(Symbol::Literal),
        2 => (3u16..=258, 1u16..=300).prop_map(|(length, distance)| Symbol::Match { length, distance }),
        1 => (3u16..=20, 1u16..=32_768).prop_map(|(length, distance)| Symbol::Match { length, distance }),
        1 => (3u16..=258, 1u16..=40).prop_map(|(length, distance)| Symbol::Match { length, distance }),
    ]
}

/// Cuts a stream short, or changes some bits of it.
fn damage(stream: &mut Vec<u8>, keep: usize, flips: &[(usize, u8)]) {
    stream.truncate(keep.max(1));
    for (at, bit) in flips {
        let at = at % stream.len();
        stream[at] ^= 1 << bit;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn prop_whatever_is_compressed_comes_out(
        kind in 0u8..5, seed: u64, bytes in 0usize..400_000, level in 0u32..=9,
        flush_every in prop_oneof![Just(0usize), 1_000usize..100_000], full: bool, cuts in any_cuts(),
    ) {
        let data = data(kind, seed, bytes);
        let flush = if full { Flush::Full } else { Flush::Sync };
        let stream = gzip::deflate(&data, level, flush_every, flush);
        let found = check(&stream, cuts);
        prop_assert_eq!(found.decoded.end, End::Stream { consumed_bytes: stream.len() as u64 });
        prop_assert!(found.decoded.output == data);
    }

    #[test]
    fn prop_damaged_streams_are_judged_alike(
        kind in 0u8..5, seed: u64, bytes in 1usize..60_000, level in 0u32..=9, flush_every in 500usize..60_000,
        keep in any::<prop::sample::Index>(), cut: bool, flips in prop::collection::vec((any::<usize>(), 0u8..8), 0..6),
        cuts in any_cuts(),
    ) {
        let mut stream = gzip::deflate(&data(kind, seed, bytes), level, flush_every, Flush::Sync);
        let keep = if cut { keep.index(stream.len()) } else { stream.len() };
        damage(&mut stream, keep, &flips);
        check(&stream, cuts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Headers are a small part of a stream: here every bit of damage is in one, or right behind it.
    #[test]
    fn prop_damaged_headers_are_judged_alike(
        codes in prop_oneof![Just(Codes::flat()), Just(Codes::steep())], seed: u64, level in 1u32..=9,
        flips in prop::collection::vec((0usize..250, 0u8..8), 1..4), compressed: bool, cuts in any_cuts(),
    ) {
        let mut stream = if compressed {
            gzip::deflate(&content::text(seed, 20_000), level, 0, Flush::Sync)
        } else {
            Stream::new().header(&codes, true).end(&codes).finish()
        };
        let bytes = stream.len();
        damage(&mut stream, bytes, &flips);
        check(&stream, cuts);
    }

    #[test]
    fn prop_any_symbols_give_the_same(
        first in 0usize..40_000, symbols in prop::collection::vec(any_symbol(), 0..600), dynamic: bool, cuts in any_cuts(),
    ) {
        let first = content::mixed(first as u64, first);
        let mut stream = Stream::new();
        for piece in first.chunks(65_535) {
            stream = stream.stored(piece, false);
        }
        let stream = if dynamic {
            stream.dynamic(&Codes::flat(), &symbols, true)
        } else {
            stream.fixed(&symbols, true)
        };
        check(&stream.finish(), cuts);
    }

    #[test]
    fn prop_any_bytes_are_judged_alike(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in any_cuts()) {
        check(&bytes, cuts);
    }
}
