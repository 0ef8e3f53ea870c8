//! Layout folders and archives: what is written is whole, what others wrote survives, what is wrong is named.

mod layout_support;

use std::fs;

use bytes::Bytes;
use layout_support::{NO_FILES, blob, in_time, layout, manifest, put, read, tag, target};
use soci_registry::{
    Descriptor, Digest, Error, Kind, LayoutFault, LayoutStore, Listing, Manifest, OCI_MANIFEST,
    Pushed, Store, Target,
};

#[tokio::test]
async fn what_is_written_is_read_again() {
    let (folder, store, content) = layout().await;
    assert_eq!(read(&store, &blob(&content)).await.expect("read"), content);
    let found = store.manifest(&target("1")).await.expect("read");
    assert_eq!(found, manifest("one"));
    assert_eq!(
        store.resolve(&Target::OnlyEntry).await.expect("one entry"),
        found.descriptor()
    );
    assert!(store.has_blob(&blob(&content).digest).await.expect("known"));
    assert!(!store.has_blob(&Digest::of(b"other")).await.expect("known"));
    assert_eq!(store.tags().await.expect("a list"), [tag("1")]);
    LayoutStore::open(folder.path()).expect("a layout");
}

#[tokio::test]
async fn writing_again_changes_nothing() {
    let (folder, store, content) = layout().await;
    let index = fs::read(folder.path().join("index.json")).expect("read");
    assert_eq!(
        store
            .push_blob(&blob(&content), &content)
            .await
            .expect("there"),
        Pushed::AlreadyThere
    );
    let again = store
        .push_manifest(&manifest("one"), Listing::Tag(&tag("1")))
        .await;
    assert_eq!(again.expect("there"), Pushed::AlreadyThere);
    assert_eq!(
        store
            .push_manifest(&manifest("one"), Listing::Digest)
            .await
            .expect("there"),
        Pushed::AlreadyThere
    );
    assert_eq!(
        fs::read(folder.path().join("index.json")).expect("read"),
        index
    );
}

#[tokio::test]
async fn a_damaged_blob_is_written_anew() {
    let (folder, store, content) = layout().await;
    let name = blob(&content).digest.to_string().replace(':', "/");
    let path = folder.path().join("blobs").join(name);
    let mut damaged = content.to_vec();
    damaged[0] ^= 1;
    fs::write(&path, damaged).expect("written");
    let pushed = store.push_blob(&blob(&content), &content).await;
    assert_eq!(pushed.expect("written"), Pushed::Stored);
    assert_eq!(fs::read(&path).expect("read"), content);
}

#[tokio::test]
async fn parts_are_not_listed_and_tags_move() {
    let (_folder, store, _) = layout().await;
    store
        .push_manifest(&manifest("part"), Listing::Digest)
        .await
        .expect("stored");
    assert_eq!(
        store
            .resolve(&Target::OnlyEntry)
            .await
            .expect("one entry")
            .digest,
        manifest("one").digest()
    );
    let part = store
        .manifest(&Target::Digest(manifest("part").digest()))
        .await
        .expect("read");
    assert_eq!(part.media_type(), OCI_MANIFEST, "told by its fields");
    assert_eq!(
        store
            .push_manifest(&manifest("two"), Listing::Tag(&tag("1")))
            .await
            .expect("moved"),
        Pushed::Stored
    );
    assert_eq!(
        store.manifest(&target("1")).await.expect("read"),
        manifest("two")
    );
    store
        .push_manifest(&manifest("one"), Listing::Untagged)
        .await
        .expect("listed");
    let error = store
        .resolve(&Target::OnlyEntry)
        .await
        .expect_err("two entries");
    let Error::Layout { fault, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (fault, error.kind()),
        (&LayoutFault::NotOnlyEntry { count: 2 }, Kind::Configuration)
    );
}

#[tokio::test]
async fn content_that_is_not_the_descriptors_leaves_nothing() {
    let (folder, store, _) = layout().await;
    let count = || {
        fs::read_dir(folder.path().join("blobs/sha256"))
            .expect("blobs")
            .count()
    };
    let before = count();
    let wrong = Descriptor::new("", Digest::of(b"right"), 5);
    let error = store
        .push_blob(&wrong, &Bytes::from_static(b"wrong"))
        .await
        .expect_err("another");
    assert_eq!(error.kind(), Kind::DigestMismatch);
    let error = store
        .push_blob(&wrong, &Bytes::from_static(b"right!"))
        .await
        .expect_err("longer");
    assert_eq!(error.kind(), Kind::DigestMismatch);
    assert_eq!(count(), before);
}

#[tokio::test]
async fn damage_is_told_apart_from_absence() {
    let (folder, store, content) = layout().await;
    let path = folder
        .path()
        .join("blobs/sha256")
        .join(blob(&content).digest.hex());
    let mut damaged = content.to_vec();
    damaged[300_000] ^= 1;
    fs::write(&path, &damaged).expect("written");
    assert_eq!(
        read(&store, &blob(&content))
            .await
            .expect_err("damaged")
            .kind(),
        Kind::DigestMismatch
    );
    fs::write(&path, &damaged[1..]).expect("written");
    assert_eq!(
        read(&store, &blob(&content))
            .await
            .expect_err("short")
            .kind(),
        Kind::DigestMismatch
    );
    assert_eq!(
        store
            .push_blob(&blob(&content), &content)
            .await
            .expect("healed"),
        Pushed::Stored
    );
    assert_eq!(read(&store, &blob(&content)).await.expect("read"), content);
    fs::remove_file(&path).expect("removed");
    let error = read(&store, &blob(&content)).await.expect_err("gone");
    assert_eq!(
        error.to_string(),
        format!(
            "oci:{} has no blob {}",
            folder.path().display(),
            blob(&content).digest
        )
    );
    fs::create_dir(&path).expect("made");
    let error = read(&store, &blob(&content)).await.expect_err("a folder");
    assert!(
        matches!(
            error,
            Error::Layout {
                fault: LayoutFault::NotAFile(_),
                ..
            }
        ),
        "{error}"
    );
    let error = store.manifest(&target("2")).await.expect_err("no such tag");
    assert_eq!(
        (error.kind(), error.to_string().ends_with("has no tag 2")),
        (Kind::NotFound, true)
    );
}

#[tokio::test]
async fn folders_that_are_no_layout_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || LayoutStore::open(folder.path()).expect_err("no layout");
    let fault = |error| match error {
        Error::Layout { fault, .. } => fault,
        other => panic!("{other}"),
    };
    assert_eq!(fault(open()), LayoutFault::Marker);
    fs::write(
        folder.path().join("oci-layout"),
        "{\"imageLayoutVersion\":\"2.0.0\"}",
    )
    .expect("written");
    assert_eq!(
        fault(open()),
        LayoutFault::Version {
            found: "2.0.0".into()
        }
    );
    fs::write(
        folder.path().join("oci-layout"),
        "{\"imageLayoutVersion\":\"1.0.0\"}",
    )
    .expect("written");
    let store = LayoutStore::open(folder.path()).expect("enough to open");
    assert_eq!(
        fault(store.tags().await.expect_err("no index")),
        LayoutFault::Index
    );
    assert_eq!(
        LayoutStore::open(folder.path().join("none"))
            .expect_err("no folder")
            .kind(),
        Kind::NotFound
    );
}

#[tokio::test]
async fn two_writers_at_once_lose_no_entry() {
    let (folder, _, _) = layout().await;
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let store = LayoutStore::open(folder.path()).expect("a layout");
            tokio::spawn(async move {
                let name = tag(&format!("t{n}"));
                store
                    .push_manifest(&manifest(&n.to_string()), Listing::Tag(&name))
                    .await
                    .map(drop)
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic").expect("stored");
    }
    let store = LayoutStore::open(folder.path()).expect("a layout");
    assert_eq!(store.tags().await.expect("a list").len(), 17);
    let leftover = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert!(
        !fs::read_dir(folder.path())
            .expect("read")
            .flatten()
            .any(leftover)
    );
}

#[tokio::test]
async fn referrers_are_kept_under_a_tag() {
    let (_folder, store, _) = layout().await;
    let subject = manifest("one").digest();
    assert_eq!(store.referrers(&subject, None).await.expect("none"), []);
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    let list = format!(
        r#"{{"manifests":[{{"digest":"{a}","size":1,"artifactType":"a/a"}},{{"digest":"{b}","size":1}}]}}"#
    );
    let name = tag(&subject.to_string().replace(':', "-"));
    store
        .push_manifest(&Manifest::new("", list), Listing::Tag(&name))
        .await
        .expect("stored");
    assert_eq!(
        store.referrers(&subject, None).await.expect("a list").len(),
        2
    );
    assert_eq!(
        store
            .referrers(&subject, Some("a/a"))
            .await
            .expect("a list")[0]
            .digest,
        a
    );
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_not_waited_for() {
    for what in NO_FILES {
        let (folder, _, content) = layout().await;
        let content = blob(&content);
        let blob_path = folder
            .path()
            .join("blobs/sha256")
            .join(content.digest.hex());
        for (path, place) in [
            (blob_path, content.digest.to_string()),
            (folder.path().join("index.json"), "index.json".to_owned()),
            (folder.path().join("oci-layout"), "oci-layout".to_owned()),
        ] {
            put(what, &path);
            let (folder, content) = (folder.path().to_owned(), content.clone());
            let opened = in_time(async move {
                let store = LayoutStore::open(folder)?;
                store.tags().await?;
                read(&store, &content).await
            });
            let error = opened.map(drop).expect_err("no file");
            assert_eq!(error.kind(), Kind::InvalidImage);
            let text = error.to_string();
            assert!(text.contains(&place), "{text}");
            let is_told = text.contains(&format!("{what}, where a file is expected"))
                || text.ends_with("is not a file");
            assert!(is_told, "{text}");
        }
    }
}

#[tokio::test]
async fn writing_does_not_wait_either() {
    let (folder, store, _) = layout().await;
    put("a FIFO", &folder.path().join("oci-layout"));
    let pushed = in_time(async move {
        let again = manifest("two");
        store.push_manifest(&again, Listing::Tag(&tag("2"))).await
    });
    let text = pushed.expect_err("no file").to_string();
    assert!(text.ends_with("a FIFO, where a file is expected"), "{text}");
}

#[tokio::test]
async fn one_name_for_two_images_is_refused_with_both() {
    let (folder, store, _) = layout().await;
    let two = manifest("two");
    store
        .push_manifest(&two, Listing::Tag(&tag("2")))
        .await
        .expect("stored");
    let path = folder.path().join("index.json");
    let index = fs::read_to_string(&path).expect("read");
    let index = index.replace("\"2\"", "\"1\"");
    fs::write(&path, &index).expect("written");
    let error = store.resolve(&target("1")).await.expect_err("which one?");
    assert_eq!(
        (error.kind(), error.is_transient()),
        (Kind::Configuration, false)
    );
    let text = error.to_string();
    assert!(
        text.contains(&manifest("one").digest().to_string()),
        "{text}"
    );
    assert!(text.contains(&two.digest().to_string()), "{text}");
    let pushed = store.push_manifest(&two, Listing::Tag(&tag("1"))).await;
    assert_eq!(pushed.expect_err("which one?").kind(), Kind::Configuration);
    assert_eq!(fs::read_to_string(&path).expect("read"), index);
    let named = Target::Digest(two.digest());
    assert_eq!(store.manifest(&named).await.expect("read"), two);
}
