//! A layout in a tar archive, changed by writing a new archive that takes its place whole.
//!
//! The first push copies what is there into a new file beside the archive; pushes append to it; [`Store::finish`] ends it with
//! `index.json` and renames it. Until then the archive is as it was, and dropping the store leaves it so. Everything that
//! other tools put into the archive is taken over byte for byte, except `index.json`.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::files::{self, FilePart, blocking, failed};
use super::index::Index;
use super::scan::Place;
use super::staging::{OnDisk, Staging};
use super::{BLOBS, LayoutFault};
use crate::blob::BlobReader;
use crate::descriptor::{Descriptor, Manifest, referrers_tag};
use crate::digest::Digest;
use crate::error::{Error, Mismatch, Promise};
use crate::limits::MANIFEST_BYTES;
use crate::reference::{Item, Tag, Target};
use crate::store::{Content, Listing, Pending, Pushed, Store};

/// An OCI layout in a tar archive.
#[derive(Debug, Clone)]
pub struct ArchiveStore {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    on_disk: Arc<OnDisk>,
    index: Index,
    staging: Option<Staging>,
}

impl ArchiveStore {
    /// The layout in this archive; reads the headers of all entries.
    ///
    /// # Errors
    /// When it is no uncompressed tar archive of an OCI layout.
    pub async fn open(path: impl Into<PathBuf>) -> Result<ArchiveStore, Error> {
        let path = path.into();
        blocking(move || {
            let found = fs::metadata(&path).map_err(failed("open", &path))?;
            if found.is_dir() {
                let fault = LayoutFault::Folder;
                return Err(Error::Layout { path, fault });
            }
            let on_disk = OnDisk::read(&path)?;
            let state = State {
                index: on_disk.contents.index.clone(),
                on_disk: Arc::new(on_disk),
                staging: None,
            };
            let state = Arc::new(Mutex::new(state));
            Ok(ArchiveStore { path, state })
        })
        .await
    }

    fn fault(&self, fault: LayoutFault) -> Error {
        Error::Layout {
            path: self.path.clone(),
            fault,
        }
    }

    fn missing(&self, target: Item) -> Error {
        Error::Missing {
            place: format!("oci-archive:{}", self.path.display()),
            target,
        }
    }

    /// In which file a blob is, and where.
    async fn find(&self, digest: &Digest) -> Option<(PathBuf, Place)> {
        let state = self.state.lock().await;
        if let Some(place) = state.on_disk.contents.blobs.get(digest) {
            return Some((self.path.clone(), *place));
        }
        state.staging.as_ref()?.find(digest)
    }

    async fn read_manifest(&self, target: &Target) -> Result<Manifest, Error> {
        let listed = self
            .state
            .lock()
            .await
            .index
            .find(target)
            .map_err(|fault| self.fault(fault))?;
        let missing = || self.missing(Item::Manifest(target.clone()));
        let entry = match (listed, target) {
            (Some(entry), _) => entry,
            (None, Target::Digest(digest)) => Descriptor::new("", *digest, 0),
            (None, _) => return Err(missing()),
        };
        match self.read_entry(&entry).await? {
            Some(manifest) => Ok(manifest),
            None => Err(missing()),
        }
    }

    /// The manifest of an entry, if it is here.
    async fn read_entry(&self, entry: &Descriptor) -> Result<Option<Manifest>, Error> {
        let Some((path, place)) = self.find(&entry.digest).await else {
            return Ok(None);
        };
        if place.size_bytes > MANIFEST_BYTES {
            return Err(Error::TooLarge {
                what: "manifest",
                limit_bytes: MANIFEST_BYTES,
            });
        }
        let read = move || {
            let mut bytes = Vec::new();
            let mut file = files::open(&path)?;
            file.seek(SeekFrom::Start(place.offset_bytes))
                .map_err(failed("read", &path))?;
            file.take(place.size_bytes)
                .read_to_end(&mut bytes)
                .map_err(failed("read", &path))?;
            Ok::<_, Error>(bytes)
        };
        super::manifest_of(entry, blocking(read).await?.into()).map(Some)
    }

    async fn read_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let entries: Vec<_> = self.state.lock().await.index.descriptors().collect();
        let mut listed = Vec::new();
        for entry in entries {
            if !super::may_be(&entry, artifact_type) {
                continue;
            }
            match self.read_entry(&entry).await {
                // One that is damaged or no manifest is none of this subject's.
                Err(Error::Mismatch(_) | Error::TooLarge { .. }) => {}
                found => listed.extend(found?),
            }
        }
        let tagged = match self
            .read_manifest(&Target::Tag(referrers_tag(subject)))
            .await
        {
            Err(error) if error.is_not_found() => None,
            result => Some(result?),
        };
        Ok(super::referrers_in(listed, tagged, subject, artifact_type))
    }

    async fn open_blob(&self, blob: &Descriptor) -> Result<BlobReader, Error> {
        let part = self.open_file(blob, 0..blob.size_bytes).await?;
        Ok(BlobReader::new(blob, Box::new(part)))
    }

    async fn open_part(&self, blob: &Descriptor, part: Range<u64>) -> Result<BlobReader, Error> {
        let part_bytes = part.end.saturating_sub(part.start);
        let part = self.open_file(blob, part).await?;
        Ok(BlobReader::of_part(blob, part_bytes, Box::new(part)))
    }

    /// The bytes of a blob that is here with the size that its descriptor says.
    async fn open_file(&self, blob: &Descriptor, part: Range<u64>) -> Result<FilePart, Error> {
        let found = self.find(&blob.digest).await;
        let (path, place) = found.ok_or_else(|| self.missing(Item::Blob(blob.digest)))?;
        if place.size_bytes != blob.size_bytes {
            let what = Promise::Blob(blob.digest);
            return Err(Mismatch::Size {
                what,
                expected: blob.size_bytes,
                found: place.size_bytes,
            }
            .into());
        }
        let start = place.offset_bytes;
        blocking(move || FilePart::open(&path, start + part.start..start + part.end)).await
    }

    async fn append_blob(&self, blob: &Descriptor, content: &dyn Content) -> Result<Pushed, Error> {
        if self
            .find(&blob.digest)
            .await
            .is_some_and(|(_, place)| place.size_bytes == blob.size_bytes)
        {
            return Ok(Pushed::AlreadyThere);
        }
        let mut state = self.state.lock().await;
        let staging = self.staging(&mut state).await?;
        let name = format!("{BLOBS}/{}", blob.digest.hex());
        staging.append(&self.path, &name, blob, content).await?;
        Ok(Pushed::Stored)
    }

    /// The new archive, begun if it is not yet.
    async fn staging<'a>(&self, state: &'a mut State) -> Result<&'a mut Staging, Error> {
        if state.staging.is_none() {
            let (path, on_disk) = (self.path.clone(), state.on_disk.clone());
            let begun = blocking(move || Staging::begin(&path, &on_disk.contents));
            state.staging = Some(begun.await?);
        }
        Ok(state.staging.as_mut().expect("it was made just now"))
    }

    async fn write_archive(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let Some(staging) = state.staging.take() else {
            return Ok(());
        };
        // If this fails, what was pushed is gone with the new archive: nothing may count as listed that is not in the old one.
        let old = state.on_disk.contents.index.clone();
        let index = std::mem::replace(&mut state.index, old);
        let new = staging.take_place(&self.path, &index, state.on_disk.seen);
        let new = new.await?;
        (state.on_disk, state.index) = (Arc::new(new), index);
        Ok(())
    }
}

impl Store for ArchiveStore {
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>> {
        Box::pin(async {
            self.read_manifest(target)
                .await
                .map(|manifest| manifest.descriptor())
        })
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>> {
        Box::pin(self.read_manifest(target))
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>> {
        Box::pin(self.open_blob(blob))
    }

    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        part: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>> {
        Box::pin(self.open_part(blob, part))
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>> {
        Box::pin(async { Ok(self.find(digest).await.is_some()) })
    }

    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>> {
        Box::pin(self.append_blob(blob, content))
    }

    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>> {
        Box::pin(async move {
            let descriptor = manifest.descriptor();
            let written = self.append_blob(&descriptor, manifest.bytes()).await?;
            let mut state = self.state.lock().await;
            let listed = state.index.list(&descriptor, listing);
            if !listed.map_err(|fault| self.fault(fault))? {
                return Ok(written);
            }
            self.staging(&mut state).await?;
            Ok(Pushed::Stored)
        })
    }

    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>> {
        Box::pin(async { Ok(self.state.lock().await.index.tags()) })
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>> {
        Box::pin(self.read_referrers(subject, artifact_type))
    }

    fn finish(&self) -> Pending<'_, Result<(), Error>> {
        Box::pin(self.write_archive())
    }
}
