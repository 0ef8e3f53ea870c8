//! The use case: a reference in, an indexed image in the same place.
//!
//! ```text
//! source tag ──read──▶ documents ──plan──▶ layers ──build──▶ zTOCs ──convert──▶ documents ──push──▶ output tag
//! ```
//!
//! The source tag is looked at before and after the output tag is set: if it moved meanwhile, all is done again for what it holds
//! now. So when no run is in progress, the output is the index of what the source holds.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use soci_registry::{Digest, Listing, Manifest, Pushed, Store, Tag, Target};

use crate::convert::{self, Converted, EMPTY_CONFIG};
use crate::current;
use crate::error::IndexError;
use crate::layers::{self, BuiltLayer, BuiltLayers};
use crate::options::IndexOptions;
use crate::plan::{LayerPlan, Plan, is_already_lazy};
use crate::progress::Progress;
use crate::report::{
    self, LayerOutcome, LayerReport, Outcome, Output, PlatformReport, Reason, Report, ZtocReport,
};
use crate::source::Source;

/// How often a moving source tag is followed before that is given up.
const ATTEMPTS: u32 = 5;

/// What is to be indexed.
pub struct Job {
    /// Where the image lives.
    pub store: Arc<dyn Store>,
    /// Which image.
    pub target: Target,
    /// The reference as it was given, for the report.
    pub image: String,
    /// The reference without tag and digest, for the report.
    pub repository: String,
    /// How.
    pub options: IndexOptions,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What one attempt came to.
enum Attempt {
    Done(Report),
    /// The source tag holds something else now.
    Moved(Digest),
}

impl Job {
    /// Does it. Every outcome, failures too, is in the report.
    pub async fn run(&self) -> Report {
        let begun = Instant::now();
        let mut report = match self.attempts().await {
            Ok(report) => report,
            Err(error) => Report::failed(self.image.clone(), &error),
        };
        report.seconds = begun.elapsed().as_secs_f64();
        report
    }

    async fn attempts(&self) -> Result<Report, IndexError> {
        let output = self.options.output_tag.for_source(self.source_tag())?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.attempt(output.as_ref()).await? {
                Attempt::Done(report) => return Ok(report),
                Attempt::Moved(digest) => {
                    tracing::info!(%digest, "source tag moved; indexing what it holds now");
                    last = Some(digest);
                }
            }
        }
        let tag = self
            .source_tag()
            .map_or_else(String::new, ToString::to_string);
        match last {
            Some(digest) => Err(IndexError::TagMoved {
                tag,
                times: ATTEMPTS,
                digest,
            }),
            None => Err(IndexError::Worker),
        }
    }

    fn source_tag(&self) -> Option<&Tag> {
        match &self.target {
            Target::Tag(tag) => Some(tag),
            Target::Digest(_) | Target::OnlyEntry => None,
        }
    }

    async fn attempt(&self, output: Option<&Tag>) -> Result<Attempt, IndexError> {
        let store = &*self.store;
        let source = Source::read(store, &self.target).await?;
        if !self.options.force
            && let Some(reason) = self.not_a_source(&source).await?
        {
            return Ok(Attempt::Done(self.skipped(&source, reason, None)));
        }
        let plan = Plan::make(store, &source, &self.options).await?;
        if let Some(reason) = plan.nothing_to_do(&source) {
            return self.pass_through(&source, &plan, reason, output).await;
        }
        if let (Some(output), false) = (output, self.options.force)
            && let Some(found) = current::read(store, output, &source, &plan, &self.options).await?
        {
            return Ok(Attempt::Done(self.already_indexed(&source, output, &found)));
        }
        let layers = plan.layers(&source);
        let built = layers::build(&self.store, &layers, &self.options, &self.progress).await?;
        match convert::convert(&source, &plan, &built, &self.options) {
            None => {
                let reason = built.why_none();
                self.pass_through(&source, &plan, reason, output).await
            }
            Some(converted) => self.publish(&source, &plan, built, converted, output).await,
        }
    }

    /// Images that are never indexed, whatever is in them.
    async fn not_a_source(&self, source: &Source) -> Result<Option<Reason>, IndexError> {
        if source.has_soci_index() || self.is_own_tag(source).await? {
            return Ok(Some(Reason::OwnOutput));
        }
        Ok(is_already_lazy(source).then_some(Reason::AlreadyLazy))
    }

    /// Whether the template makes this tag out of another one that holds the same: an image that was passed through.
    async fn is_own_tag(&self, source: &Source) -> Result<bool, IndexError> {
        let Some(other) = self
            .source_tag()
            .and_then(|tag| self.options.output_tag.source_of(tag))
        else {
            return Ok(false);
        };
        match self.store.resolve(&Target::Tag(other)).await {
            Ok(descriptor) => Ok(descriptor.digest == source.digest()),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing to index: the output tag is set on the unchanged source, so that whoever deploys it need not care.
    async fn pass_through(
        &self,
        source: &Source,
        plan: &Plan,
        reason: Reason,
        output: Option<&Tag>,
    ) -> Result<Attempt, IndexError> {
        let is_image = reason != Reason::NotAnImage;
        let tagged = match output {
            Some(tag) if self.options.pass_through && is_image => {
                if let Some(moved) = self.moved(source).await? {
                    return Ok(Attempt::Moved(moved));
                }
                self.store
                    .push_manifest(&source.manifest, Listing::Tag(tag))
                    .await?;
                self.store.finish().await?;
                Some(self.output(Some(tag), source.digest()))
            }
            _ => None,
        };
        if tagged.is_some()
            && let Some(moved) = self.moved(source).await?
        {
            return Ok(Attempt::Moved(moved));
        }
        let mut report = self.skipped(source, reason, tagged);
        report.platforms = platforms(source, plan, None, None);
        Ok(Attempt::Done(report))
    }

    async fn publish(
        &self,
        source: &Source,
        plan: &Plan,
        built: BuiltLayers,
        converted: Converted,
        output: Option<&Tag>,
    ) -> Result<Attempt, IndexError> {
        let mut uploaded = built.uploaded_bytes;
        let config =
            soci_registry::Descriptor::new("application/json", Digest::of(EMPTY_CONFIG), 2);
        self.store
            .push_blob(&config, &Bytes::from_static(EMPTY_CONFIG))
            .await?;
        for manifest in converted
            .soci_indexes
            .values()
            .chain(converted.images.values())
        {
            uploaded += self.push(manifest, Listing::Digest).await?;
        }
        if let Some(moved) = self.moved(source).await? {
            return Ok(Attempt::Moved(moved));
        }
        uploaded += self
            .push(
                &converted.index,
                output.map_or(Listing::Untagged, Listing::Tag),
            )
            .await?;
        self.store.finish().await?;
        if let Some(moved) = self.moved(source).await? {
            return Ok(Attempt::Moved(moved));
        }
        let mut report = self.report(source, Outcome::Indexed);
        report.output = Some(self.output(output, converted.index.digest()));
        report.platforms = platforms(source, plan, Some(&built), Some(&converted));
        report.bytes = report::Bytes {
            downloaded: built.downloaded_bytes,
            uploaded,
        };
        Ok(Attempt::Done(report))
    }

    async fn push(&self, manifest: &Manifest, listing: Listing<'_>) -> Result<u64, IndexError> {
        Ok(match self.store.push_manifest(manifest, listing).await? {
            Pushed::Stored => manifest.bytes().len() as u64,
            Pushed::AlreadyThere => 0,
        })
    }

    /// What the source tag holds now, if that is something else.
    async fn moved(&self, source: &Source) -> Result<Option<Digest>, IndexError> {
        if self.source_tag().is_none() {
            return Ok(None);
        }
        let now = self.store.resolve(&self.target).await?.digest;
        Ok((now != source.digest()).then_some(now))
    }

    fn already_indexed(&self, source: &Source, output: &Tag, found: &Source) -> Report {
        let mut report = self.report(source, Outcome::AlreadyIndexed);
        report.output = Some(self.output(Some(output), found.digest()));
        report
    }

    fn skipped(&self, source: &Source, reason: Reason, output: Option<Output>) -> Report {
        Report {
            reason: Some(reason),
            output,
            ..self.report(source, Outcome::Skipped)
        }
    }

    fn report(&self, source: &Source, outcome: Outcome) -> Report {
        Report {
            digest: Some(source.digest().to_string()),
            ..Report::empty(self.image.clone(), outcome)
        }
    }

    fn output(&self, tag: Option<&Tag>, digest: Digest) -> Output {
        let reference = match tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => format!("{}@{digest}", self.repository),
        };
        Output {
            reference,
            digest: digest.to_string(),
        }
    }
}

/// What was done for each platform.
fn platforms(
    source: &Source,
    plan: &Plan,
    built: Option<&BuiltLayers>,
    converted: Option<&Converted>,
) -> Vec<PlatformReport> {
    let digest = |manifest: &Manifest| manifest.digest().to_string();
    plan.images(source)
        .map(|(plan, image)| PlatformReport {
            platform: image.platform.name(),
            manifest: converted
                .and_then(|converted| converted.images.get(&plan.place))
                .map_or_else(
                    || source.index.manifests[plan.place].digest.to_string(),
                    digest,
                ),
            index: converted
                .and_then(|converted| converted.soci_indexes.get(&plan.place))
                .map(digest),
            layers: image
                .manifest
                .layers
                .iter()
                .zip(&plan.layers)
                .map(|(layer, plan)| {
                    let built = built.and_then(|built| built.by_digest.get(&layer.digest));
                    layer_report(layer.digest, layer.size_bytes, *plan, built)
                })
                .collect(),
        })
        .collect()
}

fn layer_report(
    digest: Digest,
    size: u64,
    plan: LayerPlan,
    built: Option<&BuiltLayer>,
) -> LayerReport {
    let (outcome, reason, ztoc) = match built {
        Some(BuiltLayer::Indexed { ztoc, files, spans }) => {
            let ztoc = ZtocReport {
                digest: ztoc.digest.to_string(),
                size: ztoc.size_bytes,
                files: Some(*files),
                spans: Some(*spans),
            };
            (LayerOutcome::Indexed, None, Some(ztoc))
        }
        Some(BuiltLayer::Skipped(reason)) => (LayerOutcome::Skipped, Some(*reason), None),
        None => (LayerOutcome::Skipped, plan.reason(), None),
    };
    LayerReport {
        digest: digest.to_string(),
        size,
        outcome,
        reason,
        ztoc,
    }
}
