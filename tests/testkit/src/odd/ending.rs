//! How archives end, or fail to.

use super::scaffold::{Around, ordinary};
use super::{OddCase, Reference};
use crate::tar::{Archive, BLOCK, Header};
use crate::{content, gzip};

pub(super) fn cases() -> Vec<OddCase> {
    [endings(), broken(), behind()].concat()
}

fn endings() -> Vec<OddCase> {
    let around = || Around::new().after();
    vec![
        around().case_unfinished("no-end-blocks", "no end blocks"),
        around()
            .put(|a| a.zeros(BLOCK))
            .case_unfinished("one-zero-block", "one zero block at the end"),
        // The last file has 3,000 bytes, so 72 bytes of padding follow.
        around()
            .put(|a| a.cut(50))
            .case_unfinished("cut-in-last-padding", "cut inside the last file's padding"),
        around()
            .put(|a| a.cut(72))
            .case_unfinished("no-last-padding", "cut right behind the last file's data"),
        // The second zero block is never whole; Go takes the first as the end.
        around()
            .put(|a| a.zeros(BLOCK + 100))
            .case_unfinished("end-blocks-cut", "cut in the second end block")
            .refused(
                Reference::BuilderFails,
                "not-a-tar",
                "a tail shorter than a block is no tar",
            ),
    ]
}

fn broken() -> Vec<OddCase> {
    let bad = |case: OddCase, why| case.refused(Reference::BuilderFails, "not-a-tar", why);
    let number = |case: OddCase| {
        let why = "the daemon's tar reader refuses it";
        case.refused(Reference::BuilderFails, "unreadable-metadata", why)
    };
    let header = |header: Header| Around::new().put(|a| a.header(header)).after();
    vec![
        bad(
            Around::new()
                .after()
                .put(|a| a.cut(1_000))
                .case_unfinished("cut-in-file-data", "tar cut in a file's data"),
            "an entry is not whole",
        ),
        bad(
            Around::new()
                .after()
                .put(|a| a.header(Header::ustar("cut")).cut(200))
                .case_unfinished("cut-in-header", "tar cut in a header"),
            "a tail shorter than a block is no tar",
        ),
        bad(
            Around::new()
                .put(|a| a.zeros(BLOCK))
                .after()
                .case("one-zero-block-then-entry", "one zero block, then an entry"),
            "a zero block is followed by a zero block",
        ),
        bad(
            header(Header::ustar("x").wrong_checksum())
                .case("header-wrong-checksum", "a header with a wrong checksum"),
            "what should be a header is none",
        ),
        header(Header::ustar(b"\xf1\xf2\xf3\xf4").signed_checksum())
            .holds(b"\xf1\xf2\xf3\xf4", Vec::new())
            .case(
                "header-signed-checksum",
                "a checksum of signed bytes, as old Sun tars wrote",
            ),
        number(
            header(Header::ustar("x").raw_field(124, 12, b"not octal"))
                .case("size-not-octal", "a size field that is no number"),
        ),
        number(
            header(Header::ustar("x").base256(124, 12, -1))
                .case("size-negative", "a size of -1 in base-256"),
        ),
        number(
            Around::new()
                .put(|a| {
                    a.pax(&[("size", b"5")])
                        .header(Header::ustar("x").base256(124, 12, -1))
                        .data(b"hello")
                })
                .after()
                .case(
                    "size-negative-overridden",
                    "a size of -1 that a PAX record overrides",
                ),
        ),
    ]
}

fn behind() -> Vec<OddCase> {
    let (tar, files) = ordinary();
    let case = |id, input, bytes: &[u8]| {
        OddCase::new(id, input, gzip::compress(&[&tar[..], bytes].concat(), 6)).files(files.clone())
    };
    let second = Archive::new()
        .file("not-listed", &content::text(21, 100_000))
        .finish();
    vec![
        case(
            "padding-behind-100",
            "100 NULs behind the end blocks",
            &[0; 100],
        ),
        case(
            "padding-behind-16mib",
            "16 MiB of NULs behind the end blocks",
            &vec![0; 16 << 20],
        ),
        case(
            "text-behind",
            "text behind the end blocks",
            &content::text(22, 100_000),
        ),
        case(
            "random-behind",
            "random bytes behind the end blocks",
            &content::random(23, 100_000),
        ),
        case(
            "second-tar-behind",
            "a second tar behind the end blocks",
            &second,
        ),
    ]
}
