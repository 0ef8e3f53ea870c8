//! The one trait for "where images live": a repository of a registry, a layout folder, an archive.
//!
//! Its futures are boxed so that the trait can be used as `dyn Store`: the job is written once against it, and a wrapper
//! that counts or breaks things on purpose is one more implementation. One allocation per call is nothing beside a request
//! or a file; the chunks of a blob, of which there are many, come from [`BlobReader`] without one per byte of meaning.

use std::ops::Range;
use std::pin::Pin;

use bytes::Bytes;

use crate::blob::BlobReader;
use crate::descriptor::{Descriptor, Manifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::{Tag, Target};

/// A boxed future that may run on any thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One place in which images live. Every call is cancelled by dropping its future, and every writing call may be repeated:
/// what is there already counts as written.
pub trait Store: Send + Sync {
    /// What a tag holds now: media type, digest and size, without reading the manifest where that can be had.
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>>;

    /// A manifest, at most [`MANIFEST_BYTES`](crate::MANIFEST_BYTES) long, its digest checked against its bytes.
    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>>;

    /// A blob as a stream of chunks that is checked against the descriptor's size and digest.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>>;

    /// At least one byte of a blob, none behind its end, as a stream of chunks. Their number is checked, the digest of the whole cannot be:
    /// the caller has to know the bytes by something else.
    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        part: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>>;

    /// Whether a blob is here.
    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>>;

    /// Stores a blob unless it is here.
    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>>;

    /// Stores a manifest byte for byte. A tag that holds it already is left alone.
    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>>;

    /// The tags here, in no particular order.
    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>>;

    /// Manifests whose `subject` is this one, of one artifact type if one is named.
    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>>;

    /// Makes what was pushed last. An archive appears here, whole or not at all; elsewhere every push is final by itself.
    fn finish(&self) -> Pending<'_, Result<(), Error>>;
}

/// How a pushed manifest can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing<'a> {
    /// By its digest alone: for the parts of something that is listed itself.
    Digest,
    /// By a tag, which is moved if it holds something else.
    Tag(&'a Tag),
    /// By its digest, and as an entry without a name where there is a list of entries: layouts and archives.
    Untagged,
    /// By what its `subject` names: [`Store::referrers`] of that lists it from now on.
    Referrer {
        /// The digest in its `subject`.
        subject: &'a Digest,
        /// Its descriptor, with the artifact type and the annotations that the manifest has.
        entry: &'a Descriptor,
    },
}

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was written now.
    Stored,
    /// It was there already.
    AlreadyThere,
}

/// Bytes that can be had again and again, as often as a push has to be repeated.
pub trait Content: Send + Sync {
    /// All bytes from the first to the last, cut anywhere.
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_>;
}

impl Content for Bytes {
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        Box::new(std::iter::once(self.clone()))
    }
}

impl Content for Vec<Bytes> {
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        Box::new(self.iter().cloned())
    }
}
