//! Images that were converted before.

use super::{child, ordinary};
use crate::image::{AMD64, ARM64, ImageCase, Index, Shelf};

/// The tests' own build tool identifier, `soci_conformance::desk::TOOL`.
const SAME_TOOL: &str = "conformance";
const OTHER_TOOL: &str = "AWS SOCI CLI v0.2";

pub(super) fn cases() -> Vec<ImageCase> {
    let both = |id, input| {
        let mut shelf = Shelf::new();
        let (first, second) = (child(&mut shelf, AMD64, 1), child(&mut shelf, ARM64, 3));
        let root = Index::oci().child(first).child(second).shelve(&mut shelf);
        shelf.case(id, input, root)
    };
    let mut single = Shelf::new();
    let root = ordinary(ARM64, 1).shelve(&mut single);
    let converges = "a conversion of a conversion is the conversion of the source";
    vec![
        both("converted", "two platforms, converted before")
            .converted_before(SAME_TOOL)
            .because(converges),
        single
            .case("converted-single", "one manifest, converted before", root)
            .converted_before(SAME_TOOL)
            .because(converges),
        both(
            "converted-by-other",
            "two platforms, converted before by another tool",
        )
        .converted_before(OTHER_TOOL)
        .because(converges),
        both(
            "converted-one-again",
            "two platforms converted before, one converted again",
        )
        .converted_before(SAME_TOOL)
        .only("linux/amd64")
        .rescued("the other platform's SOCI index is not touched"),
        both(
            "converted-one-by-other",
            "the same, converted before by another tool",
        )
        .converted_before(OTHER_TOOL)
        .only("linux/amd64")
        .rescued("the other platform's SOCI index is not touched"),
    ]
}
