//! A blob on its way: chunks in order, counted and hashed, wherever they come from.

use bytes::{Bytes, BytesMut};

use crate::descriptor::Descriptor;
use crate::digest::{Digest, DigestHasher};
use crate::error::{Error, Mismatch, Promise};
use crate::kind::Kind;
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
    end: Option<End>,
}

/// How a stream ended.
enum End {
    /// With all bytes, and they were right.
    Whole,
    /// With this failure.
    Failed { kind: Kind, reason: String },
}

impl BlobReader {
    pub(crate) fn new(blob: &Descriptor, source: Box<dyn ChunkSource>) -> BlobReader {
        BlobReader {
            source,
            digest: blob.digest,
            size_bytes: blob.size_bytes,
            position_bytes: 0,
            hasher: Some(DigestHasher::new()),
            end: None,
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

    /// The next bytes of the blob; `None` after the last one, once size and digest are found right, and from then on. After an error there is
    /// nothing more to read, and that is an error too, so that nobody takes it for the end.
    ///
    /// # Errors
    /// What [`Error`] says; [`Error::Mismatch`] when the bytes are not those of the descriptor; [`Error::ReadAfterFailure`] of the first
    /// failure's kind after one.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &self.end {
            Some(End::Whole) => return Ok(None),
            Some(End::Failed { kind, reason }) => {
                return Err(Error::ReadAfterFailure {
                    blob: self.digest,
                    kind: *kind,
                    reason: reason.clone(),
                });
            }
            None => {}
        }
        let next = self.source.next().await;
        let next = next.and_then(|chunk| self.counted(chunk));
        match &next {
            Ok(Some(_)) => {}
            Ok(None) => self.end = Some(End::Whole),
            Err(error) => {
                let (kind, reason) = (error.kind(), error.to_string());
                self.end = Some(End::Failed { kind, reason });
            }
        }
        next
    }

    /// The same chunk, counted and hashed; at the end of all, if they were right.
    fn counted(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>, Error> {
        let Some(chunk) = chunk else {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks, and behind them the end or a failure.
    struct Chunks(Vec<Result<Option<Bytes>, Error>>);

    impl ChunkSource for Chunks {
        fn next(&mut self) -> Pending<'_, Result<Option<Bytes>, Error>> {
            let next = match self.0.is_empty() {
                true => Ok(None),
                false => self.0.remove(0),
            };
            Box::pin(std::future::ready(next))
        }

        fn fetched_bytes(&self) -> u64 {
            0
        }
    }

    fn reader(chunks: Vec<Result<Option<Bytes>, Error>>) -> BlobReader {
        let blob = Descriptor::new("a/b", Digest::of(b"hello"), 5);
        BlobReader::new(&blob, Box::new(Chunks(chunks)))
    }

    fn chunk(text: &'static str) -> Result<Option<Bytes>, Error> {
        Ok(Some(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn after_a_failure_there_is_no_end() {
        let too_large = || Error::TooLarge {
            what: "blob",
            limit_bytes: 1,
        };
        for chunks in [
            vec![chunk("he"), Err(too_large())],
            vec![chunk("he")],
            vec![chunk("hallo")],
        ] {
            let mut reader = reader(chunks);
            reader.next_chunk().await.expect("a chunk");
            let first = reader.next_chunk().await.expect_err("it fails");
            for _ in 0..3 {
                let again = reader.next_chunk().await.expect_err("it has failed");
                assert!(matches!(again, Error::ReadAfterFailure { .. }), "{again}");
                assert_eq!(again.kind(), first.kind());
                assert!(again.to_string().ends_with(&first.to_string()), "{again}");
            }
        }
    }

    #[tokio::test]
    async fn the_end_stays_the_end() {
        let mut reader = reader(vec![chunk("hel"), chunk("lo")]);
        while let Some(chunk) = reader.next_chunk().await.expect("right") {
            assert!(!chunk.is_empty());
        }
        assert_eq!(reader.next_chunk().await.expect("right"), None);
    }
}
