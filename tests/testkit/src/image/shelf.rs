//! Blobs by digest: the one place where bytes get their names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::outcome::PlatformOutcome;
use super::{Descriptor, media};

/// `sha256:…` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut words = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(words, "{byte:02x}");
    }
    words
}

/// An image under construction: what was put down so far.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: Vec<Descriptor>,
    platforms: Vec<PlatformOutcome>,
}

impl Shelf {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts bytes down and describes them.
    pub fn put(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.blobs.insert(descriptor.digest().to_owned(), bytes);
        descriptor
    }

    /// Puts a manifest or an index down. What it refers to has to be there before, as in a registry.
    pub fn put_manifest(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = self.put(media_type, bytes);
        self.manifests.push(descriptor.clone());
        descriptor
    }

    /// Takes a blob away.
    pub fn lose(&mut self, digest: &str) {
        self.blobs.remove(digest);
        self.manifests.retain(|m| m.digest() != digest);
    }

    /// Puts other bytes under the name of a blob.
    pub fn damage(&mut self, digest: &str, bytes: Vec<u8>) {
        self.blobs.insert(digest.to_owned(), bytes);
    }

    /// Notes what is to become of the layers of one image manifest.
    pub(super) fn expect(&mut self, outcome: PlatformOutcome) {
        self.platforms.push(outcome);
    }

    /// What was noted.
    pub(super) fn platforms(&self) -> &[PlatformOutcome] {
        &self.platforms
    }

    /// The image with everything on the shelf.
    pub fn image(self, root: Descriptor, tag: &str) -> Image {
        Image {
            blobs: self.blobs,
            manifests: self.manifests,
            root,
            tag: tag.to_owned(),
        }
    }
}

/// An image as a registry or a layout holds it.
#[derive(Clone, Debug)]
pub struct Image {
    /// Every blob and manifest by digest. A damaged one has bytes of another digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Manifests and indexes, each behind what it refers to: the order in which a registry takes them.
    pub manifests: Vec<Descriptor>,
    /// What the tag names.
    pub root: Descriptor,
    /// The tag.
    pub tag: String,
}

impl Image {
    /// Writes an OCI layout into a folder, which is made if it is not there.
    pub fn write_layout(&self, folder: &Path) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for (digest, bytes) in &self.blobs {
            fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes)?;
        }
        let root = self
            .root
            .clone()
            .annotate("org.opencontainers.image.ref.name", &self.tag);
        let index =
            json!({"schemaVersion": 2, "mediaType": media::INDEX, "manifests": [root.json()]});
        fs::write(folder.join("index.json"), index.to_string())?;
        let layout: Value = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(folder.join("oci-layout"), layout.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Shelf, digest};
    use crate::image::media;

    #[test]
    fn blobs_stand_under_their_digest() {
        let mut shelf = Shelf::new();
        let empty = shelf.put(media::EMPTY, b"{}".to_vec());
        assert_eq!(empty.digest(), digest(b"{}"));
        assert_eq!(
            empty.digest(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        let image = shelf.image(empty, "tag");
        assert_eq!(image.blobs.len(), 1);
        assert!(image.manifests.is_empty());
    }
}
