//! Parts of blobs: the bytes asked for and no others, wherever they lie and whatever the server makes of ranges.

mod support;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use soci_registry::{
    ArchiveStore, Descriptor, Digest, Error, LayoutStore, Listing, Manifest, Mismatch,
    OCI_MANIFEST, Store, Tag,
};
use support::{Answer, Asked, Server};

const BLOB_BYTES: u64 = 600_000;

const PARTS: [Range<u64>; 4] = [
    0..BLOB_BYTES,
    0..1,
    100_000..400_001,
    BLOB_BYTES - 1..BLOB_BYTES,
];

fn content() -> Bytes {
    (0..BLOB_BYTES as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8)
        .collect()
}

fn descriptor(content: &Bytes) -> Descriptor {
    Descriptor::new("", Digest::of(content), content.len() as u64)
}

/// The part and how many bytes were fetched for it.
async fn read(
    store: &dyn Store,
    blob: &Descriptor,
    part: Range<u64>,
) -> Result<(Bytes, u64), Error> {
    let mut reader = store.blob_part(blob, part).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), reader.fetched_bytes()))
}

async fn gives_every_part(store: &dyn Store, content: &Bytes) {
    for part in PARTS {
        let found = read(store, &descriptor(content), part.clone()).await;
        let (found, _) = found.expect("the part is there");
        assert!(
            found == content[part.start as usize..part.end as usize],
            "{part:?}"
        );
    }
}

#[tokio::test]
async fn a_layout_and_an_archive_give_every_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = LayoutStore::open_or_create(folder.path()).expect("a layout");
    let content = content();
    layout
        .push_blob(&descriptor(&content), &content)
        .await
        .expect("stored");
    let tag = Tag::in_layout("1").expect("a tag");
    let manifest = Manifest::new(OCI_MANIFEST, r#"{"layers":[]}"#);
    layout
        .push_manifest(&manifest, Listing::Tag(&tag))
        .await
        .expect("stored");
    gives_every_part(&layout, &content).await;

    let path = folder.path().join("image.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).expect("a file"));
    for name in ["oci-layout", "index.json", "blobs"] {
        let from = folder.path().join(name);
        let added = if from.is_dir() {
            archive.append_dir_all(name, from)
        } else {
            archive.append_path_with_name(from, name)
        };
        added.expect("added");
    }
    archive.finish().expect("an archive");
    let archive = ArchiveStore::open(&path).await.expect("an archive");
    gives_every_part(&archive, &content).await;
}

#[tokio::test]
async fn a_registry_sends_the_part_and_nothing_else() {
    let content = content();
    let served = content.clone();
    let server = Server::start(move |asked| Answer::ranged(asked, &served)).await;
    gives_every_part(&server.store(), &content).await;
    let (_, fetched) = read(&server.store(), &descriptor(&content), 5..105)
        .await
        .expect("the part is there");
    assert_eq!(fetched, 100);
}

#[tokio::test]
async fn a_part_that_is_cut_is_resumed() {
    let content = content();
    let served = content.clone();
    let before = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let answer = Answer::ranged(asked, &served);
        match before.fetch_add(1, Ordering::SeqCst) {
            0 => answer.cut_after(1_000),
            _ => answer,
        }
    });
    let server = server.await;
    let found = read(&server.store(), &descriptor(&content), 10..20_010).await;
    let (found, fetched) = found.expect("resumed");
    assert!(found == content[10..20_010]);
    assert_eq!(fetched, 20_000, "nothing is fetched twice");
    let starts: Vec<_> = server.asked().iter().map(Asked::range_start).collect();
    assert_eq!(starts, [Some(10), Some(1_010)]);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_over_and_left() {
    let content = content();
    let served = content.clone();
    let server = Server::start(move |_| Answer::new(200, &served[..])).await;
    gives_every_part(&server.store(), &content).await;
}

#[tokio::test]
async fn a_blob_of_another_size_is_told() {
    let content = content();
    let served = content.slice(1..);
    let server = Server::start(move |asked| Answer::ranged(asked, &served)).await;
    let found = read(&server.store(), &descriptor(&content), 10..20).await;
    let Err(Error::Mismatch(mismatch)) = found else {
        panic!("a part of another blob")
    };
    assert!(
        matches!(*mismatch, Mismatch::Size { expected, found, .. } if (expected, found) == (BLOB_BYTES, BLOB_BYTES - 1)),
        "{mismatch}"
    );
}
