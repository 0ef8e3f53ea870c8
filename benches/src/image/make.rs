//! Makes the images: layouts with layers of real files, made once and kept.
//!
//! Layers of one image grow from the first to the last, so that some end early and the last ones decide how long it takes, as in
//! images that people build.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::files::{self, Entry};
use crate::limits;
use crate::report;

/// The tag of the images, in layouts and registries.
pub(crate) const TAG: &str = "1";

/// How an image is cut out of the files of /usr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Uncompressed bytes of all layers.
    files_bytes: u64,
    /// Share of each layer in the bytes.
    shares: &'static [u64],
}

/// Packs to about 500 MB.
pub(crate) const THREE: Shape = Shape {
    name: "three layers",
    files_bytes: 1_600_000_000,
    shares: &[1, 2, 3],
};

/// Packs to about 700 MB; the smallest layer is larger than the least that is indexed.
pub(crate) const TWELVE: Shape = Shape {
    name: "twelve layers",
    files_bytes: 2_200_000_000,
    shares: &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};

/// An image in a layout of its own.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) layout: PathBuf,
    pub(crate) layers: Vec<Layer>,
}

/// A layer in the layout.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    digest: String,
    pub(crate) bytes: u64,
    diff_id: String,
}

impl Image {
    /// The image below `work`, made if it is not there yet.
    pub(crate) fn of_files(shape: Shape, work: &Path) -> Result<Image> {
        Image::once(shape.name, work, |blobs| {
            report::progress(&format!(
                "packing {} MB of /usr into {} with gzip -6, once",
                shape.files_bytes / 1_000_000,
                shape.name
            ));
            let found = files::first_files(Path::new("/usr"), shape.files_bytes)?;
            ensure!(
                !found.all,
                "/usr holds less than the {} bytes that the image is made of",
                shape.files_bytes
            );
            let layers = cut(&found.entries, shape.shares).into_iter();
            layers.map(|entries| pack(entries, blobs)).collect()
        })
    }

    /// An image of all layers of others, which share their blobs with it.
    pub(crate) fn of_layers(name: &'static str, others: &[&Image], work: &Path) -> Result<Image> {
        Image::once(name, work, |blobs| {
            let mut layers = Vec::new();
            for image in others {
                for layer in &image.layers {
                    let from = blob(&image.layout, &layer.digest);
                    fs::hard_link(from, blobs.join(hex_of(&layer.digest)))?;
                    layers.push(layer.clone());
                }
            }
            Ok(layers)
        })
    }

    /// The layout appears whole or not at all.
    fn once(
        name: &'static str,
        work: &Path,
        make: impl FnOnce(&Path) -> Result<Vec<Layer>>,
    ) -> Result<Image> {
        let layout = work.join(format!("image-{}", name.replace(' ', "-")));
        if !layout.is_dir() {
            let part = layout.with_extension("part");
            if part.is_dir() {
                fs::remove_dir_all(&part)?;
            }
            let blobs = part.join("blobs/sha256");
            fs::create_dir_all(&blobs)
                .with_context(|| format!("cannot make {}", blobs.display()))?;
            let layers = make(&blobs)?;
            write_documents(&layers, &part)?;
            fs::rename(&part, &layout)?;
        }
        let layers =
            read_layers(&layout).with_context(|| format!("cannot read {}", layout.display()))?;
        let distinct: BTreeSet<_> = layers.iter().map(|layer| &layer.digest).collect();
        ensure!(distinct.len() == layers.len(), "{name}: two equal layers");
        Ok(Image {
            name,
            layout,
            layers,
        })
    }

    /// Compressed bytes of all layers.
    pub(crate) fn bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }
}

/// Cuts entries into runs whose bytes have these shares.
fn cut<'a>(entries: &'a [Entry], shares: &[u64]) -> Vec<&'a [Entry]> {
    let all_bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let all_shares: u64 = shares.iter().sum();
    let (mut rest, mut bytes, mut due_shares) = (entries, 0, 0);
    let (last, others) = (shares.len().saturating_sub(1), shares.iter());
    let mut runs = Vec::new();
    for share in others.take(last) {
        due_shares += share;
        let due_bytes = all_bytes / all_shares * due_shares;
        let length = rest
            .iter()
            .take_while(|entry| {
                let fits = bytes < due_bytes;
                bytes += if fits { entry.bytes } else { 0 };
                fits
            })
            .count();
        let (run, after) = rest.split_at(length);
        runs.push(run);
        rest = after;
    }
    runs.push(rest);
    runs
}

fn pack(entries: &[Entry], blobs: &Path) -> Result<Layer> {
    let part = blobs.join("layer.part");
    let diff_id = files::pack(entries, &part)?;
    // Only blobs lie in the folder of blobs.
    fs::remove_file(part.with_extension("names"))?;
    let bytes = fs::metadata(&part)?.len();
    let digest = named(&limits::sha256(fs::File::open(&part)?)?);
    fs::rename(&part, blobs.join(hex_of(&digest)))?;
    Ok(Layer {
        digest,
        bytes,
        diff_id: named(&diff_id),
    })
}

fn write_documents(layers: &[Layer], layout: &Path) -> Result<()> {
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.diff_id).collect();
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let kind = |name: &str| format!("application/vnd.oci.image.{name}");
    let config = write_blob(&config, &kind("config.v1+json"), layout)?;
    let listed = layers.iter().map(
        |layer| json!({"mediaType": kind("layer.v1.tar+gzip"), "digest": layer.digest, "size": layer.bytes}),
    );
    let media_type = kind("manifest.v1+json");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": listed.collect::<Vec<_>>(),
    });
    let mut root = write_blob(&manifest, &media_type, layout)?;
    root["annotations"] = json!({"org.opencontainers.image.ref.name": TAG});
    let index =
        json!({"schemaVersion": 2, "mediaType": kind("index.v1+json"), "manifests": [root]});
    fs::write(layout.join("index.json"), index.to_string())?;
    fs::write(
        layout.join("oci-layout"),
        json!({"imageLayoutVersion": "1.0.0"}).to_string(),
    )?;
    Ok(())
}

/// Stores a document and gives back its descriptor.
fn write_blob(
    document: &serde_json::Value,
    media_type: &str,
    layout: &Path,
) -> Result<serde_json::Value> {
    let bytes = document.to_string();
    let digest = named(&Sha256::digest(&bytes).into());
    fs::write(blob(layout, &digest), &bytes)?;
    Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
}

/// A descriptor, as far as it is used here.
#[derive(Deserialize)]
struct Named {
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Named>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Named,
    layers: Vec<Named>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

fn read_layers(layout: &Path) -> Result<Vec<Layer>> {
    let manifest: Manifest = read(&blob(layout, &root(layout)?))?;
    let config: Config = read(&blob(layout, &manifest.config.digest))?;
    let layers = manifest.layers.into_iter().zip(config.rootfs.diff_ids);
    Ok(layers
        .map(|(layer, diff_id)| Layer {
            digest: layer.digest,
            bytes: layer.size,
            diff_id,
        })
        .collect())
}

/// The digest of the one entry of a layout.
pub(crate) fn root(layout: &Path) -> Result<String> {
    let index: Index = read(&layout.join("index.json"))?;
    let [root] = &index.manifests[..] else {
        anyhow::bail!("{} has not one entry", layout.display())
    };
    Ok(root.digest.clone())
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<T> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("cannot parse {}", file.display()))
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs/sha256").join(hex_of(digest))
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn named(hash: &[u8; 32]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
