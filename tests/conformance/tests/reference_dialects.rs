//! Every way of writing tar, compressed and plain, with entries behind span boundaries.

#![expect(clippy::print_stdout, reason = "the matrix is printed by the run")]

use soci_conformance::{Contents, Desk, Layer, Report};
use soci_testkit::dialects::{Sample, samples};
use soci_testkit::gzip;

/// Small enough that most entries lie behind some boundary.
const SPANS: [u64; 3] = [20_000, 64 << 10, 123_457];

#[test]
fn matches_reference_for_every_dialect_in_gzip() {
    run("tar dialects in gzip", "gzip", |tar| gzip::compress(tar, 6));
}

#[test]
fn matches_reference_for_every_dialect_as_plain_tar() {
    run("tar dialects, plain", "uncompressed", <[u8]>::to_vec);
}

fn run(title: &'static str, algorithm: &'static str, pack: impl Fn(&[u8]) -> Vec<u8>) {
    let mut desk = Desk::new();
    let mut report = Report::new(title);
    for Sample { name, tar, files } in samples(200_000) {
        let contents: Contents = files
            .iter()
            .map(|(path, data)| (&path[..], &data[..]))
            .collect();
        let bytes = pack(&tar);
        for span in SPANS {
            let layer = Layer {
                bytes: &bytes,
                algorithm,
                allow_members: false,
                span,
                contents: &contents,
            };
            report.add(name, span, desk.compare(layer));
        }
    }
    println!("{report}");
    let failures = report.failures();
    assert!(
        failures.is_empty(),
        "{} cells are red:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        report.with_spans(5) >= 42,
        "too few cells with five spans or more"
    );
}
