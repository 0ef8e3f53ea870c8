//! Type flags: old ones, unknown ones, and entries without data that claim a size.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::content;
use crate::tar::{Dialect, Header};

pub(super) fn cases() -> Vec<OddCase> {
    [flags(), sizes()].concat()
}

fn flags() -> Vec<OddCase> {
    let data = || content::text(41, 10_000);
    let refused = |id, input, flag| {
        let why = "the daemon knows no such entry";
        Around::new()
            .put(|a| a.header(Header::gnu("entry").kind(flag)))
            .after()
            .case(id, input)
            .refused(Reference::BuilderFails, "unsupported-tar-entry", why)
    };
    vec![
        Around::new()
            .entry(Header::ustar("contiguous").kind(b'7'), "contiguous", data())
            .after()
            .case("contiguous-file", "type `7`, contiguous file")
            .differs(
                Reference::BuilderFails,
                "POSIX lets it be taken as a regular file, and so the daemon reads it right",
            ),
        Around::new()
            .entry(Header::new(Dialect::V7, "old").kind(0), "old", data())
            .after()
            .case("nul-type-file", "type NUL: a regular file"),
        Around::new()
            .put(|a| a.header(Header::new(Dialect::V7, "old/").kind(0).mode(0o755)))
            .file("old/file", data())
            .after()
            .case(
                "nul-type-directory",
                "type NUL and a name that ends in `/`: a directory",
            ),
        refused("unknown-flag", "type `Z`, which nobody knows", b'Z'),
        refused(
            "gnu-volume-continuation",
            "type `M`, continued from another volume",
            b'M',
        ),
        refused("gnu-volume-label", "type `V`, volume label", b'V'),
        refused(
            "gnu-dump-directory",
            "type `D`, directory with a list of names",
            b'D',
        ),
        refused(
            "solaris-extended",
            "type `X`, Solaris extended header",
            b'X',
        ),
    ]
}

/// Small sizes shift only the header of the next entry, larger ones let headers overlap.
fn sizes() -> Vec<OddCase> {
    let kinds: [(u8, [&'static str; 2]); 6] = [
        (b'1', ["hardlink-size-small", "hardlink-size-large"]),
        (b'2', ["symlink-size-small", "symlink-size-large"]),
        (b'3', ["char-size-small", "char-size-large"]),
        (b'4', ["block-size-small", "block-size-large"]),
        (b'5', ["directory-size-small", "directory-size-large"]),
        (b'6', ["fifo-size-small", "fifo-size-large"]),
    ];
    let mut cases = Vec::new();
    for (flag, [small, large]) in kinds {
        let around = |size| {
            let header = Header::ustar("sized")
                .kind(flag)
                .size(size)
                .link("first.bin");
            let mut around = Around::new().put(|a| a.header(header)).after();
            if flag == b'1' {
                around = around.holds("sized", content::mixed(11, 150_000));
            }
            around
        };
        let why =
            "written with size 0: there is no data, and then the daemon reads everything right";
        let input = "an entry without data whose header says 300 bytes";
        cases.push(
            around(300)
                .case(small, input)
                .differs(Reference::FileWrong, why),
        );
        let input = "an entry without data whose header says 5,000 bytes";
        cases.push(
            around(5_000)
                .case(large, input)
                .differs(Reference::DaemonRefuses, why),
        );
    }
    let data = content::random(42, 2_000);
    cases.push(
        Around::new()
            .put(|a| a.entry(Header::ustar("sized").kind(b'1').link("first.bin"), &data))
            .after()
            .case(
                "hardlink-with-data",
                "a hard link with a size and data behind it",
            )
            .refused(
                Reference::BuilderFails,
                "not-a-tar",
                "its data is read as a header and is none",
            ),
    );
    cases
}
