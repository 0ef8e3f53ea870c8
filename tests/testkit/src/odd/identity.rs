//! Owners, modes, times and extended attributes that the daemon compares or keeps.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::content;
use crate::tar::{Archive, Header};

const UNREADABLE: &str = "unreadable-metadata";
/// 1 January 10000, 00:00 UTC.
const YEAR_10000: i128 = 253_402_300_800;
/// One second before the year 0.
const YEAR_MINUS_1: i128 = -62_167_219_201;

pub(super) fn cases() -> Vec<OddCase> {
    [times(), owners(), modes(), xattrs()].concat()
}

fn data() -> Vec<u8> {
    content::text(61, 10_000)
}

fn file(change: impl FnOnce(Header) -> Header) -> Around {
    Around::new()
        .entry(change(Header::gnu("plain")), "plain", data())
        .after()
}

fn dir(change: impl FnOnce(Header) -> Header) -> Around {
    Around::new()
        .put(|a| a.header(change(Header::gnu("dir/").kind(b'5').mode(0o755))))
        .after()
}

fn with_pax(pairs: &[(&str, &[u8])]) -> Around {
    Around::new()
        .put(|a| a.pax(pairs))
        .entry(Header::ustar("plain"), "plain", data())
        .after()
}

fn times() -> Vec<OddCase> {
    let no_time = "RFC 3339 has no such year; the zTOC would hold no time";
    vec![
        file(|h| h.base256(136, 12, -86_400)).case("mtime-negative", "mtime before 1970, base-256"),
        with_pax(&[("mtime", b"-1.25")]).case(
            "mtime-negative-pax",
            "mtime before 1970 with a fraction, PAX",
        ),
        file(|h| h.mtime(0)).case("mtime-zero", "mtime 0"),
        file(|h| h.raw_field(136, 12, b"")).case("mtime-empty", "an empty mtime field"),
        with_pax(&[("mtime", b"1700000000.123456789987")]).case(
            "mtime-fraction-long",
            "mtime with twelve digits behind the point, cut to nine",
        ),
        with_pax(&[("mtime", b"1700000000.120000000")])
            .case("mtime-fraction-zeros", "mtime with zeros at the end"),
        with_pax(&[("mtime", b"253402300799.5")])
            .case("mtime-year-9999", "mtime in the last second of 9999"),
        file(|h| h.base256(136, 12, YEAR_10000))
            .case("mtime-year-10000", "mtime in the year 10000")
            .refused(Reference::FileWrong, UNREADABLE, no_time),
        dir(|h| h.base256(136, 12, YEAR_10000))
            .case("mtime-year-10000-directory", "a directory's mtime in 10000")
            .attribute_wrong("dir", "mod_time", "10000-01-01T00:00:00Z", no_time),
        file(|h| h.base256(136, 12, YEAR_MINUS_1))
            .case("mtime-before-year-0", "mtime before the year 0")
            .refused(Reference::FileWrong, UNREADABLE, no_time),
    ]
}

fn owners() -> Vec<OddCase> {
    let truncated = "a zTOC holds 32 bits and the daemon compares all of them";
    let wrong = |case: OddCase| case.refused(Reference::FileWrong, UNREADABLE, truncated);
    vec![
        file(|h| h.base256(108, 8, 3_000_000).base256(116, 8, 4_294_967_295))
            .case("uid-base256", "uid and gid in base-256"),
        wrong(file(|h| h.base256(108, 8, 4_294_967_296)).case("uid-over-32-bits", "uid 2^32")),
        wrong(file(|h| h.base256(108, 8, -1)).case("uid-negative", "uid -1")),
        wrong(file(|h| h.base256(116, 8, 4_294_967_297)).case("gid-over-32-bits", "gid 2^32 + 1")),
        wrong(with_pax(&[("gid", b"4294967296")]).case("gid-over-32-bits-pax", "gid 2^32, PAX")),
        dir(|h| h.base256(108, 8, 4_294_967_301))
            .case("uid-over-32-bits-directory", "a directory's uid 2^32 + 5")
            .attribute_wrong("dir", "uid", "4294967301", "a zTOC holds 32 bits"),
        Around::new()
            .put(|a| {
                a.header(dir_header(5, 1_600_000_000))
                    .header(dir_header(0, 0))
            })
            .after()
            .case(
                "directory-twice-zeroed",
                "a directory twice, the second time with zeros for owner and time",
            )
            .attribute_wrong(
                "dir",
                "uid",
                "0",
                "the daemon keeps the first owner where the second is 0",
            ),
    ]
}

fn dir_header(uid: u64, mtime: u64) -> Header {
    Header::ustar("dir/")
        .kind(b'5')
        .mode(0o755)
        .uid(uid)
        .mtime(mtime)
}

fn modes() -> Vec<OddCase> {
    let kind = "the daemon takes the mode's type bits and compares them";
    let wrong = |id, input, mode| {
        file(|h| h.mode(mode))
            .case(id, input)
            .refused(Reference::FileWrong, UNREADABLE, kind)
    };
    vec![
        file(|h| h.mode(0o100_644)).case("mode-regular-bits", "a regular file with mode 0100644"),
        file(|h| h.mode(0o6_755)).case("mode-setuid", "mode 06755"),
        file(|h| h.mode(0)).case("mode-zero", "mode 0"),
        file(|h| h.mode(0o240_644)).case(
            "mode-unknown-bits",
            "a regular file with mode 0240644, no type at all",
        ),
        wrong(
            "mode-directory-bits",
            "a regular file with mode 040644",
            0o040_644,
        ),
        wrong(
            "mode-symlink-bits",
            "a regular file with mode 0120644",
            0o120_644,
        ),
        wrong(
            "mode-fifo-bits",
            "a regular file with mode 010644",
            0o010_644,
        ),
        wrong(
            "mode-socket-bits",
            "a regular file with mode 0140644",
            0o140_644,
        ),
        wrong(
            "mode-char-bits",
            "a regular file with mode 020644",
            0o020_644,
        ),
        wrong(
            "mode-block-bits",
            "a regular file with mode 060644",
            0o060_644,
        ),
        dir(|h| h.mode(0o040_755)).case(
            "mode-directory-bits-directory",
            "a directory with mode 040755",
        ),
        file(|h| h.device(8, 1)).case("device-numbers-file", "a regular file with device numbers"),
        Around::new()
            .entry(Header::ustar("plain").link("elsewhere"), "plain", data())
            .after()
            .case("link-name-file", "a regular file with a link name"),
    ]
}

/// The daemon's store goes through a map in random order: twenty files make its failure as good as certain.
fn xattrs() -> Vec<OddCase> {
    let many = |pairs: &[(&str, &[u8])]| {
        let mut around = Around::new();
        for i in 0..20 {
            let name = format!("x{i:02}");
            around = around.put(|a: Archive| a.pax(pairs)).entry(
                Header::ustar(&name),
                &name,
                vec![b'x'; i],
            );
        }
        around.after()
    };
    let key = format!("SCHILY.xattr.user.{}", "k".repeat(40_000));
    vec![
        many(&[
            ("SCHILY.xattr.user.a", b"1"),
            ("SCHILY.xattr.user.b", b"2"),
            ("SCHILY.xattr.user.c", b"3"),
        ])
        .case("xattrs-several", "several extended attributes"),
        many(&[("SCHILY.xattr.user.a", b"1"), ("SCHILY.xattr.user.b", b"")])
            .case(
                "xattr-empty-of-two",
                "two extended attributes, one of them empty",
            )
            .refused(
                Reference::FileWrong,
                UNREADABLE,
                "the daemon's store loses the empty one, one time in two",
            ),
        many(&[("SCHILY.xattr.user.a", b"1"), ("SCHILY.xattr.", b"2")])
            .case("xattr-no-name", "an extended attribute without a name")
            .refused(
                Reference::DaemonRefuses,
                UNREADABLE,
                "the daemon's store takes no empty key",
            ),
        many(&[("SCHILY.xattr.user.a", b"1"), (&key, b"2")])
            .case(
                "xattr-name-long",
                "an extended attribute with a name of 40,000 bytes",
            )
            .refused(
                Reference::DaemonRefuses,
                UNREADABLE,
                "the daemon's store takes keys of at most 32,768 bytes",
            ),
    ]
}
