//! The end of a job that has zTOCs: documents are written, children before what lists them, and the output tag last.

use bytes::Bytes;
use soci_registry::{Digest, Listing, Manifest, Pushed, Tag};

use super::{Attempt, Job};
use crate::account::{self, Stage};
use crate::convert::{self, EMPTY_CONFIG};
use crate::error::IndexError;
use crate::layers::BuiltLayers;
use crate::plan::Plan;
use crate::report::{self, Outcome, Output};
use crate::source::Source;
use crate::v1;

impl Job {
    /// Writes the image packaged anew. Nothing: no layer has a zTOC.
    pub(super) async fn publish_v2(
        &self,
        source: &Source,
        plan: &Plan,
        built: &BuiltLayers,
        output: Option<&Tag>,
    ) -> Result<Option<Attempt>, IndexError> {
        let Some(converted) = convert::convert(source, plan, built, &self.options) else {
            return Ok(None);
        };
        let mut uploaded = built.uploaded_bytes;
        self.push_config().await?;
        for manifest in converted
            .soci_indexes
            .values()
            .chain(converted.images.values())
        {
            uploaded += self.push(manifest, Listing::Digest).await?;
        }
        if let Some(moved) = self.moved(source).await? {
            return Ok(Some(Attempt::Moved(moved)));
        }
        uploaded += self
            .push(
                &converted.index,
                output.map_or(Listing::Untagged, Listing::Tag),
            )
            .await?;
        let stage = Stage::Made {
            built,
            soci_indexes: &converted.soci_indexes,
            images: &converted.images,
        };
        let output = Some(self.output(output, converted.index.digest()));
        let published = self.published(source, plan, &stage, uploaded, output);
        published.await.map(Some)
    }

    /// Writes SOCI indexes that refer to the image's manifests. Nothing: no layer has a zTOC.
    pub(super) async fn publish_v1(
        &self,
        source: &Source,
        plan: &Plan,
        built: &BuiltLayers,
    ) -> Result<Option<Attempt>, IndexError> {
        let soci_indexes = v1::convert(source, plan, built, &self.options);
        if soci_indexes.is_empty() {
            return Ok(None);
        }
        self.push_config().await?;
        let uploaded = v1::publish(&*self.store, source, &soci_indexes).await?;
        let stage = Stage::Made {
            built,
            soci_indexes: &soci_indexes,
            images: &convert::Manifests::new(),
        };
        let uploaded = built.uploaded_bytes + uploaded;
        let published = self.published(source, plan, &stage, uploaded, None);
        published.await.map(Some)
    }

    /// The end of a run that wrote something.
    async fn published(
        &self,
        source: &Source,
        plan: &Plan,
        stage: &Stage<'_>,
        uploaded: u64,
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
            uploaded,
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
