//! Reads OCI layouts, and finds what a converted image lost or got wrong beside its source.
//!
//! The judge knows neither converter. It walks both layouts, pairs every manifest with its successor by config and layers,
//! and names each difference that no conversion needs. An image index that passes is right, whichever bytes it has: so one
//! judge serves the reference's column of the table and ours.

mod judge;
mod links;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::source::sha256;

pub use judge::defects;

/// The SOCI index's artifact type.
const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";

/// Names a tag in index.json.
const TAG: &str = "org.opencontainers.image.ref.name";

/// A layout in memory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: Value,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    /// Reads a folder; its first entry is the image.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Self::read_tag(folder, None)
    }

    /// Reads a folder for one tag.
    pub fn read_tag(folder: &Path, tag: Option<&str>) -> io::Result<Self> {
        let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json"))?)?;
        let mut entries = index["manifests"].as_array().into_iter().flatten();
        let named = |entry: &&Value| tag.is_none_or(|tag| entry["annotations"][TAG] == tag);
        let Some(mut root) = entries.find(named).cloned() else {
            return Err(io::Error::other("the layout has no such entry"));
        };
        let mut blobs = BTreeMap::new();
        for entry in fs::read_dir(folder.join("blobs/sha256"))? {
            let entry = entry?;
            let name = format!("sha256:{}", entry.file_name().to_string_lossy());
            blobs.insert(name, fs::read(entry.path())?);
        }
        // The tag is the layout's, not the image's.
        if let Some(annotations) = root["annotations"].as_object_mut() {
            annotations.remove(TAG);
        }
        Ok(Self { root, blobs })
    }

    /// The digest of what the layout holds.
    pub fn digest(&self) -> &str {
        self.root["digest"].as_str().unwrap_or_default()
    }

    /// The outermost index, or nothing when the image is a single manifest.
    fn index(&self) -> Option<Value> {
        is_index(&self.root).then(|| self.document(&self.root))
    }

    /// Every manifest below the root with its descriptor, indexes opened, in order.
    fn leaves(&self) -> Vec<Leaf> {
        let mut found = Vec::new();
        self.open(&self.root, &mut found);
        found
    }

    fn open(&self, descriptor: &Value, found: &mut Vec<Leaf>) {
        let document = self.document(descriptor);
        match document["manifests"].as_array() {
            Some(children) if is_index(descriptor) => {
                children.iter().for_each(|child| self.open(child, found));
            }
            _ => found.push(Leaf {
                descriptor: descriptor.clone(),
                document,
            }),
        }
    }

    /// The JSON that a descriptor names; null when it is not there or not JSON.
    fn document(&self, descriptor: &Value) -> Value {
        let bytes = self.blobs.get(text(&descriptor["digest"]));
        bytes
            .and_then(|b| serde_json::from_slice(b).ok())
            .unwrap_or_default()
    }

    /// Whether a blob is there with bytes of another digest.
    fn damaged(&self, digest: &str) -> bool {
        let found = self.blobs.get(digest);
        found.is_some_and(|bytes| format!("sha256:{}", sha256(bytes)) != digest)
    }
}

/// A manifest that is no index, and how it is listed.
#[derive(Clone, Debug)]
struct Leaf {
    descriptor: Value,
    document: Value,
}

impl Leaf {
    fn digest(&self) -> &str {
        text(&self.descriptor["digest"])
    }

    fn is_soci(&self) -> bool {
        self.descriptor["artifactType"] == SOCI_INDEX
    }

    /// Config and layers by digest: what stays when a manifest is written again. What is no manifest stays as it is.
    fn content(&self) -> Vec<&str> {
        let mut parts = vec![text(&self.document["config"]["digest"])];
        if parts[0].is_empty() {
            return vec![self.digest()];
        }
        parts.extend(self.layers());
        parts
    }

    fn layers(&self) -> impl Iterator<Item = &str> {
        let layers = self.document["layers"].as_array();
        layers.into_iter().flatten().map(|l| text(&l["digest"]))
    }
}

fn is_index(descriptor: &Value) -> bool {
    let media_type = text(&descriptor["mediaType"]);
    media_type.contains("image.index") || media_type.contains("manifest.list")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
