//! The end of a job that has zTOCs: documents are written, children before what lists them, and the output tag last.

use bytes::Bytes;
use soci_registry::{Digest, Listing, Manifest, Pushed, Tag};

use super::{Attempt, Job};
use crate::account::{self, Stage};
use crate::convert::{self, EMPTY_CONFIG};
use crate::error::IndexError;
use crate::layers::{BuiltLayer, BuiltLayers};
use crate::options::IndexFormat;
use crate::plan::Plan;
use crate::report::{self, Outcome, Output};
use crate::reuse::Candidates;
use crate::source::Source;
use crate::v1;

impl Job {
    /// Writes the result. Where the registry misses something that was stored or found there, that is stored and all is written once more.
    /// Nothing: no layer has a zTOC.
    pub(super) async fn publish(
        &self,
        source: &Source,
        plan: &Plan,
        candidates: &Candidates,
        built: &mut BuiltLayers,
        output: Option<&Tag>,
    ) -> Result<Option<Attempt>, IndexError> {
        match self.publish_once(source, plan, built, output).await {
            Err(IndexError::Store(refusal)) if refusal.misses_parts() => {
                tracing::warn!("what is missing is stored once more: {refusal}");
                self.restore(source, plan, candidates, built).await?;
                self.publish_once(source, plan, built, output).await
            }
            published => published,
        }
    }

    async fn publish_once(
        &self,
        source: &Source,
        plan: &Plan,
        built: &mut BuiltLayers,
        output: Option<&Tag>,
    ) -> Result<Option<Attempt>, IndexError> {
        match self.options.format {
            IndexFormat::V2 => self.publish_v2(source, plan, built, output).await,
            IndexFormat::V1 => self.publish_v1(source, plan, built).await,
        }
    }

    /// Stores the zTOCs that are not there though they were stored or found. Their bytes are not kept, so that memory does not grow with
    /// the image: they are made again, which this is rare enough for.
    async fn restore(
        &self,
        source: &Source,
        plan: &Plan,
        candidates: &Candidates,
        built: &mut BuiltLayers,
    ) -> Result<(), IndexError> {
        let mut missing = Vec::new();
        for layer in plan.layers(source) {
            if let Some(BuiltLayer::Indexed { ztoc, .. }) = built.by_digest.get(&layer.digest)
                && !self.store.has_blob(&ztoc.digest).await?
            {
                missing.push(layer);
            }
        }
        let again = self.ztocs_of(missing, candidates).await?;
        *built = std::mem::take(built).and(again);
        Ok(())
    }

    /// Writes the image packaged anew. Nothing: no layer has a zTOC.
    async fn publish_v2(
        &self,
        source: &Source,
        plan: &Plan,
        built: &mut BuiltLayers,
        output: Option<&Tag>,
    ) -> Result<Option<Attempt>, IndexError> {
        let Some(converted) = convert::convert(source, plan, built, &self.options) else {
            return Ok(None);
        };
        self.push_config().await?;
        for manifest in converted
            .soci_indexes
            .values()
            .chain(converted.images.values())
        {
            built.uploaded_bytes += self.push(manifest, Listing::Digest).await?;
        }
        if let Some(moved) = self.moved(source).await? {
            return Ok(Some(Attempt::Moved(moved)));
        }
        let listing = output.map_or(Listing::Untagged, Listing::Tag);
        built.uploaded_bytes += self.push(&converted.index, listing).await?;
        let stage = Stage::Made {
            built,
            soci_indexes: &converted.soci_indexes,
            images: &converted.images,
        };
        let output = Some(self.output(output, converted.index.digest()));
        let published = self.published(source, plan, &stage, output);
        published.await.map(Some)
    }

    /// Writes SOCI indexes that refer to the image's manifests. Nothing: no layer has a zTOC.
    async fn publish_v1(
        &self,
        source: &Source,
        plan: &Plan,
        built: &mut BuiltLayers,
    ) -> Result<Option<Attempt>, IndexError> {
        let soci_indexes = v1::convert(source, plan, built, &self.options);
        if soci_indexes.is_empty() {
            return Ok(None);
        }
        self.push_config().await?;
        built.uploaded_bytes += v1::publish(&*self.store, source, &soci_indexes).await?;
        let stage = Stage::Made {
            built,
            soci_indexes: &soci_indexes,
            images: &convert::Manifests::new(),
        };
        let published = self.published(source, plan, &stage, None);
        published.await.map(Some)
    }

    /// The end of a run that wrote something.
    async fn published(
        &self,
        source: &Source,
        plan: &Plan,
        stage: &Stage<'_>,
        output: Option<Output>,
    ) -> Result<Attempt, IndexError> {
        self.store.finish().await?;
        if let Some(moved) = self.moved(source).await? {
            return Ok(Attempt::Moved(moved));
        }
        let mut report = self.report(source, Outcome::Indexed);
        report.output = output;
        report.platforms = account::platforms(source, plan, stage);
        report.bytes = report::Bytes {
            downloaded: stage.downloaded_bytes(),
            uploaded: stage.uploaded_bytes(),
        };
        Ok(Attempt::Done(report))
    }

    /// Every SOCI index has the same config.
    async fn push_config(&self) -> Result<(), IndexError> {
        let size_bytes = EMPTY_CONFIG.len() as u64;
        let digest = Digest::of(EMPTY_CONFIG);
        let config = soci_registry::Descriptor::new("application/json", digest, size_bytes);
        let content = Bytes::from_static(EMPTY_CONFIG);
        self.store.push_blob(&config, &content).await?;
        Ok(())
    }

    async fn push(&self, manifest: &Manifest, listing: Listing<'_>) -> Result<u64, IndexError> {
        Ok(match self.store.push_manifest(manifest, listing).await? {
            Pushed::Stored => manifest.bytes().len() as u64,
            Pushed::AlreadyThere => 0,
        })
    }
}
