//! Files: blobs read in chunks, and files that appear whole or not at all.
//!
//! File calls block, so each runs on tokio's threads for that. Whole or not at all means: written under another name in the
//! same folder, brought to the disk, renamed, and the folder brought to the disk.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tempfile::NamedTempFile;

use super::LayoutFault;
use crate::blob::ChunkSource;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, DigestHasher};
use crate::error::{Error, Mismatch, Promise};
use crate::limits::FILE_CHUNK_BYTES;
use crate::store::{Content, Pending};

/// Runs blocking work. If it panics, so does this.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is being shut down cancels it, and then nobody waits here for long.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Makes an [`Error`] of an I/O error.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        action,
        path,
        source,
    }
}

/// Opens a file to be read. What is no regular file is refused: a FIFO would be waited for until somebody writes, a device may do anything.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let read = || failed("read", path);
    check_regular(path, &fs::metadata(path).map_err(read())?)?;
    let mut options = File::options();
    options.read(true);
    // Something else may take the file's place just now. With this flag opening that does not wait, and then it is told.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(read())?;
    check_regular(path, &file.metadata().map_err(read())?)?;
    Ok(file)
}

fn check_regular(path: &Path, found: &Metadata) -> Result<(), Error> {
    if found.is_file() {
        return Ok(());
    }
    let fault = LayoutFault::NotRegular {
        what: name_of(found.file_type()),
    };
    let path = path.to_owned();
    Err(Error::Layout { path, fault })
}

#[cfg(unix)]
fn name_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}

/// The file's bytes, if there are at most `limit_bytes`.
pub(super) fn read_bounded(
    path: &Path,
    limit_bytes: u64,
    what: &'static str,
) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    match bytes.len() as u64 > limit_bytes {
        true => Err(Error::TooLarge { what, limit_bytes }),
        false => Ok(bytes),
    }
}

/// The digest of a file's bytes.
pub(super) fn digest(path: &Path) -> Result<Digest, Error> {
    let mut file = File::open(path).map_err(failed("read", path))?;
    let mut hasher = DigestHasher::new();
    let mut chunk = vec![0; FILE_CHUNK_BYTES];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(bytes) => hasher.update(&chunk[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
}

/// A new file beside others, with a name that no tool looks at, readable as the process's umask has it.
pub(super) fn stage(folder: &Path) -> Result<NamedTempFile, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".soci-index-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
        .tempfile_in(folder)
        .map_err(failed("write into", folder))
}

/// Lets a staged file appear under its name, in place of what may be there.
pub(super) fn publish(staged: NamedTempFile, path: &Path) -> Result<(), Error> {
    staged.as_file().sync_all().map_err(failed("write", path))?;
    staged
        .persist(path)
        .map_err(|error| failed("write", path)(error.error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    sync_folder(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    })
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("write into", folder))
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Writes this content at the file's position and holds it against its descriptor.
pub(super) async fn write_content(
    mut file: File,
    path: &Path,
    blob: &Descriptor,
    content: &dyn Content,
) -> Result<(), Error> {
    let mut hasher = DigestHasher::new();
    let mut size_bytes = 0;
    for chunk in content.chunks() {
        hasher.update(&chunk);
        size_bytes += chunk.len() as u64;
        let written = blocking(move || file.write_all(&chunk).map(|()| file)).await;
        file = written.map_err(failed("write", path))?;
    }
    let what = Promise::Blob(blob.digest);
    let found = hasher.finish();
    if size_bytes != blob.size_bytes {
        return Err(Mismatch::Size {
            what,
            expected: blob.size_bytes,
            found: size_bytes,
        }
        .into());
    }
    if found != blob.digest {
        return Err(Mismatch::Digest {
            what,
            expected: blob.digest,
            found,
        }
        .into());
    }
    Ok(())
}

/// A part of a file, chunk by chunk.
pub(super) struct FilePart {
    file: Option<File>,
    path: PathBuf,
    left_bytes: u64,
}

impl FilePart {
    /// These bytes of the file.
    pub(super) fn open(path: &Path, bytes: Range<u64>) -> Result<FilePart, Error> {
        let mut file = open(path)?;
        file.seek(SeekFrom::Start(bytes.start))
            .map_err(failed("read", path))?;
        Ok(FilePart {
            file: Some(file),
            path: path.to_owned(),
            left_bytes: bytes.end.saturating_sub(bytes.start),
        })
    }
}

impl ChunkSource for FilePart {
    fn next(&mut self) -> Pending<'_, Result<Option<Bytes>, Error>> {
        Box::pin(async {
            let Some(file) = self.file.take() else {
                return Ok(None);
            };
            let wanted = self.left_bytes.min(FILE_CHUNK_BYTES as u64);
            let (file, read) = blocking(move || read_up_to(file, wanted)).await;
            let chunk = read.map_err(failed("read", &self.path))?;
            // A file that ends early ends the blob, whose size then tells.
            if chunk.is_empty() {
                return Ok(None);
            }
            self.left_bytes -= chunk.len() as u64;
            self.file = Some(file);
            Ok(Some(chunk))
        })
    }

    fn fetched_bytes(&self) -> u64 {
        0
    }
}

fn read_up_to(mut file: File, wanted_bytes: u64) -> (File, io::Result<Bytes>) {
    let mut chunk = BytesMut::zeroed(wanted_bytes as usize);
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (file, Err(error)),
        }
    }
    chunk.truncate(filled);
    (file, Ok(chunk.freeze()))
}
