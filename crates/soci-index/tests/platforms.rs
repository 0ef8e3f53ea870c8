//! A list of platforms that stands for many images: each is indexed for those of them that it has.

use std::path::Path;
use std::sync::Arc;

use soci_index::{IndexOptions, Job, Outcome, Reason, Report, Silent};
use soci_registry::{LayoutStore, Store, Tag, Target};
use soci_testkit::image::{AMD64, Layer, Manifest, Shelf};

fn tagged(tag: &str) -> Target {
    Target::Tag(Tag::in_layout(tag).expect("a tag"))
}

/// Indexes an image of linux/amd64 for these platforms.
async fn index(folder: &Path, platforms: &[&str], needs_all_platforms: bool) -> Report {
    let mut shelf = Shelf::new();
    let root = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .shelve(&mut shelf);
    let written = shelf.image(root, "1").write_layout(folder);
    written.expect("a layout can be written");
    let options = IndexOptions {
        platforms: platforms.iter().map(|name| (*name).to_owned()).collect(),
        needs_all_platforms,
        min_layer_bytes: 0,
        ..IndexOptions::default()
    };
    let job = Job {
        store: Arc::new(LayoutStore::open(folder).expect("a layout")),
        target: tagged("1"),
        image: "1".to_owned(),
        repository: "images".to_owned(),
        options,
        progress: Arc::new(Silent),
    };
    job.run().await
}

#[tokio::test]
async fn an_image_is_indexed_for_the_platforms_that_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = index(folder.path(), &["linux/arm64", "linux/amd64"], false).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{:?}", report.error);
    assert_eq!(report.platforms.len(), 1);
    assert_eq!(report.platforms[0].platform, "linux/amd64");
}

/// Whoever deploys the output tag need not care.
#[tokio::test]
async fn an_image_with_none_of_them_passes_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = index(folder.path(), &["linux/arm64", "linux/s390x"], false).await;
    assert_eq!(report.outcome, Outcome::Skipped, "{:?}", report.error);
    assert_eq!(report.reason, Some(Reason::NoEligibleLayers));
    let store = LayoutStore::open(folder.path()).expect("a layout");
    let source = store.resolve(&tagged("1")).await.expect("the source");
    let output = store.resolve(&tagged("1-soci")).await.expect("the output");
    assert_eq!(source.digest, output.digest);
}

#[tokio::test]
async fn where_all_are_needed_an_image_without_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = index(folder.path(), &["linux/amd64", "linux/arm64"], true).await;
    assert_eq!(report.kind, Some("configuration"));
    let error = report.error.expect("words");
    assert!(error.contains("has no platform linux/arm64"), "{error}");
}
