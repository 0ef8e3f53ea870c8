//! Images of odd layers: every one of the table that is indexed, each as a layer of its own.

use soci_testkit::image::{AMD64, Image, Layer, Manifest, Shelf, digest, media};
use soci_testkit::{Algorithm, Expect, OddCase, odd_cases};

use super::config;
use crate::tree::{Node, Nodes};

/// Layers that one image has: an overlay takes some hundred, a registry more.
const LAYERS: usize = 48;

/// An image of odd layers.
#[derive(Debug)]
pub struct OddImage {
    /// As it is pushed.
    pub image: Image,
    /// What its layers are, the lowest one first.
    pub cases: Vec<OddCase>,
    /// Whether it is to be built with several members of gzip allowed.
    pub multi_member: bool,
}

/// Every case that the table has as indexed, in as few images as can be.
#[must_use]
pub fn odd_images() -> Vec<OddImage> {
    let indexed = |case: &OddCase| matches!(case.expect, Expect::Indexed { .. });
    let cases = odd_cases().into_iter().filter(indexed);
    let (several, one): (Vec<OddCase>, Vec<OddCase>) = cases.partition(|case| case.multi_member);
    let image = |(number, cases): (usize, &[OddCase])| odd_image(number, cases);
    let images = one.chunks(LAYERS).chain(several.chunks(LAYERS));
    images.enumerate().map(image).collect()
}

fn odd_image(number: usize, cases: &[OddCase]) -> OddImage {
    // Never the digest of an archive: whoever unpacks such a layer in place of loading it lazily fails, and is seen.
    let diff_ids: Vec<String> = cases
        .iter()
        .map(|case| digest(case.id.as_bytes()))
        .collect();
    let manifest = Manifest::oci(AMD64).config(&config(AMD64, &diff_ids));
    let manifest = cases.iter().fold(manifest, |manifest, case| {
        let media_type = match case.algorithm {
            Algorithm::Gzip => media::GZIP,
            Algorithm::Uncompressed => media::TAR,
        };
        manifest.layer(Layer::new(media_type, case.layer.clone()))
    });
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    OddImage {
        image: shelf.image(root, &format!("odd-{number}")),
        cases: cases.to_vec(),
        multi_member: cases[0].multi_member,
    }
}

/// The regular files and hard links that a reader of this layer has to see, by path, size and content.
#[must_use]
pub fn files(case: &OddCase) -> Nodes {
    let node = |content: &[u8]| {
        let bytes = digest(content);
        Node {
            size: content.len() as u64,
            sha256: bytes.trim_start_matches("sha256:").to_owned(),
            ..Node::new("file", 0)
        }
    };
    let files = case.files.iter();
    files
        .map(|file| (file.path.clone(), node(&file.content)))
        .collect()
}
