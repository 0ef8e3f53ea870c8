//! What is told of platforms and their layers: as planned, as built, or as found where all was done already.

use soci_registry::Descriptor;

use crate::convert::Manifests;
use crate::current::Current;
use crate::layers::{BuiltLayer, BuiltLayers};
use crate::plan::{LayerPlan, Plan};
use crate::report::{LayerOutcome, LayerReport, LeftAlone, PlatformReport, ZtocReport};
use crate::reuse::Candidates;
use crate::source::Source;

/// How far the work is of which is told.
pub(crate) enum Stage<'a> {
    /// Nothing was read but documents, which name zTOCs that can be reused.
    Planned(&'a Candidates),
    /// The layers were read, and none is indexed.
    Read(&'a BuiltLayers),
    /// The result is made: SOCI indexes, and the manifests that were written again, both by place.
    Made {
        built: &'a BuiltLayers,
        soci_indexes: &'a Manifests,
        images: &'a Manifests,
    },
    /// It was there.
    Found(&'a Current),
}

/// What is told of each platform.
pub(crate) fn platforms(source: &Source, plan: &Plan, stage: &Stage<'_>) -> Vec<PlatformReport> {
    plan.images(source)
        .map(|(plan, image)| {
            let layers = image.manifest.layers.iter().zip(&plan.layers);
            PlatformReport {
                platform: image.platform.name(),
                manifest: stage
                    .manifest(plan.place)
                    .unwrap_or_else(|| source.index.manifests[plan.place].digest.to_string()),
                index: stage.index(plan.place),
                layers: layers
                    .map(|(layer, planned)| {
                        let layer = Layer {
                            descriptor: layer.to_registry(),
                            foreseen: planned.foreseen_reason(layer),
                            planned: *planned,
                        };
                        stage.layer(plan.place, &layer)
                    })
                    .collect(),
            }
        })
        .collect()
}

/// What the image index lists beside images that may hold images too.
pub(crate) fn left_alone(source: &Source) -> Vec<LeftAlone> {
    let nested = source.nested().map(|entry| LeftAlone {
        manifest: entry.digest.to_string(),
        platform: entry.platform.as_ref().map(|platform| platform.name()),
        reason: "nested-index",
    });
    nested.collect()
}

struct Layer {
    descriptor: Descriptor,
    planned: LayerPlan,
    /// Why documents alone say that it gets no zTOC.
    foreseen: Option<&'static str>,
}

impl Layer {
    fn indexed(&self, outcome: LayerOutcome, ztoc: Option<ZtocReport>) -> LayerReport {
        self.report(outcome, None, ztoc)
    }

    fn skipped(&self, reason: Option<&'static str>) -> LayerReport {
        self.report(LayerOutcome::Skipped, reason, None)
    }

    fn report(
        &self,
        outcome: LayerOutcome,
        reason: Option<&'static str>,
        ztoc: Option<ZtocReport>,
    ) -> LayerReport {
        LayerReport {
            digest: self.descriptor.digest.to_string(),
            size: self.descriptor.size_bytes,
            outcome,
            reason,
            ztoc,
        }
    }
}

impl Stage<'_> {
    /// Bytes of layers that were fetched so far.
    pub(crate) fn downloaded_bytes(&self) -> u64 {
        match self {
            Stage::Read(built) | Stage::Made { built, .. } => built.downloaded_bytes,
            Stage::Planned(_) | Stage::Found(_) => 0,
        }
    }

    /// Bytes of zTOCs and documents that were stored so far.
    pub(crate) fn uploaded_bytes(&self) -> u64 {
        match self {
            Stage::Read(built) | Stage::Made { built, .. } => built.uploaded_bytes,
            Stage::Planned(_) | Stage::Found(_) => 0,
        }
    }

    /// Digest of the result's manifest for the platform at this place of the source.
    fn manifest(&self, place: usize) -> Option<String> {
        match self {
            Stage::Planned(_) | Stage::Read(_) => None,
            Stage::Made { images, .. } => Some(images.get(&place)?.digest().to_string()),
            Stage::Found(current) => Some(current.platforms.get(&place)?.manifest.to_string()),
        }
    }

    /// Digest of its SOCI index.
    fn index(&self, place: usize) -> Option<String> {
        match self {
            Stage::Planned(_) | Stage::Read(_) => None,
            Stage::Made { soci_indexes, .. } => {
                Some(soci_indexes.get(&place)?.digest().to_string())
            }
            Stage::Found(current) => {
                let (digest, _) = current.platforms.get(&place)?.index.as_ref()?;
                Some(digest.to_string())
            }
        }
    }

    fn layer(&self, place: usize, layer: &Layer) -> LayerReport {
        match self {
            Stage::Planned(candidates) => foreseen_layer(layer, candidates),
            Stage::Read(built) | Stage::Made { built, .. } => built_layer(layer, built),
            Stage::Found(current) => found_layer(layer, current, place),
        }
    }
}

fn foreseen_layer(layer: &Layer, candidates: &Candidates) -> LayerReport {
    let digest = &layer.descriptor.digest;
    match layer.foreseen.or_else(|| candidates.left_out(digest)) {
        None => match candidates.ztoc(digest) {
            Some(ztoc) => layer.indexed(LayerOutcome::Reused, Some(unread(ztoc))),
            None => layer.indexed(LayerOutcome::Indexed, None),
        },
        reason => layer.skipped(reason),
    }
}

/// A zTOC that is not read, so nobody counts its files.
fn unread(ztoc: &Descriptor) -> ZtocReport {
    ZtocReport {
        digest: ztoc.digest.to_string(),
        size: ztoc.size_bytes,
        files: None,
        spans: None,
    }
}

fn built_layer(layer: &Layer, built: &BuiltLayers) -> LayerReport {
    match built.by_digest.get(&layer.descriptor.digest) {
        Some(BuiltLayer::Indexed {
            ztoc,
            files,
            spans,
            reused,
        }) => {
            let ztoc = ZtocReport {
                digest: ztoc.digest.to_string(),
                size: ztoc.size_bytes,
                files: Some(*files),
                spans: Some(*spans),
            };
            let outcome = if *reused {
                LayerOutcome::Reused
            } else {
                LayerOutcome::Indexed
            };
            layer.indexed(outcome, Some(ztoc))
        }
        Some(BuiltLayer::Skipped(reason)) => layer.skipped(Some(reason)),
        None => layer.skipped(layer.planned.reason()),
    }
}

/// A zTOC that is there is told of whatever the plan for its layer is now.
fn found_layer(layer: &Layer, current: &Current, place: usize) -> LayerReport {
    let digest = layer.descriptor.digest.to_string();
    let described = current.described(place);
    match described.ztoc(&digest) {
        Some(ztoc) => layer.indexed(LayerOutcome::Reused, Some(unread(&ztoc.to_registry()))),
        None => layer.skipped(described.left_out_reason(&digest).or(layer.foreseen)),
    }
}
