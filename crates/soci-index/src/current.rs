//! Whether the output holds the index of what the source holds already, told without reading a layer.

use std::collections::{BTreeMap, BTreeSet};

use soci_registry::{Digest, Store, Tag, Target};
use soci_ztoc::{MultiMember, Reason};

use crate::convert::{ATTESTED_DIGEST, IMAGE_MANIFEST_DIGEST, INDEX_DIGEST, SPAN_SIZE};
use crate::described::Described;
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::options::IndexOptions;
use crate::plan::{Plan, PlatformPlan};
use crate::source::{PlatformImage, Role, Source};

/// Kinds of failure that say that what the output tag holds cannot be used.
pub(crate) const IS_NO_INDEX: [&str; 4] =
    ["not-found", "invalid-image", "too-large", "digest-mismatch"];

/// The index of the source, as it was found.
pub(crate) struct Current {
    /// What the output tag holds; nothing in the format v1, which has none.
    pub(crate) digest: Option<Digest>,
    /// The planned platforms, by their places in the source's index.
    pub(crate) platforms: BTreeMap<usize, CurrentPlatform>,
}

/// One platform of it.
pub(crate) struct CurrentPlatform {
    /// Its manifest, rewritten where the format does that.
    pub(crate) manifest: Digest,
    /// Its SOCI index, if it needs one.
    pub(crate) index: Option<(Digest, ImageManifest)>,
}

impl Current {
    /// Whether anything is indexed in it. Otherwise it is an image of which nothing could be.
    pub(crate) fn has_index(&self) -> bool {
        let mut platforms = self.platforms.values();
        platforms.any(|platform| platform.index.is_some())
    }

    /// What is known of the layers of the platform at this place.
    pub(crate) fn described(&self, place: usize) -> Described<'_> {
        let platform = self.platforms.get(&place);
        let index = platform.and_then(|platform| platform.index.as_ref());
        index.map_or_else(Described::default, |(_, index)| Described::of(index))
    }
}

/// What the output tag holds, if that can be used at all.
pub(crate) async fn output(store: &dyn Store, output: &Tag) -> Result<Option<Source>, IndexError> {
    match Source::read(store, &Target::Tag(output.clone())).await {
        Ok(found) => Ok(Some(found)),
        // Whatever is there, if anything is, it is not the index of this image, and it will be replaced.
        Err(error) if IS_NO_INDEX.contains(&error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the output tag holds, if it is the index of the source: the same entries in the same order, same config and layers per platform,
/// every eligible layer covered, links intact. Who made it does not matter.
pub(crate) async fn read(
    store: &dyn Store,
    found: &Source,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Option<Current>, IndexError> {
    match find(store, found, source, plan, options).await {
        // Something that it lists is missing or damaged, so it will be replaced.
        Err(error) if IS_NO_INDEX.contains(&error.kind()) => Ok(None),
        found => found,
    }
}

async fn find(
    store: &dyn Store,
    found: &Source,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Option<Current>, IndexError> {
    let Some(twins) = twins(found, source) else {
        return Ok(None);
    };
    let mut platforms = BTreeMap::new();
    for (plan, image) in plan.images(source) {
        let twin = twins[&plan.place];
        let Some(platform) = platform(store, found, twin, plan, image, options).await? else {
            return Ok(None);
        };
        platforms.insert(plan.place, platform);
    }
    Ok(Some(Current {
        digest: Some(found.digest()),
        platforms,
    }))
}

/// The rewritten images by the places of the source's, if all that the source lists is there and nothing else but SOCI indexes.
fn twins<'a>(
    found: &'a Source,
    source: &Source,
) -> Option<BTreeMap<usize, (&'a Descriptor, &'a PlatformImage)>> {
    let (there, here) = (listed(found), listed(source));
    let is_all = there.len() == here.len();
    let mut twins = BTreeMap::new();
    for ((place, role), (other_place, other_role)) in here.iter().zip(&there) {
        let entry = &source.index.manifests[*place];
        let other = &found.index.manifests[*other_place];
        match (role, other_role) {
            (Role::Image(image), Role::Image(other_image)) if is_twin(image, other_image) => {
                twins.insert(*place, (other, &**other_image));
            }
            (Role::Other, Role::Other)
                if entry.digest == other.digest
                    && attested(source, &here, entry) == attested(found, &there, other) => {}
            _ => return None,
        }
    }
    is_all.then_some(twins)
}

/// What an index lists beside SOCI indexes, with the places.
fn listed(source: &Source) -> Vec<(usize, &Role)> {
    let roles = source.roles.iter().enumerate();
    roles
        .filter(|(_, role)| !matches!(role, Role::SociIndex))
        .collect()
}

/// Which of the listed ones an attestation is about.
fn attested(source: &Source, listed: &[(usize, &Role)], entry: &Descriptor) -> Option<usize> {
    let digest = entry.annotations.get(ATTESTED_DIGEST)?;
    listed
        .iter()
        .position(|(place, _)| source.index.manifests[*place].digest.to_string() == *digest)
}

/// Whether both are the same image, the one perhaps rewritten.
fn is_twin(image: &PlatformImage, other: &PlatformImage) -> bool {
    let digests = |layers: &[Descriptor]| layers.iter().map(|layer| layer.digest).collect();
    let (layers, others): (Vec<_>, Vec<_>) = (
        digests(&image.manifest.layers),
        digests(&other.manifest.layers),
    );
    image.platform.is_same(&other.platform)
        && image.manifest.config.digest == other.manifest.config.digest
        && layers == others
}

/// A platform of the source in what was found, if it is all there.
async fn platform(
    store: &dyn Store,
    found: &Source,
    (entry, other): (&Descriptor, &PlatformImage),
    plan: &PlatformPlan,
    image: &PlatformImage,
    options: &IndexOptions,
) -> Result<Option<CurrentPlatform>, IndexError> {
    let eligible = eligible(plan, image);
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
    let is_whole = is_whole(store, &soci_index, &eligible, options).await?;
    Ok(is_whole.then_some(CurrentPlatform {
        manifest: entry.digest,
        index: Some((digest, soci_index)),
    }))
}

/// The layers that are to have a zTOC, as far as documents tell.
pub(crate) fn eligible(plan: &PlatformPlan, image: &PlatformImage) -> BTreeSet<String> {
    let planned = image.manifest.layers.iter().zip(&plan.layers);
    planned
        .filter(|(layer, plan)| plan.foreseen_reason(layer).is_none())
        .map(|(layer, _)| layer.digest.to_string())
        .collect()
}

/// Whether a SOCI index tells of every eligible layer, and its zTOCs are there.
pub(crate) async fn is_whole(
    store: &dyn Store,
    soci_index: &ImageManifest,
    eligible: &BTreeSet<String>,
    options: &IndexOptions,
) -> Result<bool, IndexError> {
    Ok(covers(soci_index, eligible, options) && blobs_exist(store, soci_index).await?)
}

fn covers(soci_index: &ImageManifest, eligible: &BTreeSet<String>, options: &IndexOptions) -> bool {
    let span_size = options.span_size.bytes().to_string();
    let has_span_size = |ztoc: &Descriptor| {
        ztoc.annotations
            .get(SPAN_SIZE)
            .is_none_or(|size| *size == span_size)
    };
    let described = Described::of(soci_index);
    // One that was left out by choice may be wanted now.
    let is_left_out = |reason: &str| {
        reason != Reason::MultiMemberGzip.as_str() || options.multi_member == MultiMember::Skip
    };
    eligible.iter().all(|layer| {
        described.ztoc(layer).is_some_and(has_span_size)
            || described.left_out(layer).is_some_and(is_left_out)
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
