//! A layout in a tar archive, changed by writing a new archive that takes its place whole.
//!
//! The first push copies what is there into a new file beside the archive; pushes append to it; [`Store::finish`] ends it with
//! `index.json` and renames it. Until then the archive is as it was, and dropping the store leaves it so. Everything that
//! other tools put into the archive is taken over byte for byte, except `index.json`.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::sync::Mutex;

use super::files::{self, FilePart, blocking, failed};
use super::index::Index;
use super::scan::{BLOCK_BYTES, Contents, Place, scan};
use super::{BLOBS, INDEX_FILE, LayoutFault};
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

/// The archive as it lies under its name.
#[derive(Debug)]
struct OnDisk {
    contents: Contents,
    /// Length and time of the archive when it was read, by which another writer is noticed.
    seen: Identity,
}

type Identity = (u64, Option<std::time::SystemTime>);

/// The new archive on its way.
#[derive(Debug)]
struct Staging {
    file: NamedTempFile,
    blobs: HashMap<Digest, Place>,
    end_bytes: u64,
}

impl ArchiveStore {
    /// The layout in this archive; reads the headers of all entries.
    ///
    /// # Errors
    /// When it is no uncompressed tar archive of an OCI layout.
    pub async fn open(path: impl Into<PathBuf>) -> Result<ArchiveStore, Error> {
        let path = path.into();
        blocking(move || {
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
        let staging = state.staging.as_ref()?;
        staging
            .blobs
            .get(digest)
            .map(|place| (staging.file.path().to_owned(), *place))
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
            let mut file = File::open(&path).map_err(failed("read", &path))?;
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
            state.staging = Some(blocking(move || begin(&path, &on_disk.contents)).await?);
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
        let new = self.replace(staging, &index, state.on_disk.seen).await?;
        (state.on_disk, state.index) = (Arc::new(new), index);
        Ok(())
    }

    /// Ends the new archive and puts it into the place of the old one.
    async fn replace(
        &self,
        mut staging: Staging,
        index: &Index,
        seen: Identity,
    ) -> Result<OnDisk, Error> {
        let index = bytes::Bytes::from(index.to_bytes());
        let document = Descriptor::new("", Digest::of(&index), index.len() as u64);
        staging
            .append(&self.path, INDEX_FILE, &document, &index)
            .await?;
        let path = self.path.clone();
        let changed = self.fault(LayoutFault::Changed);
        blocking(move || {
            // Two blocks of zeros end an archive; they lie behind whatever a failed append left.
            let mut file = staging.file.as_file();
            let ended = file
                .set_len(staging.end_bytes)
                .and_then(|()| file.seek(SeekFrom::Start(staging.end_bytes)))
                .and_then(|_| file.write_all(&[0; 2 * BLOCK_BYTES as usize]));
            ended.map_err(failed("write", &path))?;
            // Read as it will be read, before it takes the place of anything.
            let new = OnDisk::read(staging.file.path())?;
            let now = fs::metadata(&path).map_err(failed("open", &path))?;
            file.set_permissions(now.permissions())
                .map_err(failed("write", &path))?;
            if identity(now) != seen {
                return Err(changed);
            }
            files::publish(staging.file, &path)?;
            Ok(new)
        })
        .await
    }
}

impl OnDisk {
    fn read(path: &Path) -> Result<OnDisk, Error> {
        let seen = fs::metadata(path)
            .map(identity)
            .map_err(failed("open", path))?;
        let contents = scan(path)?;
        Ok(OnDisk { contents, seen })
    }
}

fn identity(metadata: Metadata) -> Identity {
    (metadata.len(), metadata.modified().ok())
}

/// Begins a new archive beside the old one, with everything of it but `index.json`.
fn begin(path: &Path, contents: &Contents) -> Result<Staging, Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let file = files::stage(folder.unwrap_or(Path::new(".")))?;
    let mut old = File::open(path).map_err(failed("read", path))?;
    let mut end_bytes = 0;
    for part in &contents.kept {
        let length = part.end - part.start;
        old.seek(SeekFrom::Start(part.start))
            .map_err(failed("read", path))?;
        let copied = io::copy(&mut (&old).take(length), &mut file.as_file())
            .map_err(failed("copy", path))?;
        if copied != length {
            return Err(Error::Layout {
                path: path.to_owned(),
                fault: LayoutFault::Changed,
            });
        }
        end_bytes += length;
    }
    Ok(Staging {
        file,
        blobs: HashMap::new(),
        end_bytes,
    })
}

impl Staging {
    /// Appends a file. What a failure left half done is cut off by the next one.
    async fn append(
        &mut self,
        archive: &Path,
        name: &str,
        blob: &Descriptor,
        content: &dyn Content,
    ) -> Result<(), Error> {
        let header = header(name, blob.size_bytes).map_err(failed("write", archive))?;
        let mut file = self
            .file
            .as_file()
            .try_clone()
            .map_err(failed("write", archive))?;
        let start = self.end_bytes;
        let begun = move || {
            file.set_len(start)?;
            file.seek(SeekFrom::Start(start))?;
            file.write_all(header.as_bytes())?;
            Ok(file)
        };
        let file = blocking(begun).await.map_err(failed("write", archive))?;
        let padded = file.try_clone().map_err(failed("write", archive))?;
        files::write_content(file, archive, blob, content).await?;
        let end = start + BLOCK_BYTES + blob.size_bytes.next_multiple_of(BLOCK_BYTES);
        blocking(move || padded.set_len(end))
            .await
            .map_err(failed("write", archive))?;
        let place = Place {
            offset_bytes: start + BLOCK_BYTES,
            size_bytes: blob.size_bytes,
        };
        self.blobs.insert(blob.digest, place);
        self.end_bytes = end;
        Ok(())
    }
}

fn header(name: &str, size_bytes: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
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
            if !state.index.list(&descriptor, listing) {
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
