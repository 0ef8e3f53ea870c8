//! What becomes of it when a zTOC is damaged before it is proven.

use std::fs;

use bytes::Bytes;
use soci_demo::{AfterIndexing, DemoError, Indexed, Options, What};
use soci_registry::{Descriptor, Digest, Listing, Manifest, Target};
use soci_testkit::ztoc::{FileField, ZtocBytes};
use tempfile::TempDir;

use super::{options, plan, run};

async fn run_damaged(
    damage: impl FnOnce(Indexed) -> soci_registry::Pending<'static, ()> + Send + Sync + 'static,
) -> DemoError {
    let folder = TempDir::new().expect("a folder");
    let after_indexing: AfterIndexing = Box::new(damage);
    let (result, told) = run(Options {
        after_indexing: Some(after_indexing),
        ..options(What::Made(plan(folder.path())))
    })
    .await;
    assert!(!told.contains("deploy"), "{told}");
    result.expect_err("it was damaged")
}

/// A byte on the disk, as hardware damages it: the digest tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_ztoc_damaged_on_the_disk_is_found() {
    let error = run_damaged(|indexed| {
        Box::pin(async move {
            let (digest, mut bytes) = first_ztoc(&indexed).await;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            let path = indexed.folder.join("blobs").join(digest.hex());
            assert_ne!(
                Digest::of(&fs::read(&path).expect("it is there")),
                Digest::of(&bytes)
            );
            fs::write(path, bytes).expect("written");
        })
    })
    .await;
    assert!(error.to_string().contains("digest"), "{error}");
}

/// A byte of a window, with all digests right: nothing but the files themselves tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_window_is_found_by_the_files_content() {
    let error = run_damaged(|indexed| {
        Box::pin(relink(indexed, |ztoc| {
            // In the middle of what is repeated behind the checkpoint.
            ztoc.checkpoint(1)[ZtocBytes::WINDOW + 32_767 - 4_950] ^= 1;
        }))
    })
    .await;
    assert!(
        error.to_string().contains("srv/base/large: other content"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_place_of_a_file_is_found() {
    let error = run_damaged(|indexed| {
        Box::pin(relink(indexed, |ztoc| {
            // Behind three folders and files that begin with other letters; folders have no place.
            let file = 100;
            let place = ztoc.file_number(file, FileField::Offset);
            ztoc.set_file_number(file, FileField::Offset, place - 1);
        }))
    })
    .await;
    assert!(error.to_string().contains("long-"), "{error}");
}

/// Digest and bytes of the zTOC of the image's lowest layer.
async fn first_ztoc(indexed: &Indexed) -> (Digest, Vec<u8>) {
    let target = Target::Tag(indexed.output.clone());
    let found = soci_index::inspect(&*indexed.store, &target, String::new()).await;
    let layers = &found.expect("readable").platforms[0].layers;
    let ztoc = layers[0].ztoc.clone().expect("it has one");
    let digest: Digest = ztoc.digest.parse().expect("a digest");
    let blob = indexed
        .store
        .blob(&Descriptor::new("", digest, ztoc.size))
        .await
        .expect("there");
    (
        digest,
        blob.read_whole(1 << 30).await.expect("right").to_vec(),
    )
}

/// Damages a zTOC and puts all digests above it right.
async fn relink(indexed: Indexed, damage: impl FnOnce(&mut ZtocBytes) + Send) {
    let store = &indexed.store;
    let (digest, bytes) = first_ztoc(&indexed).await;
    let mut ztoc = ZtocBytes::new(bytes);
    damage(&mut ztoc);
    let bytes = Bytes::from(ztoc.into_bytes());
    let damaged = Descriptor::new("", Digest::of(&bytes), bytes.len() as u64);
    store.push_blob(&damaged, &bytes).await.expect("pushed");
    let index = store
        .manifest(&Target::Tag(indexed.output.clone()))
        .await
        .expect("there");
    let mut renamed = vec![(digest.to_string(), damaged.digest.to_string())];
    let document: serde_json::Value = serde_json::from_slice(index.bytes()).expect("JSON");
    let children: Vec<Digest> = document["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            entry["digest"]
                .as_str()
                .expect("a digest")
                .parse()
                .expect("a digest")
        })
        .collect();
    // SOCI indexes name zTOCs, images name SOCI indexes, the image index names both.
    for _ in 0..2 {
        for child in &children {
            if renamed.iter().any(|(old, _)| *old == child.to_string()) {
                continue;
            }
            let manifest = store
                .manifest(&Target::Digest(*child))
                .await
                .expect("there");
            let changed = with_names(&manifest, &renamed);
            if changed != manifest {
                store
                    .push_manifest(&changed, Listing::Digest)
                    .await
                    .expect("pushed");
                renamed.push((child.to_string(), changed.digest().to_string()));
            }
        }
    }
    assert!(
        renamed.len() >= 3,
        "a SOCI index and its image were to change too: {renamed:?}"
    );
    let index = with_names(&index, &renamed);
    store
        .push_manifest(&index, Listing::Tag(&indexed.output))
        .await
        .expect("pushed");
}

fn with_names(manifest: &Manifest, renamed: &[(String, String)]) -> Manifest {
    let mut text = String::from_utf8(manifest.bytes().to_vec()).expect("JSON");
    for (old, new) in renamed {
        text = text.replace(old, new);
    }
    Manifest::new(manifest.media_type(), text)
}
