//! Layouts in tar archives: replaced whole at the end, or left alone.

mod layout_support;

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use layout_support::{NO_FILES, blob, in_time, layout, manifest, put, read, tag, target};
use soci_registry::{
    ArchiveStore, Descriptor, Digest, Error, Kind, LayoutFault, Listing, Pushed, Store,
};

/// The layout's files in a tar archive, in another order than ours and with a file of somebody else's.
fn archived(folder: &Path) -> PathBuf {
    let path = folder.join("image.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).expect("a file"));
    builder
        .append_path_with_name(folder.join("index.json"), "./index.json")
        .expect("added");
    for blob in fs::read_dir(folder.join("blobs/sha256")).expect("blobs") {
        let blob = blob.expect("a blob");
        let name = format!("./blobs/sha256/{}", blob.file_name().to_string_lossy());
        builder
            .append_path_with_name(blob.path(), name)
            .expect("added");
    }
    builder
        .append_path_with_name(folder.join("oci-layout"), "oci-layout")
        .expect("added");
    let long = format!("notes/{}", "n".repeat(150));
    builder
        .append_path_with_name(folder.join("oci-layout"), long)
        .expect("added");
    builder.finish().expect("an archive");
    path
}

fn names(archive: &Path) -> Vec<String> {
    let mut archive = tar::Archive::new(fs::File::open(archive).expect("an archive"));
    let entries = archive.entries().expect("entries");
    entries
        .map(|entry| {
            entry
                .expect("whole")
                .path()
                .expect("a name")
                .display()
                .to_string()
        })
        .collect()
}

#[tokio::test]
async fn an_archive_is_replaced_whole_at_the_end() {
    let (folder, _, content) = layout().await;
    let path = archived(folder.path());
    let before = fs::read(&path).expect("read");
    let store = ArchiveStore::open(&path).await.expect("an archive");
    assert_eq!(
        store.manifest(&target("1")).await.expect("read"),
        manifest("one")
    );
    assert_eq!(read(&store, &blob(&content)).await.expect("read"), content);
    assert_eq!(
        store
            .push_blob(&blob(&content), &content)
            .await
            .expect("there"),
        Pushed::AlreadyThere
    );

    let added = Bytes::from(vec![7; 1_000]);
    let wrong = Descriptor {
        digest: Digest::of(b"x"),
        ..blob(&added)
    };
    store
        .push_blob(&wrong, &added)
        .await
        .expect_err("not its digest");
    store
        .push_blob(&blob(&added), &added)
        .await
        .expect("stored");
    store
        .push_manifest(&manifest("two"), Listing::Tag(&tag("1-soci")))
        .await
        .expect("stored");
    assert_eq!(
        store
            .manifest(&target("1-soci"))
            .await
            .expect("read before it is finished"),
        manifest("two")
    );
    assert_eq!(
        read(&store, &blob(&added))
            .await
            .expect("read before it is finished"),
        added
    );
    assert_eq!(
        fs::read(&path).expect("read"),
        before,
        "nothing is there before the end"
    );
    store.finish().await.expect("written");
    assert_eq!(
        store.manifest(&target("1")).await.expect("read behind it"),
        manifest("one")
    );
    assert_eq!(
        read(&store, &blob(&added)).await.expect("read behind it"),
        added
    );

    let store = ArchiveStore::open(&path).await.expect("an archive");
    for (name, text) in [("1", "one"), ("1-soci", "two")] {
        assert_eq!(
            store.manifest(&target(name)).await.expect("read"),
            manifest(text)
        );
    }
    assert_eq!(read(&store, &blob(&added)).await.expect("read"), added);
    assert_eq!(read(&store, &blob(&content)).await.expect("read"), content);
    let names = names(&path);
    assert!(
        names.iter().any(|name| name.starts_with("notes/nnn")),
        "{names:?}"
    );
    assert_eq!(
        names
            .iter()
            .filter(|name| name.ends_with("index.json"))
            .count(),
        1
    );
    assert_eq!(names.len(), 7);
}

#[tokio::test]
async fn an_archive_given_up_or_unchanged_is_left_alone() {
    let (folder, _, _) = layout().await;
    let path = archived(folder.path());
    let before = fs::read(&path).expect("read");
    let count = || fs::read_dir(folder.path()).expect("read").count();
    let files = count();
    let store = ArchiveStore::open(&path).await.expect("an archive");
    store
        .push_manifest(&manifest("one"), Listing::Tag(&tag("1")))
        .await
        .expect("there");
    store.finish().await.expect("nothing to do");
    store
        .push_manifest(&manifest("two"), Listing::Tag(&tag("1")))
        .await
        .expect("stored");
    drop(store);
    assert_eq!((fs::read(&path).expect("read"), count()), (before, files));
}

#[tokio::test]
async fn an_archive_that_somebody_changed_is_not_overwritten() {
    let (folder, _, _) = layout().await;
    let path = archived(folder.path());
    let store = ArchiveStore::open(&path).await.expect("an archive");
    store
        .push_manifest(&manifest("two"), Listing::Tag(&tag("2")))
        .await
        .expect("stored");
    fs::write(&path, b"theirs").expect("written");
    let error = store.finish().await.expect_err("changed");
    assert!(
        matches!(
            error,
            Error::Layout {
                fault: LayoutFault::Changed,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_transient());
    assert_eq!(fs::read(&path).expect("read"), b"theirs");
}

#[tokio::test]
async fn what_a_failed_end_lost_is_pushed_again() {
    let (folder, _, _) = layout().await;
    let path = archived(folder.path());
    let aside = folder.path().join("aside.tar");
    let store = ArchiveStore::open(&path).await.expect("an archive");
    let two = tag("2");
    // Its blob is there, so that nothing but the list of entries changes.
    let push = async || {
        let one = manifest("one");
        let pushed = store.push_manifest(&one, Listing::Tag(&two)).await;
        assert_eq!(pushed.expect("pushed"), Pushed::Stored);
    };
    push().await;
    fs::rename(&path, &aside).expect("moved away");
    store
        .finish()
        .await
        .expect_err("nothing to take the place of");
    fs::rename(&aside, &path).expect("moved back");
    push().await;
    store.finish().await.expect("written");
    let store = ArchiveStore::open(&path).await.expect("an archive");
    assert_eq!(
        store.manifest(&target("2")).await.expect("listed"),
        manifest("one")
    );
}

#[tokio::test]
async fn a_sparse_file_is_refused() {
    let (folder, _, _) = layout().await;
    let path = archived(folder.path());
    let whole = fs::read(&path).expect("read");
    let mut header = tar::Header::new_gnu();
    header.set_path("hole").expect("a name");
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    // Of a megabyte, no byte of which is in the archive.
    let hole = header.as_gnu_mut().expect("of GNU");
    hole.realsize = *b"00004000000\0";
    (hole.sparse[0].offset, hole.sparse[0].numbytes) = (hole.realsize, *b"00000000000\0");
    header.set_cksum();
    let sparse = [header.as_bytes(), &whole[..]].concat();
    fs::write(&path, sparse).expect("written");
    let error = ArchiveStore::open(&path).await.expect_err("sparse");
    assert_eq!(error.kind(), Kind::InvalidImage, "{error}");
}

#[tokio::test]
async fn files_that_are_no_archive_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tar");
    for (content, fault) in [
        (&b"\x1f\x8b\x08\x00"[..], LayoutFault::Compressed),
        (&[b'x'; 2_000][..], LayoutFault::Tar),
        (&[0; 1_024][..], LayoutFault::Marker),
        (&b""[..], LayoutFault::Marker),
    ] {
        fs::write(&path, content).expect("written");
        let error = ArchiveStore::open(&path).await.expect_err("no archive");
        let Error::Layout { fault: found, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((found, error.kind()), (&fault, Kind::InvalidImage));
    }
}

#[tokio::test]
async fn every_truncation_of_an_archive_is_an_error_or_a_shorter_archive() {
    let (folder, _, content) = layout().await;
    let path = archived(folder.path());
    let whole = fs::read(&path).expect("read");
    for end in (0..whole.len()).step_by(9_973) {
        fs::write(&path, &whole[..end]).expect("written");
        if let Ok(store) = ArchiveStore::open(&path).await {
            let _ = store.manifest(&target("1")).await;
            assert!(read(&store, &blob(&content)).await.is_err() || end > 600_000);
        }
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("image.tar");
    for what in NO_FILES {
        put(what, &path);
        let opened = path.clone();
        let opened = in_time(async move { ArchiveStore::open(opened).await });
        let text = opened.map(drop).expect_err("no file").to_string();
        assert!(
            text.contains(&format!("image.tar: {what}, where a")),
            "{text}"
        );
    }
}
