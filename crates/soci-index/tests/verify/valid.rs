//! What is right: every image of the table and every odd layer that indexing takes, at every level.

use soci_index::{IndexOptions, Outcome, Proof};
use soci_testkit::image::{self, AMD64, Layer, Shelf, media};
use soci_testkit::odd::ODD_SPAN;
use soci_testkit::{Expect, ImageCase, image_cases, odd_cases};
use soci_ztoc::SpanSize;

use crate::support::{LEVELS, index, look, options, words};

fn options_of(case: &ImageCase) -> IndexOptions {
    let platforms = case.options.platforms.iter();
    IndexOptions {
        platforms: platforms.map(|platform| (*platform).to_owned()).collect(),
        span_size: SpanSize::from_bytes(case.options.span_size).expect("a span size"),
        min_layer_bytes: case.options.min_layer_size,
        ..options()
    }
}

/// Images of which a blob is not there that indexing has no need of, but whoever runs the image has.
const INCOMPLETE: [&str; 2] = ["child-config-missing", "small-layer-missing"];

#[tokio::test]
async fn every_image_of_the_table_that_is_indexed_is_proven() {
    let (mut indexed, mut unchanged) = (0, 0);
    for case in image_cases() {
        let folder = tempfile::tempdir().expect("a folder");
        let written = case.image.write_layout(folder.path());
        written.expect("the folder is writable");
        let report = index(folder.path(), &case.image.tag, options_of(&case)).await;
        let output = format!("{}-soci", case.image.tag);
        let is_incomplete = INCOMPLETE.contains(&case.id);
        let expected = match (report.outcome, &report.output) {
            (Outcome::Indexed, _) if is_incomplete => (Proof::NotProven, None),
            (Outcome::Indexed, _) => (Proof::Proven, None),
            (Outcome::Skipped, Some(_)) => (Proof::NoIndex, Some(case.image.tag.clone())),
            _ => continue,
        };
        indexed += u32::from(expected.1.is_none());
        unchanged += u32::from(expected.1.is_some());
        for level in LEVELS {
            let found = look(folder.path(), &output, level).await;
            let words = words(&found);
            assert_eq!(
                (found.verdict, found.unchanged_from),
                expected,
                "{}, {}: {words}",
                case.id,
                level.as_str()
            );
            assert!(words.lines().all(|line| line.starts_with("missing: ")));
        }
    }
    assert!(indexed >= 60, "{indexed} images");
    assert!(unchanged >= 5, "{unchanged} images");
}

#[tokio::test]
async fn every_odd_layer_that_is_indexed_is_proven() {
    let mut indexed = 0;
    for case in odd_cases() {
        if !matches!(case.expect, Expect::Indexed { .. }) {
            continue;
        }
        indexed += 1;
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::new();
        let root = image::Manifest::oci(AMD64)
            .layer(Layer::new(media::GZIP, case.layer.clone()))
            .shelve(&mut shelf);
        let written = shelf.image(root, "1").write_layout(folder.path());
        written.expect("the folder is writable");
        let options = IndexOptions {
            min_layer_bytes: 1,
            span_size: SpanSize::from_bytes(ODD_SPAN).expect("a span size"),
            ..options()
        };
        let report = index(folder.path(), "1", options).await;
        assert_eq!(report.outcome, Outcome::Indexed, "{}", case.id);
        for level in LEVELS {
            let found = look(folder.path(), "1-soci", level).await;
            let words = words(&found);
            assert_eq!(
                found.verdict,
                Proof::Proven,
                "{}, {}: {words}",
                case.id,
                level.as_str()
            );
        }
    }
    assert!(indexed >= 100, "{indexed} layers");
}
