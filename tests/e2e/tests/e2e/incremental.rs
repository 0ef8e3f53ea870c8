//! A new top layer on an indexed image, counted on the wire: the other layers are not read, and the result is the same as without
//! anything to reuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use soci_e2e::{Proxy, Registry, images, index, options, prove, tagged, walk};
use soci_index::{IndexFormat, IndexOptions, LayerOutcome, Outcome, Report, ReuseFrom};
use soci_registry::{Digest, Store};
use soci_testkit::image::{AMD64, Image, Layer, Manifest, Shelf, digest};

const OLD: [u64; 3] = [1, 2, 3];
const NEW: u64 = 4;

fn image(seeds: &[u64], tag: &str) -> Image {
    let layers = seeds.iter().map(|seed| Layer::large(*seed));
    let manifest = layers.fold(Manifest::oci(AMD64), Manifest::layer);
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    shelf.image(root, tag)
}

fn all() -> Vec<u64> {
    OLD.into_iter().chain([NEW]).collect()
}

fn layer(seed: u64) -> String {
    digest(Layer::large(seed).bytes())
}

/// Bytes of blobs that were fetched since the last time, by digest.
fn fetched(proxy: &Proxy) -> BTreeMap<String, u64> {
    let mut fetched = BTreeMap::new();
    for passed in proxy.take() {
        if let Some((_, digest)) = passed.asked.path.rsplit_once("/blobs/") {
            *fetched.entry(digest.to_owned()).or_default() += passed.body_bytes;
        }
    }
    fetched
}

fn outcomes(report: &Report) -> Vec<LayerOutcome> {
    let layers = report.platforms[0].layers.iter();
    layers.map(|layer| layer.outcome).collect()
}

/// What a run makes that has nothing to reuse.
async fn afresh(registry: &Registry, options: &IndexOptions) -> Report {
    let store = registry.store("afresh");
    images::push(&*store, &image(&all(), "1")).await.unwrap();
    index(&store, "1", options).await
}

/// Old layers are not read, the new one is, and the result is as it must be.
async fn check(proxy: &Proxy, report: &Report, expected: &Report) {
    let fetched = fetched(proxy);
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    for seed in OLD {
        assert_eq!(fetched.get(&layer(seed)), None, "layer {seed}");
    }
    let new = Layer::large(NEW).bytes().len() as u64;
    assert_eq!(fetched.get(&layer(NEW)), Some(&new));
    let ztocs: u64 = report.platforms[0].layers[..OLD.len()]
        .iter()
        .filter_map(|layer| Some(layer.ztoc.as_ref()?.size))
        .sum();
    assert_eq!(report.bytes.downloaded, new + ztocs, "{fetched:?}");
    let reused = [LayerOutcome::Reused; 3];
    assert_eq!(
        outcomes(report),
        [&reused[..], &[LayerOutcome::Indexed]].concat()
    );
    assert_eq!(report.platforms[0].index, expected.platforms[0].index);
    let digest = |report: &Report| {
        report
            .output
            .as_ref()
            .and_then(|output| output.digest.clone())
    };
    assert_eq!(digest(report), digest(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_top_layer_reads_that_layer_alone() {
    let registry = Registry::docker();
    let expected = afresh(&registry, &options()).await;
    let proxy = Proxy::counting(registry.host()).await;
    let store = proxy.store("app");
    images::push(&*store, &image(&OLD, "1")).await.unwrap();
    let first = index(&store, "1", &options()).await;
    assert_eq!(first.outcome, Outcome::Indexed, "{first:?}");
    images::push(&*store, &image(&all(), "1")).await.unwrap();
    proxy.take();
    let report = index(&store, "1", &options()).await;
    check(&proxy, &report, &expected).await;
    let found = walk(&*store, &tagged("1-soci")).await.unwrap();
    assert_eq!(prove(&found).unwrap(), 4);

    let again = index(&store, "1", &options()).await;
    assert_eq!(again.outcome, Outcome::AlreadyIndexed, "{again:?}");
    proxy.take();
    let force = IndexOptions {
        force: true,
        ..options()
    };
    let forced = index(&store, "1", &force).await;
    assert_eq!(outcomes(&forced), [LayerOutcome::Indexed; 4]);
    assert!(fetched(&proxy).contains_key(&layer(OLD[0])), "it counts");
}

/// Under another tag, in the same repository or another one, and in either format.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_named_is_reused_from() {
    let registry = Registry::docker();
    let proxy = Proxy::counting(registry.host()).await;
    for format in [IndexFormat::V2, IndexFormat::V1] {
        let options = IndexOptions {
            format,
            ..options()
        };
        let expected = afresh(&registry, &options).await;
        for repository in ["same", "other"] {
            let repository = format!("{repository}/{}", format.as_str());
            let from: Arc<dyn Store> = proxy.store(&format!("same/{}", format.as_str()));
            let to = proxy.store(&repository);
            images::push(&*from, &image(&OLD, "old")).await.unwrap();
            index(&from, "old", &options).await;
            images::push(&*to, &image(&all(), "1")).await.unwrap();
            proxy.take();
            let target = match format {
                IndexFormat::V2 => tagged("old-soci"),
                IndexFormat::V1 => tagged("old"),
            };
            let reusing = IndexOptions {
                reuse_from: Some(ReuseFrom {
                    store: from,
                    target,
                    name: "old".to_owned(),
                }),
                ..options.clone()
            };
            let report = index(&to, "1", &reusing).await;
            check(&proxy, &report, &expected).await;
            for layer in &report.platforms[0].layers {
                let ztoc: Digest = layer.ztoc.as_ref().unwrap().digest.parse().unwrap();
                assert!(to.has_blob(&ztoc).await.unwrap(), "it is in {repository}");
            }
        }
    }
}

/// Layers that need not be read need no time: what is too much for the time there is, is not with what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ceiling_counts_what_is_read() {
    let registry = Registry::docker();
    let store = registry.store("app");
    images::push(&*store, &image(&OLD, "1")).await.unwrap();
    index(&store, "1", &options()).await;
    images::push(&*store, &image(&all(), "1")).await.unwrap();
    let new = Layer::large(NEW).bytes().len() as u64;
    let little = IndexOptions {
        ceiling: Some(soci_index::Ceiling {
            image_bytes: new,
            layer_bytes: new,
        }),
        ..options()
    };
    let force = IndexOptions {
        force: true,
        ..little.clone()
    };
    let refused = index(&store, "1", &force).await;
    assert_eq!(refused.kind, Some("too-large"), "{refused:?}");
    let report = index(&store, "1", &little).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
}

/// A registry takes no blob twice: what became of a zTOC there cannot be put right, and nothing is published that names it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ztoc_that_is_damaged_in_the_registry_fails_the_run_that_finds_it() {
    let registry = Registry::docker();
    let store = registry.store("app");
    images::push(&*store, &image(&OLD, "1")).await.unwrap();
    let first = index(&store, "1", &options()).await;
    let ztoc = &first.platforms[0].layers[0].ztoc.as_ref().unwrap().digest;
    let path = registry.blob_file(&ztoc.parse().unwrap());
    let right = std::fs::read(&path).unwrap();
    let mut wrong = right.clone();
    wrong[right.len() / 2] ^= 1;
    std::fs::write(&path, wrong).unwrap();
    let before = store.resolve(&tagged("1-soci")).await.unwrap();

    images::push(&*store, &image(&all(), "1")).await.unwrap();
    let force = IndexOptions {
        force: true,
        ..options()
    };
    for options in [options(), force] {
        let failed = index(&store, "1", &options).await;
        assert_eq!(failed.kind, Some("digest-mismatch"), "{failed:?}");
        let error = failed.error.unwrap();
        assert!(error.starts_with(&format!("zTOC {ztoc} is there with other bytes")));
        let after = store.resolve(&tagged("1-soci")).await.unwrap();
        assert_eq!(after, before, "the output stays as it was");
    }
    std::fs::write(&path, right).unwrap();
    let report = index(&store, "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
}
