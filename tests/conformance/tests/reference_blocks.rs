//! Block kinds and block lengths: checkpoints can only be where blocks begin, wherever that is.

#![expect(clippy::print_stdout, reason = "the matrix is printed by the run")]

use soci_conformance::{Contents, Desk, Layer, Report};
use soci_testkit::content;
use soci_testkit::deflate::{Blocks, RUN_BYTES, Symbol, literals};
use soci_testkit::gzip::{self, Member};
use soci_testkit::tar::Archive;

/// The first two meet the block lengths below exactly: a span ends behind them or one block later.
const SPANS: [u64; 4] = [9_999, 10_000, 10_001, 65_536];

/// A case's name, its layer, and whether it has several members.
type Case = (&'static str, Vec<u8>, bool);

#[test]
fn matches_reference_for_every_block_kind() {
    let (tar, contents) = archive();
    let mut desk = Desk::new();
    let mut report = Report::new("block kinds");
    for (name, bytes, allow_members) in kinds(&tar)
        .into_iter()
        .chain(giants(&tar))
        .chain(members(&tar))
    {
        for span in SPANS {
            let layer = Layer {
                bytes: &bytes,
                algorithm: "gzip",
                allow_members,
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
}

/// One block kind at a time, then all in turn.
fn kinds(tar: &[u8]) -> Vec<Case> {
    let pieces = || tar.chunks(10_000).enumerate();
    let ends = |i: usize| (i + 1) * 10_000 >= tar.len();
    let one = |blocks: Blocks| Member::deflated(blocks.finish(), tar).bytes();
    let stored = pieces().fold(Blocks::new(), |b, (i, p)| b.stored(p, ends(i)));
    let fixed = pieces().fold(Blocks::new(), |b, (i, p)| b.fixed(literals(p), ends(i)));
    let dynamic = pieces().fold(Blocks::new(), |b, (i, p)| b.dynamic(literals(p), ends(i)));
    let in_turn = pieces().fold(Blocks::new(), |b, (i, p)| match i % 3 {
        0 => b.fixed(literals(p), ends(i)),
        1 => b.dynamic(literals(p), ends(i)),
        _ => b.stored(p, ends(i)),
    });
    let with_empty = pieces().fold(Blocks::new(), |b, (i, p)| {
        b.fixed(literals(p), false)
            .stored(&[], false)
            .fixed([], false)
            .dynamic([], ends(i))
    });
    // 1 to 977 bytes per block: every number of left-over bits, blocks shorter than a span by far.
    let mut rest = tar;
    let mut short = Blocks::new();
    for i in 0.. {
        let (piece, behind) = rest.split_at((1 + i * 61 % 977).min(rest.len()));
        rest = behind;
        short = short.fixed(literals(piece), rest.is_empty());
        if rest.is_empty() {
            break;
        }
    }
    vec![
        ("stored, 10,000 bytes each", one(stored), false),
        ("fixed, 10,000 bytes each", one(fixed), false),
        ("dynamic, 10,000 bytes each", one(dynamic), false),
        ("all kinds in turn", one(in_turn), false),
        ("empty blocks between", one(with_empty), false),
        ("fixed, 1 to 977 bytes each", one(short), false),
    ]
}

/// Blocks longer than any span.
fn giants(tar: &[u8]) -> Vec<Case> {
    let one = |blocks: Blocks| Member::deflated(blocks.finish(), tar).bytes();
    let (head, tail) = tar.split_at(tar.len() / 3);
    // A block of nothing but matches: 129 bytes of output per byte of input.
    let zeros = vec![0; 4_000 * RUN_BYTES + 1];
    let padded = [tar, &zeros].concat();
    let runs = std::iter::repeat_n(Symbol::Run { distance: 1 }, 4_000);
    let padding = Blocks::new().dynamic(literals(tar), false);
    let padding = padding.fixed([Symbol::Literal(0)].into_iter().chain(runs), true);
    vec![
        (
            "a single fixed block",
            one(Blocks::new().fixed(literals(tar), true)),
            false,
        ),
        (
            "a single dynamic block",
            one(Blocks::new().dynamic(literals(tar), true)),
            false,
        ),
        (
            "a giant block, then small ones",
            {
                one(Blocks::new()
                    .dynamic(literals(head), false)
                    .stored_all(tail, 5_000, true))
            },
            false,
        ),
        (
            "small blocks, then a giant one",
            {
                one(Blocks::new()
                    .stored_all(head, 5_000, false)
                    .fixed(literals(tail), true))
            },
            false,
        ),
        (
            "a giant block of padding",
            Member::deflated(padding.finish(), &padded).bytes(),
            false,
        ),
    ]
}

fn members(tar: &[u8]) -> Vec<Case> {
    let single = |piece: &[u8]| {
        Member::deflated(Blocks::new().fixed(literals(piece), true).finish(), piece).bytes()
    };
    let giants = tar.chunks(150_000).flat_map(single).collect();
    let tiny = tar.chunks(3_001).flat_map(single).collect();
    let named = tar.chunks(40_000).flat_map(|p| {
        Member::new(p, 6)
            .name(b"part")
            .extra(b"x")
            .header_crc()
            .bytes()
    });
    vec![
        ("members of one block over a span", giants, true),
        ("members of one block far below a span", tiny, true),
        ("members with long headers", named.collect(), true),
        (
            "members of 64 KiB",
            gzip::compress_members(tar, 6, 64 << 10),
            true,
        ),
    ]
}

fn archive() -> (Vec<u8>, Contents) {
    let mut archive = Archive::new();
    let mut contents = Contents::default();
    for i in 0..60 {
        let name = format!("file{i}");
        let data = content::mixed(i, 300 * i as usize);
        archive = archive.file(&name, &data);
        contents.add(name.as_bytes(), &data);
    }
    (archive.finish(), contents)
}
