//! From an image to the SOCI index that consumers find for it, and back.
//!
//! Version 2: the image's manifest names the SOCI index in an annotation, and the list that has both names the manifest at the SOCI index.
//! Version 1: the SOCI index has the manifest as its subject, and whoever looks for it asks for what refers to the manifest.

use soci_registry::{Digest, Manifest, Store, Target};

use crate::convert::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST};
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::media_type as types;
pub(crate) use crate::options::IndexFormat as Format;
use crate::source::{PlatformImage, Source};
use crate::verify::{Fault, Finding, Place};

/// A SOCI index that is linked to an image.
pub(crate) struct Linked {
    pub(crate) entry: Descriptor,
    pub(crate) format: Format,
}

/// The SOCI indexes of an image, or what is wrong with the links to the one that it names.
pub(crate) async fn indexes(
    store: &dyn Store,
    source: &Source,
    place: usize,
    image: &PlatformImage,
) -> Result<Result<Vec<Linked>, Fault>, IndexError> {
    let listed = match listed(source, place, image) {
        Err(fault) => return Ok(Err(fault)),
        Ok(listed) => listed,
    };
    if let Some(entry) = listed {
        let (entry, format) = (entry.clone(), Format::V2);
        return Ok(Ok(vec![Linked { entry, format }]));
    }
    let own = source.index.manifests[place].digest;
    let attached = store.referrers(&own, Some(types::SOCI_INDEX_V1)).await?;
    let linked = |found: soci_registry::Descriptor| {
        let mut entry = Descriptor::new(found.media_type, found.digest, found.size_bytes);
        entry.artifact_type = found.artifact_type;
        let format = Format::V1;
        Linked { entry, format }
    };
    Ok(Ok(attached.into_iter().map(linked).collect()))
}

/// The SOCI index of version 2: named by the image's manifest, listed beside it for that manifest.
fn listed<'a>(
    source: &'a Source,
    place: usize,
    image: &PlatformImage,
) -> Result<Option<&'a Descriptor>, Fault> {
    let own = source.index.manifests[place].digest.to_string();
    let is_own = |entry: &&Descriptor| entry.annotations.get(IMAGE_MANIFEST_DIGEST) == Some(&own);
    let Some(named) = image.manifest.annotations.get(INDEX_DIGEST) else {
        return match source.soci_indexes().find(is_own) {
            Some(entry) => Err(Fault::IndexNotNamed {
                index: entry.digest,
            }),
            None => Ok(None),
        };
    };
    let mut with_name = source
        .soci_indexes()
        .filter(|entry| entry.digest.to_string() == *named)
        .peekable();
    let Some(&first) = with_name.peek() else {
        let index = named.clone();
        return Err(Fault::IndexNotListed { index });
    };
    // Of two manifests that are the same but for their order in the list, one SOCI index may be listed for each.
    match with_name.find(is_own) {
        Some(entry) => Ok(Some(entry)),
        None => Err(Fault::IndexOfOther {
            index: first.digest,
            listed_for: match first.annotations.get(IMAGE_MANIFEST_DIGEST) {
                Some(other) => format!("manifest {other}"),
                None => "no manifest".to_owned(),
            },
        }),
    }
}

/// A SOCI index's bytes and what they say, or why they cannot be used.
pub(crate) async fn read_soci_index(
    store: &dyn Store,
    digest: Digest,
) -> Result<Result<(Manifest, ImageManifest), Finding>, IndexError> {
    let place = Place::SociIndex(digest);
    let manifest = match store.manifest(&Target::Digest(digest)).await {
        Ok(manifest) => manifest,
        Err(error) => return Finding::of(place, error).map(Err),
    };
    Ok(
        match ImageManifest::parse(|| "it".to_owned(), manifest.bytes()) {
            Ok(parsed) => Ok((manifest, parsed)),
            Err(error) => {
                let why = error.to_string();
                Err(Finding::new(place, Fault::Document { why }))
            }
        },
    )
}
