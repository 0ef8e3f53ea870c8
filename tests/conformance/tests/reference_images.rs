//! The table of odd images, held to the reference's converter and to the decision page.

use std::collections::BTreeSet;
use std::path::Path;

use soci_conformance::{Answer, Desk, Layout, defects};
use soci_testkit::image::{OursForImage, ReferenceForImage};
use soci_testkit::{ImageCase, image_cases};

/// Beside this crate, so that the test finds it wherever the repository lies.
const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/decisions/image-shapes.md"
);

#[test]
fn matches_reference_as_the_table_says_about_images() {
    let mut desk = Desk::new();
    let cases = image_cases();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let (found, words) = measure(&mut desk, case);
            let differs = found != case.reference;
            differs.then(|| {
                let said = &case.reference;
                format!("{}: table says {said:?}, found {found:?}: {words}", case.id)
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The table calls a case the same digest as the reference's where the source was converted before, too: then the result is
/// the conversion of the image that it was made from.
#[test]
fn matches_reference_converting_twice_is_converting_once() {
    let mut desk = Desk::new();
    let before =
        |case: &ImageCase| case.converted_before.is_some() && case.ours == OursForImage::SameDigest;
    let cases: Vec<ImageCase> = image_cases().into_iter().filter(before).collect();
    assert!(!cases.is_empty());
    for case in cases {
        let twice = digest(&mut desk, &case);
        let once = ImageCase {
            converted_before: None,
            ..case.clone()
        };
        let once = digest(&mut desk, &once);
        assert_eq!(twice, once, "{}", case.id);
    }
}

/// The reference itself, put in our place, passes where we are to equal it and nowhere else: the judge that our column is held
/// to tells right from wrong.
#[test]
fn matches_reference_in_our_place_only_where_we_equal_it() {
    let mut desk = Desk::new();
    let mut second = Desk::new();
    for case in image_cases() {
        let held = desk.hold_to_table(&case, |source| {
            match second.reference_image(&case, source) {
                Ok((folder, _)) => Answer::Indexed {
                    folder,
                    tag: None,
                    layers: None,
                },
                Err(error) => Answer::Failed(error.to_string()),
            }
        });
        let equal = case.ours == OursForImage::SameDigest;
        assert_eq!(held.is_ok(), equal, "{}: {held:?}", case.id);
    }
}

#[test]
fn the_decision_page_prints_the_table_of_images() {
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    let is_row = |line: &&str| {
        ["| ", "| case ", "| --- "].map(|p| line.starts_with(p)) == [true, false, false]
    };
    let printed: BTreeSet<&str> = page.lines().filter(is_row).collect();
    let rows: Vec<String> = image_cases().iter().map(ImageCase::row).collect();
    let expected: BTreeSet<&str> = rows.iter().map(|row| &**row).collect();
    let missing: Vec<&&str> = expected.difference(&printed).collect();
    let surplus: Vec<&&str> = printed.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "docs/decisions/image-shapes.md and the case table differ.\nNot on the page:\n{missing:#?}\nOnly on the page:\n{surplus:#?}"
    );
}

fn measure(desk: &mut Desk, case: &ImageCase) -> (ReferenceForImage, String) {
    let source = desk.image_source(case);
    match desk.reference_image(case, &source) {
        Err(error) => {
            let words = error.refusal().expect("an answer").to_owned();
            (ReferenceForImage::Fails, words)
        }
        Ok((converted, digest)) => {
            let read = |folder: &Path| Layout::read(folder).expect("a layout");
            let found = defects(case, &read(&source), &read(&converted));
            (ReferenceForImage::Converts(found), digest)
        }
    }
}

fn digest(desk: &mut Desk, case: &ImageCase) -> String {
    let source = desk.image_source(case);
    let made = desk.reference_image(case, &source);
    made.expect("it converts").1
}
