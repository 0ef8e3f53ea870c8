//! SOCI indexes of version 1: found by what refers to the image's manifest, and pointing back with their subject.

use std::path::Path;

use serde_json::{Value, json};
use soci_index::{Fault, Level, Proof, Verification};
use soci_testkit::image::{self, AMD64, Edit, Layer, Shelf};
use tempfile::TempDir;

use crate::damage::text;
use crate::support::{self, LEVELS, OUTPUT, has, look, words};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const VERSION_1: &str = "application/vnd.amazon.soci.index.v1+json";

/// The image under `1` with a SOCI index of version 1, made of the one of version 2 that indexing gives.
async fn layout(change: impl FnOnce(&mut Value)) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shelf = Shelf::new();
    let root = image::Manifest::oci(AMD64)
        .layer(support::rich())
        .layer(Layer::small(1))
        .shelve(&mut shelf);
    let written = shelf.image(root, "1").write_layout(folder.path());
    written.expect("the folder is writable");
    let report = support::index(folder.path(), "1", support::options()).await;
    assert_eq!(report.error, None);

    let mut edit = Edit::open(folder.path()).expect("a layout");
    let manifest = edit.tagged("1");
    let indexed = edit.document(&edit.tagged(OUTPUT));
    let mut document = edit.document(&text(&indexed["manifests"][1]["digest"]));
    document["config"]["mediaType"] = json!(VERSION_1);
    document["subject"] = json!({
        "mediaType": MANIFEST, "digest": manifest, "size": edit.blob(&manifest).len(),
    });
    change(&mut document);
    let soci_index = edit.add(document.to_string().into_bytes());
    let size = edit.blob(&soci_index).len();
    let referrers = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": soci_index, "size": size, "artifactType": VERSION_1},
    ]});
    let referrers = edit.add(referrers.to_string().into_bytes());
    edit.tag(&manifest.replace(':', "-"), INDEX, &referrers);
    let changed = tempfile::tempdir().expect("a folder");
    edit.write(changed.path()).expect("it is writable");
    changed
}

async fn verify(folder: &Path, level: Level) -> Verification {
    look(folder, "1", level).await
}

#[tokio::test]
async fn an_index_that_has_the_image_as_its_subject_is_proven() {
    let folder = layout(|_| {}).await;
    for level in LEVELS {
        let found = verify(folder.path(), level).await;
        assert_eq!(found.verdict, Proof::Proven, "{}", words(&found));
        let index = &found.platforms[0].indexes[0];
        assert_eq!((index.format, index.ztocs.len()), ("v1", 1));
    }
}

#[tokio::test]
async fn a_subject_that_is_not_the_image_is_told() {
    let damages: [fn(&mut Value); 4] = [
        |index| index["subject"]["size"] = json!(1),
        |index| index["subject"]["mediaType"] = json!(INDEX),
        |index| index["subject"]["digest"] = index["config"]["digest"].clone(),
        |index| drop(index.as_object_mut().expect("an object").remove("subject")),
    ];
    for damage in damages {
        let folder = layout(damage).await;
        let found = verify(folder.path(), Level::Structure).await;
        assert_eq!(found.verdict, Proof::NotProven);
        assert!(
            has(&found, |fault| matches!(fault, Fault::Subject { .. })),
            "{}",
            words(&found)
        );
    }
}

#[tokio::test]
async fn an_index_of_the_other_version_is_told() {
    let version2 = "application/vnd.amazon.soci.index.v2+json";
    let folder = layout(|index| index["config"]["mediaType"] = json!(version2)).await;
    let found = verify(folder.path(), Level::Structure).await;
    assert!(
        has(&found, |fault| matches!(fault, Fault::MediaType { .. })),
        "{}",
        words(&found)
    );
}
