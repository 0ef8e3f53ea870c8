//! Header fields as only old or careless writers fill them, and as Go's reader takes them.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::content;
use crate::tar::{Dialect, Header};

pub(super) fn cases() -> Vec<OddCase> {
    [headers(), records()].concat()
}

fn data() -> Vec<u8> {
    content::text(81, 500)
}

fn headers() -> Vec<OddCase> {
    let shown = |id, input, header: Header, path: &str| {
        Around::new()
            .entry(header, path, data())
            .after()
            .case(id, input)
    };
    let spaced = Header::ustar("plain")
        .raw_field(100, 8, b"   644 ")
        .raw_field(108, 8, b" 1750 \0")
        .raw_field(136, 12, b" 14524500000");
    let unknown = Header::new(Dialect::V7, "plain")
        .raw_field(257, 8, b"ustar 00")
        .owner("nobody", "nobody")
        .device(1, 2)
        .prefix("ignored");
    let version = Header::ustar("plain")
        .raw_field(263, 2, b"99")
        .prefix("kept")
        .owner("u", "g");
    vec![
        shown(
            "field-spaces",
            "numbers with spaces before and behind",
            spaced,
            "plain",
        ),
        shown(
            "field-empty-numbers",
            "empty number fields",
            {
                Header::ustar("plain")
                    .raw_field(100, 8, b"")
                    .raw_field(108, 8, b"")
                    .raw_field(116, 8, b"")
            },
            "plain",
        ),
        shown(
            "field-full-octal",
            "a uid of eight digits without a NUL",
            Header::ustar("plain").raw_field(108, 8, b"00001750"),
            "plain",
        ),
        shown(
            "magic-unknown",
            "magic `ustar 00`: only the old fields count",
            unknown,
            "plain",
        ),
        shown(
            "magic-version",
            "magic `ustar` of version 99: all POSIX fields count",
            version,
            "kept/plain",
        ),
        shown(
            "prefix-without-name",
            "a prefix and an empty name",
            Header::ustar("").prefix("prefix"),
            "prefix",
        ),
        shown(
            "gnu-with-prefix",
            "a GNU header with a POSIX prefix, as Go wrote before 1.8",
            Header::gnu("plain").prefix("old/go"),
            "old/go/plain",
        ),
        shown(
            "gnu-with-prefix-not-ascii",
            "the same, the prefix not ASCII: it does not count",
            Header::gnu("plain").prefix("old/g\u{f6}"),
            "plain",
        ),
        Around::new()
            .put(|a| {
                a.entry(
                    Header::gnu("././@LongLink").kind(b'L'),
                    b"short\0behind the end\0",
                )
            })
            .entry(Header::gnu("plain"), "short", data())
            .after()
            .case("gnu-long-name-nul", "a NUL inside a GNU long name ends it"),
        Around::new()
            .put(|a| a.pax(&[("size", b"300")]).dir("dir/"))
            .after()
            .case("pax-size-directory", "a directory with a PAX size")
            .differs(
                Reference::FileWrong,
                "written with size 0: there is no data, and then the daemon reads everything right",
            ),
    ]
}

fn records() -> Vec<OddCase> {
    let with = |id, input, pairs: &[(&str, &[u8])]| {
        Around::new()
            .put(|a| a.pax(pairs))
            .entry(Header::ustar("plain"), "plain", data())
            .after()
            .case(id, input)
    };
    let wrong = |id, input, key: &'static str, value: &[u8]| {
        let why = "the daemon's tar reader refuses it";
        with(id, input, &[(key, value)]).refused(
            Reference::BuilderFails,
            "unreadable-metadata",
            why,
        )
    };
    vec![
        with(
            "pax-number-plus",
            "PAX numbers with a plus sign",
            &[("uid", b"+5"), ("mtime", b"+1700000000.5")],
        ),
        with(
            "pax-number-zeros",
            "PAX numbers with leading zeros",
            &[("uid", b"0010"), ("gid", b"000")],
        ),
        with(
            "pax-uname-not-utf8",
            "PAX names that are no UTF-8",
            &[("uname", b"\xff\xfe"), ("comment", b"\x80")],
        ),
        with(
            "pax-key-twice",
            "one PAX key twice, the last one wins",
            &[("uid", b"1"), ("uid", b"2")],
        ),
        with(
            "pax-key-emptied",
            "a PAX key, then the same without a value",
            &[("uid", b"1"), ("uid", b"")],
        ),
        wrong("pax-mtime-no-seconds", "PAX mtime `.5`", "mtime", b".5"),
        wrong("pax-mtime-letters", "PAX mtime `1.5x`", "mtime", b"1.5x"),
        wrong("pax-mtime-exponent", "PAX mtime `1e3`", "mtime", b"1e3"),
        wrong(
            "pax-uid-too-large",
            "a PAX uid over 64 bits",
            "uid",
            b"99999999999999999999",
        ),
        wrong("pax-size-negative", "PAX size -1", "size", b"-1"),
        wrong("pax-nul-in-uname", "a NUL in a PAX uname", "uname", b"a\0b"),
    ]
}
