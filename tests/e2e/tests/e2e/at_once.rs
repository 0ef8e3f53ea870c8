//! Jobs that run freely at once, as events that come together have it: all of them end well, with the bytes of a job alone.
//!
//! Debian's docker-registry writes the files by which it finds blobs anew each time, and not in one step: a job that looks while
//! another one writes is told `DIGEST_INVALID`, `MANIFEST_BLOB_UNKNOWN` or 500 of what is there.

use std::sync::Arc;

use soci_e2e::{Registry, Walked, images, index, options, prove, tagged, walk};
use soci_index::Outcome;
use soci_registry::Store;
use soci_testkit::image::Image;
use tokio::task::JoinSet;

/// Jobs at once.
const JOBS: usize = 4;

/// How often. Without a second try, two runs of these tests in three failed.
const ROUNDS: usize = 8;

/// What comes of an image when nobody else is there.
async fn alone(registry: &Registry, image: &Image, name: &str) -> Walked {
    let store = registry.store(name);
    images::push(&*store, image).await.unwrap();
    let report = index(&store, &image.tag, &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    let found = walk(&*store, &tagged(&format!("{}-soci", image.tag))).await;
    let found = found.unwrap();
    assert!(prove(&found).unwrap() > 0);
    found
}

/// Runs a job for each of these tags at once, each with connections of its own.
async fn at_once(registry: &Registry, repository: &str, tags: &[&str]) {
    let mut jobs = JoinSet::new();
    for tag in tags {
        let store: Arc<dyn Store> = registry.patient_store(repository);
        let tag = (*tag).to_owned();
        jobs.spawn(async move { index(&store, &tag, &options()).await });
    }
    while let Some(report) = jobs.join_next().await {
        let report = report.unwrap();
        let done = [Outcome::Indexed, Outcome::AlreadyIndexed].contains(&report.outcome);
        assert!(done, "{repository}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_image_indexed_by_several_jobs_at_once() {
    let image = images::two_platforms(1, "1");
    for registry in [Registry::docker(), Registry::go()] {
        let expected = alone(&registry, &image, "alone").await;
        for round in 0..ROUNDS {
            let repository = format!("same/{round}");
            let store = registry.store(&repository);
            images::push(&*store, &image).await.unwrap();
            at_once(&registry, &repository, &["1"; JOBS]).await;
            let found = walk(&*store, &tagged("1-soci")).await.unwrap();
            assert!(found == expected, "{repository}: the same bytes");
            assert_eq!(store.tags().await.unwrap().len(), 2, "{repository}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_share_layers_indexed_at_once() {
    let registry = Registry::docker();
    // The second layer of the one's first platform is the first layer of both of the other's.
    let pair = [images::two_platforms(1, "1"), images::two_platforms(2, "2")];
    let mut expected = Vec::new();
    for image in &pair {
        expected.push(alone(&registry, image, &format!("alone/{}", image.tag)).await);
    }
    for round in 0..ROUNDS {
        let repository = format!("shared/{round}");
        let store = registry.store(&repository);
        for image in &pair {
            images::push(&*store, image).await.unwrap();
        }
        at_once(&registry, &repository, &["1", "2", "1", "2"]).await;
        for (image, expected) in pair.iter().zip(&expected) {
            let found = walk(&*store, &tagged(&format!("{}-soci", image.tag))).await;
            assert!(
                found.unwrap() == *expected,
                "{repository}:{}: the same bytes",
                image.tag
            );
        }
        assert_eq!(store.tags().await.unwrap().len(), 4, "{repository}");
    }
}
