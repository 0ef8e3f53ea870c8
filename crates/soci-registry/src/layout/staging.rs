//! The new archive on its way to the old one's place.
//!
//! It begins as a copy of what is kept, grows by what is pushed, and takes the old one's name whole or not at all, and only if nobody else
//! has changed that meanwhile.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::files::{self, blocking, failed};
use super::index::Index;
use super::scan::{BLOCK_BYTES, Contents, Place, scan};
use super::{INDEX_FILE, LayoutFault};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Error;
use crate::store::Content;

/// The archive as it lies under its name.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub(super) contents: Contents,
    /// Length and time of the archive when it was read, by which another writer is noticed.
    pub(super) seen: Identity,
}

pub(super) type Identity = (u64, Option<std::time::SystemTime>);

/// The new archive on its way.
#[derive(Debug)]
pub(super) struct Staging {
    file: NamedTempFile,
    blobs: HashMap<Digest, Place>,
    end_bytes: u64,
}

impl OnDisk {
    pub(super) fn read(path: &Path) -> Result<OnDisk, Error> {
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

impl Staging {
    /// Begins a new archive beside the old one, with everything of it but `index.json`.
    pub(super) fn begin(path: &Path, contents: &Contents) -> Result<Staging, Error> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = files::stage(folder.unwrap_or(Path::new(".")))?;
        let mut old = files::open(path)?;
        let mut end_bytes = 0;
        for part in &contents.kept {
            let length = part.end - part.start;
            old.seek(SeekFrom::Start(part.start))
                .map_err(failed("read", path))?;
            let copied = io::copy(&mut (&old).take(length), &mut file.as_file())
                .map_err(failed("copy", path))?;
            if copied != length {
                return Err(changed(path));
            }
            end_bytes += length;
        }
        Ok(Staging {
            file,
            blobs: HashMap::new(),
            end_bytes,
        })
    }

    /// Where the blob is, if it was appended.
    pub(super) fn find(&self, digest: &Digest) -> Option<(PathBuf, Place)> {
        let place = self.blobs.get(digest)?;
        Some((self.file.path().to_owned(), *place))
    }

    /// Appends a file. What a failure left half done is cut off by the next one.
    pub(super) async fn append(
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

    /// Ends the new archive with this index and puts it into the place of the old one, if that is as it was seen.
    pub(super) async fn take_place(
        mut self,
        path: &Path,
        index: &Index,
        seen: Identity,
    ) -> Result<OnDisk, Error> {
        let index = Bytes::from(index.to_bytes());
        let document = Descriptor::new("", Digest::of(&index), index.len() as u64);
        self.append(path, INDEX_FILE, &document, &index).await?;
        let path = path.to_owned();
        blocking(move || {
            // Two blocks of zeros end an archive; they lie behind whatever a failed append left.
            let mut file = self.file.as_file();
            let ended = file
                .set_len(self.end_bytes)
                .and_then(|()| file.seek(SeekFrom::Start(self.end_bytes)))
                .and_then(|_| file.write_all(&[0; 2 * BLOCK_BYTES as usize]));
            ended.map_err(failed("write", &path))?;
            // Read as it will be read, before it takes the place of anything.
            let new = OnDisk::read(self.file.path())?;
            let now = fs::metadata(&path).map_err(failed("open", &path))?;
            file.set_permissions(now.permissions())
                .map_err(failed("write", &path))?;
            if identity(now) != seen {
                return Err(changed(&path));
            }
            files::publish(self.file, &path)?;
            Ok(new)
        })
        .await
    }
}

fn changed(path: &Path) -> Error {
    Error::Layout {
        path: path.to_owned(),
        fault: LayoutFault::Changed,
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
