//! Copies an image with everything that it lists from where it lives into the registry, one layer on the disk at a time.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use soci_registry::{Descriptor, Digest, Listing, Manifest, Pending, Store, Tag, Target};
use tokio::io::AsyncWriteExt as _;

use crate::audience::Audience;
use crate::content::FileContent;
use crate::error::DemoError;

/// Image indexes within image indexes. No tool writes more than one level.
const DEPTH: usize = 3;

/// Blobs and manifests of one image.
const PARTS: usize = 10_000;

/// The parts that a manifest names.
#[derive(Deserialize)]
struct Document {
    config: Option<Descriptor>,
    layers: Option<Vec<Layer>>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(flatten)]
    blob: Descriptor,
    /// Where it lies instead, of layers that may not be handed on.
    urls: Option<Vec<String>>,
}

/// Copies, and counts.
pub(crate) struct Copier<'a> {
    pub(crate) from: &'a dyn Store,
    pub(crate) to: &'a dyn Store,
    pub(crate) folder: &'a Path,
    pub(crate) audience: &'a dyn Audience,
    pub(crate) done: BTreeSet<Digest>,
    pub(crate) bytes: u64,
}

impl Copier<'_> {
    /// Copies what a target holds to a tag.
    pub(crate) async fn copy(&mut self, target: &Target, tag: &Tag) -> Result<(), DemoError> {
        let manifest = self.from.manifest(target).await?;
        self.parts(&manifest, DEPTH).await?;
        self.to.push_manifest(&manifest, Listing::Tag(tag)).await?;
        Ok(())
    }

    fn parts<'s>(
        &'s mut self,
        manifest: &'s Manifest,
        depth: usize,
    ) -> Pending<'s, Result<(), DemoError>> {
        Box::pin(async move {
            let what = || format!("manifest {}", manifest.digest());
            let refuse = |why: String| DemoError::NotCopied { what: what(), why };
            let parsed = serde_json::from_slice(manifest.bytes());
            let document: Document = parsed.map_err(|error| refuse(error.to_string()))?;
            for child in document.manifests.into_iter().flatten() {
                if !self.begin(child.digest)? {
                    continue;
                }
                if depth == 0 {
                    return Err(refuse(
                        "too many image indexes within one another".to_owned(),
                    ));
                }
                let target = Target::Digest(child.digest);
                let manifest = self.from.manifest(&target).await?;
                self.parts(&manifest, depth - 1).await?;
                self.to.push_manifest(&manifest, Listing::Digest).await?;
            }
            let layers = document.layers.into_iter().flatten();
            let own = layers.filter(|layer| layer.urls.is_none());
            for blob in document
                .config
                .into_iter()
                .chain(own.map(|layer| layer.blob))
            {
                if self.begin(blob.digest)? {
                    self.blob(&blob).await?;
                }
            }
            Ok(())
        })
    }

    /// Whether this part is a new one.
    fn begin(&mut self, digest: Digest) -> Result<bool, DemoError> {
        if self.done.len() >= PARTS {
            return Err(DemoError::NotCopied {
                what: "the image".to_owned(),
                why: format!("it has more than {PARTS} parts"),
            });
        }
        Ok(self.done.insert(digest))
    }

    async fn blob(&mut self, blob: &Descriptor) -> Result<(), DemoError> {
        let path = self.folder.join("copied");
        let unwritten = |error| DemoError::file("write", &path, error);
        let name: String = blob.digest.hex().chars().take(12).collect();
        let told = self
            .audience
            .step(&format!("copying {name}"), blob.size_bytes);
        let mut file = tokio::fs::File::create(&path).await.map_err(unwritten)?;
        let mut reader = self.from.blob(blob).await?;
        while let Some(chunk) = reader.next_chunk().await? {
            file.write_all(&chunk).await.map_err(unwritten)?;
            told(chunk.len() as u64);
        }
        file.flush().await.map_err(unwritten)?;
        drop(file);
        self.to.push_blob(blob, &FileContent::new(&path)).await?;
        self.bytes += blob.size_bytes;
        tokio::fs::remove_file(&path).await.map_err(unwritten)
    }
}
