//! Images made of any documents.

use soci_index::{Outcome, Report};
use soci_registry::Tag;

use super::desk::Desk;
use super::shelf::Documents;
use super::survival;

/// Any documents as an image (see the module `desk` for how they are written): whatever comes out, the source is as it was; nothing is
/// tagged unless it is whole, and nothing that was in the source is lost in it; a second run ends the same, and what was made is never
/// the source of more.
pub fn image_documents(input: &[u8]) {
    let desk = Desk::new();
    let (tag, output) = (named("1"), named("1-soci"));
    let Some(shelf) = desk.shelf(input, &tag) else {
        return;
    };
    let before = shelf.documents();
    let report = desk.run(&shelf, &tag);
    let after = shelf.documents();
    assert!(after.hold(&before), "the source is touched");
    assert_ne!(report.kind, Some("internal"), "{:?}", report.error);
    check_outcome(&report, &after, &tag, &output);
    if report.outcome == Outcome::Indexed {
        survival::check(&desk, &after, &tag, &output);
        assert!(desk.inspect(&shelf, &output).is_indexed());
    }
    let again = desk.run(&shelf, &tag);
    check_second(&report, &again);
    assert!(shelf.documents() == after, "the second run writes");
    if after.tagged(&output).is_some() {
        let fed_back = desk.run(&shelf, &output);
        assert_eq!(fed_back.outcome, Outcome::Skipped);
        assert!(shelf.documents() == after, "its own output is a source");
    }
}

fn named(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

/// What the output tag holds is what the report says.
fn check_outcome(report: &Report, after: &Documents, tag: &Tag, output: &Tag) {
    let digest = |tag| {
        after
            .tagged(tag)
            .map(|manifest| manifest.digest().to_string())
    };
    let reported = report
        .output
        .as_ref()
        .and_then(|output| output.digest.clone());
    assert_eq!(digest(output), reported);
    match report.outcome {
        Outcome::Indexed => assert!(reported.is_some()),
        Outcome::Skipped if reported.is_some() => assert_eq!(reported, digest(tag)),
        Outcome::Skipped => {}
        Outcome::Failed => assert_eq!(reported, None),
        Outcome::AlreadyIndexed => panic!("nothing was there"),
    }
}

fn check_second(first: &Report, second: &Report) {
    let expected = match first.outcome {
        Outcome::Indexed => Outcome::AlreadyIndexed,
        other => other,
    };
    assert_eq!(second.outcome, expected, "{:?}", second.error);
    assert_eq!((second.reason, second.kind), (first.reason, first.kind));
    assert_eq!(second.output, first.output);
}
