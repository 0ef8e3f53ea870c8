//! Images over a limit: nothing is wrong with them but their size.

use serde_json::json;

use super::ordinary;
use crate::image::{AMD64, Descriptor, ImageCase, Index, Shelf};

/// More entries than any image has; the longest lists in use have about thirty.
const MANY: usize = 1_000;
/// More than any registry takes for a manifest: 4 MiB is what the OCI distribution specification asks them to take.
const LONG: usize = 5_000_000;

pub(super) fn cases() -> Vec<ImageCase> {
    vec![many_platforms(), long_manifest()]
}

/// One platform is asked for because the reference takes 20 seconds for all; the limit is on the list, not on the wish.
fn many_platforms() -> ImageCase {
    let mut shelf = Shelf::new();
    let one = ordinary(AMD64, 1).shelve(&mut shelf);
    let named = |i: usize| -> Descriptor {
        let platform = json!({"os": "linux", "architecture": format!("arch{i}")});
        one.clone().field("platform", platform)
    };
    let root = (0..MANY)
        .map(named)
        .fold(Index::oci(), Index::child)
        .shelve(&mut shelf);
    shelf
        .case(
            "platforms-1000",
            "an index of 1,000 platforms, one asked for",
            root,
        )
        .only("linux/arch0")
        .fails("too-large", "a limit: no image has so many")
        .taken_by_reference(&[])
}

fn long_manifest() -> ImageCase {
    let mut shelf = Shelf::new();
    let root = ordinary(AMD64, 1)
        .field("annotations", json!({"long": "x".repeat(LONG)}))
        .shelve(&mut shelf);
    shelf
        .case("manifest-5mb", "a manifest of 5 MB", root)
        .fails("too-large", "a limit: registries take 4 MiB")
        .taken_by_reference(&[])
}
