//! A layer's bytes cut into files and held against what the files were.

use std::io::Read as _;
use std::ops::Range;

use flate2::read::GzDecoder;
use soci_index::FileMetadata;
use soci_registry::{Digest, DigestHasher};

use crate::image::SourceFile;

/// A name for people.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// Files as the zTOC says that they lie in the layer, in order, and what they were in the source tree.
pub(super) struct Files {
    expected: Vec<Expected>,
    /// The one that is read next or being read.
    next: usize,
    hasher: DigestHasher,
    /// Bytes of the layer that came so far.
    position: u64,
    wrong: Vec<String>,
}

struct Expected {
    name: String,
    data: Range<u64>,
    digest: Digest,
}

impl Files {
    pub(super) fn new<'f>(
        source: &[SourceFile],
        mut listed: impl Iterator<Item = &'f FileMetadata>,
    ) -> Files {
        let mut expected = Vec::with_capacity(source.len());
        let mut wrong = Vec::new();
        for file in source {
            let name = shown(&file.name);
            let Some(found) = listed.next() else {
                wrong.push(format!("{name}: the zTOC does not list it"));
                continue;
            };
            if *found.name != *file.name || found.uncompressed_bytes != file.size {
                let (found, size) = (shown(&found.name), found.uncompressed_bytes);
                wrong.push(format!(
                    "{name}: the zTOC has {found} of {size} bytes in its place"
                ));
                continue;
            }
            let (data, digest) = (found.data(), file.digest);
            expected.push(Expected { name, data, digest });
        }
        wrong.extend(
            listed.map(|file| format!("{}: nothing like it was packed", shown(&file.name))),
        );
        Files {
            expected,
            next: 0,
            hasher: DigestHasher::new(),
            position: 0,
            wrong,
        }
    }

    /// Takes the layer's next bytes.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        while let Some(file) = self.expected.get(self.next) {
            if self.position < file.data.start {
                let gap = file.data.start - self.position;
                piece = self.skip(piece, gap);
                if self.position < self.expected[self.next].data.start {
                    return;
                }
                continue;
            }
            let left = file.data.end.saturating_sub(self.position);
            let own = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            self.hasher.update(&piece[..own]);
            piece = self.skip(piece, own as u64);
            if self.position < self.expected[self.next].data.end {
                return;
            }
            self.end_file();
        }
        self.position += piece.len() as u64;
    }

    fn skip<'p>(&mut self, piece: &'p [u8], bytes: u64) -> &'p [u8] {
        let skipped = usize::try_from(bytes).map_or(piece.len(), |bytes| bytes.min(piece.len()));
        self.position += skipped as u64;
        &piece[skipped..]
    }

    /// A file whose place the zTOC gives before the end of the one before it comes out short, so with another digest.
    fn end_file(&mut self) {
        let found = std::mem::take(&mut self.hasher).finish();
        let file = &self.expected[self.next];
        if found != file.digest {
            self.wrong.push(format!("{}: other content", file.name));
        }
        self.next += 1;
    }

    /// What is wrong, all bytes having come.
    pub(super) fn finish(&mut self) -> Vec<String> {
        // Empty files may be last.
        self.take(&[]);
        for file in &self.expected[self.next..] {
            self.wrong
                .push(format!("{}: the layer ends before it does", file.name));
        }
        self.next = self.expected.len();
        std::mem::take(&mut self.wrong)
    }
}

/// What is wrong with the files of a layer that is read from its beginning.
pub(super) fn of_whole_layer(
    source: &[SourceFile],
    layer: &[u8],
    told: &dyn Fn(u64),
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left = source.iter();
    let mut archive = tar::Archive::new(GzDecoder::new(layer));
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return vec![format!("a layer without a zTOC: {error}")],
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                wrong.push(format!("a layer without a zTOC: {error}"));
                break;
            }
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path_bytes().into_owned();
        let mut hasher = DigestHasher::new();
        let mut buffer = [0; 64 << 10];
        loop {
            match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    told(read as u64);
                }
                Err(error) => {
                    wrong.push(format!("{}: {error}", shown(&name)));
                    break;
                }
            }
        }
        match left.next() {
            Some(file) if file.name == name && file.digest == hasher.finish() => {}
            _ => wrong.push(format!("{}: other content", shown(&name))),
        }
    }
    wrong.extend(left.map(|file| format!("{}: it is not in the layer", shown(&file.name))));
    wrong
}
