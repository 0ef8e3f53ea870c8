//! The fuzz targets' inputs on a stable compiler: every committed one, and mutations of each.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use crate::content::Rng;

/// Mutated inputs may be cut, never grow much: a law is to be quick.
const LONGEST_SPLICE_BYTES: u64 = 2_048;

/// Every input of a target through its law, then so many mutations, the same ones on every run.
///
/// # Panics
/// When one breaks the law, or the corpus is missing.
pub fn run(target: &str, law: fn(&[u8]), mutations: usize) {
    let corpus = corpus(target);
    assert!(corpus.len() > 3, "the corpus of {target} is missing");
    for (name, input) in &corpus {
        hold(law, input, name);
    }
    let mut rng = Rng::new(1);
    for number in 0..mutations {
        let (name, input) = &corpus[number % corpus.len()];
        let (_, other) = &corpus[rng.below(corpus.len() as u64) as usize];
        let mutated = mutate(input, other, &mut rng);
        hold(law, &mutated, &format!("mutation {number}, of {name}"));
    }
}

/// One committed input.
///
/// # Panics
/// When it is not there.
pub fn input(target: &str, name: &str) -> Vec<u8> {
    fs::read(folder(target).join(name)).expect("the input is committed")
}

/// Writes a seed, for the tests that make them.
///
/// # Panics
/// When it cannot be written.
pub fn write_seed(target: &str, name: &str, input: &[u8]) {
    let folder = folder(target);
    fs::create_dir_all(&folder).expect("a folder can be made");
    fs::write(folder.join(format!("seed-{name}")), input).expect("the corpus can be written");
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

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}
