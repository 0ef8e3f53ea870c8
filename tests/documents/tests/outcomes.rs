//! docs/outcomes.md and docs/limits.md say what the code says: a row for each word of each closed list, and none beside.

use std::collections::BTreeSet;
use std::path::Path;

use soci_documents::{Page, table};
use soci_index::{IndexError, Outcome, Reason};
use soci_registry::Kind;
use soci_ztoc::{BuildError, LimitExceeded, Limits};

fn outcomes() -> Page {
    Page::read(Path::new("docs/outcomes.md"))
}

/// The words of the first column under a heading. None stands twice, and no cell is empty.
fn told(page: &Page, heading: &str) -> BTreeSet<String> {
    let rows = table::under(page, heading);
    let words: BTreeSet<_> = rows
        .iter()
        .map(|row| table::word(&row[0]).to_owned())
        .collect();
    assert_eq!(words.len(), rows.len(), "{heading}: a row stands twice");
    assert!(
        rows.iter().flatten().all(|cell| !cell.is_empty()),
        "{heading}: an empty cell"
    );
    words
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// All values of an enum, by a `match` that a new variant breaks.
macro_rules! all {
    ($kind:ident: $($variant:ident)*) => {{
        #[expect(dead_code, reason = "it is there to be compiled")]
        fn is_complete(one: $kind) {
            match one { $($kind::$variant => (),)* }
        }
        [$($kind::$variant),*]
    }};
}

#[test]
fn outcomes_are_those_of_reports() {
    let all = all!(Outcome: Indexed AlreadyIndexed Skipped Failed);
    assert_eq!(told(&outcomes(), "Outcomes"), set(all.map(Outcome::as_str)));
}

#[test]
fn reasons_are_those_of_reports() {
    let all = all!(Reason: NotMatched IgnoredAction OwnOutput NotAnImage Untagged NoEligibleLayers ImageTooSmall
        UnsupportedCompression AlreadyLazy);
    let page = outcomes();
    assert_eq!(
        told(&page, "Reasons for `skipped`"),
        set(all.map(Reason::as_str))
    );
}

/// What depends on a layer's content the engine says; the rest is told before a layer is read.
#[test]
fn reasons_for_layers_are_those_of_reports() {
    use soci_ztoc::Reason;
    let all = all!(Reason: UnsupportedCompression MultiMemberGzip UnsupportedTarEntry UnreadableMetadata NotATar Empty);
    let mut expected = set(all.map(Reason::as_str));
    expected.extend(set(["too-small", "foreign"]));
    assert_eq!(told(&outcomes(), "Reasons for layers"), expected);
}

#[test]
fn kinds_are_those_of_reports_and_tell_whether_to_try_again() {
    let all = all!(Kind: Transient Throttled Deadline DigestMismatch ImmutableTag Denied Kms Quota NotFound InvalidImage
        Configuration Internal);
    let mut expected: Vec<(&str, bool)> = all
        .map(|kind| (kind.as_str(), kind.is_transient()))
        .to_vec();
    let of_images = [
        IndexError::TagMoved {
            tag: "1".to_owned(),
            times: 5,
            digest: soci_registry::Digest::of(b""),
        },
        IndexError::Ztoc(BuildError::Limit(LimitExceeded {
            what: "files",
            limit: 1,
        })),
        damaged(),
    ];
    expected.extend(
        of_images
            .iter()
            .map(|error| (error.kind(), error.is_transient())),
    );
    let page = outcomes();
    let rows = table::under(&page, "Kinds of `failed`");
    let told: BTreeSet<_> = rows
        .iter()
        .map(|row| (table::word(&row[0]), row[1] == "yes"))
        .collect();
    assert_eq!(told, expected.into_iter().collect());
}

/// A real damaged layer, for its kind: a gzip header and nothing behind it.
fn damaged() -> IndexError {
    let mut builder = soci_ztoc::Builder::new(soci_ztoc::BuildOptions::default());
    let cut = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let error = builder.push(&cut).and_then(|()| builder.finish().map(drop));
    IndexError::Layer {
        digest: soci_registry::Digest::of(&cut),
        error: error.expect_err("a stream without an end"),
    }
}

#[test]
fn bounds_are_those_of_the_code() {
    let page = Page::read(Path::new("docs/limits.md"));
    let rows = table::under(&page, "Bounds");
    let limits = Limits::default();
    let expected = [
        ("a manifest or image index", soci_registry::MANIFEST_BYTES),
        ("entries of one layer", limits.files as u64),
        ("spans of one layer", limits.spans as u64),
        (
            "uncompressed bytes for each compressed byte",
            limits.inflate_ratio,
        ),
        (
            "memory for the zTOCs that `build` makes at once",
            soci_index::DEFAULT_MEMORY_BUDGET_BYTES,
        ),
        (
            "characters of a tag, the output tag's too",
            soci_registry::TAG_CHARS as u64,
        ),
        ("filters", soci_index::MOST_FILTERS as u64),
        (
            "characters of one filter",
            soci_index::MOST_FILTER_CHARS as u64,
        ),
    ];
    for (what, bound) in expected {
        let row = rows.iter().find(|row| row[0] == what);
        let row = row.unwrap_or_else(|| panic!("no row {what:?}"));
        let number = row[1]
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .replace(',', "");
        assert_eq!(number, bound.to_string(), "{what}");
    }
}
