//! A layout folder.
//!
//! Blobs are written first and `index.json` last, so a crash leaves blobs that nothing names, never a name without its blob.
//! `index.json` is changed under a lock on `oci-layout`, which is never replaced. Tools that take no lock are noticed by
//! comparing once more before the rename.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::files::{self, FilePart, blocking, failed};
use super::index::Index;
use super::{BLOBS, INDEX_FILE, LayoutFault, MARKER, MARKER_FILE};
use crate::blob::BlobReader;
use crate::descriptor::{Descriptor, Manifest, referrers_tag};
use crate::digest::Digest;
use crate::error::{Error, Mismatch, Promise};
use crate::limits::{LAYOUT_INDEX_BYTES, MANIFEST_BYTES};
use crate::reference::{Item, Tag, Target};
use crate::store::{Content, Listing, Pending, Pushed, Store};

/// Bytes of `oci-layout` that are read; it has about 30.
const MARKER_BYTES: u64 = 64 * 1024;

/// An OCI layout in a folder.
#[derive(Debug, Clone)]
pub struct LayoutStore {
    folder: PathBuf,
}

impl LayoutStore {
    /// The layout in this folder.
    ///
    /// # Errors
    /// When there is none, or one of another version.
    pub fn open(folder: impl Into<PathBuf>) -> Result<LayoutStore, Error> {
        let store = LayoutStore {
            folder: folder.into(),
        };
        let found = fs::metadata(&store.folder).map_err(failed("open", &store.folder))?;
        if !found.is_dir() {
            return Err(store.fault(LayoutFault::NotAFolder));
        }
        let marker = match files::read_bounded(&store.marker_path(), MARKER_BYTES, MARKER_FILE) {
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Vec::new(),
            result => result?,
        };
        super::check_marker(&marker).map_err(|fault| store.fault(fault))?;
        Ok(store)
    }

    /// The layout in this folder; an empty one is made where there is none.
    ///
    /// # Errors
    /// When it cannot be made, or is of another version.
    pub fn open_or_create(folder: impl Into<PathBuf>) -> Result<LayoutStore, Error> {
        let store = LayoutStore {
            folder: folder.into(),
        };
        let blobs = store.folder.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(failed("create", &blobs))?;
        for (path, content) in [
            (store.folder.join(INDEX_FILE), Index::empty().to_bytes()),
            (store.marker_path(), MARKER.to_vec()),
        ] {
            if !path.exists() {
                store.write(&path, &content)?;
            }
        }
        LayoutStore::open(store.folder)
    }

    fn marker_path(&self) -> PathBuf {
        self.folder.join(MARKER_FILE)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(BLOBS).join(digest.hex())
    }

    fn fault(&self, fault: LayoutFault) -> Error {
        Error::Layout {
            path: self.folder.clone(),
            fault,
        }
    }

    fn missing(&self, target: Item) -> Error {
        Error::Missing {
            place: format!("oci:{}", self.folder.display()),
            target,
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let folder = path.parent().unwrap_or(&self.folder);
        let mut staged = files::stage(folder)?;
        staged.write_all(content).map_err(failed("write", path))?;
        files::publish(staged, path)
    }

    fn index_bytes(&self) -> Result<Vec<u8>, Error> {
        match files::read_bounded(
            &self.folder.join(INDEX_FILE),
            LAYOUT_INDEX_BYTES,
            INDEX_FILE,
        ) {
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Err(self.fault(LayoutFault::Index))
            }
            result => result,
        }
    }

    fn index(&self) -> Result<Index, Error> {
        Index::parse(&self.index_bytes()?).map_err(|fault| self.fault(fault))
    }

    /// Size of a blob that is here.
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.blob_path(digest);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Err(self.fault(LayoutFault::NotAFile(*digest))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Whether a blob is there with its own bytes. A file of another size is a write that somebody's crash cut short; one of other bytes
    /// was damaged since, and nobody but who writes it anew can put that right.
    fn holds(&self, blob: &Descriptor) -> Result<bool, Error> {
        Ok(self.blob_size(&blob.digest)? == Some(blob.size_bytes)
            && files::digest(&self.blob_path(&blob.digest))? == blob.digest)
    }

    fn read_manifest(&self, target: &Target) -> Result<Manifest, Error> {
        let listed = self
            .index()?
            .find(target)
            .map_err(|fault| self.fault(fault))?;
        let missing = || self.missing(Item::Manifest(target.clone()));
        let entry = match (listed, target) {
            (Some(entry), _) => entry,
            (None, Target::Digest(digest)) => Descriptor::new("", *digest, 0),
            (None, _) => return Err(missing()),
        };
        if self.blob_size(&entry.digest)?.is_none() {
            return Err(match target {
                Target::Digest(_) => missing(),
                _ => self.missing(Item::Manifest(Target::Digest(entry.digest))),
            });
        }
        let bytes =
            files::read_bounded(&self.blob_path(&entry.digest), MANIFEST_BYTES, "manifest")?;
        super::manifest_of(&entry, bytes.into())
    }

    fn read_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let index = self.index()?;
        let mut listed = Vec::new();
        for entry in index.descriptors() {
            // One that is not there, damaged or no manifest is none of this subject's.
            if super::may_be(&entry, artifact_type)
                && self.blob_size(&entry.digest)? == Some(entry.size_bytes)
                && entry.size_bytes <= MANIFEST_BYTES
            {
                let path = self.blob_path(&entry.digest);
                let bytes = files::read_bounded(&path, MANIFEST_BYTES, "manifest")?;
                listed.extend(super::manifest_of(&entry, bytes.into()).ok());
            }
        }
        let tagged = match self.read_manifest(&Target::Tag(referrers_tag(subject))) {
            Err(error) if error.is_not_found() => None,
            result => Some(result?),
        };
        Ok(super::referrers_in(listed, tagged, subject, artifact_type))
    }

    fn open_blob(&self, blob: &Descriptor) -> Result<BlobReader, Error> {
        let part = self.open_file(blob, 0..blob.size_bytes)?;
        Ok(BlobReader::new(blob, Box::new(part)))
    }

    /// The bytes of a blob that is here with the size that its descriptor says.
    fn open_file(&self, blob: &Descriptor, part: Range<u64>) -> Result<FilePart, Error> {
        match self.blob_size(&blob.digest)? {
            None => Err(self.missing(Item::Blob(blob.digest))),
            Some(found) if found != blob.size_bytes => {
                let what = Promise::Blob(blob.digest);
                Err(Mismatch::Size {
                    what,
                    expected: blob.size_bytes,
                    found,
                }
                .into())
            }
            Some(_) => FilePart::open(&self.blob_path(&blob.digest), part),
        }
    }

    async fn write_blob(&self, blob: &Descriptor, content: &dyn Content) -> Result<Pushed, Error> {
        let (store, wanted) = (self.clone(), blob.clone());
        if blocking(move || store.holds(&wanted)).await? {
            return Ok(Pushed::AlreadyThere);
        }
        let (path, blobs) = (self.blob_path(&blob.digest), self.folder.join(BLOBS));
        let staging = blocking(move || {
            fs::create_dir_all(&blobs).map_err(failed("create", &blobs))?;
            let staged = files::stage(&blobs)?;
            let file = staged
                .as_file()
                .try_clone()
                .map_err(failed("write into", &blobs))?;
            Ok::<_, Error>((staged, file))
        });
        let (staged, file) = staging.await?;
        files::write_content(file, &path, blob, content).await?;
        blocking(move || files::publish(staged, &path)).await?;
        Ok(Pushed::Stored)
    }

    /// Changes `index.json` if the listing is not there yet.
    fn list(&self, manifest: &Descriptor, listing: Listing<'_>) -> Result<bool, Error> {
        let lock = files::open(&self.marker_path())?;
        match lock.lock() {
            // File systems without locks have writers one after the other, or the comparison below.
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            result => result.map_err(failed("lock", &self.marker_path()))?,
        }
        loop {
            let before = self.index_bytes()?;
            let mut index = Index::parse(&before).map_err(|fault| self.fault(fault))?;
            let listed = index.list(manifest, listing);
            if !listed.map_err(|fault| self.fault(fault))? {
                return Ok(false);
            }
            let mut staged = files::stage(&self.folder)?;
            let path = self.folder.join(INDEX_FILE);
            staged
                .write_all(&index.to_bytes())
                .map_err(failed("write", &path))?;
            if self.index_bytes()? == before {
                return files::publish(staged, &path).map(|()| true);
            }
        }
    }
}

impl Store for LayoutStore {
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>> {
        Box::pin(async {
            self.manifest(target)
                .await
                .map(|manifest| manifest.descriptor())
        })
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>> {
        let (store, target) = (self.clone(), target.clone());
        Box::pin(blocking(move || store.read_manifest(&target)))
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>> {
        let (store, blob) = (self.clone(), blob.clone());
        Box::pin(blocking(move || store.open_blob(&blob)))
    }

    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        part: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>> {
        let (store, blob) = (self.clone(), blob.clone());
        Box::pin(blocking(move || {
            let part_bytes = part.end.saturating_sub(part.start);
            let file = store.open_file(&blob, part)?;
            Ok(BlobReader::of_part(&blob, part_bytes, Box::new(file)))
        }))
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>> {
        let (store, digest) = (self.clone(), *digest);
        Box::pin(blocking(move || {
            store.blob_size(&digest).map(|found| found.is_some())
        }))
    }

    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>> {
        Box::pin(self.write_blob(blob, content))
    }

    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>> {
        Box::pin(async move {
            let descriptor = manifest.descriptor();
            let written = self.write_blob(&descriptor, manifest.bytes()).await?;
            let (store, owned) = (self.clone(), OwnedListing::of(listing));
            let listed = blocking(move || match owned.listing() {
                Listing::Digest => Ok(false),
                listing => store.list(&descriptor, listing),
            });
            Ok(if listed.await? {
                Pushed::Stored
            } else {
                written
            })
        })
    }

    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>> {
        let store = self.clone();
        Box::pin(blocking(move || store.index().map(|index| index.tags())))
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>> {
        let (store, subject) = (self.clone(), *subject);
        let artifact_type = artifact_type.map(str::to_owned);
        Box::pin(blocking(move || {
            store.read_referrers(&subject, artifact_type.as_deref())
        }))
    }

    fn finish(&self) -> Pending<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A [`Listing`] that can go to another thread.
enum OwnedListing {
    Digest,
    Tag(Tag),
    Untagged,
    Referrer(Digest, Descriptor),
}

impl OwnedListing {
    fn of(listing: Listing<'_>) -> OwnedListing {
        match listing {
            Listing::Digest => OwnedListing::Digest,
            Listing::Tag(tag) => OwnedListing::Tag(tag.clone()),
            Listing::Untagged => OwnedListing::Untagged,
            Listing::Referrer { subject, entry } => OwnedListing::Referrer(*subject, entry.clone()),
        }
    }

    fn listing(&self) -> Listing<'_> {
        match self {
            OwnedListing::Digest => Listing::Digest,
            OwnedListing::Tag(tag) => Listing::Tag(tag),
            OwnedListing::Untagged => Listing::Untagged,
            OwnedListing::Referrer(subject, entry) => Listing::Referrer { subject, entry },
        }
    }
}
