//! From the source's documents and the zTOCs to the documents of the result: what is pushed, in the order in which it is pushed.
//!
//! Pure: documents in, documents out. The same source and zTOCs give the same bytes, so a second run, or one that was killed in
//! between, ends with the same digests. What soci-snapshotter does otherwise, and why we do not, stands in `docs/decisions/image-shapes.md`.

use std::collections::BTreeMap;

use bytes::Bytes;
use soci_registry::{Digest, Manifest, OCI_INDEX, OCI_MANIFEST};

use crate::document::{Descriptor, ImageIndex, ImageManifest, to_json};
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
const LAYER_MEDIA_TYPE: &str = "com.amazon.soci.image-layer-mediaType";
/// On a zTOC's descriptor: its span size.
pub(crate) const SPAN_SIZE: &str = "com.amazon.soci.span-size";
/// On a SOCI index: who made it.
const BUILD_TOOL: &str = "com.amazon.soci.build-tool-identifier";
/// On a SOCI index of ours: layers left out because of their content, `digest=reason` with commas between. Without it, every further run
/// would read them again to find that out. Not written where there are none, so elsewhere the bytes are soci-snapshotter's.
pub(crate) const LEFT_OUT: &str = "soci-index-builder.left-out-layers";
/// On an attestation's descriptor: the digest of the manifest it attests (BuildKit).
const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

/// The config of every SOCI index: `{}`.
pub(crate) const EMPTY_CONFIG: &[u8] = b"{}";

/// The documents of the result.
pub(crate) struct Converted {
    /// SOCI indexes, one for each indexed platform, by the platform's place in the source's index.
    pub(crate) soci_indexes: BTreeMap<usize, Manifest>,
    /// Image manifests, rewritten, by place.
    pub(crate) images: BTreeMap<usize, Manifest>,
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
    let soci_indexes: BTreeMap<usize, Manifest> = plan
        .images(source)
        .filter_map(|(plan, image)| Some((plan.place, soci_index(plan, image, built, options)?)))
        .collect();
    if soci_indexes.is_empty() {
        return None;
    }
    let images: BTreeMap<usize, Manifest> = source
        .images()
        .map(|(place, image)| (place, rewrite(image, soci_indexes.get(&place))))
        .collect();
    let index = list(source, &images, &soci_indexes);
    let index = Manifest::new(OCI_INDEX, to_json(&index));
    Some(Converted {
        soci_indexes,
        images,
        index,
    })
}

fn soci_index(
    plan: &PlatformPlan,
    image: &PlatformImage,
    built: &BuiltLayers,
    options: &IndexOptions,
) -> Option<Manifest> {
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
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: OCI_MANIFEST.to_owned(),
        artifact_type: None,
        config: Descriptor::new(types::SOCI_INDEX_V2, config, EMPTY_CONFIG.len() as u64),
        layers: ztocs,
        subject: None,
        annotations,
        unknown: Default::default(),
    };
    Some(Manifest::new(OCI_MANIFEST, to_json(&manifest)))
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
fn rewrite(image: &PlatformImage, soci_index: Option<&Manifest>) -> Manifest {
    let mut manifest = image.manifest.clone();
    manifest.media_type = OCI_MANIFEST.to_owned();
    manifest.config.media_type = types::OCI_CONFIG.to_owned();
    match soci_index {
        Some(index) => drop(
            manifest
                .annotations
                .insert(INDEX_DIGEST.to_owned(), index.digest().to_string()),
        ),
        // Of an earlier conversion, whose index is not in this result.
        None => drop(manifest.annotations.remove(INDEX_DIGEST)),
    }
    Manifest::new(OCI_MANIFEST, Bytes::from(to_json(&manifest)))
}

/// The source's list with the rewritten manifests in place, and the SOCI indexes behind it.
fn list(
    source: &Source,
    images: &BTreeMap<usize, Manifest>,
    soci_indexes: &BTreeMap<usize, Manifest>,
) -> ImageIndex {
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
    for (place, entry) in index.manifests.iter_mut().enumerate() {
        if let Some(image) = images.get(&place) {
            refer_to(entry, image, &source.roles[place]);
        } else if let Some(attested) = entry.annotations.get_mut(ATTESTED_DIGEST)
            && let Some(new) = renamed.get(attested)
        {
            attested.clone_from(new);
        }
    }
    // SOCI indexes of an earlier conversion belong to manifests that are rewritten now.
    let mut place = 0;
    index.manifests.retain(|_| {
        place += 1;
        !matches!(source.roles[place - 1], Role::SociIndex)
    });
    index
        .manifests
        .extend(soci_indexes.iter().map(|(place, soci_index)| {
            let mut entry = Descriptor::new(
                OCI_MANIFEST,
                soci_index.digest(),
                soci_index.bytes().len() as u64,
            );
            entry.annotations = BTreeMap::from([(
                IMAGE_MANIFEST_DIGEST.to_owned(),
                images[place].digest().to_string(),
            )]);
            entry
                .platform
                .clone_from(&source.index.manifests[*place].platform);
            if let (None, Role::Image(image)) = (&entry.platform, &source.roles[*place]) {
                entry.platform = Some(image.platform.clone());
            }
            entry.artifact_type = Some(types::SOCI_INDEX_V2.to_owned());
            entry
        }));
    index
}

/// Makes an entry refer to the rewritten manifest. Its own annotations stay, those of the manifest are added, as soci-snapshotter does.
fn refer_to(entry: &mut Descriptor, image: &Manifest, role: &Role) {
    entry.media_type = OCI_MANIFEST.to_owned();
    entry.digest = image.digest();
    entry.size_bytes = image.bytes().len() as u64;
    entry.annotations.remove(INDEX_DIGEST);
    // Embedded content would be that of the manifest before.
    entry.data = None;
    if let Ok(manifest) = ImageManifest::parse(String::new, image.bytes()) {
        entry.annotations.extend(manifest.annotations);
    }
    if let (None, Role::Image(image)) = (&entry.platform, role) {
        entry.platform = Some(image.platform.clone());
    }
}
