//! SOCI indexes v1 on a registry with the referrers API and on one without: found by the image, stopped and killed at every write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use soci_e2e::{
    Moment, Proxy, Registry, Step, Watched, images, index, options, program, tagged, walk,
};
use soci_index::{IndexFormat, IndexOptions, Outcome, Report};
use soci_registry::{
    Descriptor, Digest, Listing, Manifest, OCI_INDEX, OCI_MANIFEST, Store, Tag, Target,
};
use soci_ztoc::{LayerVerifier, Limits, Ztoc};

use crate::crashes::{End, stop};
use crate::killed::stopping_at;

const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v1+json";

fn v1() -> IndexOptions {
    IndexOptions {
        format: IndexFormat::V1,
        ..options()
    }
}

fn fallback(subject: &Digest) -> Tag {
    soci_e2e::tag(&subject.to_string().replace(':', "-"))
}

fn parse(digest: &str) -> Digest {
    digest.parse().unwrap()
}

/// The SOCI indexes of an image by their subjects, found as consumers find them; each zTOC proven against its layer.
pub(crate) async fn found(store: &dyn Store, tag: &str) -> BTreeMap<Digest, Vec<Manifest>> {
    let image = walk(store, &tagged(tag)).await.unwrap();
    let mut found = BTreeMap::new();
    for subject in image.manifests.keys() {
        let mut manifests = Vec::new();
        for entry in store.referrers(subject, Some(SOCI_INDEX)).await.unwrap() {
            let manifest = store.manifest(&Target::Digest(entry.digest)).await.unwrap();
            assert_eq!(manifest.bytes().len() as u64, entry.size_bytes);
            let document: Value = serde_json::from_slice(manifest.bytes()).unwrap();
            assert_eq!(document["subject"]["digest"], subject.to_string());
            // go-containerregistry lists referrers without them.
            if !entry.annotations.is_empty() {
                let annotations = serde_json::to_value(&entry.annotations).unwrap();
                assert_eq!(document["annotations"], annotations);
            }
            for ztoc in document["layers"].as_array().unwrap() {
                let layer = &ztoc["annotations"]["com.amazon.soci.image-layer-digest"];
                let layer = &image.blobs[&parse(layer.as_str().unwrap())];
                let ztoc: Descriptor = serde_json::from_value(ztoc.clone()).unwrap();
                let ztoc = store.blob(&ztoc).await.unwrap();
                prove(&ztoc.read_whole(u64::MAX).await.unwrap(), layer);
            }
            manifests.push(manifest);
        }
        if !manifests.is_empty() {
            found.insert(*subject, manifests);
        }
    }
    found
}

fn prove(ztoc: &[u8], layer: &[u8]) {
    let limits = Limits::default();
    let ztoc = Ztoc::decode(ztoc, &limits).unwrap();
    let mut verifier = LayerVerifier::new(&ztoc, &limits);
    verifier.push(layer).unwrap();
    verifier.finish().unwrap();
}

fn indexes(report: &Report) -> BTreeSet<String> {
    let platforms = report.platforms.iter();
    platforms
        .filter_map(|platform| platform.index.clone())
        .collect()
}

async fn index_twice(registry: &Registry) -> BTreeMap<Digest, Vec<Manifest>> {
    let proxy = Proxy::counting(registry.host()).await;
    let store = proxy.store("app");
    let image = images::two_platforms(1, "1");
    images::push(&*store, &image).await.unwrap();
    let before = walk(&*store, &tagged("1")).await.unwrap();

    let first = index(&store, "1", &v1()).await;
    assert_eq!(first.outcome, Outcome::Indexed, "{first:?}");
    assert_eq!((first.format, &first.output), ("v1", &None));
    assert_eq!(walk(&*store, &tagged("1")).await.unwrap(), before);
    let indexed = found(&*store, "1").await;
    assert_eq!(indexed.len(), 2, "one subject for each platform");
    assert!(indexed.values().all(|manifests| manifests.len() == 1));
    let digests = indexed.values().flatten();
    let digests: BTreeSet<String> = digests.map(|index| index.digest().to_string()).collect();
    assert_eq!(digests, indexes(&first));

    proxy.take();
    let second = index(&store, "1", &v1()).await;
    assert_eq!(second.outcome, Outcome::AlreadyIndexed, "{second:?}");
    assert_eq!(indexes(&second), indexes(&first));
    for passed in proxy.take() {
        assert!(
            ["GET", "HEAD"].contains(&passed.asked.method.as_str()),
            "{passed:?}"
        );
        let is_blob = passed.asked.path.contains("/blobs/");
        assert!(
            !is_blob || passed.body_bytes == 0,
            "no blob is read: {passed:?}"
        );
    }
    indexed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soci_indexes_are_found_by_the_image_with_the_api_and_without() {
    let (with_api, without) = (Registry::go(), Registry::docker());
    let indexed = index_twice(&with_api).await;
    assert_eq!(index_twice(&without).await, indexed, "the same bytes");
    let tags = |store: Arc<dyn Store>| async move { store.tags().await.unwrap().len() };
    assert_eq!(tags(with_api.store("app")).await, 1, "no tag is made");
    assert_eq!(tags(without.store("app")).await, 3, "one for each subject");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_refer_with_stays() {
    let registry = Registry::docker();
    let store = registry.store("app");
    let image = images::two_platforms(1, "1");
    images::push(&*store, &image).await.unwrap();
    let root = walk(&*store, &tagged("1")).await.unwrap();
    let child = parse(root.entries()[0]["digest"].as_str().unwrap());
    let signature = Descriptor::new(
        OCI_MANIFEST,
        child,
        root.manifests[&child].bytes().len() as u64,
    );
    let list = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
        "mediaType": signature.media_type, "digest": signature.digest, "size": signature.size_bytes,
        "artifactType": "a/signature", "annotations": {"a": "b"},
    }], "annotations": {"c": "d"}});
    let theirs = Manifest::new(OCI_INDEX, list.to_string());
    let tag = fallback(&child);
    store
        .push_manifest(&theirs, Listing::Tag(&tag))
        .await
        .unwrap();

    let report = index(&store, "1", &v1()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    let index = store.manifest(&Target::Tag(tag)).await.unwrap();
    let mut index: Value = serde_json::from_slice(index.bytes()).unwrap();
    let added = index["manifests"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(added["artifactType"], SOCI_INDEX);
    let tool = &added["annotations"]["com.amazon.soci.build-tool-identifier"];
    assert_eq!(tool, &options().build_tool_identifier);
    assert_eq!(index, list);
    assert_eq!(found(&*store, "1").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_at_any_write_the_next_run_converges() {
    for registry in [Registry::docker(), Registry::go()] {
        let image = images::two_platforms(1, "1");
        let undisturbed = registry.store("undisturbed");
        images::push(&*undisturbed, &image).await.unwrap();
        let watched = Watched::only(&undisturbed);
        index(&(watched.clone() as _), "1", &v1()).await;
        let expected = found(&*undisturbed, "1").await;
        let writes = watched.steps();
        // Three zTOCs, the config, and a SOCI index for each platform.
        assert_eq!(writes.len(), 3 + 1 + 2);
        let is_referrer = |(step, _): &(Step, _)| matches!(step, Step::Referrer(..));
        assert_eq!(writes.iter().filter(|write| is_referrer(write)).count(), 2);

        for write in 0..writes.len() {
            for (moment, end) in [
                (Moment::Before, End::Abort),
                (Moment::After, End::Abort),
                (Moment::After, End::Error),
            ] {
                let name = format!("stopped/{write}/{moment:?}/{end:?}").to_lowercase();
                let store = registry.store(&name);
                images::push(&*store, &image).await.unwrap();
                stop(&store, &v1(), write, moment, end).await;
                let is_done = write + 1 == writes.len() && moment == Moment::After;
                let report = index(&store, "1", &v1()).await;
                let outcome = if is_done {
                    Outcome::AlreadyIndexed
                } else {
                    Outcome::Indexed
                };
                assert_eq!(report.outcome, outcome, "{name}: {report:?}");
                assert_eq!(
                    found(&*store, "1").await,
                    expected,
                    "{name}: the same bytes"
                );
            }
        }
    }
}

/// The program, killed at each request that writes: POST and PUT for each of three zTOCs and the config; two SOCI indexes, and two
/// indexes of referrers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_request_the_next_run_finishes_the_work() {
    const WRITES: usize = 2 * 4 + 2 + 2;
    let registry = Registry::docker();
    let image = images::two_platforms(1, "1");
    let mut expected = None;
    for request in (0..=WRITES).rev() {
        let repository = format!("killed/{request}");
        let store = registry.store(&repository);
        images::push(&*store, &image).await.unwrap();
        let (proxy, reached) = stopping_at(registry.host(), request).await;
        let build = |host: &str| {
            let image = format!("{host}/{repository}:1");
            async move { program::build_as("v1", &image).output().await.unwrap() }
        };
        tokio::select! {
            ended = build(proxy.host()) => {
                assert_eq!((request, ended.status.code()), (WRITES, Some(0)), "{ended:?}");
            }
            () = reached.notified() => assert!(request < WRITES),
        }
        let ended = build(registry.host()).await;
        let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let outcome = ["indexed", "already-indexed"][usize::from(request == WRITES)];
        assert_eq!(report["outcome"], outcome, "{request}: {report}");
        let found = found(&*store, "1").await;
        assert_eq!(found.len(), 2);
        let expected = expected.get_or_insert_with(|| found.clone());
        assert_eq!(
            &found, expected,
            "killed at request {request}: the same bytes"
        );
    }
}

/// Two writers of one index of referrers at a time. Whatever one of them overwrites, a platform is never left without a SOCI index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_leave_every_platform_indexed() {
    let registry = Registry::docker();
    let store = registry.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let other = IndexOptions {
        build_tool_identifier: "another".to_owned(),
        ..v1()
    };
    let own = v1();
    for _ in 0..3 {
        let reports = tokio::join!(index(&store, "1", &own), index(&store, "1", &other));
        for report in [reports.0, reports.1] {
            let done = [Outcome::Indexed, Outcome::AlreadyIndexed].contains(&report.outcome);
            assert!(done, "{report:?}");
        }
    }
    let found = found(&*store, "1").await;
    assert_eq!(found.len(), 2, "one of them at least for each platform");
}
