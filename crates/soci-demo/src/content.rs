//! A file as the content of a blob, read as often as a push has to be repeated.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use soci_registry::Content;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A file.
#[derive(Debug)]
pub(crate) struct FileContent(PathBuf);

impl FileContent {
    pub(crate) fn new(path: &Path) -> FileContent {
        FileContent(path.to_owned())
    }
}

impl Content for FileContent {
    /// What cannot be read is missing at the end, which the registry's client finds by the blob's size.
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        let mut file = File::open(&self.0).ok();
        Box::new(std::iter::from_fn(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let read = file.as_mut()?.read(&mut chunk).ok()?;
            chunk.truncate(read);
            (read > 0).then(|| Bytes::from(chunk))
        }))
    }
}
