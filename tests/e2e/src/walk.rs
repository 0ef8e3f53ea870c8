//! Everything that hangs on a tag, read and checked against its digest; and the proof that its zTOCs are right.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use serde_json::Value;
use soci_registry::{Descriptor, Digest, Manifest, Store, Target};
use soci_ztoc::{LayerVerifier, Limits, Ztoc};

/// Fields of a document that name blobs.
const BLOBS: [&str; 3] = ["config", "layers", "blobs"];

/// On the entry of a SOCI index: the digest of the image manifest it belongs to.
const IMAGE_MANIFEST_DIGEST: &str = "com.amazon.soci.image-manifest-digest";

/// The config's media type in SOCI indexes, version 2.
const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// What the tag names.
    pub root: Digest,
    /// Manifests and indexes, byte for byte.
    pub manifests: BTreeMap<Digest, Manifest>,
    /// Configs and layers.
    pub blobs: BTreeMap<Digest, Bytes>,
}

impl Walked {
    /// A document by its digest, as JSON.
    #[must_use]
    pub fn json(&self, digest: &Digest) -> Value {
        let bytes = self.manifests[digest].bytes();
        serde_json::from_slice(bytes).expect("a document is JSON")
    }

    /// The entries of the root, as JSON.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        let root = self.json(&self.root);
        root["manifests"].as_array().cloned().unwrap_or_default()
    }
}

/// Reads everything that is reachable from here. Each document and blob must be there and be what its digest and size say.
///
/// # Errors
/// The first one that is not, in words.
pub async fn walk(store: &dyn Store, target: &Target) -> Result<Walked, String> {
    let words = |error: soci_registry::Error| error.to_string();
    let root = store.manifest(target).await.map_err(words)?;
    let resolved = store.resolve(target).await.map_err(words)?;
    if resolved != root.descriptor() {
        return Err(format!("{target} is resolved to {resolved:?}"));
    }
    let mut found = Walked {
        root: root.digest(),
        manifests: BTreeMap::new(),
        blobs: BTreeMap::new(),
    };
    let mut waiting = vec![root];
    while let Some(manifest) = waiting.pop() {
        let document: Value =
            serde_json::from_slice(manifest.bytes()).map_err(|e| e.to_string())?;
        found.manifests.insert(manifest.digest(), manifest);
        for child in descriptors(&document["manifests"])? {
            if !found.manifests.contains_key(&child.digest) {
                let child_manifest = store.manifest(&Target::Digest(child.digest)).await;
                let child_manifest = child_manifest.map_err(words)?;
                if child_manifest.descriptor().size_bytes != child.size_bytes {
                    return Err(format!("{} has another size than listed", child.digest));
                }
                waiting.push(child_manifest);
            }
        }
        for field in BLOBS {
            for blob in descriptors(&document[field])? {
                if let Entry::Vacant(place) = found.blobs.entry(blob.digest) {
                    let reader = store.blob(&blob).await.map_err(words)?;
                    place.insert(reader.read_whole(u64::MAX).await.map_err(words)?);
                }
            }
        }
    }
    Ok(found)
}

/// One descriptor, a list of them, or none.
fn descriptors(value: &Value) -> Result<Vec<Descriptor>, String> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let read = |value| serde_json::from_value(value).map_err(|error| error.to_string());
    list.into_iter().map(read).collect()
}

/// Proves every zTOC of an indexed image against its layer, span by span, and image and SOCI index against each other. How many zTOCs
/// that were.
///
/// # Errors
/// The first thing that does not hold, in words.
pub fn prove(found: &Walked) -> Result<usize, String> {
    let entries = found.entries();
    let mut proven = 0;
    let is_soci_index = |entry: &&Value| entry["annotations"][IMAGE_MANIFEST_DIGEST].is_string();
    for entry in entries.iter().filter(is_soci_index) {
        let digest = parse(&entry["digest"])?;
        let document = found.json(&digest);
        expect(&document["config"]["mediaType"], &SOCI_INDEX.into())?;
        let image_digest = &entry["annotations"][IMAGE_MANIFEST_DIGEST];
        let of_image = entries.iter().find(|e| e["digest"] == *image_digest);
        let of_image = of_image.ok_or("a SOCI index of an image that is not listed")?;
        expect(&of_image["platform"], &entry["platform"])?;
        let image = found.json(&parse(image_digest)?);
        expect(
            &image["annotations"]["com.amazon.soci.index-digest"],
            &entry["digest"],
        )?;
        let layers = descriptors(&image["layers"])?;
        for ztoc in document["layers"].as_array().into_iter().flatten() {
            let layer = parse(&ztoc["annotations"]["com.amazon.soci.image-layer-digest"])?;
            if !layers.iter().any(|listed| listed.digest == layer) {
                return Err(format!("{layer} is no layer of its image"));
            }
            prove_layer(
                &found.blobs[&parse(&ztoc["digest"])?],
                &layer,
                &found.blobs[&layer],
            )?;
            proven += 1;
        }
    }
    Ok(proven)
}

fn prove_layer(ztoc: &[u8], digest: &Digest, layer: &[u8]) -> Result<(), String> {
    let limits = Limits::default();
    let ztoc = Ztoc::decode(ztoc, &limits).map_err(|error| error.to_string())?;
    ztoc.check_structure().map_err(|error| error.to_string())?;
    let mut verifier = LayerVerifier::new(&ztoc, &limits);
    for piece in layer.chunks(1 << 20) {
        verifier.push(piece).map_err(|error| error.to_string())?;
    }
    let layer = verifier.finish().map_err(|error| error.to_string())?;
    expect(&layer.digest.to_string().into(), &digest.to_string().into())
}

fn parse(digest: &Value) -> Result<Digest, String> {
    let text = digest.as_str().unwrap_or_default();
    text.parse().map_err(|error| format!("{digest}: {error}"))
}

fn expect(found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found} where {expected} was expected"))
}
