//! Damage is found, named and located: every truncation, every flipped bit, every wrong checksum.

mod support;

use soci_testkit::deflate::{Blocks, literals};
use soci_testkit::gzip::Member;
use soci_testkit::{content, tar};
use soci_ztoc::{BuildError, Built, Damage, DamageKind};
use support::{build_in_pieces, options, read};

/// Magic, method, flags, time, extra flags, system.
const HEADER_BYTES: usize = 10;
/// CRC-32 and length.
const TRAILER_BYTES: usize = 8;
/// How far behind the byte in which it begins the last bit of a match can lie: 48 bits, of which one is in the byte.
const MATCH_REACH_BYTES: u64 = 6;

/// A sound archive of some KiB.
fn archive() -> Vec<u8> {
    tar::Archive::new()
        .file("random", &content::random(1, 700))
        .file("text", &content::text(2, 2_000))
        .finish()
}

fn member() -> Member {
    Member::new(&archive(), 6)
}

fn build(layer: &[u8]) -> Result<Built, BuildError> {
    build_in_pieces(layer, &options(1_000, false), usize::MAX)
}

#[track_caller]
fn damage(layer: &[u8]) -> Damage {
    match build(layer) {
        Err(BuildError::Damaged(damage)) => damage,
        other => panic!("not damaged but {other:?}"),
    }
}

#[test]
fn truncation_at_every_byte_is_found_where_it_is() {
    let layer = member().bytes();
    let trailer = layer.len() - TRAILER_BYTES;
    for length in 1..layer.len() {
        let found = damage(&layer[..length]);
        let within = match length {
            0..HEADER_BYTES => "a gzip header",
            _ if length < trailer => "deflate data",
            _ => "a gzip trailer",
        };
        assert_eq!(found.kind, DamageKind::Truncated { within }, "{length}");
        assert_eq!(found.compressed_offset, length as u64);
        assert!(found.uncompressed_offset <= archive().len() as u64);
    }
    assert!(matches!(build(&layer), Ok(Built::Indexed { .. })));
}

/// Blocks of every kind, so that flips hit headers, code tables, lengths and literals of each. Only the bits that fill
/// a byte, before stored data and behind the last block, carry nothing.
#[test]
fn every_flipped_bit_of_the_data_is_found() {
    let archive = archive();
    let blocks = Blocks::new()
        .stored(&archive[..500], false)
        .fixed(literals(&archive[500..1_500]), false)
        .dynamic(literals(&archive[1_500..2_500]), false)
        .fixed(literals(&archive[2_500..]), true)
        .finish();
    let layer = Member::deflated(blocks, &archive).bytes();
    let last_data_byte = layer.len() - TRAILER_BYTES - 1;
    for (byte, bit, _) in unnoticed_flips(&layer) {
        // Three bits of block header come before what fills the first byte.
        let fills = byte == last_data_byte && bit > 0 || byte == HEADER_BYTES && bit > 2;
        assert!(fills, "bit {bit} of byte {byte}");
    }
}

/// A flip in a distance may lead to the same bytes elsewhere; then nothing is damaged.
#[test]
fn a_flipped_bit_of_a_match_is_found_or_changes_nothing() {
    let layer = member().bytes();
    for (byte, bit, flipped) in unnoticed_flips(&layer) {
        let ztoc = support::ztoc(&flipped, &options(1_000, false));
        let same = read(&ztoc, &flipped, b"random") == content::random(1, 700)
            && read(&ztoc, &flipped, b"text") == content::text(2, 2_000);
        assert!(same, "bit {bit} of byte {byte}");
    }
}

/// The flips behind the header with which the layer is still indexed: byte, bit, layer. Every other one is damage.
fn unnoticed_flips(layer: &[u8]) -> Vec<(usize, u32, Vec<u8>)> {
    let mut layer = layer.to_vec();
    let mut unnoticed = Vec::new();
    for byte in HEADER_BYTES..layer.len() {
        for bit in 0..8 {
            layer[byte] ^= 1 << bit;
            match build(&layer) {
                Err(BuildError::Damaged(found)) => {
                    let offset = found.compressed_offset;
                    // In deflate data what is refused is told by where it begins.
                    let ahead = match found.kind {
                        DamageKind::Deflate { .. } => MATCH_REACH_BYTES,
                        _ => 0,
                    };
                    let is_near = byte as u64 <= offset + ahead && offset <= layer.len() as u64;
                    assert!(is_near, "a flip in {byte} is found at {offset}");
                }
                Ok(Built::Indexed { .. }) => unnoticed.push((byte, bit, layer.clone())),
                other => panic!("a flip of bit {bit} in byte {byte} gives {other:?}"),
            }
            layer[byte] ^= 1 << bit;
        }
    }
    unnoticed
}

/// Time, extra flags, system and FTEXT say nothing about the content; the rest of the header does.
#[test]
fn flipped_bits_of_the_header_never_pass_unless_they_mean_nothing() {
    let mut layer = member().bytes();
    for byte in 0..HEADER_BYTES {
        for bit in 0..8 {
            layer[byte] ^= 1 << bit;
            let means_nothing = byte >= 4 || (byte, bit) == (3, 0);
            match build(&layer) {
                Ok(Built::Indexed { .. }) => assert!(means_nothing, "bit {bit} of byte {byte}"),
                Ok(Built::NotIndexable { .. }) => assert!(byte < 3, "bit {bit} of byte {byte}"),
                Err(BuildError::Damaged(_)) => assert_eq!(byte, 3, "bit {bit}"),
                Err(other) => panic!("bit {bit} of byte {byte} gives {other:?}"),
            }
            layer[byte] ^= 1 << bit;
        }
    }
}

#[test]
fn a_wrong_checksum_of_the_content_is_named() {
    let layer = member().wrong_crc().bytes();
    let found = damage(&layer);
    assert_eq!(found.compressed_offset, layer.len() as u64);
    assert_eq!(found.uncompressed_offset, archive().len() as u64);
    let DamageKind::Crc32 { expected, found } = found.kind else {
        panic!("{:?}", found.kind)
    };
    assert_eq!(expected, crc32fast::hash(&archive()));
    assert_eq!(found, expected ^ 1);
}

#[test]
fn a_wrong_length_is_named() {
    let layer = member().wrong_isize().bytes();
    let expected = archive().len() as u32;
    assert_eq!(
        damage(&layer),
        Damage {
            kind: DamageKind::Length {
                expected,
                found: expected ^ 1
            },
            compressed_offset: layer.len() as u64,
            uncompressed_offset: expected.into(),
        }
    );
}

#[test]
fn reserved_flags_are_named() {
    for flag in [0x20, 0x40, 0x80] {
        assert_eq!(
            damage(&member().reserved_flag(flag).bytes()),
            Damage {
                kind: DamageKind::ReservedFlags { flags: flag },
                compressed_offset: 4,
                uncompressed_offset: 0,
            }
        );
    }
}

#[test]
fn a_wrong_header_checksum_is_named() {
    let header = member().wrong_header_crc().header();
    let expected = crc32fast::hash(&header[..HEADER_BYTES]) as u16;
    assert_eq!(
        damage(&member().wrong_header_crc().bytes()),
        Damage {
            kind: DamageKind::HeaderChecksum {
                expected,
                found: expected ^ 0x5a5a
            },
            compressed_offset: 12,
            uncompressed_offset: 0,
        }
    );
}
