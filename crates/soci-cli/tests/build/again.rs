//! What a second run takes for done, and what it does not: the output has to hold all that the source holds now.

use std::fs;

use serde_json::{Value, json};
use soci_testkit::image::{AMD64, ARM64, Descriptor, Index, Layer, Manifest, Platform, Shelf};

use crate::images::{ALL, app, build, place, reports, shelve, tags};
use crate::support::Desk;

fn run(desk: &Desk, args: &[&str], code: i32) -> Value {
    let args = [&ALL[..], args, &["oci:images:app", "--json"]].concat();
    reports(&build(desk, &args).with_code(code)).remove(0)
}

/// What lies under a digest.
fn document(desk: &Desk, digest: &Value) -> Value {
    let hex = digest
        .as_str()
        .expect("a digest")
        .trim_start_matches("sha256:");
    serde_json::from_slice(&desk.read(&format!("images/blobs/sha256/{hex}"))).expect("JSON")
}

/// Lets the source's tag hold something else; the output stays.
fn push(desk: &Desk, shelf: Shelf, root: Descriptor) {
    let other = Desk::new();
    place(&other, "images", "app", shelf, root);
    let blobs = "images/blobs/sha256";
    for blob in fs::read_dir(other.path(blobs)).expect("a folder") {
        let blob = blob.expect("a file");
        fs::copy(blob.path(), desk.path(blobs).join(blob.file_name())).expect("a copy");
    }
    let read = |desk: &Desk| serde_json::from_slice::<Value>(&desk.read("images/index.json"));
    let (mut index, new) = (read(desk).expect("JSON"), read(&other).expect("JSON"));
    let name = "org.opencontainers.image.ref.name";
    let entries = index["manifests"].as_array_mut().expect("a list");
    entries.retain(|entry| entry["annotations"][name] != "app");
    entries.push(new["manifests"][0].clone());
    fs::write(desk.path("images/index.json"), index.to_string()).expect("a file");
}

/// An image of two platforms, or only the first, with an attestation or without.
fn images(shelf: &mut Shelf, platforms: usize, is_attested: bool) -> Descriptor {
    let images = [AMD64, ARM64].into_iter().zip([1, 2]).take(platforms);
    let images: Vec<_> = images
        .map(|(platform, seed)| {
            let image = Manifest::oci(platform).layer(Layer::large(seed));
            image.shelve(shelf).platform(platform)
        })
        .collect();
    let attested = images[0].digest().to_owned();
    let mut index = images.into_iter().fold(Index::oci(), Index::child);
    if is_attested {
        let unknown = Platform::new("unknown", "unknown", "");
        let attestation = Manifest::oci(unknown).shelve(shelf).platform(unknown);
        index = index.child(attestation.annotate("vnd.docker.reference.digest", &attested));
    }
    index.shelve(shelf)
}

#[test]
fn an_entry_more_or_less_is_another_image() {
    for (before, now) in [
        ((2, false), (1, false)),
        ((1, false), (2, false)),
        ((2, false), (2, true)),
        ((2, true), (2, false)),
    ] {
        let desk = Desk::new();
        let mut shelf = Shelf::new();
        let root = images(&mut shelf, before.0, before.1);
        place(&desk, "images", "app", shelf, root);
        run(&desk, &[], 0);
        assert_eq!(run(&desk, &[], 0)["outcome"], "already-indexed");

        let mut shelf = Shelf::new();
        let root = images(&mut shelf, now.0, now.1);
        push(&desk, shelf, root);
        let report = run(&desk, &[], 0);
        assert_eq!(report["outcome"], "indexed", "{before:?} {now:?}");
        let result = document(&desk, &report["output"]["digest"]);
        let entries = result["manifests"].as_array().expect("a list");
        assert_eq!(entries.len(), now.0 * 2 + usize::from(now.1), "{now:?}");
        assert_eq!(run(&desk, &[], 0)["outcome"], "already-indexed");
    }
}

#[test]
fn a_soci_index_that_is_gone_is_made_again() {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    let first = run(&desk, &[], 0);
    let index = first["platforms"][0]["index"].as_str().expect("a digest");
    let file = format!(
        "images/blobs/sha256/{}",
        index.trim_start_matches("sha256:")
    );
    fs::remove_file(desk.path(&file)).expect("it is there");
    let again = run(&desk, &[], 0);
    assert_eq!(again["outcome"], "indexed");
    assert_eq!(again["output"], first["output"]);
    assert_eq!(run(&desk, &[], 0)["outcome"], "already-indexed");
}

#[test]
fn a_layer_of_several_members_is_indexed_when_that_is_allowed_later() {
    let desk = Desk::new();
    let image = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::members(2));
    shelve(&desk, "images", "app", &image);
    run(&desk, &[], 0);
    assert_eq!(run(&desk, &[], 0)["outcome"], "already-indexed");
    let allowed = run(&desk, &["--multi-member", "allow"], 0);
    assert_eq!(allowed["outcome"], "indexed");
    assert_eq!(allowed["platforms"][0]["layers"][1]["outcome"], "indexed");
}

#[test]
fn an_image_that_was_passed_through_is_not_called_indexed() {
    let desk = Desk::new();
    shelve(
        &desk,
        "images",
        "app",
        &Manifest::oci(AMD64).layer(Layer::zstd(1)),
    );
    let first = run(&desk, &[], 3);
    let second = run(&desk, &[], 3);
    for field in ["outcome", "reason", "output", "platforms"] {
        assert_eq!(second[field], first[field], "{field}");
    }
    assert_eq!(second["reason"], "unsupported-compression");
}

/// The result lists a SOCI index for each image, and is read as the source is.
#[test]
fn an_image_of_many_platforms_is_read_again() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let mut index = Index::oci();
    for number in 0..80 {
        // Each is a manifest of its own, so each gets an entry for its SOCI index.
        let image = app().field("annotations", json!({"number": number.to_string()}));
        let platform = json!({"os": "linux", "architecture": format!("arch{number}")});
        index = index.child(image.shelve(&mut shelf).field("platform", platform));
    }
    let root = index.shelve(&mut shelf);
    place(&desk, "images", "app", shelf, root);
    run(&desk, &[], 0);
    assert_eq!(run(&desk, &[], 0)["outcome"], "already-indexed");
}

/// As cosign writes them, beside the images that they are of.
#[test]
fn a_signature_is_no_image() {
    let desk = Desk::new();
    let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
    let signature = Manifest::oci(AMD64)
        .config(
            br#"{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]},"config":{}}"#,
        )
        .layer(Layer::new(kind, b"{}".to_vec()));
    shelve(&desk, "images", "app", &signature);
    assert_eq!(run(&desk, &[], 3)["reason"], "not-an-image");
    assert_eq!(tags(&desk, "images").len(), 1);
}

#[test]
fn more_layers_than_any_image_has_are_refused() {
    let desk = Desk::new();
    let layer = Layer::small(1);
    let image = (0..1025).fold(Manifest::oci(AMD64), |image, _| image.layer(layer.clone()));
    shelve(&desk, "images", "app", &image);
    let report = run(&desk, &[], 1);
    assert_eq!(report["kind"], "too-large");
    let error = report["error"].as_str().expect("text");
    assert!(error.contains("lists 1025 layers, at most 1024"), "{error}");
}

/// What covers more than is asked for is kept, whether some layer is asked for or none.
#[test]
fn a_larger_smallest_size_takes_nothing_away() {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    let first = run(&desk, &[], 0);
    assert_eq!(first["outcome"], "indexed");
    for args in [
        &["oci:images:app", "--json"][..],
        &["oci:images:app", "--json", "--min-image-size", "1000000000"],
    ] {
        let report = reports(&build(&desk, args).with_code(0)).remove(0);
        assert_eq!(report["outcome"], "already-indexed", "{args:?}");
        assert_eq!(report["output"], first["output"], "{args:?}");
    }
    assert_eq!(tags(&desk, "images").len(), 2);
}
