//! The matrix of producers and span sizes: whoever made the gzip stream, our bytes are the reference's.

#![expect(clippy::print_stdout, reason = "the matrix is printed by the run")]

use std::path::Path;

use soci_conformance::tools::Tool;
use soci_conformance::{Contents, Desk, Flush, Layer, Recipe, Report};
use soci_testkit::content;
use soci_testkit::tar::Archive;

/// One registry default, one small, one that divides nothing.
const SPANS: [u64; 3] = [64 << 10, 123_457, 4 << 20];

/// Bytes of the archive that the producers compress: some spans of 4 MiB.
const ARCHIVE_BYTES: usize = 9 << 20;

#[test]
fn matches_reference_for_go() {
    let rows = [1, 6, 9].map(|level| {
        (
            format!("go -{level}"),
            recipe("go", level, "default", Flush::None),
        )
    });
    inside("Go compress/gzip", &rows, 0);
}

#[test]
fn matches_reference_for_go_flushes() {
    let rows = [
        ("go -6, flush every 50,000", 50_000),
        ("go -6, flush every 5,000,000", 5_000_000),
    ]
    .map(|(name, every)| {
        (
            name.to_owned(),
            recipe("go", 6, "default", Flush::Sync(every)),
        )
    });
    inside("Go compress/gzip, flushed", &rows, 0);
}

#[test]
fn matches_reference_for_zlib_levels() {
    let rows: Vec<_> = (0..=9)
        .map(|level| {
            (
                format!("zlib -{level}"),
                recipe("zlib", level, "default", Flush::None),
            )
        })
        .collect();
    inside("C zlib", &rows, 20);
}

#[test]
fn matches_reference_for_zlib_flushes_and_strategies() {
    let rows = [
        (
            "zlib -6, sync flush every 10,000",
            "default",
            Flush::Sync(10_000),
        ),
        (
            "zlib -6, sync flush every 1,000,003",
            "default",
            Flush::Sync(1_000_003),
        ),
        (
            "zlib -6, full flush every 10,000",
            "default",
            Flush::Full(10_000),
        ),
        (
            "zlib -6, full flush every 1,000,003",
            "default",
            Flush::Full(1_000_003),
        ),
        ("zlib -6, fixed codes", "fixed", Flush::None),
        ("zlib -6, Huffman only", "huffman", Flush::None),
        ("zlib -6, run lengths", "rle", Flush::None),
    ]
    .map(|(name, strategy, flush)| (name.to_owned(), recipe("zlib", 6, strategy, flush)));
    inside("C zlib, flushed and by strategy", &rows, 14);
}

#[test]
fn matches_reference_for_pigz() {
    let pigz = |args| Tool {
        program: "pigz",
        package: "pigz",
        args,
    };
    outside(
        "pigz",
        ARCHIVE_BYTES,
        &[
            (
                "pigz -6 -b 128",
                pigz(&["-c", "-6", "-b", "128", "-p", "2"]),
            ),
            ("pigz -1 -b 32", pigz(&["-c", "-1", "-b", "32", "-p", "2"])),
            (
                "pigz -9 -b 512 -i",
                pigz(&["-c", "-9", "-b", "512", "-i", "-p", "2"]),
            ),
            ("pigz -6 -p 1", pigz(&["-c", "-6", "-p", "1"])),
        ],
    );
}

#[test]
fn matches_reference_for_libdeflate() {
    let tool = |args| Tool {
        program: "libdeflate-gzip",
        package: "libdeflate-tools",
        args,
    };
    outside(
        "libdeflate",
        ARCHIVE_BYTES,
        &[
            ("libdeflate -1", tool(&["-c", "-k", "-1"])),
            ("libdeflate -6", tool(&["-c", "-k", "-6"])),
            ("libdeflate -12", tool(&["-c", "-k", "-12"])),
        ],
    );
}

#[test]
fn matches_reference_for_igzip() {
    let tool = |args| Tool {
        program: "igzip",
        package: "isal",
        args,
    };
    outside(
        "igzip",
        ARCHIVE_BYTES,
        &[
            ("igzip -0", tool(&["-c", "-0"])),
            ("igzip -1", tool(&["-c", "-1"])),
            ("igzip -2", tool(&["-c", "-2"])),
            ("igzip -3", tool(&["-c", "-3"])),
        ],
    );
}

/// Zopfli takes seconds per megabyte: a smaller archive, and one round of its search.
#[test]
fn matches_reference_for_zopfli() {
    let tool = Tool {
        program: "zopfli",
        package: "zopfli",
        args: &["-c", "--i1"],
    };
    outside("zopfli", 5 << 20, &[("zopfli --i1", tool)]);
}

fn recipe(producer: &'static str, level: u8, strategy: &'static str, flush: Flush) -> Recipe {
    Recipe {
        producer,
        level,
        strategy,
        flush,
    }
}

/// Producers that live in the oracle. At least `many` cells must have five spans or more.
fn inside(title: &'static str, rows: &[(String, Recipe)], many: usize) {
    let mut desk = Desk::new();
    let (tar, contents) = archive(ARCHIVE_BYTES);
    let input = desk.write("tar", &tar);
    let mut report = Report::new(title);
    for (name, recipe) in rows {
        let made = desk.path("made.gz");
        let outcome = desk
            .oracle
            .compress(&input, &made, *recipe)
            .map_err(|e| e.to_string());
        row(&mut desk, &mut report, name, outcome, &made, &contents);
    }
    finish(&report, rows.len());
    assert!(
        report.with_spans(5) >= many,
        "too few cells with five spans or more"
    );
}

/// Producers that are programs of the machine.
fn outside(title: &'static str, bytes: usize, rows: &[(&str, Tool)]) {
    let mut desk = Desk::new();
    let (tar, contents) = archive(bytes);
    let input = desk.write("tar", &tar);
    let mut report = Report::new(title);
    for (name, tool) in rows {
        let made = desk.path("made.gz");
        let outcome = tool.compress(&input, &made).map_err(|e| e.to_string());
        row(&mut desk, &mut report, name, outcome, &made, &contents);
    }
    finish(&report, rows.len());
}

fn row(
    desk: &mut Desk,
    report: &mut Report,
    name: &str,
    made: Result<(), String>,
    layer: &Path,
    contents: &Contents,
) {
    let bytes = made.and_then(|()| std::fs::read(layer).map_err(|e| e.to_string()));
    for span in SPANS {
        let outcome = bytes.clone().and_then(|bytes| {
            desk.compare(Layer {
                bytes: &bytes,
                algorithm: "gzip",
                allow_members: false,
                span,
                contents,
            })
        });
        report.add(name, span, outcome);
    }
}

fn finish(report: &Report, rows: usize) {
    println!("{report}");
    let failures = report.failures();
    assert!(
        failures.is_empty(),
        "{} cells are red:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(report.len(), rows * SPANS.len(), "a cell is empty");
}

/// Files of many sizes and kinds, so that headers and data fall on all sides of span boundaries.
fn archive(bytes: usize) -> (Vec<u8>, Contents) {
    let mut archive = Archive::new();
    let mut contents = Contents::default();
    let mut rng = content::Rng::new(bytes as u64);
    let mut i = 0;
    while archive.len() < bytes {
        let name = format!("dir{}/file{i}", i % 7);
        let len = if i % 40 == 0 {
            rng.below(900_000)
        } else {
            rng.below(20_000)
        } as usize;
        let data = match i % 3 {
            0 => content::random(i, len),
            1 => content::text(i, len),
            _ => content::mixed(i, len),
        };
        archive = archive.file(&name, &data);
        contents.add(name.as_bytes(), &data);
        i += 1;
    }
    (archive.finish(), contents)
}
