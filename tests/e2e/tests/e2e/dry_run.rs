//! A dry run, counted on the wire: nothing is written, no byte of a layer is read.

use soci_e2e::{Proxy, Registry, images, index, options, tagged};
use soci_index::{IndexOptions, LayerOutcome, Outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_reads_documents_and_writes_nothing() {
    let real = Registry::docker();
    let proxy = Proxy::counting(real.host()).await;
    let store = proxy.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let dry_run = IndexOptions {
        dry_run: true,
        ..options()
    };

    proxy.take();
    let foreseen = index(&store, "1", &dry_run).await;
    is_only_reading(&proxy);
    assert_eq!(foreseen.outcome, Outcome::Indexed, "{foreseen:?}");
    assert!(foreseen.dry_run);
    assert_eq!(store.tags().await.unwrap().len(), 1);

    let done = index(&store, "1", &options()).await;
    assert_eq!(done.outcome, Outcome::Indexed, "{done:?}");
    let outcomes = |report: &soci_index::Report| -> Vec<(String, LayerOutcome)> {
        let layers = report
            .platforms
            .iter()
            .flat_map(|platform| &platform.layers);
        layers
            .map(|layer| (layer.digest.clone(), layer.outcome))
            .collect()
    };
    assert_eq!(outcomes(&foreseen), outcomes(&done), "it came as foreseen");
    let reference = |report: &soci_index::Report| report.output.clone().unwrap().reference;
    assert_eq!(reference(&foreseen), reference(&done));

    proxy.take();
    let foreseen = index(&store, "1", &dry_run).await;
    is_only_reading(&proxy);
    assert_eq!(foreseen.outcome, Outcome::AlreadyIndexed, "{foreseen:?}");
    assert_eq!(foreseen.output, done.output);
    assert!(store.resolve(&tagged("1-soci")).await.is_ok());
}

/// Nothing but GET and HEAD since the last time, and no blob among what was got.
fn is_only_reading(proxy: &Proxy) {
    let log = proxy.take();
    assert!(!log.is_empty(), "the proxy counts");
    for passed in &log {
        let (method, path) = (passed.asked.method.as_str(), &passed.asked.path);
        let is_document = method == "GET" && !path.contains("/blobs/");
        assert!(method == "HEAD" || is_document, "{method} {path}");
    }
}
