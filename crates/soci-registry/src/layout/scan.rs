//! What lies where in an archive, found in one pass over its headers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::ops::Range;
use std::path::Path;

use super::files::{self, failed};
use super::index::Index;
use super::{BLOBS, INDEX_FILE, LayoutFault, MARKER_FILE};
use crate::digest::Digest;
use crate::error::Error;
use crate::limits::{ARCHIVE_ENTRIES, LAYOUT_INDEX_BYTES};

/// Bytes of a tar block.
pub(super) const BLOCK_BYTES: u64 = 512;

/// Where a blob's bytes are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset_bytes: u64,
    pub(super) size_bytes: u64,
}

/// An archive's table of contents.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) index: Index,
    pub(super) blobs: HashMap<Digest, Place>,
    /// Parts of the file that a new archive takes over as they are: everything but `index.json`.
    pub(super) kept: Vec<Range<u64>>,
}

/// Reads an archive's headers, and of its contents only the two small documents.
pub(super) fn scan(path: &Path) -> Result<Contents, Error> {
    let fault = |fault| Error::Layout {
        path: path.to_owned(),
        fault,
    };
    let mut reader = BufReader::new(files::open(path)?);
    if looks_compressed(&mut reader) {
        return Err(fault(LayoutFault::Compressed));
    }
    let mut archive = tar::Archive::new(reader);
    let mut found = Found::default();
    for entry in archive.entries_with_seek().map_err(failed("read", path))? {
        let mut entry = entry.map_err(|_| fault(LayoutFault::Tar))?;
        found.add(&mut entry).map_err(fault)?;
    }
    found.finish().map_err(fault)
}

fn looks_compressed(reader: &mut BufReader<File>) -> bool {
    use std::io::BufRead as _;
    let beginning = reader.fill_buf().unwrap_or_default();
    beginning.starts_with(&[0x1f, 0x8b]) || beginning.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

#[derive(Default)]
struct Found {
    index: Option<Index>,
    marked: bool,
    blobs: HashMap<Digest, Place>,
    kept: Vec<Range<u64>>,
    entries: usize,
    end: u64,
}

impl Found {
    fn add(&mut self, entry: &mut tar::Entry<'_, BufReader<File>>) -> Result<(), LayoutFault> {
        self.entries += 1;
        if self.entries > ARCHIVE_ENTRIES {
            return Err(LayoutFault::Entries {
                limit: ARCHIVE_ENTRIES,
            });
        }
        // Its size is not that of its bytes in the archive, so where the next entry begins would be unknown.
        if entry.header().entry_type().is_gnu_sparse() {
            return Err(LayoutFault::Tar);
        }
        let place = Place {
            offset_bytes: entry.raw_file_position(),
            size_bytes: entry.size(),
        };
        let end = place.size_bytes.checked_next_multiple_of(BLOCK_BYTES);
        let end = end
            .and_then(|size| size.checked_add(place.offset_bytes))
            .ok_or(LayoutFault::Tar)?;
        // From the end of the entry before: headers that extend this one belong to it.
        let record = std::mem::replace(&mut self.end, end)..end;
        let name = entry.path_bytes();
        let name = String::from_utf8_lossy(name.strip_prefix(b"./").unwrap_or(&name)).into_owned();
        let is_file = entry.header().entry_type().is_file();
        if is_file && name == INDEX_FILE {
            self.index = Some(Index::parse(&document(entry, LayoutFault::Index)?)?);
            return Ok(());
        }
        if is_file && name == MARKER_FILE {
            super::check_marker(&document(entry, LayoutFault::Marker)?)?;
            self.marked = true;
        }
        if let Some(digest) = blob_name(&name).filter(|_| is_file) {
            self.blobs.insert(digest, place);
        }
        match self.kept.last_mut().filter(|last| last.end == record.start) {
            Some(last) => last.end = record.end,
            None => self.kept.push(record),
        }
        Ok(())
    }

    fn finish(self) -> Result<Contents, LayoutFault> {
        if !self.marked {
            return Err(LayoutFault::Marker);
        }
        let index = self.index.ok_or(LayoutFault::Index)?;
        Ok(Contents {
            index,
            blobs: self.blobs,
            kept: self.kept,
        })
    }
}

fn document(
    entry: &mut tar::Entry<'_, BufReader<File>>,
    fault: LayoutFault,
) -> Result<Vec<u8>, LayoutFault> {
    if entry.size() > LAYOUT_INDEX_BYTES {
        return Err(fault);
    }
    let mut bytes = Vec::new();
    entry
        .read_to_end(&mut bytes)
        .map_err(|_| LayoutFault::Tar)?;
    Ok(bytes)
}

fn blob_name(name: &str) -> Option<Digest> {
    let hex = name.strip_prefix(BLOBS)?.strip_prefix('/')?;
    format!("sha256:{hex}").parse().ok()
}
