//! A layer as a consumer reads it that loads lazily: through its zTOC, out of spans that are fetched by their ranges.
//!
//! [`verify`](fn@crate::verify) holds a zTOC against its layer. This reads through a zTOC whatever it says, for those who know from elsewhere
//! what must come out.

use std::ops::Range;
use std::sync::Arc;

use soci_registry::{Descriptor, Digest, InvalidDigest, Store};
use soci_ztoc::{
    DecodeError, FileKind, FileMetadata, FileReader, FindError, Limits, ReadError, Ztoc,
};
use tokio::task::spawn_blocking;

use crate::inspect::InspectedLayer;

/// Why something cannot be read through a zTOC.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LazyError {
    /// Reading from where the image lives.
    #[error(transparent)]
    Store(#[from] soci_registry::Error),
    /// A layer or zTOC is named by something that is no digest.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
    /// The zTOC cannot be decoded, or contradicts itself.
    #[error("zTOC {digest}: {error}")]
    Ztoc {
        /// The zTOC.
        digest: Digest,
        /// What is wrong with it.
        error: Box<DecodeError>,
    },
    /// The zTOC is that of another layer.
    #[error(
        "zTOC {ztoc} is for a layer of {found_bytes} bytes, layer {layer} has {expected_bytes}"
    )]
    OtherLayer {
        /// The zTOC.
        ztoc: Digest,
        /// The layer.
        layer: Digest,
        /// As the zTOC says.
        found_bytes: u64,
        /// As the image says.
        expected_bytes: u64,
    },
    /// A span is not what the zTOC says.
    #[error("layer {layer}: {error}")]
    Read {
        /// The layer.
        layer: Digest,
        /// What is wrong.
        error: Box<ReadError>,
    },
    /// A worker ended without a result.
    #[error("a worker ended without a result; this is a bug, please report it")]
    Worker,
}

/// What it took to read something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Spans.
    pub spans: usize,
    /// Compressed bytes of them.
    pub bytes: u64,
}

/// A layer with its zTOC.
#[derive(Clone)]
pub struct LazyLayer {
    store: Arc<dyn Store>,
    layer: Descriptor,
    ztoc: Arc<Ztoc>,
    limits: Limits,
}

impl LazyLayer {
    /// Reads the zTOC; `None` where the layer has none.
    ///
    /// # Errors
    /// When that cannot be read, or is not one for a layer of this size.
    pub async fn open(
        store: &Arc<dyn Store>,
        layer: &InspectedLayer,
    ) -> Result<Option<LazyLayer>, LazyError> {
        let Some(named) = &layer.ztoc else {
            return Ok(None);
        };
        let limits = Limits::default();
        let digest: Digest = named.digest.parse()?;
        let blob = store
            .blob(&Descriptor::new("", digest, named.size))
            .await?
            .read_whole(limits.memory_bytes as u64)
            .await?;
        let decoding = limits.clone();
        let decoded = spawn_blocking(move || Ztoc::decode(&blob, &decoding)).await;
        let ztoc = decoded
            .map_err(|_| LazyError::Worker)?
            .map_err(|error| LazyError::Ztoc {
                digest,
                error: Box::new(error),
            })?;
        let layer = Descriptor::new(&layer.media_type, layer.digest.parse()?, layer.size);
        if ztoc.compressed_bytes != layer.size_bytes {
            return Err(LazyError::OtherLayer {
                ztoc: digest,
                layer: layer.digest,
                found_bytes: ztoc.compressed_bytes,
                expected_bytes: layer.size_bytes,
            });
        }
        Ok(Some(LazyLayer {
            store: Arc::clone(store),
            layer,
            ztoc: Arc::new(ztoc),
            limits,
        }))
    }

    /// The layer.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.layer.digest
    }

    /// The zTOC.
    #[must_use]
    pub fn ztoc(&self) -> &Ztoc {
        &self.ztoc
    }

    /// The archive's regular files, in its order.
    pub fn files(&self) -> impl Iterator<Item = &FileMetadata> {
        let is_regular = |file: &&FileMetadata| file.kind == FileKind::Regular;
        self.ztoc.files.iter().filter(is_regular)
    }

    /// The file at this path, as [`Ztoc::find`] looks for it.
    ///
    /// # Errors
    /// [`FindError`] when there is none, or no regular one.
    pub fn find(&self, path: &[u8]) -> Result<&FileMetadata, FindError> {
        self.ztoc.find(path)
    }

    /// The uncompressed layer in bytes, up to and with the archive's end.
    #[must_use]
    pub fn uncompressed_bytes(&self) -> u64 {
        self.ztoc.uncompressed_bytes
    }

    /// Fetches the spans that hold these bytes of the uncompressed layer, decodes each from its checkpoint and hands the bytes to `take`.
    /// A file is read by its [`data`](FileMetadata::data).
    ///
    /// # Errors
    /// When they cannot be fetched, or are not what the zTOC says. What was taken before is of no use then.
    pub async fn read<T>(&self, bytes: Range<u64>, mut take: T) -> Result<Fetched, LazyError>
    where
        T: FnMut(&[u8]) + Send + 'static,
    {
        let mut fetched = Fetched::default();
        for span in self.ztoc.spans_of(bytes.clone()) {
            let span = self.ztoc.span(span);
            let part =
                bytes.start.max(span.uncompressed.start)..bytes.end.min(span.uncompressed.end);
            fetched.spans += 1;
            fetched.bytes += span.compressed.end - span.compressed.start;
            take = self.read_from_span(span.compressed, part, take).await?;
        }
        Ok(fetched)
    }

    async fn read_from_span<T>(
        &self,
        compressed: Range<u64>,
        part: Range<u64>,
        mut take: T,
    ) -> Result<T, LazyError>
    where
        T: FnMut(&[u8]) + Send + 'static,
    {
        let span = self.store.blob_part(&self.layer, compressed).await?;
        let span = span.read_whole(self.limits.span_bytes).await?;
        let (ztoc, limits) = (Arc::clone(&self.ztoc), self.limits.clone());
        let decode = move || -> Result<T, ReadError> {
            let mut reader = FileReader::of_bytes(&ztoc, part, &limits)?;
            let mut pieces = reader.open_span(&span)?;
            while let Some(piece) = pieces.next_piece()? {
                take(piece);
            }
            Ok(take)
        };
        let decoded = spawn_blocking(decode).await;
        let layer = self.layer.digest;
        decoded
            .map_err(|_| LazyError::Worker)?
            .map_err(|error| LazyError::Read {
                layer,
                error: Box::new(error),
            })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use soci_registry::LayoutStore;
    use soci_testkit::{content, tar};
    use soci_ztoc::{BuildOptions, Builder, Built, SpanSize};

    use super::*;
    use crate::inspect::InspectedZtoc;

    /// A layer of several spans in a layout, with its zTOC, and its archive.
    async fn layer(
        folder: &std::path::Path,
        damage: impl FnOnce(&mut Ztoc),
    ) -> (Arc<dyn Store>, InspectedLayer, Vec<u8>) {
        let archive = tar::Archive::new()
            .file("small", b"hello\n")
            .file("large", &content::random(7, 400_000))
            .symlink("link", "small")
            .finish();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        // A flush ends a block, and checkpoints lie between blocks.
        for piece in archive.chunks(50_000) {
            gzip.write_all(piece).expect("memory takes all");
            gzip.flush().expect("memory takes all");
        }
        let gzip = gzip.finish().expect("memory takes all");
        let mut builder = Builder::new(BuildOptions {
            span_size: SpanSize::from_bytes(65_536).expect("a size"),
            ..BuildOptions::default()
        });
        builder.push(&gzip).expect("a sound layer");
        let Built::Indexed { mut ztoc, .. } = builder.finish().expect("a sound layer") else {
            panic!("it can be indexed");
        };
        damage(&mut ztoc);
        let ztoc: Vec<u8> = ztoc
            .encode()
            .expect("a zTOC")
            .chunks()
            .flatten()
            .copied()
            .collect();
        let store: Arc<dyn Store> =
            Arc::new(LayoutStore::open_or_create(folder).expect("a layout"));
        for blob in [&gzip, &ztoc] {
            let named = Descriptor::new("", Digest::of(blob), blob.len() as u64);
            let content = bytes::Bytes::copy_from_slice(blob);
            store.push_blob(&named, &content).await.expect("stored");
        }
        let layer = InspectedLayer {
            digest: Digest::of(&gzip).to_string(),
            size: gzip.len() as u64,
            media_type: String::new(),
            indexed: true,
            reason: None,
            ztoc: Some(InspectedZtoc {
                digest: Digest::of(&ztoc).to_string(),
                size: ztoc.len() as u64,
            }),
        };
        (store, layer, archive)
    }

    async fn read(layer: &LazyLayer, bytes: Range<u64>) -> Result<(Vec<u8>, Fetched), LazyError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let take = move |piece: &[u8]| sender.send(piece.to_vec()).expect("it is listened to");
        let fetched = layer.read(bytes, take).await?;
        Ok((receiver.into_iter().flatten().collect(), fetched))
    }

    #[tokio::test]
    async fn any_bytes_are_those_of_the_archive() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, inspected, archive) = layer(folder.path(), |_| ()).await;
        let layer = LazyLayer::open(&store, &inspected).await.expect("readable");
        let layer = layer.expect("it has a zTOC");
        assert_eq!(layer.files().count(), 2);
        let small = layer.find(b"/small").expect("there").data();
        let (bytes, one) = read(&layer, small).await.expect("right");
        assert_eq!((bytes.as_slice(), one.spans), (&b"hello\n"[..], 1));
        let large = layer.find(b"large").expect("there").data();
        let place = large.start as usize..large.end as usize;
        let (bytes, several) = read(&layer, large).await.expect("right");
        assert!(bytes == archive[place]);
        assert!(
            several.spans > 2 && several.bytes > one.bytes,
            "{several:?}"
        );
        let all = 0..layer.uncompressed_bytes();
        let (bytes, _) = read(&layer, all.clone()).await.expect("right");
        assert!(bytes == archive[..all.end as usize]);
        assert_eq!(read(&layer, 5..5).await.expect("nothing").0, b"");
    }

    #[tokio::test]
    async fn spans_that_are_others_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let damage = |ztoc: &mut Ztoc| ztoc.span_digests[1] = soci_ztoc::Digest::of(b"another");
        let (store, inspected, _) = layer(folder.path(), damage).await;
        let layer = LazyLayer::open(&store, &inspected).await.expect("readable");
        let layer = layer.expect("it has a zTOC");
        let all = 0..layer.uncompressed_bytes();
        let error = read(&layer, all).await.expect_err("another digest");
        assert!(error.to_string().contains("span 1 has digest"), "{error}");
        let none = InspectedLayer {
            ztoc: None,
            ..inspected
        };
        let opened = LazyLayer::open(&store, &none)
            .await
            .expect("nothing to read");
        assert!(opened.is_none());
    }
}
