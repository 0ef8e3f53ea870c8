//! The document of a SOCI index, held against the image that it belongs to.

use std::collections::BTreeMap;

use soci_registry::{Digest, Manifest, OCI_MANIFEST, Store};

use super::blobs;
use super::fault::{Fault, Finding, Place};
use crate::convert::{LAYER_DIGEST, LAYER_MEDIA_TYPE};
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::links::{Format, Linked};
use crate::media_type as types;
use crate::source::PlatformImage;

/// Bytes of the config of a SOCI index, which has two.
const CONFIG_BYTES: u64 = 64 << 10;
/// Bytes of a list of spans to be fetched ahead; one that names every span there may be has fewer.
const PREFETCH_BYTES: u64 = 4 << 20;

/// A zTOC and the layer that it is for, both as the documents describe them.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) layer: Descriptor,
    pub(super) ztoc: Descriptor,
}

/// The image to which a SOCI index belongs.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) entry: &'a Descriptor,
    pub(super) image: &'a PlatformImage,
}

/// What is wrong with the document, and the zTOCs in it that can be looked into.
pub(super) async fn check(
    store: &dyn Store,
    linked: &Linked,
    manifest: &Manifest,
    parsed: &ImageManifest,
    owner: Owner<'_>,
) -> Result<(Vec<Finding>, Vec<Pair>), IndexError> {
    let place = Place::SociIndex(linked.entry.digest);
    let mut faults = head(linked, manifest, parsed);
    if linked.format == Format::V1 {
        faults.extend(subject(parsed, owner));
    }
    if parsed.layers.is_empty() {
        faults.push(Fault::NoZtocs);
    }
    let with_place = |fault| Finding::new(place, fault);
    let mut findings: Vec<Finding> = faults.into_iter().map(with_place).collect();
    let config = Place::SociConfig(parsed.config.digest);
    findings.extend(blobs::check(store, config, &parsed.config, CONFIG_BYTES).await?);
    let pairs = pairs(parsed, &owner.image.manifest.layers, &mut findings);
    for other in parsed.layers.iter().filter(|layer| is_prefetch(layer)) {
        let place = Place::Blob(other.digest);
        findings.extend(blobs::check(store, place, other, PREFETCH_BYTES).await?);
    }
    Ok((findings, pairs))
}

/// What says of what kind the document is.
fn head(linked: &Linked, manifest: &Manifest, parsed: &ImageManifest) -> Vec<Fault> {
    let (entry, kind) = (&linked.entry, linked.format.media_type());
    let mut faults = Vec::new();
    let found = manifest.bytes().len() as u64;
    if found != entry.size_bytes {
        let expected = entry.size_bytes;
        faults.push(Fault::Size { expected, found });
    }
    let mut expect = |of, expected: &str, found: &str| {
        if found != expected {
            let (expected, found) = (expected.to_owned(), found.to_owned());
            faults.push(Fault::MediaType {
                of,
                expected,
                found,
            });
        }
    };
    expect(
        "its media type in the list",
        OCI_MANIFEST,
        &entry.media_type,
    );
    expect("its media type", OCI_MANIFEST, &parsed.media_type);
    expect("its config", kind, &parsed.config.media_type);
    // Tools that copy images lose it.
    if let Some(found) = &entry.artifact_type {
        expect("its artifact type in the list", kind, found);
    }
    faults
}

fn subject(parsed: &ImageManifest, owner: Owner<'_>) -> Option<Fault> {
    let words = |descriptor: &Descriptor| {
        let Descriptor {
            media_type,
            digest,
            size_bytes,
            ..
        } = descriptor;
        format!("{digest} ({size_bytes} bytes, {media_type})")
    };
    let expected = words(owner.entry);
    let found = parsed.subject.as_ref();
    let found = found.map_or_else(|| "nothing".to_owned(), words);
    (found != expected).then_some(Fault::Subject { expected, found })
}

fn is_prefetch(descriptor: &Descriptor) -> bool {
    descriptor.media_type == types::PREFETCH
}

/// The zTOCs with their layers, as far as they have one.
fn pairs(parsed: &ImageManifest, layers: &[Descriptor], findings: &mut Vec<Finding>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut places = Places::of(layers);
    for ztoc in parsed.layers.iter().filter(|layer| !is_prefetch(layer)) {
        let named = ztoc.annotations.get(LAYER_DIGEST);
        let Some(layer) = named.and_then(|named| named.parse::<Digest>().ok()) else {
            let found = named.cloned().unwrap_or_default();
            let place = Place::Blob(ztoc.digest);
            findings.push(Finding::new(place, Fault::LayerDigest { found }));
            continue;
        };
        let place = Place::Ztoc {
            layer,
            ztoc: ztoc.digest,
        };
        let mut find = |fault| findings.push(Finding::new(place, fault));
        if ztoc.media_type != types::ZTOC {
            find(Fault::MediaType {
                of: "its media type",
                expected: types::ZTOC.to_owned(),
                found: ztoc.media_type.clone(),
            });
        }
        if let Err(fault) = places.take(layer) {
            let is_surplus = fault == Fault::DuplicateZtoc;
            find(fault);
            // Wrong whatever is in it, and a document has room for thousands.
            if is_surplus {
                continue;
            }
        }
        let Some(layer) = layers.iter().find(|listed| listed.digest == layer) else {
            continue;
        };
        if let Some(found) = ztoc.annotations.get(LAYER_MEDIA_TYPE)
            && *found != layer.media_type
        {
            find(Fault::LayerMediaType {
                expected: layer.media_type.clone(),
                found: found.clone(),
            });
        }
        pairs.push(Pair {
            layer: layer.clone(),
            ztoc: ztoc.clone(),
        });
    }
    pairs
}

/// The places of layers in an image, taken one by one from the bottom up. An image may have a layer more than once.
struct Places {
    left: BTreeMap<Digest, Vec<usize>>,
    /// Behind the last one taken.
    next: usize,
}

impl Places {
    fn of(layers: &[Descriptor]) -> Places {
        let mut left: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
        for (place, layer) in layers.iter().enumerate() {
            left.entry(layer.digest).or_default().push(place);
        }
        Places { left, next: 0 }
    }

    fn take(&mut self, layer: Digest) -> Result<(), Fault> {
        let left = self.left.get_mut(&layer).ok_or(Fault::NotALayer)?;
        if left.is_empty() {
            return Err(Fault::DuplicateZtoc);
        }
        match left.iter().position(|place| *place >= self.next) {
            Some(number) => {
                self.next = left.remove(number) + 1;
                Ok(())
            }
            None => {
                left.pop();
                Err(Fault::Order)
            }
        }
    }
}
