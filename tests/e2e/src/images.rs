//! What is pushed: images of the test kit, and one of real files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use soci_registry::{Descriptor, Digest, Listing, Manifest, Store};
use soci_testkit::image::{self, AMD64, ARM64, Image, Index, Layer, Shelf, media};
use soci_testkit::{content, gzip, tar};

use crate::tag;

/// Bytes that a name in a plain tar header may have.
const NAME_BYTES: usize = 100;

/// Two platforms with small layers that count as large under [`crate::options`]: one shared, one of its own each, one too small.
#[must_use]
pub fn two_platforms(seed: u64, tag: &str) -> Image {
    let mut shelf = Shelf::new();
    let mut index = Index::oci();
    for (number, platform) in [AMD64, ARM64].into_iter().enumerate() {
        let manifest = image::Manifest::oci(platform)
            .layer(Layer::large(seed))
            .layer(Layer::small(seed))
            .layer(Layer::large(seed + 1 + number as u64));
        index = index.child(manifest.shelve(&mut shelf).platform(platform));
    }
    let root = index.shelve(&mut shelf);
    shelf.image(root, tag)
}

/// One platform with a single layer.
#[must_use]
pub fn one_layer(layer: Layer, tag: &str) -> Image {
    let mut shelf = Shelf::new();
    let root = image::Manifest::oci(AMD64).layer(layer).shelve(&mut shelf);
    shelf.image(root, tag)
}

/// One platform with layers of this many bytes, none of which compresses.
#[must_use]
pub fn incompressible(layers: u64, layer_bytes: usize, tag: &str) -> Image {
    let mut manifest = image::Manifest::oci(AMD64);
    for seed in 0..layers {
        let archive = tar::Archive::new().file("data", &content::random(seed, layer_bytes));
        let layer = gzip::compress(&archive.finish(), 1);
        manifest = manifest.layer(Layer::new(media::GZIP, layer));
    }
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    shelf.image(root, tag)
}

/// Two platforms made of this machine's programs and libraries: three layers over the product's own limit, one of them in both
/// platforms, and one below it.
#[must_use]
pub fn real_files(tag: &str) -> Image {
    let mut files = Vec::new();
    for folder in ["/usr/bin", "/usr/lib", "/usr/share", "/usr/local"] {
        list(Path::new(folder), 0, &mut files);
    }
    let mut files = files.into_iter();
    let archives: Vec<Vec<u8>> = [36 << 20, 34 << 20, 32 << 20, 1 << 20]
        .map(|bytes| pack(&mut files, bytes))
        .into();
    let compress = |archive: &Vec<u8>| Layer::new(media::GZIP, gzip::compress(archive, 6));
    let layers: Vec<Layer> = std::thread::scope(|scope| {
        let workers: Vec<_> = archives
            .iter()
            .map(|archive| scope.spawn(move || compress(archive)))
            .collect();
        let done = workers.into_iter().map(|worker| worker.join());
        done.map(|layer| layer.expect("it compresses")).collect()
    });
    let mut shelf = Shelf::new();
    let mut index = Index::docker();
    for (platform, own) in [(AMD64, 1), (ARM64, 2)] {
        let manifest = image::Manifest::docker(platform)
            .layer(layers[0].clone().called(media::DOCKER_GZIP))
            .layer(layers[own].clone().called(media::DOCKER_GZIP))
            .layer(layers[3].clone().called(media::DOCKER_GZIP));
        index = index.child(manifest.shelve(&mut shelf).platform(platform));
    }
    let root = index.shelve(&mut shelf);
    shelf.image(root, tag)
}

/// Regular files below a folder, in order, not too deep.
fn list(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let Ok(data) = path.symlink_metadata() else {
            continue;
        };
        if data.is_dir() && depth < 4 {
            list(&path, depth + 1, found);
        } else if data.is_file() && data.len() < 8 << 20 {
            found.push(path);
        }
    }
}

/// The next files, as many as fill an archive of this size.
fn pack(files: &mut impl Iterator<Item = PathBuf>, bytes: usize) -> Vec<u8> {
    let mut archive = tar::Archive::new();
    while archive.len() < bytes {
        let path = files.next().expect("this machine has files enough");
        let name = path
            .strip_prefix("/")
            .unwrap_or(&path)
            .display()
            .to_string();
        if let (Ok(content), true) = (std::fs::read(&path), name.len() <= NAME_BYTES) {
            archive = archive.file(name, &content);
        }
    }
    archive.finish()
}

/// Pushes an image with our own store, children before what lists them.
///
/// # Errors
/// The store's.
pub async fn push(store: &dyn Store, image: &Image) -> Result<(), soci_registry::Error> {
    let manifests: BTreeSet<&str> = image.manifests.iter().map(|m| m.digest()).collect();
    for (digest, bytes) in &image.blobs {
        if !manifests.contains(digest.as_str()) {
            let content = Bytes::copy_from_slice(bytes);
            let blob = Descriptor::new("", Digest::of(bytes), bytes.len() as u64);
            store.push_blob(&blob, &content).await?;
        }
    }
    let image_tag = tag(&image.tag);
    for descriptor in &image.manifests {
        let bytes = image.blobs[descriptor.digest()].clone();
        let manifest = Manifest::new(descriptor.media_type(), bytes);
        let is_root = descriptor.digest() == image.root.digest();
        let listing = if is_root {
            Listing::Tag(&image_tag)
        } else {
            Listing::Digest
        };
        store.push_manifest(&manifest, listing).await?;
    }
    Ok(())
}
