//! Invalid streams: for which reason, and at which bit.

use soci_inflate::{Code, Defect, ErrorKind, Inflater};
use soci_testkit::content;

use super::support::{Codes, Stream, Symbol, literals};
use super::{gives, laws, refused, run};

const WINDOW_END: std::ops::RangeFrom<usize> = 32 * 1024 - 1_000..;

fn wrong(code: Code, defect: Defect) -> ErrorKind {
    ErrorKind::CodeLengths { code, defect }
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
