//! `verify` where images live: in registries by ranges, in archives that other tools wrote, and against damage on a registry's disk.

use std::sync::Arc;

use soci_e2e::{Registry, images, index, options, skopeo, tagged};
use soci_index::{
    Fault, IndexFormat, IndexOptions, Level, Outcome, Proof, Report, Verification, VerifyOptions,
    verify,
};
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
    indexed_as(IndexFormat::V2, store).await;
}

async fn indexed_as(format: IndexFormat, store: &Arc<dyn Store>) -> Report {
    images::push(&**store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let options = IndexOptions {
        format,
        ..options()
    };
    let report = index(store, "1", &options).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    report
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

/// Version 1, found by the referrers API of one registry and by the tag that stands for it at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_1_in_a_registry_is_proven_until_a_ztoc_changes() {
    for registry in [Registry::docker(), Registry::go()] {
        let store = registry.store("app");
        indexed_as(IndexFormat::V1, &store).await;
        for level in LEVELS {
            let found = look(&store, "1", level).await;
            assert_eq!(found.verdict, Proof::Proven, "{found:?}");
            assert_eq!(found.platforms.len(), 2);
            for platform in &found.platforms {
                let [index] = &platform.indexes[..] else {
                    panic!("one SOCI index: {platform:?}");
                };
                assert_eq!((index.format, index.ztocs.len()), ("v1", 2));
            }
        }
    }
    let registry = Registry::docker();
    let store = registry.store("app");
    let report = indexed_as(IndexFormat::V1, &store).await;
    // The last large layer of the second platform, which the first one does not have.
    let ztocs = report.platforms[1].layers.iter();
    let ztoc = ztocs.filter_map(|layer| layer.ztoc.as_ref()).next_back();
    let path = registry.blob_file(&ztoc.unwrap().digest.parse().unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let found = look(&store, "1", Level::Structure).await;
    let verdicts: Vec<_> = found.platforms.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Proof::Proven, Proof::NotProven], "{found:?}");
    let finding = &found.platforms[1].findings[0];
    assert!(matches!(finding.fault, Fault::Digest { .. }), "{finding}");
}
