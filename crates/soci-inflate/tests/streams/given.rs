//! Valid streams, whose output is known.

use soci_testkit::content;

use super::laws::{End, check};
use super::support::{Codes, Stream, Symbol, literals};
use super::{BYTEWISE, gives, run};

/// What symbols give behind some output, byte by byte.
fn expand(mut output: Vec<u8>, symbols: &[Symbol]) -> Vec<u8> {
    for symbol in symbols {
        match *symbol {
            Symbol::Literal(byte) => output.push(byte),
            Symbol::Match { length, distance } => {
                for _ in 0..length {
                    output.push(output[output.len() - usize::from(distance)]);
                }
            }
            _ => panic!("not for raw symbols"),
        }
    }
    output
}

#[test]
fn empty_blocks_of_every_kind() {
    let flat = Codes::flat();
    let stream = Stream::new()
        .fixed(&[], false)
        .stored(&[], false)
        .dynamic(&flat, &[], false)
        .fixed(&[], false)
        .dynamic(&flat, &[], false)
        .stored(&[], true)
        .finish();
    gives(&stream, &[], 6);
    gives(&Stream::new().fixed(&[], true).finish(), &[], 1);
}

#[test]
fn stored_blocks_of_every_size() {
    let data = content::random(1, 65_535);
    let stream = Stream::new()
        .stored(&data[..1], false)
        .stored(&[], false)
        .stored(&data, false)
        .stored(&data[..300], true)
        .finish();
    let output = [&data[..1], &data, &data[..300]].concat();
    gives(&stream, &output, 4);
}

#[test]
fn stored_blocks_more_than_the_history() {
    let data = content::random(2, 900_000);
    let mut stream = Stream::new();
    for piece in data.chunks(65_000) {
        stream = stream.stored(piece, false);
    }
    let stream = stream.fixed(&[run(258, 32_768)], true).finish();
    let output = expand(data, &[run(258, 32_768)]);
    gives(&stream, &output, 15);
}

#[test]
fn overlapping_matches_of_every_distance_and_length() {
    let mut symbols = literals(&content::random(3, 64));
    for distance in 1..=64 {
        for length in [
            3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 257, 258,
        ] {
            symbols.push(Symbol::Literal(distance as u8));
            symbols.push(run(length, distance));
        }
    }
    let output = expand(Vec::new(), &symbols);
    gives(&Stream::new().fixed(&symbols, true).finish(), &output, 1);
}

#[test]
fn every_length_and_distance_code() {
    let data = content::random(4, 32_768);
    let mut symbols: Vec<_> = (3..=258).map(|length| run(length, length * 90)).collect();
    for bits in 0..15 {
        for distance in [1 << bits, (3 << bits) >> 1, (2_u32 << bits) - 1] {
            symbols.push(run(3 + bits, distance as u16));
            symbols.push(Symbol::Literal(bits as u8));
        }
    }
    symbols.push(run(258, 32_768));
    symbols.push(run(3, 32_767));
    let output = expand(data.clone(), &symbols);
    for codes in [Codes::fixed(), Codes::flat()] {
        let stream = Stream::new().stored(&data, false);
        let stream = match codes.literal_lengths.len() {
            288 => stream.fixed(&symbols, true),
            _ => stream.dynamic(&codes, &symbols, true),
        };
        gives(&stream.finish(), &output, 2);
    }
}

/// Length 258 has a code of its own; as 227 and 31 more it is odd, and zlib takes it.
#[test]
fn length_258_by_the_code_before_its_own() {
    let symbols = [
        Symbol::Literal(b'x'),
        Symbol::Raw {
            symbol: 284,
            extra: 31,
            bits: 5,
        },
        Symbol::RawDistance(0),
    ];
    gives(
        &Stream::new().fixed(&symbols, true).finish(),
        &[b'x'; 259],
        1,
    );
}

#[test]
fn codes_of_every_length() {
    let data = content::random(5, 32_768);
    let mut symbols = Vec::new();
    for round in 0..200_u16 {
        symbols.extend(literals(b"abcdefghi"));
        for (length, distance) in [(3, 1), (4, 2), (10, 7), (11, 20), (12, 50), (258, 150)] {
            symbols.push(run(length, distance));
        }
        for distance in [
            3, 4, 180, 400, 1_100, 3_500, 7_000, 9_000, 13_000, 20_000, 32_768,
        ] {
            symbols.push(run(3 + round % 2, distance));
        }
        symbols.push(run(227 + round % 31, 32_768 - round));
    }
    let output = expand(data.clone(), &symbols);
    let stream = Stream::new()
        .stored(&data, false)
        .dynamic(&Codes::steep(), &symbols, true)
        .finish();
    gives(&stream, &output, 2);
}

#[test]
fn the_longest_header() {
    // Codes of seven bits for all code lengths, and none is repeated.
    let mut lengths = [7; 19];
    lengths[16..].copy_from_slice(&[1, 2, 3]);
    let codes = Codes::flat();
    let sent = [&codes.literal_lengths[..], &codes.distances].concat();
    let stream = Stream::new()
        .counts(&codes, 19, true)
        .code_length_lengths(&lengths)
        .code_lengths(&lengths, &sent)
        .symbols(&codes, &literals(b"behind it"))
        .end(&codes)
        .finish();
    gives(&stream, b"behind it", 1);
}

#[test]
fn a_code_of_one_bit_for_the_end_or_a_distance() {
    let mut codes = Codes {
        literal_lengths: vec![0; 257],
        distances: vec![0],
    };
    codes.literal_lengths[256] = 1;
    gives(&Stream::new().dynamic(&codes, &[], true).finish(), &[], 1);

    codes.literal_lengths.resize(258, 0);
    codes.literal_lengths[usize::from(b'x')] = 2;
    codes.literal_lengths[257] = 2;
    codes.distances = vec![0, 1];
    let symbols = [literals(b"xx"), vec![run(3, 2)]].concat();
    gives(
        &Stream::new().dynamic(&codes, &symbols, true).finish(),
        b"xxxxx",
        1,
    );
    // No distance at all is in order until one comes.
    codes.distances = vec![0];
    let stream = Stream::new().dynamic(&codes, &literals(b"xx"), true);
    gives(&stream.finish(), b"xx", 1);
}

#[test]
fn bytes_behind_the_end_stay() {
    let stream = Stream::new().fixed(&literals(b"all"), true).finish();
    let more = [&stream[..], &[0; 20]].concat();
    let found = check(&more, BYTEWISE);
    let consumed_bytes = stream.len() as u64;
    assert_eq!(found.decoded.end, End::Stream { consumed_bytes });
}
