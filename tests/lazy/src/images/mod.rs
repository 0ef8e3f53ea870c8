//! What is pushed, with what has to be seen of it.

mod odd;
mod real;

pub use odd::{OddImage, files, odd_images};
pub use real::{SMALL_FILE, TEXT_BYTES, one_platform, text_files, two_platforms};

use serde_json::json;
use soci_testkit::gzip;
use soci_testkit::image::{Image, Layer, Manifest, Platform, digest, media};

use crate::tree::{Nodes, Tree, union};

/// An image and the trees of its platforms.
#[derive(Debug)]
pub struct Source {
    /// As it is pushed.
    pub image: Image,
    /// What is in it.
    pub platforms: Vec<SourcePlatform>,
}

/// One platform of an image.
#[derive(Debug)]
pub struct SourcePlatform {
    /// `linux/amd64`
    pub name: String,
    /// What a container sees.
    pub nodes: Nodes,
    /// Bytes of its layers as they lie in the registry.
    pub layer_bytes: u64,
}

/// A layer with what is in it.
#[derive(Debug, Clone)]
struct Packed {
    tree: Tree,
    layer: Layer,
    diff_id: String,
}

impl Packed {
    fn gzip(tree: Tree, level: u32) -> Packed {
        let archive = tree.finish();
        let layer = Layer::new(media::GZIP, gzip::compress(&archive, level));
        Packed::new(tree, layer, &archive)
    }

    fn plain(tree: Tree) -> Packed {
        let archive = tree.finish();
        let layer = Layer::new(media::TAR, archive.clone());
        Packed::new(tree, layer, &archive)
    }

    fn new(tree: Tree, layer: Layer, archive: &[u8]) -> Packed {
        let diff_id = digest(archive);
        Packed {
            tree,
            layer,
            diff_id,
        }
    }
}

/// A manifest whose config is true to its layers, and what its containers see.
fn platform(
    manifest: Manifest,
    platform: Platform,
    layers: &[&Packed],
) -> (Manifest, SourcePlatform) {
    let diff_ids: Vec<String> = layers.iter().map(|one| one.diff_id.clone()).collect();
    let manifest = manifest.config(&config(platform, &diff_ids));
    let manifest = layers
        .iter()
        .fold(manifest, |m, one| m.layer(one.layer.clone()));
    let trees: Vec<&Tree> = layers.iter().map(|one| &one.tree).collect();
    let sizes = layers.iter().map(|one| one.layer.bytes().len() as u64);
    let source = SourcePlatform {
        name: platform.words(),
        nodes: union(&trees),
        layer_bytes: sizes.sum(),
    };
    (manifest, source)
}

fn config(platform: Platform, diff_ids: &[String]) -> Vec<u8> {
    let mut config = platform.json();
    config["config"] = json!({});
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    config.to_string().into_bytes()
}
