//! The older format, v1: the image stays as it is, and each of its manifests has a SOCI index that names it as its `subject`.
//!
//! There is no tag and no image index: consumers ask for the referrers of the image's manifest. What can be asked can be found again,
//! so a further run begins there. A SOCI index that covers less than is asked for now is not replaced, since nothing lists it by name:
//! another one is added, and soci-snapshotter takes the first that it is given.

use std::collections::{BTreeMap, BTreeSet};

use soci_registry::{Digest, Listing, Manifest, OCI_MANIFEST, Pushed, Store, Target};

use crate::convert::{self, Manifests};
use crate::current::{self, Current, CurrentPlatform, IS_NO_INDEX};
use crate::document::{Descriptor, ImageManifest, to_json};
use crate::error::IndexError;
use crate::layers::BuiltLayers;
use crate::media_type as types;
use crate::options::IndexOptions;
use crate::plan::{Plan, PlatformPlan};
use crate::source::{PlatformImage, Source};

/// SOCI indexes of one manifest that are looked at. One is usual; further ones are of other span sizes or tools.
const SOCI_INDEXES: usize = 16;

/// The SOCI indexes, by the places of their platforms. Empty: no layer of any platform has a zTOC.
pub(crate) fn convert(
    source: &Source,
    plan: &Plan,
    built: &BuiltLayers,
    options: &IndexOptions,
) -> Manifests {
    let soci_index = |(plan, image): (&PlatformPlan, &PlatformImage)| {
        let mut soci_index = convert::soci_index(plan, image, built, options)?;
        let subject = &source.index.manifests[plan.place];
        soci_index.config.media_type = types::SOCI_INDEX_V1.to_owned();
        soci_index.subject = Some(Descriptor::new(
            subject.media_type.clone(),
            subject.digest,
            subject.size_bytes,
        ));
        let bytes = to_json(&soci_index);
        Some((plan.place, Manifest::new(OCI_MANIFEST, bytes)))
    };
    plan.images(source).filter_map(soci_index).collect()
}

/// Writes them as referrers of their images; bytes written.
pub(crate) async fn publish(
    store: &dyn Store,
    source: &Source,
    soci_indexes: &Manifests,
) -> Result<u64, IndexError> {
    let mut uploaded_bytes = 0;
    for (place, soci_index) in soci_indexes {
        let mut entry = soci_index.descriptor();
        entry.artifact_type = Some(types::SOCI_INDEX_V1.to_owned());
        let parsed = parse(soci_index)?;
        entry.annotations = parsed.annotations;
        let listing = Listing::Referrer {
            subject: &source.index.manifests[*place].digest,
            entry: &entry,
        };
        if store.push_manifest(soci_index, listing).await? == Pushed::Stored {
            uploaded_bytes += soci_index.bytes().len() as u64;
        }
    }
    Ok(uploaded_bytes)
}

/// What the image's manifests are referred to by, if that is the index of the source: every eligible layer covered, zTOCs there.
pub(crate) async fn read(
    store: &dyn Store,
    source: &Source,
    plan: &Plan,
    options: &IndexOptions,
) -> Result<Option<Current>, IndexError> {
    let mut platforms = BTreeMap::new();
    for (plan, image) in plan.images(source) {
        let manifest = source.index.manifests[plan.place].digest;
        let eligible = current::eligible(plan, image);
        let index = whole(store, &manifest, &eligible, options).await?;
        if index.is_none() && !eligible.is_empty() {
            return Ok(None);
        }
        platforms.insert(plan.place, CurrentPlatform { manifest, index });
    }
    let is_indexed = |platform: &CurrentPlatform| platform.index.is_some();
    Ok(platforms.values().any(is_indexed).then_some(Current {
        digest: None,
        platforms,
    }))
}

/// The first SOCI index of a manifest that tells of every eligible layer.
async fn whole(
    store: &dyn Store,
    subject: &Digest,
    eligible: &BTreeSet<String>,
    options: &IndexOptions,
) -> Result<Option<(Digest, ImageManifest)>, IndexError> {
    for (digest, soci_index) in soci_indexes(store, subject).await? {
        if current::is_whole(store, &soci_index, eligible, options).await? {
            return Ok(Some((digest, soci_index)));
        }
    }
    Ok(None)
}

/// The SOCI indexes that refer to a manifest, those that can be read.
pub(crate) async fn soci_indexes(
    store: &dyn Store,
    subject: &Digest,
) -> Result<Vec<(Digest, ImageManifest)>, IndexError> {
    let mut found = Vec::new();
    let kind = Some(types::SOCI_INDEX_V1);
    let referrers = store.referrers(subject, kind).await?;
    for entry in referrers.iter().take(SOCI_INDEXES) {
        let target = Target::Digest(entry.digest);
        let manifest = match store.manifest(&target).await.map_err(IndexError::from) {
            Ok(manifest) => manifest,
            // Listed, but of no use.
            Err(error) if IS_NO_INDEX.contains(&error.kind()) => continue,
            Err(error) => return Err(error),
        };
        let Ok(soci_index) = parse(&manifest) else {
            continue;
        };
        let refers_to = soci_index.subject.as_ref().map(|subject| subject.digest);
        if refers_to == Some(*subject) && soci_index.config.media_type == types::SOCI_INDEX_V1 {
            found.push((entry.digest, soci_index));
        }
    }
    Ok(found)
}

fn parse(manifest: &Manifest) -> Result<ImageManifest, IndexError> {
    let digest = manifest.digest();
    let what = || format!("SOCI index {digest}");
    Ok(ImageManifest::parse(what, manifest.bytes())?)
}
