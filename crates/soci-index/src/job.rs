//! The use case: a reference in, an indexed image in the same place.
//!
//! ```text
//! source tag ──read──▶ documents ──plan──▶ layers ──build──▶ zTOCs ──convert──▶ documents ──push──▶ output tag
//! ```
//!
//! The source tag is looked at before and after the output tag is set: if it moved meanwhile, all is done again for what it holds
//! now. So when no run is in progress, the output is the index of what the source holds.

mod publish;

use std::sync::Arc;
use std::time::Instant;

use soci_registry::{Digest, Listing, Store, Tag, Target};

use crate::account::{self, Stage};
use crate::convert;
use crate::current::{self, Current};
use crate::document::Descriptor;
use crate::error::IndexError;
use crate::layers::{self, BuiltLayers};
use crate::options::{IndexFormat, IndexOptions};
use crate::plan::{Plan, is_already_lazy};
use crate::progress::Progress;
use crate::report::{Outcome, Output, Reason, Report};
use crate::reuse::{self, Candidates};
use crate::source::Source;
use crate::v1;

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

/// What setting the output tag on the source came to.
enum Set {
    Done(Option<Output>),
    /// The source tag holds something else now.
    Moved(Digest),
}

impl Job {
    /// Does it. Every outcome, failures too, is in the report.
    pub async fn run(&self) -> Report {
        let begun = Instant::now();
        let mut digest = None;
        let mut report = match self.attempts(&mut digest).await {
            Ok(report) => report,
            Err(error) => Report {
                digest: digest.map(|digest| digest.to_string()),
                ..Report::failed(self.image.clone(), &error)
            },
        };
        report.dry_run = self.options.dry_run;
        report.format = self.options.format.as_str();
        report.seconds = begun.elapsed().as_secs_f64();
        report
    }

    /// `digest` gets what the source tag holds.
    async fn attempts(&self, digest: &mut Option<Digest>) -> Result<Report, IndexError> {
        let output = match self.options.format {
            IndexFormat::V2 => self.options.output_tag.for_source(self.source_tag())?,
            IndexFormat::V1 => None,
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.attempt(output.as_ref(), digest).await? {
                Attempt::Done(report) => return Ok(report),
                Attempt::Moved(now) => {
                    tracing::info!("the source tag moved; what it holds now is indexed: {now}");
                    last = Some(now);
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

    async fn attempt(
        &self,
        output: Option<&Tag>,
        digest: &mut Option<Digest>,
    ) -> Result<Attempt, IndexError> {
        let store = &*self.store;
        let manifest = store.manifest(&self.target).await?;
        // Known also where something that it lists is missing.
        *digest = Some(manifest.digest());
        let source = Source::of(store, manifest).await?;
        if !self.options.force
            && let Some(reason) = self.not_a_source(&source).await?
        {
            let output = output.filter(|_| reason == Reason::AlreadyLazy);
            return Ok(match self.set_on_source(&source, output).await? {
                Set::Moved(now) => Attempt::Moved(now),
                Set::Done(tagged) => Attempt::Done(self.skipped(&source, reason, tagged)),
            });
        }
        let plan = Plan::make(store, &source, &self.options).await?;
        let nothing = plan.nothing_to_do(&source);
        let held = match output {
            Some(output) if !self.options.force && nothing != Some(Reason::NotAnImage) => {
                current::output(store, output).await?
            }
            _ => None,
        };
        let found = self.current(&source, &plan, held.as_ref()).await?;
        // What is indexed stays, also where less or nothing is asked for now.
        if let Some(found) = found.as_ref().filter(|found| found.has_index()) {
            let mut report = self.report(&source, Outcome::AlreadyIndexed);
            report.output = found.digest.map(|digest| self.output(output, digest));
            report.platforms = account::platforms(&source, &plan, &Stage::Found(found));
            return Ok(Attempt::Done(report));
        }
        // One that was passed through: each layer is of another compression, by its type and by what an earlier run read.
        let passed = found.map(|_| Reason::UnsupportedCompression);
        if let Some(reason) = nothing.or(passed) {
            let none = Candidates::default();
            let stage = Stage::Planned(&none);
            return self
                .pass_through(&source, &plan, &stage, reason, output)
                .await;
        }
        let candidates =
            reuse::collect(&self.store, held.as_ref(), &source, &plan, &self.options).await?;
        if self.options.dry_run {
            let stage = Stage::Planned(&candidates);
            return self.foresee(&source, &plan, &stage, output).await;
        }
        let mut built = self.build(&source, &plan, &candidates).await?;
        let published = self.publish(&source, &plan, &candidates, &mut built, output);
        match published.await? {
            Some(attempt) => Ok(attempt),
            None => {
                let (stage, reason) = (Stage::Read(&built), built.why_none());
                self.pass_through(&source, &plan, &stage, reason, output)
                    .await
            }
        }
    }

    /// The zTOCs of the planned layers: those that are there, and those of the other layers, which are read.
    async fn build(
        &self,
        source: &Source,
        plan: &Plan,
        candidates: &Candidates,
    ) -> Result<BuiltLayers, IndexError> {
        if self.options.format == IndexFormat::V2 {
            convert::check_index_size(source, plan)?;
        }
        self.ztocs_of(plan.layers(source), candidates).await
    }

    /// Those of these layers.
    async fn ztocs_of(
        &self,
        mut layers: Vec<&Descriptor>,
        candidates: &Candidates,
    ) -> Result<BuiltLayers, IndexError> {
        let taken = reuse::take(&self.store, candidates, &layers, &self.options).await?;
        layers.retain(|layer| !taken.by_digest.contains_key(&layer.digest));
        Plan::check_time(&layers, self.options.ceiling)?;
        let built = layers::build(&self.store, &layers, &self.options, &self.progress).await?;
        let mut built = taken.and(built);
        reuse::look_again(&*self.store, &mut built, &self.options).await?;
        Ok(built)
    }

    /// What is there already, if that is the index of the source.
    async fn current(
        &self,
        source: &Source,
        plan: &Plan,
        held: Option<&Source>,
    ) -> Result<Option<Current>, IndexError> {
        let (store, options) = (&*self.store, &self.options);
        match (options.format, held) {
            _ if options.force => Ok(None),
            (IndexFormat::V1, _) => v1::read(store, source, plan, options).await,
            (IndexFormat::V2, Some(held)) => {
                current::read(store, held, source, plan, options).await
            }
            (IndexFormat::V2, None) => Ok(None),
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
        if self.options.format == IndexFormat::V1 {
            return Ok(false);
        }
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
        stage: &Stage<'_>,
        reason: Reason,
        output: Option<&Tag>,
    ) -> Result<Attempt, IndexError> {
        let output = output.filter(|_| reason != Reason::NotAnImage);
        let tagged = match self.set_on_source(source, output).await? {
            Set::Moved(now) => return Ok(Attempt::Moved(now)),
            Set::Done(tagged) => tagged,
        };
        let mut report = self.skipped(source, reason, tagged);
        report.platforms = account::platforms(source, plan, stage);
        report.bytes.downloaded = stage.downloaded_bytes();
        Ok(Attempt::Done(report))
    }

    /// The output tag, if there is one and it is wanted, set on the source.
    async fn set_on_source(
        &self,
        source: &Source,
        output: Option<&Tag>,
    ) -> Result<Set, IndexError> {
        let Some(tag) = output.filter(|_| self.options.pass_through) else {
            return Ok(Set::Done(None));
        };
        Ok(match self.tag_source(source, tag).await? {
            Some(now) => Set::Moved(now),
            None => Set::Done(Some(self.output(Some(tag), source.digest()))),
        })
    }

    /// Sets the output tag on the source, unless that has moved or moves meanwhile.
    async fn tag_source(&self, source: &Source, tag: &Tag) -> Result<Option<Digest>, IndexError> {
        if self.options.dry_run {
            return Ok(None);
        }
        if let Some(moved) = self.moved(source).await? {
            return Ok(Some(moved));
        }
        self.store
            .push_manifest(&source.manifest, Listing::Tag(tag))
            .await?;
        self.store.finish().await?;
        self.moved(source).await
    }

    /// What would be done, as far as documents tell.
    async fn foresee(
        &self,
        source: &Source,
        plan: &Plan,
        stage: &Stage<'_>,
        output: Option<&Tag>,
    ) -> Result<Attempt, IndexError> {
        if let Some(reason) = plan.foreseen_reason(source) {
            return self.pass_through(source, plan, stage, reason, output).await;
        }
        let mut report = self.report(source, Outcome::Indexed);
        report.output = output.map(|tag| Output {
            reference: self.reference(tag),
            digest: None,
        });
        report.platforms = account::platforms(source, plan, stage);
        Ok(Attempt::Done(report))
    }

    /// What the source tag holds now, if that is something else.
    async fn moved(&self, source: &Source) -> Result<Option<Digest>, IndexError> {
        if self.source_tag().is_none() {
            return Ok(None);
        }
        if self.store.resolve(&self.target).await?.digest == source.digest() {
            return Ok(None);
        }
        // The registry's word is not enough to do all again: the bytes decide.
        let now = self.store.manifest(&self.target).await?.digest();
        Ok((now != source.digest()).then_some(now))
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
            left_alone: account::left_alone(source),
            ..Report::empty(self.image.clone(), outcome)
        }
    }

    fn output(&self, tag: Option<&Tag>, digest: Digest) -> Output {
        let reference = match tag {
            Some(tag) => self.reference(tag),
            None => format!("{}@{digest}", self.repository),
        };
        Output {
            reference,
            digest: Some(digest.to_string()),
        }
    }

    fn reference(&self, tag: &Tag) -> String {
        format!("{}:{tag}", self.repository)
    }
}
