//! Streams that compressors write seldom or never: what comes out is known, zlib-rs says the same, and no cut changes it.

#[path = "../../../fuzz/src/laws/cuts.rs"]
pub mod cuts;
#[path = "../../../fuzz/src/laws/inflate.rs"]
pub mod laws;
mod support;

use laws::{Cuts, End, Ours, check};
use soci_inflate::{Code, Defect, ErrorKind, Inflater};
use soci_testkit::content;
use support::{Codes, Stream, Symbol, literals};

const BYTEWISE: Cuts = Cuts { mode: 0, state: 0 };

/// A valid stream gives this output, a block end for each block but the last, and its own length.
fn gives(stream: &[u8], output: &[u8], blocks: usize) -> Ours {
    let found = check(stream, BYTEWISE);
    let consumed_bytes = stream.len() as u64;
    assert_eq!(found.decoded.end, End::Stream { consumed_bytes });
    assert!(found.decoded.output == output, "other output");
    assert_eq!(found.bits.len() + 1, blocks);
    // Cut once, anywhere; long streams near their ends only.
    let near = if stream.len() > 2_000 { 40 } else { 1_000 };
    for cut in (0..stream.len()).filter(|cut| *cut < near || *cut + near > stream.len()) {
        let (first, rest) = stream.split_at(cut);
        assert!(
            laws::ours(Inflater::new(), [first, rest]) == found,
            "cut at {cut}"
        );
        let short = laws::zlib(first, output.len());
        assert_eq!(short.end, End::Incomplete, "cut at {cut}");
        let short_ours = laws::ours(Inflater::new(), [first]);
        assert_eq!(short_ours.decoded.end, End::Incomplete, "cut at {cut}");
        assert!(
            short_ours.decoded.output == short.output,
            "truncated at {cut}"
        );
    }
    found
}

/// An invalid stream is refused by both, for this reason, at this bit.
fn refused(stream: &[u8], kind: ErrorKind, bit_offset: u64) {
    let found = check(stream, BYTEWISE);
    assert_eq!(found.decoded.end, End::Invalid);
    let error = found.error.expect("it is invalid");
    assert_eq!((error.kind, error.bit_offset), (kind, bit_offset));
}

fn wrong(code: Code, defect: Defect) -> ErrorKind {
    ErrorKind::CodeLengths { code, defect }
}

fn run(length: u16, distance: u16) -> Symbol {
    Symbol::Match { length, distance }
}

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
fn bits_that_are_no_code() {
    let mut codes = Codes {
        literal_lengths: vec![0; 257],
        distances: vec![0],
    };
    codes.literal_lengths[256] = 1;
    let head = Stream::new().header(&codes, true);
    let at = head.bits();
    refused(&head.put(1, 1).finish(), ErrorKind::LiteralLengthCode, at);

    codes.literal_lengths.resize(258, 0);
    codes.literal_lengths[usize::from(b'x')] = 2;
    codes.literal_lengths[257] = 2;
    for distances in [vec![0], vec![1], vec![0, 1]] {
        codes.distances = distances;
        let head = Stream::new().header(&codes, true);
        let head = head.symbols(&codes, &literals(b"xxx"));
        let at = head.bits();
        let length = Symbol::Raw {
            symbol: 257,
            extra: 0,
            bits: 0,
        };
        let stream = head.symbols(&codes, &[length]).put(1, 1).finish();
        refused(&stream, ErrorKind::DistanceCode, at);
    }
    for symbol in [286, 287] {
        let raw = Symbol::Raw {
            symbol,
            extra: 0,
            bits: 0,
        };
        let stream = Stream::new().fixed(&[Symbol::Literal(0), raw], true);
        refused(&stream.finish(), ErrorKind::LiteralLengthCode, 3 + 8);
    }
    for symbol in [30, 31] {
        let length = Symbol::Raw {
            symbol: 257,
            extra: 0,
            bits: 0,
        };
        let symbols = [Symbol::Literal(0), length, Symbol::RawDistance(symbol)];
        let stream = Stream::new().fixed(&symbols, true);
        refused(&stream.finish(), ErrorKind::DistanceCode, 3 + 8);
    }
}

#[test]
fn distances_beyond_the_first_byte() {
    for have in [0_usize, 1, 31, 32, 300, 32_767] {
        let data = content::random(6, have);
        let distance = have as u16 + 1;
        let head = Stream::new().stored(&data, false);
        let at = head.bits() + 3;
        let kind = ErrorKind::DistanceTooFar {
            distance,
            available: have as u16,
        };
        let stream = head.fixed(&[run(3, distance)], true).finish();
        refused(&stream, kind, at);
        // Long and overlapping ones, too, and with so much behind them that the fast loop meets them.
        let symbols = [vec![run(258, distance)], literals(&[0; 100])].concat();
        let stream = Stream::new().stored(&data, false).fixed(&symbols, true);
        refused(&stream.finish(), kind, at);
    }
}

#[test]
fn a_new_stream_does_not_see_the_one_before() {
    let mut inflater = Inflater::new();
    let first = Stream::new().stored(&[7; 1_000], true).finish();
    let second = Stream::new().fixed(&[run(3, 1)], true).finish();
    inflater.advance(&mut &first[..]).expect("it is valid");
    inflater.reset();
    assert_eq!(inflater.window()[WINDOW_END], [7; 1_000]);
    let error = inflater
        .advance(&mut &second[..])
        .expect_err("too far back");
    let kind = ErrorKind::DistanceTooFar {
        distance: 1,
        available: 0,
    };
    assert_eq!(
        (error.kind, error.bit_offset, error.output_bytes),
        (kind, 3, 0)
    );
    inflater.reset();
    let step = inflater.advance(&mut &first[..]).expect("an error is gone");
    assert_eq!(step.output, [7; 1_000]);
}

const WINDOW_END: std::ops::RangeFrom<usize> = 32 * 1024 - 1_000..;

#[test]
fn headers_of_no_block() {
    refused(&[0b110], ErrorKind::BlockType, 0);
    refused(&[0b111], ErrorKind::BlockType, 0);
    let stored = |length, complement| {
        Stream::new()
            .fixed(&[], false)
            .put(0, 3)
            .put(0, 3)
            .put(length, 16)
            .put(complement, 16)
            .finish()
    };
    for (length, complement) in [(0, 0), (1, 0xffff), (0xffff, 0xffff), (5, 0xfffb)] {
        let kind = ErrorKind::StoredLength {
            length: length as u16,
            complement: complement as u16,
        };
        refused(&stored(length, complement), kind, 16);
    }
    for (literal_lengths, distances) in [(287, 1), (288, 30), (286, 31), (286, 32)] {
        let codes = Codes {
            literal_lengths: vec![0; literal_lengths],
            distances: vec![0; distances],
        };
        let kind = ErrorKind::CodeCount {
            literal_lengths: literal_lengths as u16,
            distances: distances as u16,
        };
        refused(&Stream::new().counts(&codes, 19, true).finish(), kind, 3);
    }
}

#[test]
fn code_lengths_that_make_no_code() {
    let flat = Codes::flat();
    let head = || Stream::new().counts(&flat, 19, true);
    for (lengths, defect) in [
        ([1; 19], Defect::OverSubscribed),
        ([7; 19], Defect::Incomplete),
    ] {
        let stream = head().code_length_lengths(&lengths);
        let at = stream.bits();
        refused(&stream.finish(), wrong(Code::CodeLength, defect), at);
    }
    let mut single = [0; 19];
    single[8] = 1;
    let stream = head().code_length_lengths(&single);
    let at = stream.bits();
    refused(
        &stream.finish(),
        wrong(Code::CodeLength, Defect::Incomplete),
        at,
    );
    // Without a single one each bit is a length of zero, until it is seen that the block cannot end.
    let stream = head().code_length_lengths(&[0; 19]);
    let stream = (0..286 + 30).fold(stream, |stream, bit| stream.put(bit & 1, 1));
    let at = stream.bits();
    refused(&stream.finish(), ErrorKind::NoEndOfBlock, at);

    let dynamic = |change: &dyn Fn(&mut Codes)| {
        let mut codes = Codes::flat();
        change(&mut codes);
        let stream = Stream::new().header(&codes, true);
        (stream.bits(), stream.finish())
    };
    type Change = fn(&mut Codes);
    let cases: [(Change, ErrorKind); 8] = [
        (
            |codes| codes.literal_lengths[0] = 7,
            wrong(Code::LiteralLength, Defect::OverSubscribed),
        ),
        (
            |codes| codes.literal_lengths[0] = 9,
            wrong(Code::LiteralLength, Defect::Incomplete),
        ),
        (
            |codes| codes.distances[0] = 3,
            wrong(Code::Distance, Defect::OverSubscribed),
        ),
        (
            |codes| codes.distances[0] = 5,
            wrong(Code::Distance, Defect::Incomplete),
        ),
        (
            |codes| codes.distances = vec![2],
            wrong(Code::Distance, Defect::Incomplete),
        ),
        (
            |codes| codes.distances = vec![1, 2],
            wrong(Code::Distance, Defect::Incomplete),
        ),
        (
            |codes| codes.distances = vec![1, 1, 1],
            wrong(Code::Distance, Defect::OverSubscribed),
        ),
        (
            |codes| codes.literal_lengths[256] = 0,
            ErrorKind::NoEndOfBlock,
        ),
    ];
    for (change, kind) in cases {
        let (at, stream) = dynamic(&change);
        refused(&stream, kind, at);
    }
    // The end's code alone, but of two bits.
    let mut codes = Codes {
        literal_lengths: vec![0; 257],
        distances: vec![0],
    };
    codes.literal_lengths[256] = 2;
    let stream = Stream::new().header(&codes, true);
    let at = stream.bits();
    refused(
        &stream.finish(),
        wrong(Code::LiteralLength, Defect::Incomplete),
        at,
    );
}

#[test]
fn repeated_code_lengths_out_of_place() {
    let codes = Codes {
        literal_lengths: vec![0; 257],
        distances: vec![0],
    };
    // Two bits for each of: length 1, and the three repetitions.
    let mut lengths = [0; 19];
    lengths[1] = 2;
    lengths[16..].fill(2);
    let head = || {
        Stream::new()
            .counts(&codes, 19, true)
            .code_length_lengths(&lengths)
    };
    let at = head().bits();
    let nothing = head().code_lengths(&lengths, &[16]).put(0, 2).finish();
    refused(&nothing, ErrorKind::RepeatOfNothing, at);

    // 138 zeros, 118 zeros, and one length leave one.
    let nearly = || {
        head()
            .code_lengths(&lengths, &[18])
            .put(127, 7)
            .code_lengths(&lengths, &[18])
            .put(107, 7)
            .code_lengths(&lengths, &[1])
    };
    let at = nearly().bits();
    for (symbol, bits, extra, times) in
        [(16, 2, 0, 3), (16, 2, 3, 6), (17, 3, 7, 10), (18, 7, 0, 11)]
    {
        let stream = nearly().code_lengths(&lengths, &[symbol]).put(extra, bits);
        let kind = ErrorKind::RepeatPastEnd { times, missing: 1 };
        refused(&stream.finish(), kind, at);
    }
    let mut codes = codes.clone();
    codes.literal_lengths[256] = 1;
    let stream = nearly().code_lengths(&lengths, &[1]).put(0, 1).finish();
    gives(&stream, &[], 1);
}

#[test]
fn bytes_behind_the_end_stay() {
    let stream = Stream::new().fixed(&literals(b"all"), true).finish();
    let more = [&stream[..], &[0; 20]].concat();
    let found = check(&more, BYTEWISE);
    let consumed_bytes = stream.len() as u64;
    assert_eq!(found.decoded.end, End::Stream { consumed_bytes });
}

#[test]
fn messages_say_what_was_found_and_where() {
    let message = |stream: &[u8]| {
        let found = laws::ours(Inflater::new(), [stream]);
        found.error.expect("it is invalid").to_string()
    };
    assert_eq!(
        message(
            &Stream::new()
                .stored(b"abc", false)
                .fixed(&[run(3, 9)], true)
                .finish()
        ),
        "deflate data at byte 8, bit 3, behind 3 decoded bytes: invalid distance too far back: at most 3 bytes, found 9"
    );
    assert_eq!(
        message(&[0, 1, 0, 1, 0]),
        "deflate data at byte 1, bit 0, behind 0 decoded bytes: invalid stored block lengths: complement of 0x0001 is 0xfffe, found 0x0001"
    );
    assert_eq!(
        message(&[7]),
        "deflate data at byte 0, bit 0, behind 0 decoded bytes: invalid block type"
    );
}
