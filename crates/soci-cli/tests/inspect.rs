//! `soci-index inspect`: what is told of images, indexed or not.

mod support;

use serde_json::Value;
use soci_testkit::image::{AMD64, Layer, Manifest, digest};
use support::{Desk, Ended, shelve};

/// An image whose second layer cannot be indexed, as its content tells, and whose third is small.
fn desk() -> Desk {
    let desk = Desk::new();
    let image = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::members(2))
        .layer(Layer::small(3));
    shelve(&desk, "images", "app", &image);
    desk
}

fn indexed() -> Desk {
    let desk = desk();
    let args = ["build", "--min-layer-size", "4096", "oci:images:app"];
    Ended::of(&mut desk.command(&args)).with_code(0);
    desk
}

fn inspect(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut desk.command(&[&["inspect"], args].concat()))
}

fn json(desk: &Desk, image: &str) -> Value {
    let ended = inspect(desk, &[image, "--json"]).with_code(0);
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

#[test]
fn an_indexed_image_shows_its_ztocs_and_what_has_none() {
    let desk = indexed();
    let ended = inspect(&desk, &["oci:images:app-soci"]).with_code(0);
    let lines: Vec<_> = ended.text().lines().collect();
    assert!(lines[0].starts_with("oci:images:app-soci: sha256:"));
    assert!(lines[1].starts_with("linux/amd64: "), "{}", lines[1]);
    assert!(
        lines[1].contains(", layers indexed: 1 of 3, "),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with("made by \"soci-index-builder ztoc/1\""));
    assert!(lines[2].contains(" indexed: zTOC of "), "{}", lines[2]);
    assert!(lines[3].ends_with("  not indexed: multi-member-gzip"));
    assert!(lines[4].ends_with("  not indexed: too-small"));
    assert_eq!(lines.len(), 5);
}

#[test]
fn json_names_digests_and_sizes() {
    let desk = indexed();
    let found = json(&desk, "oci:images:app-soci");
    let platform = &found["platforms"][0];
    let layers = platform["layers"].as_array().expect("layers");
    let bytes = [Layer::large(1), Layer::members(2), Layer::small(3)];
    let mut sum = 0;
    for (layer, expected) in layers.iter().zip(&bytes) {
        assert_eq!(layer["digest"], digest(expected.bytes()));
        assert_eq!(layer["size"], expected.bytes().len());
        sum += expected.bytes().len();
    }
    assert_eq!(platform["size"], sum);
    assert_eq!(platform["problem"], Value::Null);
    let ztoc = &layers[0]["ztoc"];
    assert_eq!(platform["index"]["size"], ztoc["size"]);
    let name = ztoc["digest"].as_str().expect("text").replace(':', "/");
    let blob = desk.read(&format!("images/blobs/{name}"));
    assert_eq!(ztoc["size"], blob.len());
}

#[test]
fn an_image_that_is_not_indexed() {
    let desk = desk();
    let found = json(&desk, "oci:images");
    let platform = &found["platforms"][0];
    assert_eq!(platform["index"], Value::Null);
    assert_eq!(platform["problem"], Value::Null);
    let ended = inspect(&desk, &["oci:images:app"]).with_code(0);
    assert_eq!(
        ended.text().matches("not indexed").count(),
        4,
        "{}",
        ended.text()
    );
}

#[test]
fn no_layer_and_no_ztoc_is_read() {
    let desk = indexed();
    let found = json(&desk, "oci:images:app-soci");
    for layer in found["platforms"][0]["layers"].as_array().expect("layers") {
        for blob in [&layer["digest"], &layer["ztoc"]["digest"]] {
            if let Some(digest) = blob.as_str() {
                let path = desk.path(&format!("images/blobs/{}", digest.replace(':', "/")));
                std::fs::remove_file(path).expect("it was there");
            }
        }
    }
    assert_eq!(json(&desk, "oci:images:app-soci"), found);
}

#[test]
fn a_soci_index_that_is_gone_is_a_problem_and_no_failure() {
    let desk = indexed();
    let found = json(&desk, "oci:images:app-soci");
    let index = found["platforms"][0]["index"]["digest"].as_str();
    let index = index.expect("text");
    let path = desk.path(&format!("images/blobs/{}", index.replace(':', "/")));
    std::fs::remove_file(path).expect("it was there");
    let found = json(&desk, "oci:images:app-soci");
    let platform = &found["platforms"][0];
    assert_eq!(
        platform["problem"],
        format!("SOCI index {index} is missing")
    );
    assert_eq!(platform["index"], Value::Null);
}

#[test]
fn what_is_not_there_is_told_in_one_line() {
    let desk = desk();
    inspect(&desk, &["oci:images:no"])
        .failed_with("cannot inspect oci:images:no: oci:images has no tag no");
    inspect(&desk, &["oci:"]).with_code(2);
}
