//! From the source's documents and the zTOCs to the documents of the result: what is pushed, in the order in which it is pushed.
//!
//! Pure: documents in, documents out. The same source and zTOCs give the same bytes, so a second run, or one that was killed in
//! between, ends with the same digests. What soci-snapshotter does otherwise, and why we do not, stands in `docs/decisions/image-shapes.md`.

use std::collections::BTreeMap;

use soci_registry::{Digest, MANIFEST_BYTES, Manifest, OCI_INDEX, OCI_MANIFEST};

use crate::document::{Descriptor, ImageIndex, ImageManifest, to_json};
use crate::error::IndexError;
use crate::layers::{BuiltLayer, BuiltLayers};
use crate::media_type as types;
use crate::options::IndexOptions;
use crate::plan::{LayerPlan, Plan, PlatformPlan};
use crate::source::{PlatformImage, Role, Source};

/// On a rewritten image manifest: the digest of its SOCI index.
pub(crate) const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
/// On a SOCI index's descriptor: the digest of the image manifest it belongs to.
pub(crate) const IMAGE_MANIFEST_DIGEST: &str = "com.amazon.soci.image-manifest-digest";
/// On a zTOC's descriptor: the digest of its layer.
pub(crate) const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";
/// On a zTOC's descriptor: the media type of its layer.
pub(crate) const LAYER_MEDIA_TYPE: &str = "com.amazon.soci.image-layer-mediaType";
/// On a zTOC's descriptor: its span size.
pub(crate) const SPAN_SIZE: &str = "com.amazon.soci.span-size";
/// On a SOCI index: who made it.
pub(crate) const BUILD_TOOL: &str = "com.amazon.soci.build-tool-identifier";
/// On a SOCI index of ours: layers left out because of their content, `digest=reason` with commas between. Without it, every further run
/// would read them again to find that out. Not written where there are none, so elsewhere the bytes are soci-snapshotter's.
pub(crate) const LEFT_OUT: &str = "soci-index-builder.left-out-layers";
/// On an attestation's descriptor: the digest of the manifest it attests (BuildKit).
pub(crate) const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

/// The config of every SOCI index: `{}`.
pub(crate) const EMPTY_CONFIG: &[u8] = b"{}";

/// Manifests by the places of their platforms in the source's index.
pub(crate) type Manifests = BTreeMap<usize, Manifest>;

/// The documents of the result.
pub(crate) struct Converted {
    /// SOCI indexes, one for each indexed platform, by the platform's place in the source's index.
    pub(crate) soci_indexes: Manifests,
    /// Image manifests, rewritten, by place.
    pub(crate) images: Manifests,
    /// The image index, which gets the tag.
    pub(crate) index: Manifest,
}

/// Makes the documents. `None`: no layer of any platform has a zTOC.
pub(crate) fn convert(
    source: &Source,
    plan: &Plan,
    built: &BuiltLayers,
    options: &IndexOptions,
) -> Option<Converted> {
    let soci_indexes: Manifests = plan
        .images(source)
        .filter_map(|(plan, image)| {
            let soci_index = soci_index(plan, image, built, options)?;
            let bytes = to_json(&soci_index);
            Some((plan.place, Manifest::new(OCI_MANIFEST, bytes)))
        })
        .collect();
    if soci_indexes.is_empty() {
        return None;
    }
    let planned = |place| {
        plan.platforms
            .iter()
            .any(|platform| platform.place == place)
    };
    let images: Manifests = source
        .images()
        .map(|(place, image)| {
            let kept = if planned(place) {
                None
            } else {
                kept_index(source, image)
            };
            let index = soci_indexes
                .get(&place)
                .map(|index| index.digest().to_string())
                .or(kept);
            (place, rewrite(image, index))
        })
        .collect();
    let index = list(source, plan, &images, &soci_indexes);
    let index = Manifest::new(OCI_INDEX, to_json(&index));
    Some(Converted {
        soci_indexes,
        images,
        index,
    })
}

/// Refuses a result whose image index no registry would take, before any layer is read. Sizes are not known yet, so the length is a few
/// bytes short for each platform.
pub(crate) fn check_index_size(source: &Source, plan: &Plan) -> Result<(), IndexError> {
    let stand_in = Manifest::new(OCI_MANIFEST, EMPTY_CONFIG.to_vec());
    let to_build = |platform: &&PlatformPlan| platform.layers.contains(&LayerPlan::Build);
    let platforms = plan.platforms.iter().filter(to_build);
    let soci_indexes: Manifests = platforms
        .map(|platform| (platform.place, stand_in.clone()))
        .collect();
    let rewritten = |(place, image)| {
        let soci_index: Option<&Manifest> = soci_indexes.get(&place);
        let digest = soci_index.map(|index| index.digest().to_string());
        (place, rewrite(image, digest))
    };
    let images: Manifests = source.images().map(rewritten).collect();
    let found_bytes = to_json(&list(source, plan, &images, &soci_indexes)).len() as u64;
    if found_bytes > MANIFEST_BYTES {
        return Err(IndexError::ResultTooLarge {
            found_bytes,
            limit_bytes: MANIFEST_BYTES,
        });
    }
    Ok(())
}

/// The SOCI index that an image has from an earlier conversion, if it is in the list.
fn kept_index(source: &Source, image: &PlatformImage) -> Option<String> {
    let linked = image.manifest.annotations.get(INDEX_DIGEST)?;
    let mut entries = source.index.manifests.iter().zip(&source.roles);
    entries.find(|(entry, role)| {
        matches!(role, Role::SociIndex) && entry.digest.to_string() == *linked
    })?;
    Some(linked.clone())
}

/// The SOCI index of a platform, as v2 has it.
pub(crate) fn soci_index(
    plan: &PlatformPlan,
    image: &PlatformImage,
    built: &BuiltLayers,
    options: &IndexOptions,
) -> Option<ImageManifest> {
    let layers = || {
        image
            .manifest
            .layers
            .iter()
            .zip(&plan.layers)
            .filter(|(_, plan)| **plan == LayerPlan::Build)
    };
    let ztocs: Vec<Descriptor> = layers()
        .filter_map(|(layer, _)| ztoc(layer, built.by_digest.get(&layer.digest)?, options))
        .collect();
    if ztocs.is_empty() {
        return None;
    }
    let left_out: Vec<String> = layers()
        .filter(|(layer, _)| !types::names_other_compression(&layer.media_type))
        .filter_map(|(layer, _)| match built.by_digest.get(&layer.digest)? {
            BuiltLayer::Skipped(reason) => Some(format!("{}={reason}", layer.digest)),
            BuiltLayer::Indexed { .. } => None,
        })
        .collect();
    let mut annotations =
        BTreeMap::from([(BUILD_TOOL.to_owned(), options.build_tool_identifier.clone())]);
    if !left_out.is_empty() {
        annotations.insert(LEFT_OUT.to_owned(), left_out.join(","));
    }
    let config = Digest::of(EMPTY_CONFIG);
    Some(ImageManifest {
        schema_version: 2,
        media_type: OCI_MANIFEST.to_owned(),
        artifact_type: None,
        config: Descriptor::new(types::SOCI_INDEX_V2, config, EMPTY_CONFIG.len() as u64),
        layers: ztocs,
        subject: None,
        annotations,
        unknown: Default::default(),
    })
}

fn ztoc(layer: &Descriptor, built: &BuiltLayer, options: &IndexOptions) -> Option<Descriptor> {
    let BuiltLayer::Indexed { ztoc, .. } = built else {
        return None;
    };
    let mut descriptor = Descriptor::new(types::ZTOC, ztoc.digest, ztoc.size_bytes);
    descriptor.annotations = BTreeMap::from([
        (LAYER_DIGEST.to_owned(), layer.digest.to_string()),
        (LAYER_MEDIA_TYPE.to_owned(), layer.media_type.clone()),
        (SPAN_SIZE.to_owned(), options.span_size.bytes().to_string()),
    ]);
    Some(descriptor)
}

/// Some registries refuse to mix Docker's manifests with OCI's in one index, so all become OCI manifests.
fn rewrite(image: &PlatformImage, soci_index: Option<String>) -> Manifest {
    let mut manifest = image.manifest.clone();
    manifest.media_type = OCI_MANIFEST.to_owned();
    manifest.config.media_type = types::OCI_CONFIG.to_owned();
    match soci_index {
        Some(digest) => drop(manifest.annotations.insert(INDEX_DIGEST.to_owned(), digest)),
        // Of an earlier conversion, whose index is not in this result.
        None => drop(manifest.annotations.remove(INDEX_DIGEST)),
    }
    Manifest::new(OCI_MANIFEST, to_json(&manifest))
}

/// The source's list with the rewritten manifests in place, and the SOCI indexes in place of those of an earlier conversion or behind
/// the list.
fn list(source: &Source, plan: &Plan, images: &Manifests, soci_indexes: &Manifests) -> ImageIndex {
    let mut index = source.index.clone();
    index.media_type = OCI_INDEX.to_owned();
    let renamed: BTreeMap<String, String> = images
        .iter()
        .map(|(place, image)| {
            (
                index.manifests[*place].digest.to_string(),
                image.digest().to_string(),
            )
        })
        .collect();
    let mut new = soci_entries(plan, images, soci_indexes);
    let mut listed = Vec::with_capacity(index.manifests.len() + new.len());
    for (place, mut entry) in index.manifests.into_iter().enumerate() {
        match (&source.roles[place], images.get(&place)) {
            (Role::SociIndex, _) => match earlier(&entry, source, images, &mut new) {
                Some(soci_index) => listed.push(soci_index),
                None => continue,
            },
            (role, Some(image)) => {
                refer_to(&mut entry, image, role);
                listed.push(entry);
            }
            _ => {
                if let Some(attested) = entry.annotations.get_mut(ATTESTED_DIGEST)
                    && let Some(digest) = renamed.get(attested)
                {
                    attested.clone_from(digest);
                }
                listed.push(entry);
            }
        }
    }
    index.manifests = listed;
    index.manifests.extend(new);
    index
}

/// The entries of the SOCI indexes made now, one for each manifest they belong to.
fn soci_entries(plan: &Plan, images: &Manifests, soci_indexes: &Manifests) -> Vec<Descriptor> {
    let mut entries: Vec<Descriptor> = Vec::new();
    for platform in &plan.platforms {
        let Some(soci_index) = soci_indexes.get(&platform.place) else {
            continue;
        };
        let mut entry = Descriptor::new(
            OCI_MANIFEST,
            soci_index.digest(),
            soci_index.bytes().len() as u64,
        );
        let image = images[&platform.place].digest().to_string();
        entry.annotations = BTreeMap::from([(IMAGE_MANIFEST_DIGEST.to_owned(), image)]);
        entry.platform = Some(platform.platform.clone());
        entry.artifact_type = Some(types::SOCI_INDEX_V2.to_owned());
        // A manifest may be listed twice.
        let is_same = |other: &Descriptor| {
            other.digest == entry.digest && other.annotations == entry.annotations
        };
        if !entries.iter().any(is_same) {
            entries.push(entry);
        }
    }
    entries
}

/// What stands in place of a SOCI index of an earlier conversion: the one made now for its platform, or itself if its image is not
/// indexed now.
fn earlier(
    entry: &Descriptor,
    source: &Source,
    images: &Manifests,
    new: &mut Vec<Descriptor>,
) -> Option<Descriptor> {
    let is_same_platform = |other: &Descriptor| match (&entry.platform, &other.platform) {
        (Some(platform), Some(other)) => platform.is_same(other),
        _ => false,
    };
    if let Some(place) = new.iter().position(is_same_platform) {
        return Some(new.remove(place));
    }
    let digest = entry.digest.to_string();
    let keeps =
        |image: &PlatformImage| image.manifest.annotations.get(INDEX_DIGEST) == Some(&digest);
    let (place, _) = source.images().find(|(_, image)| keeps(image))?;
    let image = &images[&place];
    let is_kept = ImageManifest::parse(String::new, image.bytes())
        .ok()?
        .annotations
        .get(INDEX_DIGEST)
        == Some(&digest);
    let mut entry = entry.clone();
    entry
        .annotations
        .insert(IMAGE_MANIFEST_DIGEST.to_owned(), image.digest().to_string());
    is_kept.then_some(entry)
}

/// Makes an entry refer to the rewritten manifest. Its own annotations stay, those of the manifest are added, as soci-snapshotter does.
fn refer_to(entry: &mut Descriptor, image: &Manifest, role: &Role) {
    entry.media_type = OCI_MANIFEST.to_owned();
    entry.digest = image.digest();
    entry.size_bytes = image.bytes().len() as u64;
    entry.annotations.remove(INDEX_DIGEST);
    // Both lead to the manifest as it was before.
    entry.data = None;
    entry.urls.clear();
    if let Ok(manifest) = ImageManifest::parse(String::new, image.bytes()) {
        entry.annotations.extend(manifest.annotations);
    }
    if let (None, Role::Image(image)) = (&entry.platform, role) {
        entry.platform = Some(image.platform.clone());
    }
}
