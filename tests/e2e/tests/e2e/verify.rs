//! `verify` where images live: in registries by ranges, in archives that other tools wrote, and against damage on a registry's disk.

use std::sync::Arc;

use soci_e2e::{Registry, images, index, options, skopeo, tagged};
use soci_index::{Fault, Level, Outcome, Proof, Verification, VerifyOptions, verify};
use soci_registry::{ArchiveStore, Store};

const LEVELS: [Level; 3] = [Level::Structure, Level::Sample, Level::Full];

async fn look(store: &Arc<dyn Store>, tag: &str, level: Level) -> Verification {
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    let target = tagged(tag);
    let verified = verify(store, &target, tag.to_owned(), &options);
    verified.await.unwrap()
}

/// Two platforms under `1`, indexed.
async fn indexed(store: &Arc<dyn Store>) {
    images::push(&**store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let report = index(store, "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_indexed_in_a_registry_is_proven_there_and_in_a_copy() {
    for registry in [Registry::docker(), Registry::go()] {
        let store = registry.store("app");
        indexed(&store).await;
        for level in LEVELS {
            let found = look(&store, "1-soci", level).await;
            assert_eq!(found.verdict, Proof::Proven, "{found:?}");
            assert_eq!(found.platforms.len(), 2);
        }
        assert_eq!(
            look(&store, "1", Level::Structure).await.verdict,
            Proof::NoIndex
        );
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("copy.tar");
        let from = format!("{}/app:1-soci", registry.host());
        skopeo::archive_all(&from, &archive);
        let copy: Arc<dyn Store> = Arc::new(ArchiveStore::open(&archive).await.unwrap());
        for level in LEVELS {
            let found = look(&copy, skopeo::COPIED, level).await;
            assert_eq!(found.verdict, Proof::Proven, "{found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_changes_on_the_registrys_disk_is_found() {
    let registry = Registry::docker();
    let store = registry.store("app");
    indexed(&store).await;
    let healthy = look(&store, "1-soci", Level::Full).await;
    let layer = healthy.platforms[0].indexes[0].ztocs[0]
        .layer
        .parse()
        .unwrap();
    let path = registry.blob_file(&layer);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20_000] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let sampled = look(&store, "1-soci", Level::Sample).await;
    assert_eq!(sampled.verdict, Proof::NotProven);
    let finding = &sampled.platforms[0].findings[0];
    assert_eq!(finding.fault.as_str(), "span-digest", "{finding}");
    let full = look(&store, "1-soci", Level::Full).await;
    let finding = &full.platforms[0].findings[0];
    assert!(matches!(finding.fault, Fault::Digest { .. }), "{finding}");
}
