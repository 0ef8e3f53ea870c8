//! The fuzz targets' inputs on a stable compiler: every committed one, and mutations of each.
//!
//! `cargo test -p soci-ztoc --test fuzz_corpus -- --ignored write_seeds` writes the seeds anew from the test kit; inputs with other
//! names (`found-…`, `regression-…`) come from the fuzzer and are left alone.

#[path = "../../../../fuzz/src/laws/cuts.rs"]
pub mod cuts;
#[path = "../../../../fuzz/src/laws/ztoc.rs"]
pub mod laws;
mod seeds;

use soci_testkit::corpus::{self, input};

/// Mutated inputs per target: some seconds with the engine optimised, as the development profile has it.
const MUTATIONS: usize = 5_000;

#[test]
fn gzip_walk() {
    corpus::run("gzip_walk", laws::gzip_walk, MUTATIONS);
}

#[test]
fn tar_entries() {
    corpus::run("tar_entries", laws::tar_entries, MUTATIONS);
}

#[test]
fn ztoc_decode() {
    corpus::run("ztoc_decode", laws::ztoc_decode, MUTATIONS);
}

/// libFuzzer, `ztoc_decode`: the zTOC of a plain tar said that the archive is larger than the layer, so a file lay
/// behind the last span, and planning it went through spans that are not there.
#[test]
fn regression_libfuzzer_archive_behind_a_plain_layer() {
    let input = input("ztoc_decode", "regression-archive-behind-plain-layer");
    let limits = soci_ztoc::Limits::default();
    let Err(soci_ztoc::DecodeError::Structure(error)) = soci_ztoc::Ztoc::decode(&input, &limits)
    else {
        panic!("it decodes")
    };
    assert!(
        matches!(error, soci_ztoc::StructureError::ArchiveSize { .. }),
        "{error}"
    );
}

/// Corpus run of `gzip_walk`: a piece ended exactly where a span began at a whole byte, and the verifier began again
/// with the first span.
#[test]
fn regression_corpus_piece_that_ends_at_a_checkpoint() {
    laws::gzip_walk(&input("gzip_walk", "regression-piece-ends-at-checkpoint"));
}

/// Mutations of `gzip_walk`: how much input was there decided between two texts for the same invalid distance.
#[test]
fn regression_mutation_reason_that_depends_on_the_cut() {
    laws::gzip_walk(&input("gzip_walk", "regression-reason-depends-on-cut"));
}

#[test]
#[ignore = "writes the seeds anew"]
fn write_seeds() {
    for (target, name, input) in seeds::all() {
        corpus::write_seed(target, &name, &input);
    }
}
