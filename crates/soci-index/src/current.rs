//! Whether the output holds the index of what the source holds already, told without reading a layer.

use std::collections::{BTreeMap, BTreeSet};

use soci_registry::{Digest, Store, Tag, Target};

use crate::convert::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST, SPAN_SIZE};
use crate::described::Described;
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::options::IndexOptions;
use crate::plan::{Plan, PlatformPlan};
use crate::source::{PlatformImage, Role, Source};

/// Kinds of failure that say that what the output tag holds cannot be used.
const IS_NO_INDEX: [&str; 4] = ["not-found", "invalid-image", "too-large", "digest-mismatch"];

/// The index of the source, as it was found.
pub(crate) struct Current {
    /// What the output tag holds.
    pub(crate) digest: Digest,
    /// The planned platforms, by their places in the source's index.
    pub(crate) platforms: BTreeMap<usize, CurrentPlatform>,
}

/// One platform of it.
pub(crate) struct CurrentPlatform {
    /// Its rewritten manifest.
    pub(crate) manifest: Digest,
    /// Its SOCI index, if it needs one.
    pub(crate) index: Option<(Digest, ImageManifest)>,
}

impl Current {
    /// What is known of the layers of the platform at this place.
    pub(crate) fn described(&self, place: usize) -> Described<'_> {
        let platform = self.platforms.get(&place);
        let index = platform.and_then(|platform| platform.index.as_ref());
        index.map_or_else(Described::default, |(_, index)| Described::of(index))
    }
}

/// What the output tag holds, if it is the index of the source: same config and layers per platform, every eligible layer covered, links
/// intact. Who made it does not matter.
pub(crate) async fn read(
    store: &dyn Store,
    output: &Tag,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Option<Current>, IndexError> {
    let found = match Source::read(store, &Target::Tag(output.clone())).await {
        Ok(found) => found,
        // Whatever is there, if anything is, it is not the index of this image, and it will be replaced.
        Err(error) if IS_NO_INDEX.contains(&error.kind()) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut platforms = BTreeMap::new();
    for (plan, image) in plan.images(source) {
        let Some(platform) = platform(store, &found, plan, image, options).await? else {
            return Ok(None);
        };
        platforms.insert(plan.place, platform);
    }
    let every_image_is_there = source
        .images()
        .all(|(_, image)| twin(&found, image).is_some());
    Ok(every_image_is_there.then(|| Current {
        digest: found.digest(),
        platforms,
    }))
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

/// A platform of the source in what was found, if it is all there.
async fn platform(
    store: &dyn Store,
    found: &Source,
    plan: &PlatformPlan,
    image: &PlatformImage,
    options: &IndexOptions,
) -> Result<Option<CurrentPlatform>, IndexError> {
    let Some((entry, other)) = twin(found, image) else {
        return Ok(None);
    };
    let eligible: BTreeSet<String> = image
        .manifest
        .layers
        .iter()
        .zip(&plan.layers)
        .filter(|(layer, plan)| plan.foreseen_reason(layer).is_none())
        .map(|(layer, _)| layer.digest.to_string())
        .collect();
    let Some(linked) = other.manifest.annotations.get(INDEX_DIGEST) else {
        return Ok(eligible.is_empty().then_some(CurrentPlatform {
            manifest: entry.digest,
            index: None,
        }));
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
        return Ok(None);
    };
    let manifest = store.manifest(&Target::Digest(soci_index.digest)).await?;
    let digest = manifest.digest();
    let soci_index = ImageManifest::parse(|| format!("SOCI index {digest}"), manifest.bytes())?;
    let is_whole =
        covers(&soci_index, &eligible, options) && blobs_exist(store, &soci_index).await?;
    Ok(is_whole.then_some(CurrentPlatform {
        manifest: entry.digest,
        index: Some((digest, soci_index)),
    }))
}

fn covers(soci_index: &ImageManifest, eligible: &BTreeSet<String>, options: &IndexOptions) -> bool {
    let span_size = options.span_size.bytes().to_string();
    let has_span_size = |ztoc: &Descriptor| {
        ztoc.annotations
            .get(SPAN_SIZE)
            .is_none_or(|size| *size == span_size)
    };
    let described = Described::of(soci_index);
    eligible.iter().all(|layer| {
        described.ztoc(layer).is_some_and(has_span_size) || described.left_out(layer).is_some()
    })
}

async fn blobs_exist(store: &dyn Store, soci_index: &ImageManifest) -> Result<bool, IndexError> {
    for ztoc in &soci_index.layers {
        if !store.has_blob(&ztoc.digest).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
