//! The main job: what is under `1-soci` is whole and proven, an independent client can copy it, and the source is as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use soci_e2e::{Registry, Walked, images, index, options, prove, skopeo, tagged, walk};
use soci_index::{IndexOptions, LayerOutcome, Outcome, Report};
use soci_registry::{Digest, LayoutStore, Store};
use soci_testkit::image::Image;

/// Indexes the image that was pushed, and holds the result to everything that must be true of any result.
async fn index_and_check(
    registry: &Registry,
    repository: &str,
    image: &Image,
    options: &IndexOptions,
) -> (Report, Walked) {
    let store: Arc<dyn Store> = registry.store(repository);
    images::push(&*store, image).await.unwrap();
    let before = walk(&*store, &tagged(&image.tag)).await.unwrap();
    assert_eq!(before.root.to_string(), image.root.digest());

    let report = index(&store, &image.tag, options).await;

    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    assert_eq!(report.digest.as_deref(), Some(image.root.digest()));
    let after = walk(&*store, &tagged(&image.tag)).await.unwrap();
    assert_eq!(after, before, "the source is untouched");
    let output = format!("{}-soci", image.tag);
    let result = walk(&*store, &tagged(&output)).await.unwrap();
    let told = report.output.as_ref().unwrap();
    assert_eq!(told.reference, format!("r.example/app:{output}"));
    assert_eq!(told.digest, Some(result.root.to_string()));
    let mut tags: Vec<_> = store.tags().await.unwrap();
    tags.sort();
    assert_eq!(tags.len(), 2, "{tags:?}");
    let proven = prove(&result).unwrap();
    let layers = || {
        report
            .platforms
            .iter()
            .flat_map(|platform| &platform.layers)
    };
    let indexed = layers().filter(|layer| layer.outcome == LayerOutcome::Indexed);
    assert_eq!(proven, indexed.count(), "every zTOC told of is there");
    let unique: BTreeSet<_> = layers()
        .filter(|layer| layer.ztoc.is_some())
        .map(|layer| (&layer.digest, layer.size))
        .collect();
    let layer_bytes: u64 = unique.iter().map(|(_, size)| size).sum();
    assert_eq!(report.bytes.downloaded, layer_bytes, "each layer once");

    let folder = tempfile::tempdir().unwrap();
    let reference = format!("{}/{repository}:{output}", registry.host());
    let raw = skopeo::raw(&reference);
    assert_eq!(Digest::of(&raw), result.root, "skopeo sees the same bytes");
    let layout = folder.path().join("copy");
    skopeo::copy_all(&reference, &layout);
    let layout = LayoutStore::open_or_create(&layout).unwrap();
    let copied = walk(&layout, &tagged(skopeo::COPIED)).await.unwrap();
    assert_eq!(prove(&copied).unwrap(), proven);
    assert_eq!(copied.blobs, result.blobs);
    let (found, made) = (copied.json(&copied.root), result.json(&result.root));
    let rewritten = found == skopeo::without_artifact_types(made);
    assert!(copied.root == result.root || rewritten, "{found:#}");
    (report, result)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_real_files_is_indexed_where_it_lies() {
    let registry = Registry::docker();
    let image = images::real_files("1");
    let options = IndexOptions::default();
    let (report, _) = index_and_check(&registry, "team/real", &image, &options).await;
    let names: Vec<_> = report.platforms.iter().map(|p| &p.platform).collect();
    assert_eq!(names, ["linux/amd64", "linux/arm64/v8"]);
    for platform in &report.platforms {
        let reasons: Vec<_> = platform.layers.iter().map(|layer| layer.reason).collect();
        assert_eq!(reasons, [None, None, Some("too-small")]);
    }
    assert!(report.bytes.downloaded > 30 << 20, "it is a real image");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_small_layers_is_indexed_where_it_lies() {
    let registry = Registry::docker();
    let image = images::two_platforms(1, "1");
    let (report, result) = index_and_check(&registry, "app", &image, &options()).await;
    assert_eq!(report.platforms.len(), 2);
    assert_eq!(result.entries().len(), 4, "two images, two SOCI indexes");
}
