//! What these tests share: images in layouts, runs of `build`, and what lies there afterwards.

use std::fs;

use serde_json::Value;
use soci_testkit::image::{AMD64, Layer, Manifest};

use crate::support::{Desk, Ended};
pub(crate) use crate::support::{place, shelve};

/// Every layer counts, whatever its size.
pub(crate) const ALL: [&str; 2] = ["--min-layer-size", "1"];

/// An image of two layers.
pub(crate) fn app() -> Manifest {
    Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::large(2))
}

pub(crate) fn desk_with_app() -> Desk {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    desk
}

pub(crate) fn build(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut desk.command(&[&["build"], args].concat()))
}

/// The lines of JSON.
pub(crate) fn reports(ended: &Ended) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("each line is JSON");
    ended.text().lines().map(parse).collect()
}

/// What the layout lists, by tag.
pub(crate) fn tags(desk: &Desk, folder: &str) -> Vec<(String, String)> {
    let bytes = desk.read(&format!("{folder}/index.json"));
    let index: Value = serde_json::from_slice(&bytes).expect("JSON");
    let entries = index["manifests"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut tags: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                text(&entry["annotations"]["org.opencontainers.image.ref.name"]),
                text(&entry["digest"]),
            )
        })
        .collect();
    tags.sort();
    tags
}

pub(crate) fn blobs(desk: &Desk, folder: &str) -> usize {
    fs::read_dir(desk.path(folder).join("blobs/sha256"))
        .expect("the folder of the blobs")
        .count()
}
