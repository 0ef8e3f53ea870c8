//! What is in the registry: names in memory, bytes in files under their digests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soci_registry::Digest;
use tokio::sync::mpsc;

use super::Push;
use super::answer::{Code, Refusal};
use super::uploads::Upload;

/// Repositories. More than anybody tries something with.
const REPOSITORIES: usize = 1_000;
/// Manifests of a repository, and tags of one.
const MANIFESTS: usize = 10_000;
/// Uploads that have begun. The oldest is forgotten for one more: clients that went away finish none.
const UPLOADS: usize = 256;
/// Bytes of all that is pushed, in files. A large image fits some times.
const STORED_BYTES: u64 = 64 << 30;

/// A manifest that is there.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) media_type: String,
    pub(super) size: u64,
    /// What its `subject` names.
    pub(super) subject: Option<Digest>,
    pub(super) artifact_type: Option<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// Everything.
pub(super) struct Storage {
    folder: PathBuf,
    names: Mutex<Names>,
    stored_bytes: AtomicU64,
    next_upload: AtomicU64,
    pushes: mpsc::Sender<Push>,
}

#[derive(Default)]
struct Names {
    repositories: BTreeMap<String, Repository>,
    uploads: BTreeMap<u64, (String, Arc<tokio::sync::Mutex<Upload>>)>,
}

#[derive(Default)]
struct Repository {
    blobs: BTreeMap<Digest, u64>,
    manifests: BTreeMap<Digest, Stored>,
    tags: BTreeMap<String, Digest>,
}

impl Storage {
    pub(super) fn create(folder: &Path, pushes: mpsc::Sender<Push>) -> io::Result<Storage> {
        for name in ["blobs", "uploads"] {
            fs::create_dir_all(folder.join(name))?;
        }
        Ok(Storage {
            folder: folder.to_owned(),
            names: Mutex::default(),
            stored_bytes: AtomicU64::new(0),
            next_upload: AtomicU64::new(1),
            pushes,
        })
    }

    /// Held for look-ups only, never while files are touched.
    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    pub(super) fn upload_path(&self, id: u64) -> PathBuf {
        self.folder.join("uploads").join(id.to_string())
    }

    /// A place for a push to be told of, before it is stored.
    pub(super) fn place_for_push(&self) -> Result<mpsc::Permit<'_, Push>, Refusal> {
        self.pushes.try_reserve().map_err(|_| {
            let why = "too many pushes wait to be indexed, come back later";
            Refusal::new(429, Code::TooManyRequests, why)
        })
    }

    /// Takes space before it is written to.
    pub(super) fn take_space(&self, bytes: u64) -> Result<(), Refusal> {
        let before = self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > STORED_BYTES {
            self.stored_bytes.fetch_sub(bytes, Ordering::Relaxed);
            let why = format!("this registry takes {STORED_BYTES} bytes in all");
            return Err(Refusal::new(413, Code::SizeInvalid, why));
        }
        Ok(())
    }

    pub(super) fn free_space(&self, bytes: u64) {
        self.stored_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The size of a blob that a repository has.
    pub(super) fn blob(&self, repository: &str, digest: &Digest) -> Result<u64, Refusal> {
        let names = self.names();
        let found = names
            .repositories
            .get(repository)
            .and_then(|known| known.blobs.get(digest));
        let unknown = || {
            Refusal::new(
                404,
                Code::BlobUnknown,
                format!("{repository} has no blob {digest}"),
            )
        };
        found.copied().ok_or_else(unknown)
    }

    /// A blob whose file is there becomes one of a repository.
    pub(super) fn add_blob(
        &self,
        repository: &str,
        digest: Digest,
        size: u64,
    ) -> Result<(), Refusal> {
        let mut names = self.names();
        names.repository(repository)?.blobs.insert(digest, size);
        Ok(())
    }

    /// Makes a repository, which begins to be with its first upload.
    pub(super) fn begin_upload(&self, repository: &str) -> Result<u64, Refusal> {
        let id = self.next_upload.fetch_add(1, Ordering::Relaxed);
        let file = fs::File::create_new(self.upload_path(id))?;
        let upload = Arc::new(tokio::sync::Mutex::new(Upload::new(file)));
        let mut names = self.names();
        names.repository(repository)?;
        names.uploads.insert(id, (repository.to_owned(), upload));
        let oldest = names.uploads.first_key_value().map(|(id, _)| *id);
        let forgotten = oldest.filter(|_| names.uploads.len() > UPLOADS);
        let forgotten = forgotten.and_then(|id| Some((id, names.uploads.remove(&id)?.1)));
        drop(names);
        if let Some((id, upload)) = forgotten {
            self.discard(id, &upload);
        }
        Ok(id)
    }

    pub(super) fn upload(
        &self,
        repository: &str,
        id: u64,
    ) -> Result<Arc<tokio::sync::Mutex<Upload>>, Refusal> {
        let names = self.names();
        let found = names.uploads.get(&id).filter(|(of, _)| of == repository);
        let unknown = || Refusal::new(404, Code::BlobUploadUnknown, "there is no such upload");
        found
            .map(|(_, upload)| Arc::clone(upload))
            .ok_or_else(unknown)
    }

    /// An upload that is finished, or given up.
    pub(super) fn end_upload(&self, id: u64) {
        self.names().uploads.remove(&id);
    }

    /// Removes what an upload has stored. One that is being written to this moment stays until all is removed.
    pub(super) fn discard(&self, id: u64, upload: &tokio::sync::Mutex<Upload>) {
        if let Ok(upload) = upload.try_lock() {
            self.free_space(upload.size());
            let _ = fs::remove_file(self.upload_path(id));
        }
    }

    /// The digest and what is known of a manifest, by tag or digest.
    pub(super) fn manifest(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<(Digest, Stored), Refusal> {
        let names = self.names();
        let unknown = || {
            Refusal::new(
                404,
                Code::ManifestUnknown,
                format!("{repository} has no manifest {name}"),
            )
        };
        let known = names.repositories.get(repository).ok_or_else(unknown)?;
        let digest = match name.parse() {
            Ok(digest) => Some(digest),
            Err(_) => known.tags.get(name).copied(),
        };
        let found = digest.and_then(|digest| Some((digest, known.manifests.get(&digest)?.clone())));
        found.ok_or_else(unknown)
    }

    pub(super) fn has_manifest(&self, repository: &str, digest: &Digest) -> bool {
        let names = self.names();
        let known = names.repositories.get(repository);
        known.is_some_and(|known| known.manifests.contains_key(digest))
    }

    /// A manifest whose file is there becomes one of a repository.
    pub(super) fn add_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        digest: Digest,
        manifest: Stored,
    ) -> Result<(), Refusal> {
        let mut names = self.names();
        let known = names.repository(repository)?;
        if known.manifests.len() >= MANIFESTS || known.tags.len() >= MANIFESTS {
            let why = format!("a repository takes {MANIFESTS} manifests and as many tags");
            return Err(Refusal::new(413, Code::Denied, why));
        }
        known.manifests.insert(digest, manifest);
        if let Some(tag) = tag {
            known.tags.insert(tag.to_owned(), digest);
        }
        Ok(())
    }

    /// Tags behind this one, in order.
    pub(super) fn tags(
        &self,
        repository: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, Refusal> {
        let names = self.names();
        let unknown = || {
            Refusal::new(
                404,
                Code::NameUnknown,
                format!("there is no repository {repository}"),
            )
        };
        let known = names.repositories.get(repository).ok_or_else(unknown)?;
        let is_behind = |tag: &&String| after.is_none_or(|after| tag.as_str() > after);
        Ok(known.tags.keys().filter(is_behind).cloned().collect())
    }

    /// Manifests whose subject is this one.
    pub(super) fn referrers(&self, repository: &str, subject: &Digest) -> Vec<(Digest, Stored)> {
        let names = self.names();
        let known = names.repositories.get(repository);
        let manifests = known.into_iter().flat_map(|known| &known.manifests);
        manifests
            .filter(|(_, manifest)| manifest.subject.as_ref() == Some(subject))
            .map(|(digest, manifest)| (*digest, manifest.clone()))
            .collect()
    }
}

impl Names {
    /// The repository, which is made if there is none.
    fn repository(&mut self, name: &str) -> Result<&mut Repository, Refusal> {
        let is_new = !self.repositories.contains_key(name);
        if is_new && self.repositories.len() >= REPOSITORIES {
            let why = format!("this registry takes {REPOSITORIES} repositories");
            return Err(Refusal::new(413, Code::Denied, why));
        }
        Ok(self.repositories.entry(name.to_owned()).or_default())
    }
}
