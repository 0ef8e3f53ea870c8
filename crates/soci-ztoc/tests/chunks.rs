//! Cutting a layer into other pieces never changes what comes out, for every odd layer and every dialect there is.

mod support;

use proptest::prelude::*;
use soci_testkit::{content, dialects, gzip, odd_cases};
use support::{build_in_pieces, options, outcome};

/// Sizes that fall on, before and behind the boundaries of headers, trailers and tar blocks.
const PIECES: [usize; 7] = [1, 2, 7, 511, 512, 4_099, 1 << 20];

#[test]
fn odd_layers_come_out_alike_however_they_are_cut() {
    for case in odd_cases() {
        let options = options(32 << 10, case.multi_member);
        let whole = outcome(build_in_pieces(&case.layer, &options, usize::MAX));
        // One byte at a time takes long for a large layer and shows nothing that a small one does not.
        let smallest = if case.layer.len() > 1 << 20 { 511 } else { 1 };
        for piece in PIECES.into_iter().filter(|piece| *piece >= smallest) {
            let cut = outcome(build_in_pieces(&case.layer, &options, piece));
            assert_eq!(cut, whole, "{} in pieces of {piece}", case.id);
        }
    }
}

#[test]
fn dialects_come_out_alike_however_they_are_cut() {
    for sample in dialects::samples(60_000) {
        for layer in [sample.tar.clone(), gzip::compress(&sample.tar, 6)] {
            let options = options(20_000, false);
            let whole = outcome(build_in_pieces(&layer, &options, usize::MAX));
            for piece in PIECES {
                let cut = outcome(build_in_pieces(&layer, &options, piece));
                assert_eq!(cut, whole, "{} in pieces of {piece}", sample.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn prop_any_cutting_gives_the_same(
        cuts in proptest::collection::vec(1usize..40_000, 0..40),
        level in 0u32..=9,
        flush_every in 1_000usize..60_000,
        span in 1u64..100_000,
    ) {
        let tar = dialects::samples(40_000).swap_remove(level as usize).tar;
        let tar = [tar, content::mixed(7, 5_000)].concat();
        let layer = gzip::compress_flushing(&tar, level, flush_every, gzip::Flush::Full);
        let options = options(span, false);
        let whole = outcome(build_in_pieces(&layer, &options, usize::MAX));
        let cut = outcome(support::build_at_cuts(&layer, &options, &cuts));
        prop_assert_eq!(cut, whole);
    }
}
