//! The fuzz target's inputs on a stable compiler: every committed one, and mutations of each.
//!
//! `cargo test -p soci-inflate --test fuzz_corpus -- --ignored write_seeds` writes the seeds anew; inputs with other names (`found-…`,
//! `regression-…`) come from the fuzzer and are left alone.

#[path = "../../../../fuzz/src/laws/cuts.rs"]
pub mod cuts;
#[path = "../../../../fuzz/src/laws/inflate.rs"]
pub mod laws;
#[path = "../support/mod.rs"]
mod support;

use soci_testkit::gzip::{self, Flush};
use soci_testkit::{content, corpus};
use support::{Codes, Stream, Symbol, literals};

/// Mutated inputs: some seconds with the decoders optimised, as the development profile has them.
const MUTATIONS: usize = 10_000;

#[test]
fn inflate() {
    corpus::run("inflate", laws::inflate, MUTATIONS);
}

#[test]
#[ignore = "writes the seeds anew"]
fn write_seeds() {
    for (number, (name, stream)) in seeds().into_iter().enumerate() {
        let recipe = [number as u8 % 4, stream.len() as u8, number as u8];
        corpus::write_seed("inflate", name, &[&recipe[..], &stream].concat());
    }
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let text = content::text(1, 3_000);
    let mixed = content::mixed(2, 3_000);
    let run = |length, distance| Symbol::Match { length, distance };
    let overlaps: Vec<_> = literals(&text[..40])
        .into_iter()
        .chain((1..36).map(|distance| run(3 + 7 * distance, distance)))
        .collect();
    let even: Vec<_> = literals(&content::random(3, 400))
        .into_iter()
        .chain([run(3, 1), run(40, 300), run(258, 33)])
        .chain(literals(&mixed[..100]))
        .collect();
    let steep: Vec<_> = literals(b"abcdefghi")
        .into_iter()
        .chain([run(3, 1), run(11, 4), run(240, 8), run(258, 3)])
        .collect();
    let mut repeated = [7; 19];
    repeated[16..].copy_from_slice(&[1, 2, 3]);
    let flat = Codes::flat();
    let sent = [&flat.literal_lengths[..], &flat.distances].concat();
    vec![
        ("level-1", gzip::deflate(&text, 1, 0, Flush::Sync)),
        ("level-6", gzip::deflate(&mixed, 6, 0, Flush::Sync)),
        ("level-9", gzip::deflate(&text, 9, 0, Flush::Sync)),
        ("sync-flushes", gzip::deflate(&text, 6, 300, Flush::Sync)),
        ("full-flushes", gzip::deflate(&mixed, 6, 500, Flush::Full)),
        ("zeros", gzip::deflate(&[0; 20_000], 6, 0, Flush::Sync)),
        (
            "stored",
            Stream::new()
                .stored(&text[..200], false)
                .stored(&[], false)
                .stored(&mixed[..100], true)
                .finish(),
        ),
        (
            "empty-blocks",
            Stream::new()
                .fixed(&[], false)
                .dynamic(&flat, &[], false)
                .stored(&[], false)
                .fixed(&[], true)
                .finish(),
        ),
        ("overlaps", Stream::new().fixed(&overlaps, true).finish()),
        (
            "long-codes",
            Stream::new()
                .dynamic(&Codes::steep(), &steep, true)
                .finish(),
        ),
        (
            "longest-header",
            Stream::new()
                .counts(&flat, 19, true)
                .code_length_lengths(&repeated)
                .code_lengths(&repeated, &sent)
                .symbols(&flat, &literals(b"behind it"))
                .end(&flat)
                .finish(),
        ),
        (
            "too-far",
            Stream::new()
                .fixed(&[Symbol::Literal(1), run(3, 2)], true)
                .finish(),
        ),
        ("even", Stream::new().dynamic(&flat, &even, true).finish()),
    ]
}
