//! `build --dry-run`: told as it would be done, and nothing is done.

use serde_json::Value;
use soci_testkit::image::{AMD64, ARM64, Index, Layer, Manifest, Shelf};

use crate::images::{ALL, app, blobs, build, desk_with_app, place, reports, shelve, tags};
use crate::support::Desk;

/// Runs it, finds nothing written, and no layer read: they are gone meanwhile.
fn foresee(desk: &Desk, args: &[&str], code: i32) -> (String, Value) {
    let before = (tags(desk, "images"), blobs(desk, "images"));
    let run = |more: &[&str]| build(desk, &[args, &["--dry-run"], more].concat());
    let text = run(&[]).with_code(code);
    let json = run(&["--json"]).with_code(code);
    assert_eq!((text.stderr.as_str(), json.stderr.as_str()), ("", ""));
    assert_eq!((tags(desk, "images"), blobs(desk, "images")), before);
    let report = reports(&json).remove(0);
    assert_eq!(report["dry_run"], true);
    let bytes = serde_json::json!({"downloaded": 0, "uploaded": 0});
    assert_eq!(report["bytes"], bytes);
    (text.text().to_owned(), report)
}

/// Takes a layer's bytes away, so that whoever reads it fails.
fn remove(desk: &Desk, layer: &Layer) {
    let name = soci_testkit::image::digest(layer.bytes()).replace(':', "/");
    let path = desk.path(&format!("images/blobs/{name}"));
    std::fs::remove_file(path).expect("it was there");
}

#[test]
fn what_would_be_indexed_is_told_layer_by_layer() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let layers = [Layer::large(1), Layer::zstd(2), Layer::small(3)];
    let amd64 = layers
        .iter()
        .cloned()
        .fold(Manifest::oci(AMD64), Manifest::layer);
    let arm64 = Manifest::oci(ARM64).layer(Layer::large(1));
    let root = [(amd64, AMD64), (arm64, ARM64)]
        .into_iter()
        .fold(Index::oci(), |index, (manifest, platform)| {
            index.child(manifest.shelve(&mut shelf).platform(platform))
        })
        .shelve(&mut shelf);
    place(&desk, "images", "app", shelf, root);
    for layer in &layers {
        remove(&desk, layer);
    }
    let args = ["--min-layer-size", "4096", "oci:images:app"];
    let (text, report) = foresee(&desk, &args, 0);
    let line = "would be indexed oci:images:app: oci:images:app-soci\n  linux/amd64: layers to index: 1 of 3\n";
    assert!(text.starts_with(line), "{text}");
    assert_eq!(
        text.matches("  to index, if its content allows it\n")
            .count(),
        2
    );
    assert_eq!(text.matches("skipped: unsupported-compression").count(), 1);
    let bytes = indicatif::HumanBytes(layers[0].bytes().len() as u64);
    let end = format!("\n  to read: {bytes}\n");
    assert!(text.ends_with(&end), "once for both: {text}");

    assert_eq!(report["outcome"], "indexed");
    let output = serde_json::json!({"reference": "oci:images:app-soci", "digest": null});
    assert_eq!(report["output"], output);
    let found: Vec<_> = report["platforms"][0]["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|layer| (layer["outcome"].as_str(), layer["reason"].as_str()))
        .collect();
    let skipped = Some("skipped");
    let expected = [
        (Some("indexed"), None),
        (skipped, Some("unsupported-compression")),
        (skipped, Some("too-small")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_indexed_already_is_told_as_ever() {
    let desk = desk_with_app();
    let args = [&ALL[..], &["oci:images:app"]].concat();
    build(&desk, &args).with_code(0);
    let (text, mut report) = foresee(&desk, &args, 0);
    assert!(text.starts_with("already indexed "), "{text}");
    let real = build(&desk, &[&args[..], &["--json"]].concat()).with_code(0);
    let mut real = reports(&real).remove(0);
    report.as_object_mut().expect("an object").remove("dry_run");
    for report in [&mut real, &mut report] {
        report["seconds"].take();
    }
    assert_eq!(report, real);

    let (text, _) = foresee(&desk, &[&args[..], &["--force"]].concat(), 0);
    assert!(text.starts_with("would be indexed "), "{text}");
}

#[test]
fn what_would_be_skipped_is_told_with_its_reason() {
    let desk = desk_with_app();
    let (text, report) = foresee(&desk, &["oci:images:app"], 3);
    let digest = &tags(&desk, "images")[0].1;
    let line = format!(
        "would be skipped oci:images:app: no-eligible-layers; oci:images:app-soci ({digest}) would be the unchanged image\n"
    );
    assert!(text.starts_with(&line), "{text}");
    assert_eq!(report["reason"], "no-eligible-layers");

    let zstd = Manifest::oci(AMD64).layer(Layer::zstd(1));
    let desk = Desk::new();
    shelve(&desk, "images", "app", &zstd);
    let args = [&ALL[..], &["oci:images:app"]].concat();
    let (_, foreseen) = foresee(&desk, &args, 3);
    let real = build(&desk, &[&args[..], &["--json"]].concat()).with_code(3);
    let real = reports(&real).remove(0);
    assert_eq!(foreseen["reason"], "unsupported-compression");
    for field in ["reason", "output", "platforms"] {
        assert_eq!(foreseen[field], real[field], "{field}");
    }
}

#[test]
fn failures_are_the_same() {
    let desk = desk_with_app();
    for args in [
        ["--output-tag", "app", "oci:images:app"],
        ["--platform", "linux/s390x", "oci:images:app"],
        ["--min-layer-size", "1", "oci:images:no"],
    ] {
        let real = build(&desk, &args).with_code(1);
        let dry = build(&desk, &[&args[..], &["--dry-run"]].concat()).with_code(1);
        assert_eq!(dry.stderr, real.stderr);
    }
    shelve(&desk, "other", "app", &app());
    build(&desk, &["--dry-run", "oci:other:app", "oci:images:no"]).with_code(1);
}
