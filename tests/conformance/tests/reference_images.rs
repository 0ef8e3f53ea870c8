//! The table of odd images, held to the reference's converter and to the decision page.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use soci_conformance::desk::TOOL;
use soci_conformance::{Conversion, Desk, Layout, OracleError, defects};
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
        let twice = convert(&mut desk, &case).expect("it converts");
        let once = ImageCase {
            converted_before: None,
            ..case.clone()
        };
        let once = convert(&mut desk, &once).expect("it converts");
        assert_eq!(twice, once, "{}", case.id);
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
    let source = source(desk, case);
    match convert_layout(desk, &source, case) {
        Err(error) => {
            let words = error.refusal().expect("an answer").to_owned();
            (ReferenceForImage::Fails, words)
        }
        Ok(digest) => {
            let read = |folder: &Path| Layout::read(folder).expect("a layout");
            let found = defects(case, &read(&source), &read(&desk.path("converted")));
            (ReferenceForImage::Converts(found), digest)
        }
    }
}

fn convert(desk: &mut Desk, case: &ImageCase) -> Result<String, OracleError> {
    let source = source(desk, case);
    convert_layout(desk, &source, case)
}

fn convert_layout(desk: &mut Desk, source: &Path, case: &ImageCase) -> Result<String, OracleError> {
    let out = desk.path("converted");
    desk.oracle.convert(source, &out, &wish(case, TOOL, true))
}

/// The layout that a case begins with: its image, or what the reference's converter made of it.
fn source(desk: &mut Desk, case: &ImageCase) -> PathBuf {
    let folder = desk.path("image");
    let _ = std::fs::remove_dir_all(&folder);
    case.image
        .write_layout(&folder)
        .expect("a layout can be written");
    match case.converted_before {
        None => folder,
        Some(tool) => {
            let before = desk.path("before");
            let made = desk
                .oracle
                .convert(&folder, &before, &wish(case, tool, false));
            made.expect("it converts");
            before
        }
    }
}

fn wish<'a>(case: &'a ImageCase, tool: &'a str, chosen: bool) -> Conversion<'a> {
    Conversion {
        span_size: case.options.span_size,
        min_layer_size: case.options.min_layer_size,
        tool,
        platforms: if chosen { &case.options.platforms } else { &[] },
    }
}
