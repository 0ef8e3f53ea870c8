//! Where a law's files are, and what its futures run on: made anew for each input, so that none depends on another.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use soci_registry::{Digest, Kind, Manifest, OCI_MANIFEST, Store, Tag, Target};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Files in memory, where Linux keeps them: stores bring every file to the disk, and a disk is slow.
const MEMORY: &str = "/dev/shm";

/// Names that are looked up; a law is to be quick.
const NAMES_READ: usize = 16;

/// A folder that is gone afterwards, and a runtime.
pub(super) struct Place {
    folder: TempDir,
    runtime: Runtime,
}

impl Place {
    pub(super) fn new() -> Place {
        let mut builder = tempfile::Builder::new();
        builder.prefix("soci-fuzz-");
        let folder = match Path::new(MEMORY).is_dir() {
            true => builder.tempdir_in(MEMORY),
            false => builder.tempdir(),
        };
        Place {
            folder: folder.expect("a folder can be made"),
            runtime: Builder::new_current_thread()
                .build()
                .expect("a runtime can be made"),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders above it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder().join(name);
        let above = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(above).expect("a folder can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// A manifest that differs by a word.
pub(super) fn manifest(word: &str) -> Manifest {
    let text = format!(r#"{{"config":{{}},"layers":[],"word":"{word}"}}"#);
    Manifest::new(OCI_MANIFEST, Bytes::from(text))
}

/// What each name but one holds, or why that cannot be read; `None` where not even the names can be had.
pub(super) async fn held(
    store: &dyn Store,
    except: &Tag,
) -> Option<Vec<(Tag, Result<Digest, Kind>)>> {
    let tags = store.tags().await.ok()?;
    let mut held = Vec::new();
    for tag in tags
        .into_iter()
        .filter(|tag| tag != except)
        .take(NAMES_READ)
    {
        let found = match store.manifest(&Target::Tag(tag.clone())).await {
            Ok(manifest) => {
                assert_eq!(manifest.digest(), Digest::of(manifest.bytes()));
                Ok(manifest.digest())
            }
            Err(error) => {
                assert_ne!(error.kind(), Kind::Internal, "{error}");
                Err(error.kind())
            }
        };
        held.push((tag, found));
    }
    Some(held)
}
