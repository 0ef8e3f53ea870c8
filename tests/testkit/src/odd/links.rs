//! Links and paths that the daemon cannot follow as an unpacker would.

use super::scaffold::Around;
use super::{OddCase, Reference};
use crate::content;

const UNREADABLE: &str = "unreadable-metadata";

pub(super) fn cases() -> Vec<OddCase> {
    [hard_links(), below()].concat()
}

fn hard_links() -> Vec<OddCase> {
    let data = || content::text(51, 10_000);
    let first = || content::mixed(11, 150_000);
    let refuses = |case: OddCase| {
        case.refused(
            Reference::DaemonRefuses,
            UNREADABLE,
            "the daemon finds no target for it",
        )
    };
    vec![
        Around::new()
            .put(|a| a.hardlink("again", "./first.bin"))
            .holds("again", first())
            .after()
            .case(
                "hardlink",
                "a hard link to a file before it, its path not clean",
            ),
        Around::new()
            .put(|a| a.hardlink("one", "first.bin").hardlink("two", "one"))
            .holds("one", first())
            .holds("two", first())
            .after()
            .case("hardlink-to-hardlink", "a hard link to a hard link"),
        Around::new()
            .put(|a| a.symlink("sym", "first.bin").hardlink("again", "sym"))
            .after()
            .case("hardlink-to-symlink", "a hard link to a symbolic link"),
        Around::new()
            .file("kept", data())
            .put(|a| a.hardlink("link", "kept"))
            .holds("link", data())
            .file("kept", content::text(52, 9_000))
            .after()
            .case(
                "hardlink-then-replaced",
                "a hard link whose target is replaced behind it",
            ),
        Around::new()
            .file("kept", data())
            .put(|a| a.hardlink("link", "kept").dir("kept/"))
            .holds("link", data())
            .after()
            .without("kept")
            .case(
                "hardlink-target-becomes-directory",
                "a hard link whose target's name becomes a directory",
            )
            .refused(
                Reference::FileWrong,
                UNREADABLE,
                "the daemon makes the one node behind both names a directory",
            ),
        refuses(
            Around::new()
                .put(|a| a.hardlink("link", "missing"))
                .after()
                .case(
                    "hardlink-target-missing",
                    "a hard link to nothing in this layer",
                ),
        ),
        refuses(
            Around::new()
                .put(|a| a.hardlink("link", "after.bin"))
                .after()
                .case("hardlink-target-later", "a hard link to a file behind it"),
        ),
        refuses(
            Around::new()
                .put(|a| a.dir("usr/").symlink("lib", "usr"))
                .file("usr/x", data())
                .put(|a| a.hardlink("link", "lib/x"))
                .after()
                .case(
                    "hardlink-through-symlink",
                    "a hard link whose target's path leads through a symbolic link",
                ),
        ),
        Around::new()
            .put(|a| a.dir("dir/").hardlink("link", "dir"))
            .after()
            .case("hardlink-to-directory", "a hard link to a directory")
            .attribute_wrong(
                "link",
                "type",
                "absent",
                "the daemon shows the directory twice; no unpacker makes such a link",
            ),
        Around::new()
            .put(|a| a.hardlink("link", ""))
            .after()
            .case("hardlink-to-nothing", "a hard link with an empty target")
            .refused(
                Reference::DaemonRefuses,
                UNREADABLE,
                "the daemon takes the root directory for its target",
            ),
    ]
}

fn below() -> Vec<OddCase> {
    let data = || content::text(53, 10_000);
    let hidden = "the daemon hangs it below what is no directory, where nobody finds it";
    vec![
        Around::new()
            .put(|a| {
                a.dir("usr/")
                    .dir("usr/lib/")
                    .symlink("lib", "usr/lib")
                    .file("lib/x", &data())
            })
            .holds("usr/lib/x", data())
            .after()
            .case(
                "file-below-symlink",
                "a file whose path leads through a symbolic link of the same layer",
            )
            .refused(Reference::FileWrong, UNREADABLE, hidden),
        Around::new()
            .file("name", data())
            .put(|a| a.file("name/x", &data()))
            .holds("name/x", data())
            .after()
            .case(
                "file-below-file",
                "a file whose path leads through a regular file",
            )
            .refused(Reference::FileWrong, UNREADABLE, hidden),
        Around::new()
            .put(|a| {
                a.dir("lib/")
                    .file("lib/x", &data())
                    .symlink("lib", "usr/lib")
            })
            .after()
            .case(
                "symlink-over-directory",
                "a symbolic link in place of a directory before it",
            ),
        Around::new()
            .put(|a| a.symlink("lib", "usr/lib").dir("lib/"))
            .file("lib/x", data())
            .after()
            .case(
                "directory-over-symlink",
                "a directory in place of a symbolic link before it",
            ),
    ]
}
