//! Gzip framing: headers, members, trailers and what lies behind them.

use super::scaffold::{Around, ordinary};
use super::{OddCase, Reference};
use crate::gzip::{self, Member};
use crate::{content, deflate::Blocks};

pub(super) fn cases() -> Vec<OddCase> {
    [headers(), trailing(), members(), empty_starts(), damage()].concat()
}

fn headers() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let member = || Member::new(&tar, 6);
    let case =
        |id, input, member: Member| OddCase::new(id, input, member.bytes()).files(files.clone());
    let long =
        "the daemon checks the header with Go's gzip reader, which takes at most 511 bytes there";
    let refused =
        |case: OddCase| case.refused(Reference::BuilderFails, "unsupported-compression", long);
    vec![
        case("header-extra", "FEXTRA", member().extra(b"AB\x04\x00data")),
        case(
            "header-extra-65535",
            "FEXTRA of 65,535 bytes",
            member().extra(&content::random(1, 65_535)),
        ),
        case("header-name", "FNAME", member().name(b"layer.tar")),
        case(
            "header-name-511",
            "FNAME of 511 bytes",
            member().name(&[b'n'; 511]),
        ),
        refused(case(
            "header-name-512",
            "FNAME of 512 bytes",
            member().name(&[b'n'; 512]),
        )),
        case(
            "header-comment",
            "FCOMMENT",
            member().comment(b"made by hand"),
        ),
        refused(case(
            "header-comment-512",
            "FCOMMENT of 512 bytes",
            member().comment(&[b'c'; 512]),
        )),
        case("header-crc", "FHCRC, right", member().header_crc()),
        case("header-text", "FTEXT", member().text()),
        case("header-all", "FTEXT, FEXTRA, FNAME, FCOMMENT and FHCRC", {
            member()
                .text()
                .extra(b"xx")
                .name(b"n")
                .comment(b"c")
                .header_crc()
        }),
        case("level-0", "stored blocks only", Member::new(&tar, 0)),
    ]
}

fn trailing() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let behind = |id, input, bytes: &[u8]| {
        let layer = [&gzip::compress(&tar, 6)[..], bytes].concat();
        OddCase::new(id, input, layer).files(files.clone()).differs(
            Reference::BuilderFails,
            "only 1f 8b 08 begins a member; the last span covers what lies behind",
        )
    };
    let begun = [&gzip::compress(&tar, 6)[..], &[0x1f, 0x8b, 8, 0, 0, 0]].concat();
    vec![
        behind("trailing-nul-1", "one NUL behind the member", &[0]),
        behind(
            "trailing-nul-1mib",
            "1 MiB of NULs behind the member",
            &vec![0; 1 << 20],
        ),
        behind(
            "trailing-garbage",
            "random bytes behind the member",
            &content::random(5, 10_000),
        ),
        behind("trailing-1f", "`1f` behind the member", &[0x1f]),
        behind("trailing-1f8b", "`1f 8b` behind the member", &[0x1f, 0x8b]),
        behind(
            "trailing-1f8b00",
            "`1f 8b 00` behind the member",
            &[0x1f, 0x8b, 0, 0, 0],
        ),
        OddCase::new(
            "trailing-member-cut",
            "a second member cut in its header, members allowed",
            begun,
        )
        .allowed()
        .damaged("1f 8b 08 begins a member, and this one has no end"),
    ]
}

fn members() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let (a, b) = tar.split_at(tar.len() / 2 + 77);
    let two = [gzip::compress(a, 6), gzip::compress(b, 6)].concat();
    let footer = [
        gzip::compress(&tar, 6),
        Member::new(&[], 0)
            .extra(b"SG\x16\x00footer of 22 bytes!!!!")
            .bytes(),
    ]
    .concat();
    let second_tar = Around::nothing()
        .file("not-listed", vec![b'x'; 5_000])
        .finish()
        .0;
    let second = [gzip::compress(&tar, 6), gzip::compress(&second_tar, 6)].concat();
    let empty = gzip::compress(&[], 6);
    let middle = [gzip::compress(a, 6), empty.clone(), gzip::compress(b, 6)].concat();
    let last = [gzip::compress(&tar, 6), empty].concat();
    let allowed = |id, input, layer: Vec<u8>| {
        OddCase::new(id, input, layer)
            .files(files.clone())
            .allowed()
    };
    let skipped = |id, input, layer: &[u8]| {
        let why = "readers before v0.14.0 cannot decode behind the first member";
        OddCase::new(id, input, layer.to_vec())
            .files(files.clone())
            .refused(Reference::Right, "multi-member-gzip", why)
    };
    vec![
        skipped("members-two", "two members", &two),
        allowed("members-two-allowed", "two members, allowed", two),
        skipped(
            "members-empty-footer",
            "an empty second member, as eStargz writes",
            &footer,
        ),
        allowed(
            "members-empty-footer-allowed",
            "an empty second member, allowed",
            footer,
        ),
        allowed(
            "members-second-name-512-allowed",
            "a second member with FNAME of 512 bytes, allowed",
            {
                [
                    &gzip::compress(a, 6)[..],
                    &Member::new(b, 6).name(&[b'n'; 512]).bytes(),
                ]
                .concat()
            },
        )
        .refused(
            Reference::BuilderFails,
            "unsupported-compression",
            "Go's gzip reader takes at most 511 bytes there",
        ),
        allowed(
            "members-many-allowed",
            "a member per 20,000 bytes, allowed",
            gzip::compress_members(&tar, 6, 20_000),
        ),
        allowed(
            "members-second-tar-allowed",
            "a second tar in the second member, allowed",
            second,
        ),
        allowed(
            "members-empty-middle-allowed",
            "an empty member in the middle, allowed",
            middle,
        ),
        allowed(
            "members-empty-last-allowed",
            "an empty member at the end, allowed",
            last,
        ),
    ]
}

fn empty_starts() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let why = "later checkpoints at output 0 are dropped: the daemon refuses two of them";
    let differs = |id, input, layer: Vec<u8>| {
        OddCase::new(id, input, layer)
            .files(files.clone())
            .differs(Reference::DaemonRefuses, why)
    };
    let flushed = |blocks: Blocks| {
        Member::deflated(blocks.stored_all(&tar, 30_000, true).finish(), &tar).bytes()
    };
    let empty = gzip::compress(&[], 6);
    let first = [empty.clone(), gzip::compress(&tar, 6)].concat();
    vec![
        differs(
            "flush-first",
            "an empty stored block first",
            flushed(Blocks::new().stored(&[], false)),
        ),
        differs(
            "flush-first-fixed",
            "an empty fixed block first, so that the next begins amid a byte",
            flushed(Blocks::new().fixed([], false)),
        ),
        differs(
            "flush-first-three",
            "three empty blocks first, one of each kind",
            {
                flushed(
                    Blocks::new()
                        .stored(&[], false)
                        .fixed([], false)
                        .dynamic([], false),
                )
            },
        ),
        OddCase::new("member-empty-first", "an empty first member", first.clone())
            .files(files.clone())
            .refused(
                Reference::DaemonRefuses,
                "multi-member-gzip",
                "readers before v0.14.0 cannot decode behind the first member",
            ),
        differs(
            "member-empty-first-allowed",
            "an empty first member, allowed",
            first,
        )
        .allowed(),
        differs(
            "members-empty-first-two-allowed",
            "two empty members first, allowed",
            [&empty[..], &empty, &gzip::compress(&tar, 6)].concat(),
        )
        .allowed(),
    ]
}

fn damage() -> Vec<OddCase> {
    let (tar, _) = ordinary();
    let whole = gzip::compress(&tar, 6);
    let cut = |id, input, len: usize| {
        OddCase::new(id, input, whole[..len].to_vec()).damaged("the stream has no end")
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let wrong = |id, input, member: Member| {
        OddCase::new(id, input, member.bytes()).damaged("a check does not match")
    };
    let reserved = |id, input, bit| {
        let member = Member::new(&tar, 6).reserved_flag(bit);
        OddCase::new(id, input, member.bytes()).damaged("RFC 1952: a reserved bit must be zero")
    };
    vec![
        cut("truncated-in-magic", "cut behind `1f 8b`", 2),
        cut("truncated-in-header", "cut in the gzip header", 6),
        cut(
            "truncated-behind-header",
            "cut right behind the gzip header",
            10,
        ),
        cut(
            "truncated-in-data",
            "cut in the deflate data",
            whole.len() * 2 / 3,
        ),
        cut(
            "truncated-before-trailer",
            "cut before the trailer",
            whole.len() - 8,
        ),
        cut(
            "truncated-in-trailer",
            "cut in the trailer",
            whole.len() - 3,
        ),
        OddCase::new("flipped-bit", "a flipped bit in the deflate data", flipped)
            .damaged("a check does not match"),
        wrong(
            "wrong-crc",
            "wrong CRC-32",
            Member::new(&tar, 6).wrong_crc(),
        ),
        wrong(
            "wrong-isize",
            "wrong ISIZE",
            Member::new(&tar, 6).wrong_isize(),
        ),
        wrong(
            "wrong-header-crc",
            "wrong FHCRC",
            Member::new(&tar, 6).wrong_header_crc(),
        ),
        reserved("reserved-flag-5", "reserved header flag 0x20", 0x20),
        reserved("reserved-flag-7", "reserved header flag 0x80", 0x80),
    ]
}
