//! Packs files into a layer, and takes the SHA-256 of each as it comes from the disk.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use soci_registry::{Descriptor, Digest, DigestHasher};
use tar::{Builder, EntryType, Header};

use super::tree::{Chosen, Entry, EntryKind};
use super::{Layer, SourceFile};
use crate::content::FileContent;
use crate::error::DemoError;
use crate::stop::Stop;

/// The media type of layers compressed with gzip.
const MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Bytes that are written to the disk at once.
const BUFFER_BYTES: usize = 1 << 20;

type Output = Hashed<GzEncoder<Hashed<BufWriter<File>>>>;

/// Writes the layer to a path.
pub(super) fn pack(
    chosen: &Chosen,
    path: &Path,
    told: &dyn Fn(u64),
    stop: &Stop,
) -> Result<Layer, DemoError> {
    let unwritten = |error| DemoError::file("write", path, error);
    let file = File::create(path).map_err(unwritten)?;
    let file = Hashed::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    // Level 6, as docker compresses.
    let gzip = GzEncoder::new(file, Compression::default());
    let mut archive = Builder::new(Hashed::new(gzip));
    let mut files = Vec::new();
    for entry in &chosen.entries {
        stop.check()?;
        match &entry.kind {
            EntryKind::File { size } => {
                if let Some(digest) = add_file(&mut archive, entry, *size, path, stop)? {
                    let name = entry.name.as_os_str().as_bytes().to_vec();
                    let size = *size;
                    files.push(SourceFile { name, digest, size });
                }
                told(*size);
            }
            EntryKind::Folder => {
                let mut header = header(entry, EntryType::Directory, 0);
                let added = archive.append_data(&mut header, &entry.name, io::empty());
                added.map_err(unwritten)?;
            }
            EntryKind::Symlink { target } => {
                let mut header = header(entry, EntryType::Symlink, 0);
                let added = archive.append_link(&mut header, &entry.name, target);
                added.map_err(unwritten)?;
            }
        }
    }
    let archive = archive.into_inner().map_err(unwritten)?;
    let (archive_bytes, diff_id) = (archive.bytes, archive.hasher.clone().finish());
    let mut packed = archive.inner.finish().map_err(unwritten)?;
    packed.flush().map_err(unwritten)?;
    Ok(Layer {
        blob: Descriptor::new(MEDIA_TYPE, packed.hasher.finish(), packed.bytes),
        content: FileContent::new(path),
        diff_id,
        archive_bytes,
        files,
    })
}

fn header(entry: &Entry, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(entry.mode);
    header.set_mtime(entry.modified);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Adds a file and tells its digest; None when it cannot be opened after all.
fn add_file(
    archive: &mut Builder<Output>,
    entry: &Entry,
    size: u64,
    layer: &Path,
    stop: &Stop,
) -> Result<Option<Digest>, DemoError> {
    let Ok(file) = File::open(&entry.source) else {
        return Ok(None);
    };
    let mut source = Source {
        file: file.take(size),
        hasher: DigestHasher::new(),
        left_bytes: size,
        failure: None,
        stop,
    };
    let mut header = header(entry, EntryType::Regular, size);
    let added = archive.append_data(&mut header, &entry.name, &mut source);
    if let Some(error) = source.failure {
        return Err(DemoError::file("read", &entry.source, error));
    }
    added.map_err(|error| DemoError::file("write", layer, error))?;
    stop.check()?;
    if source.left_bytes > 0 {
        let path = entry.source.display().to_string();
        return Err(DemoError::Changed { path });
    }
    Ok(Some(source.hasher.finish()))
}

/// A file on its way into the archive.
struct Source<'a> {
    file: io::Take<File>,
    hasher: DigestHasher,
    left_bytes: u64,
    failure: Option<io::Error>,
    stop: &'a Stop,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_set() {
            return Ok(0);
        }
        let read = match self.file.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.failure = Some(error);
                return Ok(0);
            }
        };
        self.hasher.update(&buffer[..read]);
        self.left_bytes -= read as u64;
        Ok(read)
    }
}

/// Counts and hashes what is written through it.
struct Hashed<W> {
    inner: W,
    hasher: DigestHasher,
    bytes: u64,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Hashed<W> {
        Hashed {
            inner,
            hasher: DigestHasher::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
