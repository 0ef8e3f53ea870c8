//! What the tests of layouts and of archives begin with.
#![allow(dead_code)] // reason: each test file uses its own part

use bytes::Bytes;
use soci_registry::{
    Descriptor, Digest, Error, LayoutStore, Listing, Manifest, OCI_MANIFEST, Store, Tag, Target,
};
use tempfile::TempDir;

/// A name that layouts may have.
pub(crate) fn tag(text: &str) -> Tag {
    Tag::in_layout(text).expect("a name")
}

pub(crate) fn target(text: &str) -> Target {
    Target::Tag(tag(text))
}

pub(crate) fn blob(content: &Bytes) -> Descriptor {
    Descriptor::new(
        "application/octet-stream",
        Digest::of(content),
        content.len() as u64,
    )
}

pub(crate) fn manifest(text: &str) -> Manifest {
    Manifest::new(
        OCI_MANIFEST,
        format!("{{ \"layers\": [], \"x\":\"{text}\" }}"),
    )
}

pub(crate) async fn read(store: &dyn Store, blob: &Descriptor) -> Result<Bytes, Error> {
    store.blob(blob).await?.read_whole(1 << 30).await
}

/// A layout with one tagged manifest and one large blob.
pub(crate) async fn layout() -> (TempDir, LayoutStore, Bytes) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LayoutStore::open_or_create(folder.path()).expect("a layout");
    let content = Bytes::from((0..600_000_u32).map(|n| (n >> 3) as u8).collect::<Vec<_>>());
    store
        .push_blob(&blob(&content), &content)
        .await
        .expect("stored");
    store
        .push_manifest(&manifest("one"), Listing::Tag(&tag("1")))
        .await
        .expect("stored");
    (folder, store, content)
}
