//! Extension headers: PAX, global PAX, GNU long names, sparse files.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::tar::{Archive, Header};
use crate::{content, pax};

pub(super) fn cases() -> Vec<OddCase> {
    [read_right(), at_the_end(), malformed(), global(), sparse()].concat()
}

fn some() -> Vec<u8> {
    content::text(31, 20_000)
}

/// An archive in which `write` puts extension headers in front of the file `plain`, which shows as `path`.
fn before_file(path: &str, write: impl FnOnce(Archive) -> Archive) -> Around {
    Around::new()
        .put(write)
        .entry(Header::ustar("plain"), path, some())
        .after()
}

fn read_right() -> Vec<OddCase> {
    let long = format!("long/{}/name", "n".repeat(200));
    let target = format!("target/{}", "t".repeat(150));
    let one =
        |id, input, pairs: &[(&str, &[u8])]| before_file("plain", |a| a.pax(pairs)).case(id, input);
    let comment = pax::record(b"comment", &vec![b'c'; (1 << 20) - 17]);
    vec![
        before_file(&long, |a| a.pax(&[("path", long.as_bytes())])).case("pax-path", "PAX path"),
        Around::new()
            .put(|a| {
                a.pax(&[("size", b"20000")])
                    .header(Header::ustar("sized"))
                    .data(&some())
            })
            .holds("sized", some())
            .after()
            .case("pax-size", "PAX size, 0 in the header"),
        one(
            "pax-xattr",
            "PAX extended attributes",
            &[
                ("SCHILY.xattr.user.a", b"1"),
                ("SCHILY.xattr.security.capability", b"\0\x01"),
            ],
        ),
        one(
            "pax-xattr-empty-one",
            "one extended attribute, its value empty",
            &[("SCHILY.xattr.user.a", b"")],
        ),
        Around::new()
            .put(|a| {
                a.pax(&[("linkpath", target.as_bytes())])
                    .symlink("link", "short")
            })
            .after()
            .case("pax-linkpath", "PAX linkpath"),
        one(
            "pax-uid",
            "PAX uid and gid",
            &[("uid", b"3000000"), ("gid", b"4294967295")],
        ),
        one(
            "pax-empty-values",
            "PAX records with empty values",
            &[("path", b""), ("uid", b""), ("mtime", b"")],
        ),
        before_file("second", |a| {
            a.pax(&[("path", b"first")]).pax(&[("path", b"second")])
        })
        .case(
            "pax-twice",
            "two PAX headers for one entry, the last one wins",
        ),
        before_file("plain", |a| a.pax_raw(b'x', &comment))
            .case("pax-1mib", "PAX data of exactly 1 MiB"),
        before_file("plain", |a| a.pax_raw(b'x', b""))
            .case("pax-no-records", "a PAX header without records"),
        before_file(&long, |a| a.long_name(long.as_bytes())).case("gnu-long-name", "GNU long name"),
        Around::new()
            .put(|a| a.long_link(target.as_bytes()).symlink("link", "short"))
            .after()
            .case("gnu-long-link", "GNU long link name"),
        before_file(&long, |a| {
            a.long_link(b"x")
                .long_name(b"first")
                .long_name(long.as_bytes())
        })
        .case(
            "gnu-long-name-twice",
            "GNU long link and two long names, the last one wins",
        ),
        before_file("gnu", |a| a.long_name(b"gnu").pax(&[("path", b"pax")])).case(
            "gnu-over-pax",
            "a GNU long name and a PAX path, the GNU name wins",
        ),
    ]
}

fn at_the_end() -> Vec<OddCase> {
    let around = || Around::new().after();
    vec![
        around()
            .put(|a| a.pax(&[("path", b"nobody")]))
            .case("pax-at-end", "a PAX header at the end"),
        around()
            .put(|a| a.pax(&[("path", b"nobody")]))
            .case_unfinished(
                "pax-at-end-no-end-blocks",
                "a PAX header at the end, no end blocks",
            ),
        around()
            .put(|a| a.long_name(b"nobody"))
            .case("gnu-long-name-at-end", "a GNU long name at the end"),
    ]
}

fn malformed() -> Vec<OddCase> {
    let bad = |id, input, write: &dyn Fn(Archive) -> Archive| {
        let why = "the daemon's tar reader refuses it";
        before_file("plain", write).case(id, input).refused(
            Reference::BuilderFails,
            "unreadable-metadata",
            why,
        )
    };
    let raw = |id, input, data: &[u8]| bad(id, input, &|a| a.pax_raw(b'x', data));
    let name = vec![b'n'; 1 << 20];
    vec![
        raw(
            "pax-length-wrong",
            "a PAX record longer than its header says",
            b"99 path=x\n",
        ),
        raw(
            "pax-length-no-number",
            "a PAX record without a length",
            b"path=x\n",
        ),
        raw(
            "pax-no-newline",
            "a PAX record without its line end",
            b"10 path=xx",
        ),
        raw("pax-no-equals", "a PAX record without `=`", b"8 pathx\n"),
        raw(
            "pax-no-key",
            "a PAX record without a key",
            &pax::record(b"", b"value"),
        ),
        raw(
            "pax-nul-in-path",
            "a NUL in a PAX path",
            &pax::record(b"path", b"a\0b"),
        ),
        raw(
            "pax-nul-in-linkpath",
            "a NUL in a PAX linkpath",
            &pax::record(b"linkpath", b"a\0b"),
        ),
        raw(
            "pax-number-wrong",
            "a PAX uid that is no number",
            &pax::record(b"uid", b"root"),
        ),
        raw(
            "pax-over-1mib",
            "PAX data one byte over 1 MiB",
            &pax::record(b"comment", &vec![b'c'; (1 << 20) - 16]),
        ),
        bad(
            "gnu-long-name-over-1mib",
            "a GNU long name over 1 MiB",
            &|a| a.long_name(&name),
        ),
    ]
}

fn global() -> Vec<OddCase> {
    let global = |a: Archive| a.pax_raw(b'g', &pax::record(b"comment", b"from git archive"));
    let why = "the daemon passes over it; it is not listed";
    let differs = |case: OddCase| case.differs(Reference::BuilderFails, why);
    vec![
        differs(Around::new().put(|a| global(a).dir("dir/")).after().case(
            "pax-global-before-directory",
            "a global PAX header in front of a directory",
        )),
        differs(
            Around::new()
                .put(|a| global(a).symlink("link", "first.bin"))
                .after()
                .case(
                    "pax-global-before-symlink",
                    "a global PAX header in front of a symbolic link",
                ),
        ),
        differs(
            Around::nothing()
                .put(|a| global(a).dir("./"))
                .file("first.bin", some())
                .after()
                .case(
                    "pax-global-first",
                    "a global PAX header as the first thing, then the root directory",
                ),
        ),
        differs(
            Around::new()
                .after()
                .put(global)
                .case("pax-global-at-end", "a global PAX header at the end"),
        ),
        before_file("plain", global)
            .case(
                "pax-global-before-file",
                "a global PAX header in front of a regular file",
            )
            .refused(
                Reference::BuilderFails,
                "unsupported-tar-entry",
                "the daemon finds it where it looks for the file's header",
            ),
        before_file("plain", |a| global(a).pax(&[("mtime", b"1.5")]))
            .case(
                "pax-global-before-pax-file",
                "a global PAX header in front of a file with a PAX header",
            )
            .refused(Reference::BuilderFails, "unsupported-tar-entry", "as above"),
    ]
}

fn sparse() -> Vec<OddCase> {
    let data = content::random(32, 2_048);
    let file = |pairs: &[(&str, &[u8])], data: &[u8]| {
        Around::new()
            .put(|a| a.pax(pairs).file("sparse", data))
            .after()
    };
    let refused = |case: OddCase, reference| {
        case.refused(
            reference,
            "unsupported-tar-entry",
            "the daemon does not know about holes",
        )
    };
    let gnu = Header::gnu("sparse")
        .kind(b'S')
        .octal(386, 12, 0)
        .octal(398, 12, 2_048)
        .octal(483, 12, 1_000_000);
    let v00: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"1000000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"0"),
        ("GNU.sparse.numbytes", b"1024"),
        ("GNU.sparse.offset", b"500000"),
        ("GNU.sparse.numbytes", b"1024"),
    ];
    let v01: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"1000000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.map", b"0,1024,500000,1024"),
    ];
    let v10: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", b"1000000"),
    ];
    let unknown: &[(&str, &[u8])] = &[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0")];
    let pieces: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"2"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.offset", b"0"),
        ("GNU.sparse.numbytes", b"2048"),
    ];
    let map = Archive::new()
        .data(b"2\n0\n1024\n500000\n1024\n")
        .raw(&data)
        .unfinished();
    vec![
        refused(
            Around::new()
                .put(|a| a.entry(gnu, &data))
                .after()
                .case("gnu-sparse", "GNU sparse file"),
            Reference::BuilderFails,
        ),
        refused(
            file(v00, &data).case("pax-sparse-0-0", "PAX sparse file, version 0.0"),
            Reference::DaemonRefuses,
        ),
        refused(
            file(v01, &data).case("pax-sparse-0-1", "PAX sparse file, version 0.1"),
            Reference::DaemonRefuses,
        ),
        refused(
            file(v10, &map).case("pax-sparse-1-0", "PAX sparse file, version 1.0"),
            Reference::DaemonRefuses,
        ),
        file(unknown, &data).holds("sparse", data.clone()).case(
            "pax-sparse-unknown-version",
            "PAX sparse records of a version that nobody knows",
        ),
        file(pieces, &data).holds("sparse", data.clone()).case(
            "pax-sparse-pieces-unknown-version",
            "a list of pieces as in version 0.0, of a version that nobody knows",
        ),
        file(&[("GNU.sparse.numbytes", b"1024")], &data)
            .case(
                "pax-sparse-pieces-out-of-order",
                "a list of pieces as in version 0.0 that begins with a length",
            )
            .refused(
                Reference::BuilderFails,
                "unreadable-metadata",
                "Go's reader refuses it, and the daemon reads headers with it",
            ),
    ]
}
