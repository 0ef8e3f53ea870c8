//! Layers with what is to become of them: large enough for the tables' limit, too small, compressed otherwise.

use serde_json::{Map, Value};

use super::outcome::LayerOutcome;
use super::{Descriptor, Shelf, media};
use crate::{content, gzip, tar};

/// A layer and its place in a manifest.
#[derive(Clone, Debug)]
pub struct Layer {
    media_type: Option<String>,
    bytes: Vec<u8>,
    fields: Map<String, Value>,
    /// What our builder does with it.
    pub(super) outcome: LayerOutcome,
}

/// A tar with files that fill some spans, the same for the same seed.
fn archive(seed: u64) -> Vec<u8> {
    tar::Archive::new()
        .dir("opt/")
        .file("opt/program", &content::mixed(seed, 90_000))
        .file("opt/notes", &content::text(seed + 1_000, 40_000))
        .file("opt/key", &content::random(seed + 2_000, 12_000))
        .finish()
}

impl Layer {
    /// Any bytes under any media type, indexed until told otherwise.
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            media_type: Some(media_type.to_owned()),
            bytes,
            fields: Map::new(),
            outcome: LayerOutcome::Indexed,
        }
    }

    /// A gzip layer over the tables' limit, several spans long.
    pub fn large(seed: u64) -> Self {
        Self::new(media::GZIP, gzip::compress(&archive(seed), 6))
    }

    /// A plain tar over the limit.
    pub fn plain(seed: u64) -> Self {
        Self::new(media::TAR, archive(seed))
    }

    /// A gzip layer under the limit.
    pub fn small(seed: u64) -> Self {
        let tar = tar::Archive::new()
            .file("etc/small", &content::text(seed, 300))
            .finish();
        Self::new(media::GZIP, gzip::compress(&tar, 6)).skipped("too-small")
    }

    /// A layer in zstd over the limit.
    pub fn zstd(seed: u64) -> Self {
        Self::new(media::ZSTD, zstd_stored(&archive(seed))).skipped("unsupported-compression")
    }

    /// A gzip layer of two members over the limit.
    pub fn members(seed: u64) -> Self {
        let tar = archive(seed);
        let (head, tail) = tar.split_at(tar.len() / 2);
        let bytes = [gzip::compress(head, 6), gzip::compress(tail, 6)].concat();
        Self::new(media::GZIP, bytes).skipped("multi-member-gzip")
    }

    /// The layer that Docker writes for a step without files: a gzip of two zero blocks, 32 bytes long.
    pub fn docker_empty() -> Self {
        let bytes = [
            &[0x1f, 0x8b, 8, 0, 0, 9, 0x6e, 0x88, 0, 0xff][..],
            &[
                0x62, 0x18, 5, 0xa3, 0x60, 0x14, 0x8c, 0x58, 0, 8, 0, 0, 0xff, 0xff,
            ][..],
            &[0x2e, 0xaf, 0xb5, 0xef, 0, 4, 0, 0][..],
        ];
        Self::new(media::DOCKER_GZIP, bytes.concat())
    }

    /// The same bytes under another media type.
    pub fn called(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// A descriptor without a media type.
    pub fn nameless(mut self) -> Self {
        self.media_type = None;
        self
    }

    /// A further field of the descriptor, or another value for one.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Our builder leaves it out, for this reason.
    pub fn skipped(mut self, reason: &'static str) -> Self {
        self.outcome = LayerOutcome::Skipped(reason);
        self
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its descriptor; the bytes go onto the shelf.
    pub(super) fn shelve(&self, shelf: &mut Shelf) -> Descriptor {
        let media_type = self.media_type.as_deref();
        let descriptor = shelf.put(media_type.unwrap_or_default(), self.bytes.clone());
        let descriptor = match media_type {
            Some(_) => descriptor,
            None => descriptor.without("mediaType"),
        };
        self.fields
            .iter()
            .fold(descriptor, |d, (key, value)| d.field(key, value.clone()))
    }
}

/// A zstd frame of stored blocks (RFC 8878): one segment, the content's size in four bytes.
fn zstd_stored(data: &[u8]) -> Vec<u8> {
    const BLOCK_BYTES: usize = 100_000;
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    let blocks = data.len().div_ceil(BLOCK_BYTES);
    for (i, block) in data.chunks(BLOCK_BYTES).enumerate() {
        let last = u32::from(i + 1 == blocks);
        let header = (block.len() as u32) << 3 | last;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Layer;

    #[test]
    fn dockers_empty_layer_is_two_zero_blocks() {
        let layer = Layer::docker_empty();
        assert_eq!(layer.bytes.len(), 32);
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(layer.bytes())
            .read_to_end(&mut tar)
            .expect("it is gzip");
        assert_eq!(tar, [0; 1024]);
    }
}
