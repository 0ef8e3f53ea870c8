//! What stands around an odd place: files before it that fill some spans, files behind it that must still be read right.

use super::{Algorithm, Expect, OddCase, Reference};
use crate::tar::{Archive, Header};
use crate::{content, gzip};

/// A file that a reader has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as the daemon shows it: cleaned, without a leading slash.
    pub path: Vec<u8>,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A property of a path that a right reader would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The path as the daemon shows it.
    pub path: &'static str,
    /// Which property.
    pub name: &'static str,
    /// Its right value; `absent` for a type says that the path should not be there.
    pub right: &'static str,
}

/// An archive with a list of what it holds.
#[derive(Clone, Debug)]
pub(super) struct Around {
    archive: Archive,
    files: Vec<SourceFile>,
}

impl Around {
    /// Only the list: the archive is empty.
    pub(super) fn nothing() -> Self {
        Self {
            archive: Archive::new(),
            files: Vec::new(),
        }
    }

    /// A first file that fills some spans.
    pub(super) fn new() -> Self {
        Self::nothing().file("first.bin", content::mixed(11, 150_000))
    }

    /// A regular file, listed.
    pub(super) fn file(self, name: &str, content: Vec<u8>) -> Self {
        self.put(|a| a.file(name, &content)).holds(name, content)
    }

    /// An entry with its data, listed under a path.
    pub(super) fn entry(self, header: Header, path: impl AsRef<[u8]>, content: Vec<u8>) -> Self {
        self.put(|a| a.entry(header, &content)).holds(path, content)
    }

    /// Anything else in the archive.
    pub(super) fn put(mut self, write: impl FnOnce(Archive) -> Archive) -> Self {
        self.archive = write(self.archive);
        self
    }

    /// Lists a file; a later one of the same path takes an earlier one's place.
    pub(super) fn holds(mut self, path: impl AsRef<[u8]>, content: Vec<u8>) -> Self {
        let path = path.as_ref().to_vec();
        self.files.retain(|f| f.path != path);
        self.files.push(SourceFile { path, content });
        self
    }

    /// Takes a file off the list.
    pub(super) fn without(mut self, path: &str) -> Self {
        self.files.retain(|f| f.path != path.as_bytes());
        self
    }

    /// Two files behind the odd place, over several spans.
    pub(super) fn after(self) -> Self {
        self.file("after.bin", content::mixed(12, 140_000))
            .file("last.txt", content::text(13, 3_000))
    }

    /// The archive with its end blocks, as a plain layer, and its files.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<SourceFile>) {
        (self.archive.finish(), self.files)
    }

    /// The archive as it stands and its files.
    pub(super) fn unfinished(self) -> (Vec<u8>, Vec<SourceFile>) {
        (self.archive.unfinished(), self.files)
    }

    /// A case of this archive, with end blocks, in ordinary gzip.
    pub(super) fn case(self, id: &'static str, input: &'static str) -> OddCase {
        let (tar, files) = self.finish();
        OddCase::new(id, input, gzip::compress(&tar, 6)).files(files)
    }

    /// A case of this archive as it stands, in ordinary gzip.
    pub(super) fn case_unfinished(self, id: &'static str, input: &'static str) -> OddCase {
        let (tar, files) = self.unfinished();
        OddCase::new(id, input, gzip::compress(&tar, 6)).files(files)
    }
}

/// An ordinary archive: what stands before, and what stands behind.
pub(super) fn ordinary() -> (Vec<u8>, Vec<SourceFile>) {
    Around::new().after().finish()
}

impl OddCase {
    /// A gzip layer that the reference gets right and we write alike, until told otherwise.
    pub(super) fn new(id: &'static str, input: &'static str, layer: Vec<u8>) -> Self {
        Self {
            id,
            input,
            layer,
            algorithm: Algorithm::Gzip,
            multi_member: false,
            reference: Reference::Right,
            expect: Expect::Indexed {
                same_bytes_as_reference: true,
            },
            why: "the daemon reads it right",
            attribute: None,
            files: Vec::new(),
        }
    }

    /// An attribute that the reference gets wrong: it is why we refuse.
    pub(super) fn attribute_wrong(
        mut self,
        path: &'static str,
        name: &'static str,
        right: &'static str,
        why: &'static str,
    ) -> Self {
        self.attribute = Some(Attribute { path, name, right });
        self.refused(Reference::AttributeWrong, "unreadable-metadata", why)
    }

    pub(super) fn files(mut self, files: Vec<SourceFile>) -> Self {
        self.files = files;
        self
    }

    pub(super) fn plain(mut self) -> Self {
        self.algorithm = Algorithm::Uncompressed;
        self
    }

    pub(super) fn allowed(mut self) -> Self {
        self.multi_member = true;
        self
    }

    /// We index it otherwise than the reference, which does what `reference` says.
    pub(super) fn differs(mut self, reference: Reference, why: &'static str) -> Self {
        self.reference = reference;
        self.expect = Expect::Indexed {
            same_bytes_as_reference: false,
        };
        self.why = why;
        self
    }

    pub(super) fn refused(
        mut self,
        reference: Reference,
        reason: &'static str,
        why: &'static str,
    ) -> Self {
        self.reference = reference;
        self.expect = Expect::NotIndexable(reason);
        self.why = why;
        self
    }

    pub(super) fn damaged(mut self, why: &'static str) -> Self {
        self.reference = Reference::BuilderFails;
        self.expect = Expect::Damaged;
        self.why = why;
        self
    }
}
