//! What the tests of layouts and of archives begin with.
#![allow(dead_code)] // reason: each test file uses its own part

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

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

/// What may lie where a file belongs, and what a message calls it. To open the first blocks until somebody writes into it.
pub(crate) const NO_FILES: [&str; 4] = ["a FIFO", "a socket", "a device", "a folder"];

/// Puts it in the place of whatever is there.
pub(crate) fn put(what: &str, path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(path);
    match what {
        "a FIFO" => {
            let made = Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo, of coreutils, can be run").success());
        }
        "a socket" => drop(UnixListener::bind(path).expect("a socket")),
        "a device" => symlink("/dev/zero", path).expect("a link"),
        _ => fs::create_dir(path).expect("a folder"),
    }
}

/// What comes of this, which must not block for ever.
pub(crate) fn in_time<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let _ = done.send(runtime.expect("a runtime").block_on(work));
    });
    let result = result.recv_timeout(Duration::from_secs(30));
    result.expect("it does not wait")
}
