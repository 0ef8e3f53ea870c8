//! The same job through TLS of an own authority, with a password, and at a registry by other people.

use std::sync::Arc;

use soci_e2e::{Registry, Settings, Watched, images, index, options, prove, tagged, walk};
use soci_index::Outcome;
use soci_registry::{Anonymous, Store};

/// Indexes an image twice; the digest of the result.
async fn works(store: &Arc<dyn Store>) -> String {
    images::push(&**store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let source = walk(&**store, &tagged("1")).await.unwrap();
    let report = index(store, "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    let found = walk(&**store, &tagged("1-soci")).await.unwrap();
    assert_eq!(prove(&found).unwrap(), 4);
    assert_eq!(walk(&**store, &tagged("1")).await.unwrap(), source);
    let watched = Watched::only(store);
    let again = index(&(watched.clone() as _), "1", &options()).await;
    assert_eq!(again.outcome, Outcome::AlreadyIndexed, "{again:?}");
    assert!(watched.steps().is_empty());
    found.root.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_registry_gets_the_same_bytes() {
    let open = works(&Registry::docker().store("app")).await;
    let guarded = Registry::docker_with(Settings {
        tls: true,
        login: Some(("me", "pass:word")),
    });
    assert_eq!(works(&guarded.store("team/app")).await, open);
    let nobody = index(&guarded.store_as("team/app", Anonymous), "1", &options()).await;
    assert_eq!(
        (nobody.kind, nobody.retryable),
        (Some("denied"), Some(false))
    );
    let other_people = Registry::go();
    assert_eq!(works(&other_people.store("app")).await, open);
}
