//! Each limit is met before what it bounds has grown beyond it.

mod support;

use soci_testkit::{content, gzip, tar::Archive};
use soci_ztoc::{
    BuildError, BuildOptions, Built, DecodeError, FileReader, LimitExceeded, Limits, ReadError,
    Ztoc,
};
use support::{build_in_pieces, options, outcome, ztoc};

fn with(change: impl FnOnce(&mut Limits)) -> BuildOptions {
    let mut options = options(10_000, false);
    change(&mut options.limits);
    options
}

fn archive() -> Vec<u8> {
    let archive = (0..20).fold(Archive::new(), |archive, index| {
        archive.file(format!("file-{index}"), &content::mixed(index, 20_000))
    });
    archive.finish()
}

fn refused(layer: &[u8], options: &BuildOptions) -> LimitExceeded {
    match build_in_pieces(layer, options, 4_096) {
        Err(error @ BuildError::Limit(_)) => {
            assert_eq!(error.kind(), "too-large");
            assert!(!error.is_transient());
            let BuildError::Limit(limit) = error else {
                unreachable!()
            };
            limit
        }
        other => panic!("{:?}", outcome(other)),
    }
}

#[test]
fn files_are_counted() {
    let layer = gzip::compress(&archive(), 6);
    assert_eq!(refused(&layer, &with(|limits| limits.files = 19)).limit, 19);
    assert_eq!(
        ztoc(&layer, &with(|limits| limits.files = 20)).files.len(),
        20
    );
}

#[test]
fn spans_are_counted() {
    let layer = gzip::compress_flushing(&archive(), 6, 10_000, gzip::Flush::Full);
    let spans = ztoc(&layer, &options(10_000, false)).spans.len();
    assert!(spans > 20);
    assert_eq!(
        refused(&layer, &with(|limits| limits.spans = spans - 1)).limit,
        spans as u64 - 1
    );
    ztoc(&layer, &with(|limits| limits.spans = spans));
    let plain = archive();
    let spans = plain.len().div_ceil(10_000);
    assert_eq!(
        refused(&plain, &with(|limits| limits.spans = spans - 1)).limit,
        spans as u64 - 1
    );
    ztoc(&plain, &with(|limits| limits.spans = spans));
}

#[test]
fn memory_is_counted_for_checkpoints_and_entries() {
    let layer = gzip::compress_flushing(&archive(), 6, 10_000, gzip::Flush::Full);
    assert_eq!(
        refused(&layer, &with(|limits| limits.memory_bytes = 500_000)).limit,
        500_000
    );
    let names = (0..200).fold(Archive::new(), |archive, index| {
        archive
            .long_name(&[vec![b'n'; 10_000], vec![index]].concat())
            .file("x", b"")
    });
    let layer = gzip::compress(&names.finish(), 6);
    assert_eq!(
        refused(&layer, &with(|limits| limits.memory_bytes = 1_500_000)).limit,
        1_500_000
    );
}

#[test]
fn extended_headers_over_their_limit_make_the_layer_not_indexable() {
    let archive = Archive::new()
        .pax(&[("comment", &[b'c'; 5_000])])
        .file("x", b"x")
        .finish();
    let built = build_in_pieces(
        &archive,
        &with(|limits| limits.special_header_bytes = 4_999),
        512,
    );
    let Ok(Built::NotIndexable { why, .. }) = built else {
        panic!("{:?}", outcome(built))
    };
    assert_eq!(why.reason().as_str(), "unreadable-metadata");
}

#[test]
fn ratio_bounds_what_a_small_layer_inflates_to() {
    let zeros = Archive::new().file("zeros", &vec![0; 30 << 20]).finish();
    let layer = gzip::compress(&zeros, 9);
    assert_eq!(
        refused(&layer, &with(|limits| limits.inflate_ratio = 100)).limit,
        100
    );
    ztoc(&layer, &BuildOptions::default());
}

#[test]
fn decoding_is_bounded_by_the_same_limits() {
    let layer = gzip::compress(&archive(), 6);
    let bytes = ztoc(&layer, &options(10_000, false))
        .encode()
        .expect("small")
        .to_vec();
    let decode = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Ztoc::decode(&bytes, &limits)
    };
    for change in [
        |limits: &mut Limits| limits.files = 19,
        |limits: &mut Limits| limits.spans = 2,
        |limits: &mut Limits| limits.memory_bytes = 10_000,
    ] {
        let decoded = decode(change);
        assert!(matches!(decoded, Err(DecodeError::Limit(_))), "{decoded:?}");
    }
    decode(|_| {}).expect("within the default limits");
}

#[test]
fn spans_to_be_held_in_memory_are_bounded() {
    let layer = gzip::compress(&archive(), 6);
    let ztoc = ztoc(&layer, &options(10_000, false));
    let file = ztoc.find(b"file-3").expect("the file");
    let limits = Limits {
        span_bytes: 100,
        ..Limits::default()
    };
    assert!(matches!(
        FileReader::new(&ztoc, file, &limits),
        Err(ReadError::Limit(_))
    ));
}
