//! The fuzz targets' inputs on a stable compiler: every committed one, and mutations of each.
//!
//! `cargo test -p soci-ztoc --test fuzz_corpus -- --ignored` writes the seeds anew from the test kit; inputs with other
//! names (`found-…`, `regression-…`) come from the fuzzer and are left alone.

#[path = "../../../../fuzz/src/laws.rs"]
pub mod laws;
mod seeds;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use soci_testkit::content::Rng;

/// Mutated inputs per target: some seconds with the engine optimised, as the development profile has it.
const MUTATIONS: usize = 5_000;

/// Mutated inputs may be cut, never grow much: a law is to be quick.
const LONGEST_SPLICE_BYTES: u64 = 2_048;

#[test]
fn gzip_walk() {
    run("gzip_walk", laws::gzip_walk);
}

#[test]
fn tar_entries() {
    run("tar_entries", laws::tar_entries);
}

#[test]
fn ztoc_decode() {
    run("ztoc_decode", laws::ztoc_decode);
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
        let path = folder(target).join(format!("seed-{name}"));
        fs::write(path, input).expect("the corpus can be written");
    }
}

/// Every input through its law, then mutations, the same ones on every run.
fn run(target: &str, law: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(corpus.len() > 5, "the corpus of {target} is missing");
    for (name, input) in &corpus {
        hold(law, input, name);
    }
    let mut rng = Rng::new(1);
    for number in 0..MUTATIONS {
        let (name, input) = &corpus[number % corpus.len()];
        let (_, other) = &corpus[rng.below(corpus.len() as u64) as usize];
        let mutated = mutate(input, other, &mut rng);
        hold(law, &mutated, &format!("mutation {number}, of {name}"));
    }
}

fn hold(law: fn(&[u8]), input: &[u8], name: &str) {
    assert!(catch_unwind(|| law(input)).is_ok(), "{name} breaks the law");
}

/// Some byte flips, and at times a cut, a splice with another input, or a run of equal bytes.
fn mutate(input: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let place = |rng: &mut Rng, len: usize| rng.below(len as u64 + 1) as usize;
    match rng.below(6) {
        0 => bytes.truncate(place(rng, input.len())),
        1 => {
            let from = place(rng, other.len());
            let length = rng.below(LONGEST_SPLICE_BYTES) as usize;
            let spliced = &other[from..other.len().min(from + length)];
            let at = place(rng, bytes.len());
            let behind = bytes.len().min(at + place(rng, spliced.len()));
            bytes.splice(at..behind, spliced.iter().copied());
        }
        2 => {
            let at = place(rng, bytes.len());
            let end = bytes.len().min(at + rng.below(16) as usize);
            bytes[at..end].fill(if rng.below(2) == 0 { 0 } else { 0xff });
        }
        _ => {}
    }
    for _ in 0..rng.below(4) {
        let at = place(rng, bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
    bytes
}

/// The committed inputs of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(target))
        .expect("the corpus is committed")
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let input = fs::read(&path).expect("an input can be read");
            (
                format!(
                    "{target}/{}",
                    path.file_name().expect("a file has a name").display()
                ),
                input,
            )
        })
        .collect()
}

fn input(target: &str, name: &str) -> Vec<u8> {
    fs::read(folder(target).join(name)).expect("the input is committed")
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}
