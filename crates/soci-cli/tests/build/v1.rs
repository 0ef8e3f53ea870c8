//! `build --format v1`: SOCI indexes that refer to the image, which stays as it is.

use serde_json::Value;
use soci_testkit::image::{AMD64, ARM64, Index, Layer, Manifest, Shelf};

use crate::images::{ALL, app, blobs, build, desk_with_app, place, reports, shelve, tags};
use crate::support::{Desk, Ended};

const WARNING: &str =
    "warning: new AWS accounts cannot use SOCI indexes v1, AWS Fargate reads only v2 for them\n";
const ARTIFACT_TYPE: &str = "application/vnd.amazon.soci.index.v1+json";

fn run(desk: &Desk, more: &[&str]) -> Ended {
    let args = [&ALL[..], &["--format", "v1", "oci:images:app"], more].concat();
    build(desk, &args)
}

fn json(desk: &Desk, min_layer_bytes: &str) -> Value {
    let format = ["--format", "v1", "--json", "oci:images:app"];
    let args = [&format[..], &["--min-layer-size", min_layer_bytes]].concat();
    reports(&build(desk, &args).with_code(0)).remove(0)
}

fn document(desk: &Desk, digest: &Value) -> Value {
    let name = digest.as_str().expect("a digest").replace(':', "/");
    serde_json::from_slice(&desk.read(&format!("images/blobs/{name}"))).expect("JSON")
}

fn two_platforms() -> Desk {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let amd64 = app().shelve(&mut shelf).platform(AMD64);
    let arm64 = Manifest::oci(ARM64).layer(Layer::large(1));
    let arm64 = arm64
        .layer(Layer::small(3))
        .shelve(&mut shelf)
        .platform(ARM64);
    let root = Index::oci().child(amd64).child(arm64).shelve(&mut shelf);
    place(&desk, "images", "app", shelf, root);
    desk
}

#[test]
fn each_manifest_has_a_soci_index_that_names_it() {
    let desk = two_platforms();
    let before = tags(&desk, "images");
    let report = json(&desk, "4096");
    assert_eq!(
        (&report["outcome"], &report["format"]),
        (&"indexed".into(), &"v1".into())
    );
    assert_eq!(report["output"], Value::Null);
    let root = document(&desk, &before[0].1.clone().into());
    for (platform, child) in report["platforms"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(root["manifests"].as_array().expect("a list"))
    {
        assert_eq!(
            platform["manifest"], child["digest"],
            "it is not written again"
        );
        let index = document(&desk, &platform["index"]);
        assert_eq!(index["config"]["mediaType"], ARTIFACT_TYPE);
        for field in ["mediaType", "digest", "size"] {
            assert_eq!(index["subject"][field], child[field]);
        }
        assert_eq!(
            index["subject"].as_object().map(|subject| subject.len()),
            Some(3)
        );
    }
    let after = tags(&desk, "images");
    let listed: Vec<_> = after.iter().filter(|(tag, _)| tag.is_empty()).collect();
    assert_eq!(listed.len(), 2, "both without a tag: {after:?}");
    assert_eq!(
        after.last(),
        before.first(),
        "and no other tag than there was"
    );
    assert_eq!(after.len(), 3);
}

#[test]
fn a_second_run_finds_all_done_and_reads_no_layer() {
    let desk = two_platforms();
    let first = json(&desk, "1");
    let removed = [Layer::large(1), Layer::large(2), Layer::small(3)];
    let before = (
        tags(&desk, "images"),
        blobs(&desk, "images") - removed.len(),
    );
    for layer in removed {
        let name = soci_testkit::image::digest(layer.bytes()).replace(':', "/");
        std::fs::remove_file(desk.path(&format!("images/blobs/{name}"))).expect("it was there");
    }
    let second = json(&desk, "1");
    assert_eq!(second["outcome"], "already-indexed");
    for place in [0, 1] {
        for field in ["platform", "manifest", "index"] {
            let of = |report: &Value| report["platforms"][place][field].clone();
            assert_eq!(of(&second), of(&first));
        }
    }
    assert_eq!((tags(&desk, "images"), blobs(&desk, "images")), before);
}

/// What is missing of an index is built again: here a zTOC that is gone, and a layer that is wanted now.
#[test]
fn an_index_that_is_not_whole_is_no_index() {
    let desk = two_platforms();
    let first = json(&desk, "4096");
    let all = json(&desk, "1");
    assert_eq!(all["outcome"], "indexed", "the small layer is wanted now");
    assert_ne!(all["platforms"][1]["index"], first["platforms"][1]["index"]);
    let ztoc = &first["platforms"][0]["layers"][1]["ztoc"]["digest"];
    let name = ztoc.as_str().expect("a digest").replace(':', "/");
    std::fs::remove_file(desk.path(&format!("images/blobs/{name}"))).expect("it was there");
    let again = json(&desk, "1");
    assert_eq!(again["outcome"], "indexed");
    assert_eq!(
        again["platforms"][0]["index"],
        first["platforms"][0]["index"]
    );
    assert_eq!(json(&desk, "1")["outcome"], "already-indexed");
}

#[test]
fn people_are_told_and_warned() {
    let desk = desk_with_app();
    let ended = run(&desk, &["--dry-run"]).with_code(0);
    assert_eq!(ended.stderr, WARNING);
    let line = "would be indexed oci:images:app\n  linux/amd64: layers to index: 2 of 2\n";
    assert!(ended.text().starts_with(line), "{}", ended.text());
    assert_eq!(tags(&desk, "images").len(), 1);

    let ended = run(&desk, &[]).with_code(0);
    assert!(ended.stderr.starts_with(WARNING), "{}", ended.stderr);
    let line = "indexed oci:images:app\n  linux/amd64: layers indexed: 2 of 2\n";
    assert!(ended.text().starts_with(line), "{}", ended.text());
    let index = &tags(&desk, "images")[0].1;
    let line = format!("\n    SOCI index {index}\n");
    assert!(ended.text().contains(&line), "{}", ended.text());
    let ended = run(&desk, &[]).with_code(0);
    assert!(ended.text().starts_with("already indexed oci:images:app\n"));

    let inspected = Ended::of(&mut desk.command(&["inspect", "oci:images:app"])).with_code(0);
    let line = format!(", SOCI index v1 {index} made by ");
    assert!(inspected.text().contains(&line), "{}", inspected.text());
    assert_eq!(inspected.text().matches("  indexed: zTOC of").count(), 2);
}

#[test]
fn an_output_tag_is_wrong_usage() {
    let desk = desk_with_app();
    let ended = run(&desk, &["--output-tag", "{tag}-soci"]).with_code(2);
    assert_eq!(
        ended.stderr,
        "error: --output-tag cannot be used with --format v1, whose SOCI indexes are found by the image itself\n"
    );
    assert_eq!(tags(&desk, "images").len(), 1);
}

#[test]
fn nothing_to_index_writes_nothing() {
    let desk = desk_with_app();
    let before = (tags(&desk, "images"), blobs(&desk, "images"));
    let args = ["--format", "v1", "oci:images:app"];
    let ended = build(&desk, &args).with_code(3);
    let line = "skipped oci:images:app: no-eligible-layers\n";
    assert!(ended.text().starts_with(line), "{}", ended.text());
    assert_eq!((tags(&desk, "images"), blobs(&desk, "images")), before);
    shelve(
        &desk,
        "other",
        "app",
        &Manifest::oci(AMD64).layer(Layer::zstd(1)),
    );
    let args = [&ALL[..], &["--format", "v1", "oci:other:app"]].concat();
    build(&desk, &args).with_code(3);
    assert_eq!(tags(&desk, "other").len(), 1);
}

/// A SOCI index, and an image packaged with one, are results and no sources, in either format.
#[test]
fn results_are_not_indexed_again() {
    let desk = desk_with_app();
    build(&desk, &[&ALL[..], &["oci:images:app"]].concat()).with_code(0);
    let args = [&ALL[..], &["--format", "v1", "oci:images:app-soci"]].concat();
    let ended = build(&desk, &args).with_code(3);
    assert!(ended.text().contains(": own-output"), "{}", ended.text());
    // The image itself can have both.
    assert_eq!(json(&desk, "1")["outcome"], "indexed");
    let found = build(&desk, &[&ALL[..], &["oci:images:app"]].concat()).with_code(0);
    assert!(found.text().starts_with("already indexed "));
}

#[test]
fn an_archive_gets_the_same_as_a_folder() {
    let desk = desk_with_app();
    let tar = std::process::Command::new("tar")
        .args(["-C", "images", "-cf", "images.tar", "."])
        .current_dir(desk.path(""))
        .status();
    assert!(tar.expect("tar runs").success());
    let of = |image: &str| {
        let args = [&ALL[..], &["--format", "v1", "--json", image]].concat();
        reports(&build(&desk, &args).with_code(0)).remove(0)
    };
    let (folder, archive) = (of("oci:images:app"), of("oci-archive:images.tar:app"));
    assert!(folder["platforms"][0]["index"].is_string());
    assert_eq!(
        folder["platforms"][0]["index"],
        archive["platforms"][0]["index"]
    );
    assert_eq!(
        of("oci-archive:images.tar:app")["outcome"],
        "already-indexed"
    );
}
