//! zTOCs that are there already, for layers that are to be indexed: taken over instead of reading the layer again.
//!
//! SOCI indexes name them: those of what the output tag holds, also when that is of an image that the source tag held before; those that
//! refer to the image (v1); and those of an image that the caller names. A zTOC counts if the build would make the same one: of the same
//! layer, span size and build tool. It is read and its parts are held against one another and the layer's size; its windows are not
//! proven, since that takes the layer. Who can write zTOCs into the repository can write images there too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use soci_registry::{Digest, Kind, Pushed, Store, Target};
use soci_ztoc::{Limits, MultiMember, Ztoc};

use crate::convert::{BUILD_TOOL, SPAN_SIZE};
use crate::current::IS_NO_INDEX;
use crate::described::Described;
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::layers::{BuiltLayer, BuiltLayers};
use crate::media_type as types;
use crate::options::{IndexFormat, IndexOptions};
use crate::plan::Plan;
use crate::source::{Role, Source};
use crate::v1;

/// zTOCs that are tried for one layer before it is read.
const TRIES: usize = 4;

/// One zTOC may take this part of the memory for layers: while it is checked its parts are in memory beside its bytes.
const BUDGET_PER_ZTOC: u64 = 4;

/// What documents say of layers that are to be indexed.
#[derive(Default)]
pub(crate) struct Candidates {
    ztocs: BTreeMap<Digest, Vec<Candidate>>,
    /// Layers left out because of their content, with the reason.
    left_out: BTreeMap<Digest, &'static str>,
}

/// A zTOC, and where it lies.
struct Candidate {
    store: Arc<dyn Store>,
    ztoc: soci_registry::Descriptor,
}

impl Candidates {
    /// The zTOC that is tried first for a layer.
    pub(crate) fn ztoc(&self, layer: &Digest) -> Option<&soci_registry::Descriptor> {
        let candidates = self.ztocs.get(layer)?;
        candidates.first().map(|candidate| &candidate.ztoc)
    }

    /// Why a layer was left out before, if that still counts.
    pub(crate) fn left_out(&self, layer: &Digest) -> Option<&'static str> {
        self.left_out.get(layer).copied()
    }

    fn add(
        &mut self,
        store: &Arc<dyn Store>,
        index: &ImageManifest,
        wanted: &BTreeSet<Digest>,
        options: &IndexOptions,
    ) {
        let is_own = index.annotations.get(BUILD_TOOL) == Some(&options.build_tool_identifier);
        if !is_own && !options.reuse_foreign {
            return;
        }
        let described = Described::of(index);
        for layer in wanted {
            let name = layer.to_string();
            if let Some(ztoc) = described
                .ztoc(&name)
                .filter(|ztoc| is_fitting(ztoc, options))
            {
                let candidates = self.ztocs.entry(*layer).or_default();
                let is_known = |known: &Candidate| known.ztoc.digest == ztoc.digest;
                if candidates.len() < TRIES && !candidates.iter().any(is_known) {
                    let (store, ztoc) = (Arc::clone(store), ztoc.to_registry());
                    candidates.push(Candidate { store, ztoc });
                }
            }
            let reason = described.left_out_reason(&name);
            if let Some(reason) = reason.filter(|reason| is_own && still_counts(reason, options)) {
                self.left_out.insert(*layer, reason);
            }
        }
    }
}

/// Whether it is of the span size asked for, as far as its descriptor tells.
fn is_fitting(ztoc: &Descriptor, options: &IndexOptions) -> bool {
    let span_size = options.span_size.bytes().to_string();
    let noted = ztoc.annotations.get(SPAN_SIZE);
    ztoc.media_type == types::ZTOC && noted.is_none_or(|noted| *noted == span_size)
}

/// Content does not change, but what is done with it may.
fn still_counts(reason: &str, options: &IndexOptions) -> bool {
    reason != soci_ztoc::Reason::MultiMemberGzip.as_str()
        || options.multi_member == MultiMember::Skip
}

/// What documents say of the layers of this plan. No zTOC is read.
pub(crate) async fn collect(
    store: &Arc<dyn Store>,
    output: Option<&Source>,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Candidates, IndexError> {
    let mut candidates = Candidates::default();
    if options.force {
        return Ok(candidates);
    }
    let layers = plan.layers(source);
    let wanted: BTreeSet<Digest> = layers.iter().map(|layer| layer.digest).collect();
    let mut indexes = match output {
        Some(output) => listed(&**store, output).await?,
        None => Vec::new(),
    };
    if options.format == IndexFormat::V1 {
        indexes.extend(referring(&**store, source).await?);
    }
    for index in &indexes {
        candidates.add(store, index, &wanted, options);
    }
    if let Some(from) = &options.reuse_from {
        let named = Source::read(&*from.store, &from.target).await?;
        let mut indexes = listed(&*from.store, &named).await?;
        indexes.extend(referring(&*from.store, &named).await?);
        if indexes.is_empty() {
            tracing::warn!("nothing to reuse: {} has no SOCI index", from.name);
        }
        for index in &indexes {
            candidates.add(&from.store, index, &wanted, options);
        }
    }
    Ok(candidates)
}

/// The SOCI indexes in an image index, those that can be read.
async fn listed(store: &dyn Store, image: &Source) -> Result<Vec<ImageManifest>, IndexError> {
    let mut found = Vec::new();
    let entries = image.index.manifests.iter().zip(&image.roles);
    for (entry, _) in entries.filter(|(_, role)| matches!(role, Role::SociIndex)) {
        let target = Target::Digest(entry.digest);
        match store.manifest(&target).await.map_err(IndexError::from) {
            Ok(manifest) => {
                found.extend(ImageManifest::parse(String::new, manifest.bytes()).ok());
            }
            Err(error) if IS_NO_INDEX.contains(&error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The SOCI indexes that refer to the images of an image index.
async fn referring(store: &dyn Store, image: &Source) -> Result<Vec<ImageManifest>, IndexError> {
    let mut found = Vec::new();
    for (place, _) in image.images() {
        let subject = image.index.manifests[place].digest;
        let indexes = v1::soci_indexes(store, &subject).await?;
        found.extend(indexes.into_iter().map(|(_, index)| index));
    }
    Ok(found)
}

/// Takes over what can be taken over of these layers.
pub(crate) async fn take(
    store: &Arc<dyn Store>,
    candidates: &Candidates,
    layers: &[&Descriptor],
    options: &IndexOptions,
) -> Result<BuiltLayers, IndexError> {
    let mut taken = BuiltLayers::default();
    for layer in layers {
        if let Some(reason) = candidates.left_out(&layer.digest) {
            let skipped = BuiltLayer::Skipped(reason);
            taken.by_digest.insert(layer.digest, skipped);
        }
        for candidate in candidates.ztocs.get(&layer.digest).into_iter().flatten() {
            match take_one(store, candidate, layer, options, &mut taken).await? {
                Ok(built) => {
                    taken.by_digest.insert(layer.digest, built);
                    break;
                }
                Err(why) => tracing::info!(
                    "zTOC {} of layer {} is not reused: {why}",
                    candidate.ztoc.digest,
                    layer.digest
                ),
            }
        }
    }
    Ok(taken)
}

/// A zTOC that is there, or in words why it is not taken.
async fn take_one(
    store: &Arc<dyn Store>,
    candidate: &Candidate,
    layer: &Descriptor,
    options: &IndexOptions,
    taken: &mut BuiltLayers,
) -> Result<Result<BuiltLayer, String>, IndexError> {
    let limit_bytes = options.memory_budget_bytes / BUDGET_PER_ZTOC;
    let ztoc = &candidate.ztoc;
    if ztoc.size_bytes > limit_bytes {
        let why = format!(
            "it has {} bytes, of which {limit_bytes} fit into memory",
            ztoc.size_bytes
        );
        return Ok(Err(why));
    }
    let bytes = match read(candidate, taken).await.map_err(IndexError::from) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == Kind::DigestMismatch.as_str() => {
            taken.damaged.insert(ztoc.digest);
            return Ok(Err(error.to_string()));
        }
        Err(error) if IS_NO_INDEX.contains(&error.kind()) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let (options, layer_bytes, checked) = (options.clone(), layer.size_bytes, bytes.clone());
    let check = move || check(&checked, layer_bytes, &options);
    let checked = tokio::task::spawn_blocking(check).await;
    let (files, spans) = match checked.map_err(|_| IndexError::Worker)? {
        Ok(counts) => counts,
        Err(why) => return Ok(Err(why)),
    };
    // There already, unless it comes from elsewhere.
    let ztoc = soci_registry::Descriptor::new(types::ZTOC, ztoc.digest, ztoc.size_bytes);
    if store.push_blob(&ztoc, &bytes).await? == Pushed::Stored {
        taken.uploaded_bytes += ztoc.size_bytes;
    }
    Ok(Ok(BuiltLayer::Indexed {
        ztoc,
        files,
        spans,
        reused: true,
    }))
}

/// Looks at zTOCs that had to be made because what was there is damaged, or may be. A layout has them with their own bytes now; a registry
/// that has a blob takes it no second time, whatever its bytes have become, and nothing may be published that names such a one.
pub(crate) async fn look_again(
    store: &dyn Store,
    built: &mut BuiltLayers,
    options: &IndexOptions,
) -> Result<(), IndexError> {
    let made = built.by_digest.values().filter_map(|layer| match layer {
        BuiltLayer::Indexed {
            ztoc,
            reused: false,
            ..
        } => Some(ztoc),
        _ => None,
    });
    let doubted = made.filter(|ztoc| options.force || built.damaged.contains(&ztoc.digest));
    let doubted: Vec<_> = doubted.cloned().collect();
    for ztoc in doubted {
        let is_mismatch = |error: &soci_registry::Error| error.kind() == Kind::DigestMismatch;
        let mut read = pass_by(store, &ztoc, built).await;
        // Bytes can change on the way; a second look tells whether they are wrong where they lie.
        if read.as_ref().is_err_and(is_mismatch) {
            read = pass_by(store, &ztoc, built).await;
        }
        read.map_err(|error| match is_mismatch(&error) {
            true => IndexError::DamagedZtoc {
                digest: ztoc.digest,
                error: Box::new(error),
            },
            false => error.into(),
        })?;
    }
    Ok(())
}

/// Reads a zTOC and keeps nothing of it.
async fn pass_by(
    store: &dyn Store,
    ztoc: &soci_registry::Descriptor,
    built: &mut BuiltLayers,
) -> Result<(), soci_registry::Error> {
    let mut blob = store.blob(ztoc).await?;
    while blob.next_chunk().await?.is_some() {}
    built.downloaded_bytes += blob.fetched_bytes();
    Ok(())
}

/// The zTOC's bytes, checked against its digest.
async fn read(
    candidate: &Candidate,
    taken: &mut BuiltLayers,
) -> Result<Bytes, soci_registry::Error> {
    let mut blob = candidate.store.blob(&candidate.ztoc).await?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = blob.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    taken.downloaded_bytes += blob.fetched_bytes();
    Ok(bytes.freeze())
}

/// Files and spans of a zTOC that can be of this layer, made as it would be made now.
fn check(bytes: &[u8], layer_bytes: u64, options: &IndexOptions) -> Result<(usize, usize), String> {
    let default = Limits::default();
    let memory_bytes = usize::try_from(options.memory_budget_bytes / BUDGET_PER_ZTOC * 2);
    let limits = Limits {
        memory_bytes: default.memory_bytes.min(memory_bytes.unwrap_or(usize::MAX)),
        ..default
    };
    let ztoc = Ztoc::decode(bytes, &limits).map_err(|error| error.to_string())?;
    let span_bytes = ztoc.spans.span_bytes();
    if ztoc.compressed_bytes != layer_bytes {
        let found = ztoc.compressed_bytes;
        Err(format!(
            "it is of a layer of {found} bytes, not of {layer_bytes}"
        ))
    } else if span_bytes != options.span_size.bytes() {
        Err(format!("it has another span size, {span_bytes}"))
    } else if ztoc.build_tool_identifier != options.build_tool_identifier && !options.reuse_foreign
    {
        Err(format!("{:?} made it", ztoc.build_tool_identifier))
    } else if let Err(error) = ztoc.check_served() {
        // Only another tool makes such a one, perhaps under our name.
        Err(error.to_string())
    } else {
        Ok((ztoc.files.len(), ztoc.spans.len()))
    }
}
