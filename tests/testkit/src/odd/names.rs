//! Names as archives spell them and as the daemon shows them.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::content;
use crate::tar::Header;

pub(super) fn cases() -> Vec<OddCase> {
    let data = || content::text(71, 10_000);
    let named = |id, input, name: &[u8], path: &[u8]| {
        Around::new()
            .entry(Header::ustar(name), path, data())
            .after()
            .case(id, input)
    };
    let long = [b'n'; 100];
    let deep = [&[b'p'; 100][..], b"/", &long].concat();
    // The daemon's store stands one name of a directory, chosen at random, as a value: two long ones are refused for certain.
    let huge = vec![b'h'; 40_000];
    let huger = vec![b'h'; 40_001];
    vec![
        Around::new()
            .file("twice", content::text(72, 5_000))
            .file("twice", data())
            .after()
            .case("name-twice", "two files of one name, the last one wins"),
        named("name-dot-slash", "`./dir/file`", b"./dir/file", b"dir/file"),
        named("name-absolute", "`/dir/file`", b"/dir/file", b"dir/file"),
        named("name-dot-dot", "`x/../y`", b"x/../y", b"y"),
        named("name-dot-dot-above", "`../../y`", b"../../y", b"y"),
        named(
            "name-double-slash",
            "`dir//file`",
            b"dir//file",
            b"dir/file",
        ),
        named(
            "name-slash-file",
            "a regular file whose name ends in `/`",
            b"odd/",
            b"odd",
        ),
        named(
            "name-not-utf8",
            "bytes that are no UTF-8",
            b"caf\xe9\xff",
            b"caf\xe9\xff",
        ),
        named(
            "name-newline",
            "a line end in a name",
            b"two\nlines",
            b"two\nlines",
        ),
        named("name-100", "a name of exactly 100 bytes", &long, &long),
        Around::new()
            .entry(Header::ustar(long).prefix([b'p'; 100]), &deep, data())
            .after()
            .case("name-prefix-100", "prefix and name of 100 bytes each"),
        Around::new()
            .put(|a| a.header(Header::ustar("dir").kind(b'5').mode(0o755)))
            .file("dir/file", data())
            .after()
            .case(
                "name-directory-no-slash",
                "a directory without `/` at its end",
            ),
        Around::new()
            .put(|a| a.dir("./"))
            .after()
            .case("name-root", "`./`, the root itself"),
        Around::new()
            .put(|a| a.entry(Header::ustar(""), &data()))
            .after()
            .case(
                "name-empty",
                "a file without a name, which nobody can ask for",
            ),
        Around::new()
            .put(|a| a.pax(&[("path", &huge)]))
            .entry(Header::ustar("x"), &huge, data())
            .put(|a| a.pax(&[("path", &huger)]))
            .entry(Header::ustar("x"), &huger, data())
            .after()
            .case("name-component-40000", "names of 40,000 bytes")
            .refused(
                Reference::DaemonRefuses,
                "unreadable-metadata",
                "the daemon's store takes keys of at most 32,768 bytes",
            ),
    ]
}
