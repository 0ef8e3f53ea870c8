//! The fuzz targets' inputs on a stable compiler: every committed one, and mutations of each.
//!
//! `cargo test -p soci-index --test fuzz_corpus -- --ignored write_seeds` writes the seeds anew; inputs with other names (`found-…`, `regression-…`)
//! come from the fuzzer and are left alone.

#[path = "../../../../fuzz/src/laws/index/mod.rs"]
pub mod laws;
mod seeds;

use soci_testkit::corpus;

/// Mutated inputs of the target that is text alone.
const MUTATIONS: usize = 3_000;

/// Mutated inputs per target that indexes images.
const MUTATIONS_OF_IMAGES: usize = 300;

#[test]
fn filters() {
    corpus::run("filters", laws::filters, MUTATIONS);
}

#[test]
fn image_documents() {
    corpus::run(
        "image_documents",
        laws::image_documents,
        MUTATIONS_OF_IMAGES,
    );
}

#[test]
fn soci_index() {
    corpus::run("soci_index", laws::soci_index, MUTATIONS_OF_IMAGES);
}

/// Mutations of `soci_index`: the output tag listed a SOCI index that was no JSON, and that ended every run, although a new index could
/// take its place.
#[test]
fn regression_mutation_soci_index_that_is_unusable() {
    let report = laws::run_over(&corpus::input("soci_index", "regression-index-no-json"));
    assert_eq!(
        report.outcome,
        soci_index::Outcome::Indexed,
        "{:?}",
        report.error
    );
}

#[test]
#[ignore = "writes the seeds anew"]
fn write_seeds() {
    for (target, name, input) in seeds::all() {
        corpus::write_seed(target, name, &input);
    }
}
