//! A container image made of real files of this machine: two platforms that share layers, as real images do.
//!
//! Its files are what the machine has anyway: what is shared by all programs in `/usr`, and the Rust toolchain. Only what everybody
//! may read is taken, since whoever is on this machine can ask the registry for it. The SHA-256 of each file is computed as it is read
//! from the disk, before anything knows of an image.
//!
//! `plan` says where files come from, `tree` chooses them, `layer` packs them, `documents` are config, manifest and image index.

mod documents;
mod layer;
mod plan;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use soci_registry::{Descriptor, Digest, Listing, Manifest, Store, Tag};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use plan::{LayerPlan, Plan, PlatformPlan, Root};

use crate::audience::Audience;
use crate::content::FileContent;
use crate::error::DemoError;
use crate::stop::Stop;

/// A file as it was on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its name in the layer.
    pub(crate) name: Vec<u8>,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// A layer on the disk.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) blob: Descriptor,
    pub(crate) content: FileContent,
    /// SHA-256 of the archive before it was compressed.
    diff_id: Digest,
    pub(crate) archive_bytes: u64,
    pub(crate) files: Vec<SourceFile>,
}

/// The image, its layers each once.
pub(crate) struct Image {
    pub(crate) layers: Vec<Layer>,
    platforms: Vec<documents::Platform>,
    index: Manifest,
}

impl Image {
    /// Makes it in a folder.
    pub(crate) async fn make(
        plan: &Plan,
        folder: &Path,
        audience: &dyn Audience,
        stop: &Stop,
    ) -> Result<Image, DemoError> {
        let chosen = {
            let (plan, stop) = (plan.clone(), stop.clone());
            let choosing = tokio::task::spawn_blocking(move || tree::choose(&plan, &stop));
            choosing.await.map_err(|_| DemoError::Worker)??
        };
        let bytes = chosen.iter().flatten().map(tree::Chosen::file_bytes).sum();
        let told: Arc<dyn Fn(u64) + Send + Sync> = Arc::from(audience.step("packing files", bytes));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = Arc::new(Semaphore::new(cores));
        let mut packing = JoinSet::new();
        for (number, chosen) in chosen.into_iter().enumerate() {
            let Some(chosen) = chosen else {
                continue;
            };
            let path = folder.join(format!("layer-{number}"));
            let (cores, told, stop) = (Arc::clone(&cores), Arc::clone(&told), stop.clone());
            packing.spawn(async move {
                let _core = cores.acquire().await.map_err(|_| DemoError::Worker)?;
                let packed =
                    tokio::task::spawn_blocking(move || layer::pack(&chosen, &path, &*told, &stop));
                let packed = packed.await.map_err(|_| DemoError::Worker)??;
                Ok::<_, DemoError>((number, packed))
            });
        }
        let mut layers = BTreeMap::new();
        while let Some(packed) = packing.join_next().await {
            let (number, layer) = packed.map_err(|_| DemoError::Worker)??;
            layers.insert(number, layer);
        }
        let platforms: Vec<_> = plan
            .platforms
            .iter()
            .map(|platform| documents::platform(platform, &layers))
            .collect();
        let layers = layers.into_values().collect();
        Ok(Image {
            index: documents::index(&platforms),
            platforms,
            layers,
        })
    }

    /// Compressed bytes of all layers, those shared once.
    pub(crate) fn compressed_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.blob.size_bytes).sum()
    }

    pub(crate) fn archive_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.archive_bytes).sum()
    }

    pub(crate) fn files(&self) -> usize {
        self.layers.iter().map(|layer| layer.files.len()).sum()
    }

    /// Pushes it: layers, configs, manifests, then the image index with the tag, as builders of images do.
    pub(crate) async fn push(
        &self,
        store: &dyn Store,
        tag: &Tag,
        audience: &dyn Audience,
    ) -> Result<(), soci_registry::Error> {
        let told = audience.step("pushing", self.compressed_bytes());
        for layer in &self.layers {
            store.push_blob(&layer.blob, &layer.content).await?;
            told(layer.blob.size_bytes);
        }
        for platform in &self.platforms {
            store
                .push_blob(&platform.config, &platform.config_bytes)
                .await?;
            store
                .push_manifest(&platform.manifest, Listing::Digest)
                .await?;
        }
        store.push_manifest(&self.index, Listing::Tag(tag)).await?;
        Ok(())
    }
}
