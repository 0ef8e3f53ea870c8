//! A blob on its way: chunks in order, counted and hashed, wherever they come from.

use bytes::{Bytes, BytesMut};

use crate::descriptor::Descriptor;
use crate::digest::{Digest, DigestHasher};
use crate::error::{Error, Mismatch, Promise};
use crate::store::Pending;

/// Where the chunks come from: a connection that resumes, or a file.
pub(crate) trait ChunkSource: Send {
    /// The next bytes, or `None` at the end. Never more than was asked for in total.
    fn next(&mut self) -> Pending<'_, Result<Option<Bytes>, Error>>;

    /// Bytes that came over the network so far, those fetched again included.
    fn fetched_bytes(&self) -> u64;
}

/// A blob's bytes, once, from the first to the last.
///
/// Chunks are handed out before the digest of the whole is known. Only `Ok(None)` says that all of them were right; until
/// then nothing made from them may be published.
pub struct BlobReader {
    source: Box<dyn ChunkSource>,
    digest: Digest,
    size_bytes: u64,
    position_bytes: u64,
    hasher: Option<DigestHasher>,
    ended: bool,
}

impl BlobReader {
    pub(crate) fn new(blob: &Descriptor, source: Box<dyn ChunkSource>) -> BlobReader {
        BlobReader {
            source,
            digest: blob.digest,
            size_bytes: blob.size_bytes,
            position_bytes: 0,
            hasher: Some(DigestHasher::new()),
            ended: false,
        }
    }

    /// Of some bytes of a blob only, whose digest nobody knows.
    pub(crate) fn of_part(
        blob: &Descriptor,
        part_bytes: u64,
        source: Box<dyn ChunkSource>,
    ) -> BlobReader {
        BlobReader {
            size_bytes: part_bytes,
            ..BlobReader::new(blob, source).hashed_by_caller()
        }
    }

    /// Leaves the digest to a caller that hashes every byte itself, which halves the cost. The size is still checked.
    #[must_use]
    pub fn hashed_by_caller(mut self) -> BlobReader {
        self.hasher = None;
        self
    }

    /// The next bytes of the blob; `None` after the last one, once size and digest are found right. After `None` or an
    /// error there is nothing more to read.
    ///
    /// # Errors
    /// What [`Error`] says; [`Error::Mismatch`] when the bytes are not those of the descriptor.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.ended {
            return Ok(None);
        }
        let chunk = self
            .source
            .next()
            .await
            .inspect_err(|_| self.ended = true)?;
        let Some(chunk) = chunk else {
            self.ended = true;
            return self.check().map(|()| None);
        };
        self.position_bytes += chunk.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        Ok(Some(chunk))
    }

    /// The whole blob, for small ones.
    ///
    /// # Errors
    /// As [`Self::next_chunk`], and [`Error::TooLarge`] before anything is read when the blob has more than `limit_bytes`.
    pub async fn read_whole(mut self, limit_bytes: u64) -> Result<Bytes, Error> {
        if self.size_bytes > limit_bytes {
            return Err(Error::TooLarge {
                what: "blob",
                limit_bytes,
            });
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// How many bytes the blob has in all, or the part of it that was asked for.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Bytes handed out so far.
    #[must_use]
    pub fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// Bytes that came over the network so far, those fetched a second time after a cut included; 0 for local files.
    #[must_use]
    pub fn fetched_bytes(&self) -> u64 {
        self.source.fetched_bytes()
    }

    fn check(&mut self) -> Result<(), Error> {
        let what = Promise::Blob(self.digest);
        if self.position_bytes != self.size_bytes {
            let (expected, found) = (self.size_bytes, self.position_bytes);
            return Err(Mismatch::Size {
                what,
                expected,
                found,
            }
            .into());
        }
        match self.hasher.take().map(DigestHasher::finish) {
            Some(found) if found != self.digest => Err(Mismatch::Digest {
                what,
                expected: self.digest,
                found,
            }
            .into()),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "BlobReader({} at {} of {})",
            self.digest, self.position_bytes, self.size_bytes
        )
    }
}
