//! Our image job, held to the table of odd images and so to the reference's converter.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use soci_conformance::desk::TOOL;
use soci_conformance::{Answer, Desk};
use soci_index::{IndexFormat, IndexOptions, Job, LayerOutcome, Outcome, Report, Silent};
use soci_registry::{LayoutStore, Tag, Target};
use soci_testkit::{ImageCase, image_cases};
use soci_ztoc::SpanSize;

/// The tag that every result gets here; sources that were converted before have none to make one of.
const OUTPUT: &str = "out";

#[test]
fn matches_reference_or_differs_as_the_table_of_images_says() {
    let mut desk = Desk::new();
    let wrong: Vec<String> = image_cases()
        .iter()
        .filter_map(|case| {
            let held = desk.hold_to_table(case, |folder| answer(folder, &index(case, folder)));
            held.err().map(|words| format!("{}: {words}", case.id))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Shapes of the table whose SOCI indexes v1 are held to the reference's, byte for byte.
const V1: [&str; 13] = [
    "oci-manifest",
    "oci-manifest-arm64-v8",
    "docker-manifest",
    "manifest-annotations",
    "index-of-one",
    "index-two-platforms",
    "docker-manifest-list",
    "index-variants",
    "index-shared-layers",
    "platform-asked-for",
    "layers-mixed",
    "layers-twice",
    "layers-plain",
];

#[test]
fn matches_reference_in_soci_indexes_v1() {
    let mut desk = Desk::new();
    let cases = image_cases();
    for id in V1 {
        let case = cases.iter().find(|case| case.id == id);
        let case = case.unwrap_or_else(|| panic!("{id} is no case of the table"));
        let folder = desk.image_source(case);
        let made = desk.reference_v1(case, &folder);
        let theirs: BTreeSet<String> = made.expect(id).into_iter().collect();
        let report = run(case, &folder, IndexFormat::V1);
        assert_eq!(report.outcome, Outcome::Indexed, "{id}: {report:?}");
        let indexes = report.platforms.into_iter();
        let ours: BTreeSet<String> = indexes.filter_map(|platform| platform.index).collect();
        assert_eq!(ours, theirs, "{id}");
        assert!(!ours.is_empty(), "{id}");
    }
}

fn index(case: &ImageCase, folder: &Path) -> Report {
    run(case, folder, IndexFormat::V2)
}

fn run(case: &ImageCase, folder: &Path, format: IndexFormat) -> Report {
    let target = match case.converted_before {
        Some(_) => Target::OnlyEntry,
        None => Target::Tag(Tag::in_layout(&case.image.tag).expect("a tag")),
    };
    let options = IndexOptions {
        platforms: case
            .options
            .platforms
            .iter()
            .map(|p| p.to_string())
            .collect(),
        span_size: SpanSize::from_bytes(case.options.span_size).expect("a span size"),
        min_layer_bytes: case.options.min_layer_size,
        build_tool_identifier: TOOL.to_owned(),
        format,
        output_tag: OUTPUT.parse().expect("a tag"),
        // Images that were made by indexing are no sources, unless somebody insists.
        force: true,
        concurrency: NonZeroUsize::MIN,
        ..IndexOptions::default()
    };
    let job = Job {
        store: Arc::new(LayoutStore::open(folder).expect("a layout")),
        target,
        image: case.id.to_owned(),
        repository: case.id.to_owned(),
        options,
        progress: Arc::new(Silent),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(job.run())
}

fn answer(folder: &Path, report: &Report) -> Answer {
    match report.outcome {
        Outcome::Indexed | Outcome::AlreadyIndexed => Answer::Indexed {
            folder: folder.to_owned(),
            tag: Some(OUTPUT.to_owned()),
            layers: Some(report.platforms.iter().map(told).collect()),
        },
        Outcome::Skipped => {
            let reason = report.reason.expect("a skipped image has a reason");
            Answer::Skipped(reason.as_str().to_owned())
        }
        Outcome::Failed => Answer::Failed(report.kind.expect("a failure has a kind").to_owned()),
    }
}

fn told(platform: &soci_index::PlatformReport) -> Vec<(String, Option<String>)> {
    let reason = |layer: &soci_index::LayerReport| match layer.outcome {
        LayerOutcome::Skipped => layer.reason.map(str::to_owned),
        LayerOutcome::Indexed | LayerOutcome::Reused => None,
    };
    platform
        .layers
        .iter()
        .map(|layer| (layer.digest.clone(), reason(layer)))
        .collect()
}
