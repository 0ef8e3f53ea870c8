//! Whether the output holds the index of what the source holds already, told without reading a layer.

use std::collections::BTreeSet;

use soci_registry::{Store, Tag, Target};

use crate::convert::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST, LAYER_DIGEST, LEFT_OUT, SPAN_SIZE};
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::media_type as types;
use crate::options::IndexOptions;
use crate::plan::{LayerPlan, Plan, PlatformPlan};
use crate::source::{PlatformImage, Role, Source};

/// Kinds of failure that say that what the output tag holds cannot be used.
const IS_NO_INDEX: [&str; 4] = ["not-found", "invalid-image", "too-large", "digest-mismatch"];

/// What the output tag holds, if it is the index of the source: same config and layers per platform, every eligible layer covered, links
/// intact. Who made it does not matter.
pub(crate) async fn read(
    store: &dyn Store,
    output: &Tag,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Option<Source>, IndexError> {
    let found = match Source::read(store, &Target::Tag(output.clone())).await {
        Ok(found) => found,
        // Whatever is there, if anything is, it is not the index of this image, and it will be replaced.
        Err(error) if IS_NO_INDEX.contains(&error.kind()) => return Ok(None),
        Err(error) => return Err(error),
    };
    for (plan, image) in plan.images(source) {
        if !holds(store, &found, plan, image, options).await? {
            return Ok(None);
        }
    }
    let every_image_is_there = source
        .images()
        .all(|(_, image)| twin(&found, image).is_some());
    Ok(every_image_is_there.then_some(found))
}

/// The rewritten manifest of an image.
fn twin<'a>(
    found: &'a Source,
    image: &PlatformImage,
) -> Option<(&'a Descriptor, &'a PlatformImage)> {
    let same_layers = |other: &ImageManifest| {
        let digests = |manifest: &ImageManifest| {
            manifest
                .layers
                .iter()
                .map(|layer| layer.digest)
                .collect::<Vec<_>>()
        };
        other.config.digest == image.manifest.config.digest
            && digests(other) == digests(&image.manifest)
    };
    let (place, other) = found
        .images()
        .find(|(_, other)| same_layers(&other.manifest))?;
    Some((&found.index.manifests[place], other))
}

async fn holds(
    store: &dyn Store,
    found: &Source,
    plan: &PlatformPlan,
    image: &PlatformImage,
    options: &IndexOptions,
) -> Result<bool, IndexError> {
    let Some((entry, other)) = twin(found, image) else {
        return Ok(false);
    };
    let eligible: BTreeSet<String> = image
        .manifest
        .layers
        .iter()
        .zip(&plan.layers)
        .filter(|(layer, plan)| {
            let is_other = types::names_other_compression(&layer.media_type);
            **plan == LayerPlan::Build && !is_other
        })
        .map(|(layer, _)| layer.digest.to_string())
        .collect();
    let Some(linked) = other.manifest.annotations.get(INDEX_DIGEST) else {
        return Ok(eligible.is_empty());
    };
    let is_linked = |(listed, role): &(&Descriptor, &Role)| {
        matches!(role, Role::SociIndex)
            && listed.digest.to_string() == *linked
            && listed.annotations.get(IMAGE_MANIFEST_DIGEST) == Some(&entry.digest.to_string())
    };
    let Some((soci_index, _)) = found
        .index
        .manifests
        .iter()
        .zip(&found.roles)
        .find(is_linked)
    else {
        return Ok(false);
    };
    let manifest = store.manifest(&Target::Digest(soci_index.digest)).await?;
    let digest = manifest.digest();
    let soci_index = ImageManifest::parse(|| format!("SOCI index {digest}"), manifest.bytes())?;
    Ok(covers(&soci_index, &eligible, options) && blobs_exist(store, &soci_index).await?)
}

fn covers(soci_index: &ImageManifest, eligible: &BTreeSet<String>, options: &IndexOptions) -> bool {
    let span_size = options.span_size.bytes().to_string();
    let with_span_size = |ztoc: &&Descriptor| {
        ztoc.annotations
            .get(SPAN_SIZE)
            .is_none_or(|size| *size == span_size)
    };
    let indexed = soci_index
        .layers
        .iter()
        .filter(with_span_size)
        .filter_map(|ztoc| ztoc.annotations.get(LAYER_DIGEST));
    let mut covered: BTreeSet<&str> = indexed.map(String::as_str).collect();
    let left_out = soci_index
        .annotations
        .get(LEFT_OUT)
        .map_or("", String::as_str);
    covered.extend(
        left_out
            .split(',')
            .filter_map(|layer| Some(layer.split_once('=')?.0)),
    );
    eligible
        .iter()
        .all(|layer| covered.contains(layer.as_str()))
}

async fn blobs_exist(store: &dyn Store, soci_index: &ImageManifest) -> Result<bool, IndexError> {
    for ztoc in &soci_index.layers {
        if !store.has_blob(&ztoc.digest).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
