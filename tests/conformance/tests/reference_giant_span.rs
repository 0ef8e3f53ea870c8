//! Spans of 2 GiB and more: the reference's reader counts their bytes in a signed 32-bit number.
//!
//! No attack: `igzip -0` writes one deflate block over a whole layer, so its layers have a single span whatever the span size.
//! The reference writes a zTOC for such a layer, and through it its daemon gives an I/O error on every file.

use soci_conformance::desk::TOOL;
use soci_conformance::{Desk, Ours, ours};
use soci_testkit::content;
use soci_testkit::deflate::{Blocks, RUN_BYTES, Symbol, literals};
use soci_testkit::gzip::Member;
use soci_testkit::tar::{Archive, Header};

/// A file of zeros that takes one span over 2 GiB.
const ZEROS: u64 = (1 << 31) + (1 << 20);

#[test]
fn matches_reference_failure_with_a_span_of_two_gib() {
    let mut desk = Desk::new();
    let bytes = layer();
    let path = desk.write("layer", &bytes);
    let ztoc = desk
        .reference(&path, 4 << 20, "gzip")
        .unwrap_or_else(|error| panic!("{error}"));
    let ztoc = desk.write("ztoc", &ztoc);
    let shown = desk
        .oracle
        .read(&path, &ztoc)
        .unwrap_or_else(|error| panic!("{error}"));
    let failed = shown.iter().filter(|node| node.error.is_some()).count();
    assert_eq!(
        (failed, shown.len()),
        (2, 2),
        "the daemon cannot read any file of this span"
    );
    let ours = ours::build(&bytes, 4 << 20, TOOL, false);
    assert_eq!(
        ours,
        Ours::NotIndexable("unsupported-compression".to_owned())
    );
}

/// A small file and one of zeros in a single block of matches, 13 bits for every 258 bytes.
fn layer() -> Vec<u8> {
    let head = Archive::new()
        .file("small", &content::text(1, 2_000))
        .header(Header::ustar("zeros").size(ZEROS))
        .unfinished();
    // One literal for the matches to copy, then matches over data, padding and end blocks, then single zeros to the end.
    let zeros = ZEROS + 1_024;
    let runs = (zeros - 1) / RUN_BYTES as u64;
    let rest = (zeros - 1) % RUN_BYTES as u64;
    let zero = || std::iter::once(Symbol::Literal(0));
    let matches = std::iter::repeat_n(Symbol::Run { distance: 1 }, runs as usize);
    let symbols = literals(&head)
        .chain(zero())
        .chain(matches)
        .chain(std::iter::repeat_n(Symbol::Literal(0), rest as usize));
    Member::deflated(Blocks::new().fixed(symbols, true).finish(), &[])
        .zeros_behind(&head, zeros)
        .bytes()
}
