//! A second run, counted on the wire: no byte of a layer, no manifest written.

use soci_e2e::{Proxy, Registry, Watched, images, index, options, tagged, walk};
use soci_index::Outcome;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_reads_no_layer_and_writes_nothing() {
    let real = Registry::docker();
    let proxy = Proxy::counting(real.host()).await;
    let store = proxy.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    proxy.take();
    let first = index(&store, "1", &options()).await;
    assert_eq!(first.outcome, Outcome::Indexed, "{first:?}");
    let read: u64 = blob_bytes(&proxy);
    assert!(read >= first.bytes.downloaded, "the proxy counts: {read}");
    let before = walk(&*store, &tagged("1-soci")).await.unwrap();
    proxy.take();

    let watched = Watched::only(&store);
    let second = index(&(watched.clone() as _), "1", &options()).await;

    let log = proxy.take();
    assert_eq!(second.outcome, Outcome::AlreadyIndexed, "{second:?}");
    assert_eq!(second.output, first.output);
    assert_eq!((second.bytes.downloaded, second.bytes.uploaded), (0, 0));
    let bytes = |passed: &&soci_e2e::proxy::Passed| passed.asked.path.contains("/blobs/");
    let blob_bytes: u64 = log
        .iter()
        .filter(bytes)
        .map(|passed| passed.body_bytes)
        .sum();
    assert_eq!(blob_bytes, 0, "no layer is read, nor any other blob");
    let writes: Vec<_> = log
        .iter()
        .filter(|passed| !["GET", "HEAD"].contains(&passed.asked.method.as_str()))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(watched.steps().is_empty() && watched.opened().is_empty());
    assert_eq!(walk(&*store, &tagged("1-soci")).await.unwrap(), before);
}

/// Bytes of blobs that passed since the last time.
fn blob_bytes(proxy: &Proxy) -> u64 {
    let log = proxy.take().into_iter();
    log.filter(|passed| passed.asked.method == "GET" && passed.asked.path.contains("/blobs/"))
        .map(|passed| passed.body_bytes)
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_indexed_image_fed_back_in_stays_as_it_is() {
    let real = Registry::docker();
    let store = real.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let first = index(&store, "1", &options()).await;
    assert_eq!(first.outcome, Outcome::Indexed, "{first:?}");
    let watched = Watched::only(&store);
    let again = index(&(watched.clone() as _), "1-soci", &options()).await;
    assert_eq!(again.outcome, Outcome::Skipped, "{again:?}");
    assert_eq!(
        again.reason.map(|reason| reason.as_str()),
        Some("own-output")
    );
    assert!(watched.steps().is_empty());
    assert_eq!(store.tags().await.unwrap().len(), 2);
}

/// Defect A2 of AWS's builder: that there is nothing to index is known by an error's words, and a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_with_nothing_to_index_passes_through_once() {
    let real = Registry::docker();
    let store = real.store("app");
    let layer = soci_testkit::image::Layer::small(1);
    let image = images::one_layer(layer, "1");
    images::push(&*store, &image).await.unwrap();
    for written in [1, 0] {
        let watched = Watched::only(&store);
        let report = index(&(watched.clone() as _), "1", &options()).await;
        assert_eq!(
            report.reason.map(|reason| reason.as_str()),
            Some("no-eligible-layers")
        );
        let stored = watched.steps().into_iter();
        let stored = stored.filter(|(_, pushed)| *pushed == soci_registry::Pushed::Stored);
        assert_eq!(stored.count(), written);
        let output = walk(&*store, &tagged("1-soci")).await.unwrap();
        assert_eq!(output.root.to_string(), image.root.digest());
    }
    let again = index(&store, "1-soci", &options()).await;
    assert_eq!(
        again.reason.map(|reason| reason.as_str()),
        Some("own-output")
    );
    assert_eq!(store.tags().await.unwrap().len(), 2);
}
