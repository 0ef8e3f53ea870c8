//! `soci-index build` on OCI layouts: outcomes, their exit codes and how they are told.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;
use soci_testkit::image::{AMD64, ARM64, Descriptor, Index, Layer, Manifest, Shelf};
use support::{Desk, Ended};

/// Every layer counts, whatever its size.
const ALL: [&str; 2] = ["--min-layer-size", "1"];

/// An image of two layers.
fn app() -> Manifest {
    Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::large(2))
}

fn shelve(desk: &Desk, folder: &str, tag: &str, manifest: &Manifest) {
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    place(desk, folder, tag, shelf, root);
}

fn place(desk: &Desk, folder: &str, tag: &str, shelf: Shelf, root: Descriptor) {
    let image = shelf.image(root, tag);
    image
        .write_layout(&desk.path(folder))
        .expect("a layout can be written");
}

fn desk_with_app() -> Desk {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    desk
}

fn build(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut desk.command(&[&["build"], args].concat()))
}

/// The lines of JSON.
fn reports(ended: &Ended) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("each line is JSON");
    ended.text().lines().map(parse).collect()
}

/// What the layout lists, by tag.
fn tags(desk: &Desk, folder: &str) -> Vec<(String, String)> {
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

fn blobs(desk: &Desk, folder: &str) -> usize {
    fs::read_dir(desk.path(folder).join("blobs/sha256"))
        .expect("the folder of the blobs")
        .count()
}

#[test]
fn indexes_an_image_beside_itself() {
    let desk = desk_with_app();
    let before = tags(&desk, "images");
    let ended = build(&desk, &[&ALL[..], &["oci:images:app"]].concat()).with_code(0);
    let after = tags(&desk, "images");
    assert_eq!(after[0], before[0], "the source is untouched");
    let (tag, digest) = &after[1];
    assert_eq!(tag, "app-soci");
    let text = ended.text();
    assert!(
        text.starts_with(&format!(
            "indexed oci:images:app: oci:images:app-soci ({digest})\n  linux/amd64: layers indexed: 2 of 2\n"
        )),
        "{text}"
    );
    assert_eq!(text.matches("indexed: zTOC of ").count(), 2, "{text}");
}

#[test]
fn tells_of_layers_in_two_lines_each_where_no_terminal_is() {
    let desk = desk_with_app();
    let ended = build(&desk, &[&ALL[..], &["oci:images:app"]].concat()).with_code(0);
    let count = |what| ended.stderr.matches(what).count();
    assert_eq!(count(": reading "), 2, "{}", ended.stderr);
    assert_eq!(count(": read in "), 2, "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 4, "{}", ended.stderr);
}

#[test]
fn a_second_run_finds_all_done() {
    let desk = desk_with_app();
    let args = [&ALL[..], &["oci:images:app"]].concat();
    build(&desk, &args).with_code(0);
    let (tags_before, blobs_before) = (tags(&desk, "images"), blobs(&desk, "images"));
    let ended = build(&desk, &args).with_code(0);
    assert!(
        ended
            .text()
            .starts_with("already indexed oci:images:app: oci:images:app-soci (sha256:"),
        "{}",
        ended.text()
    );
    assert_eq!(ended.stderr, "", "no layer is read");
    assert_eq!(tags(&desk, "images"), tags_before);
    assert_eq!(blobs(&desk, "images"), blobs_before);
}

#[test]
fn force_builds_again_and_comes_to_the_same() {
    let desk = desk_with_app();
    let args = [&ALL[..], &["oci:images:app"]].concat();
    build(&desk, &args).with_code(0);
    let before = tags(&desk, "images");
    let ended = build(&desk, &[&args[..], &["--force"]].concat()).with_code(0);
    assert!(ended.text().starts_with("indexed "), "{}", ended.text());
    assert_eq!(tags(&desk, "images"), before);
}

#[test]
fn an_image_of_small_layers_is_skipped_and_passed_through() {
    let desk = desk_with_app();
    let ended = build(&desk, &["oci:images:app"]).with_code(3);
    let found = tags(&desk, "images");
    let digest = &found[0].1;
    assert_eq!(found[1], ("app-soci".to_owned(), digest.clone()));
    let text = ended.text();
    assert!(
        text.starts_with(&format!(
            "skipped oci:images:app: no-eligible-layers; oci:images:app-soci ({digest}) is the unchanged image\n"
        )),
        "{text}"
    );
    assert_eq!(text.matches("skipped: too-small").count(), 2, "{text}");
}

#[test]
fn layers_left_out_have_their_reasons() {
    let desk = Desk::new();
    let odd = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::zstd(2))
        .layer(Layer::members(3))
        .layer(Layer::small(4));
    shelve(&desk, "images", "app", &odd);
    let args = ["--min-layer-size", "4096", "oci:images:app", "--json"];
    let report = reports(&build(&desk, &args).with_code(0)).remove(0);
    let layers = report["platforms"][0]["layers"].as_array().expect("layers");
    let reasons: Vec<_> = layers
        .iter()
        .map(|layer| layer["reason"].as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            None,
            Some("unsupported-compression"),
            Some("multi-member-gzip"),
            Some("too-small")
        ]
    );

    let args = [&args[..], &["--multi-member", "allow"]].concat();
    let report = reports(&build(&desk, &[&args[..], &["--force"]].concat()).with_code(0)).remove(0);
    assert_eq!(report["platforms"][0]["layers"][2]["outcome"], "indexed");
}

#[test]
fn json_of_an_indexed_image() {
    let desk = Desk::new();
    shelve(
        &desk,
        "images",
        "app",
        &Manifest::oci(ARM64).layer(Layer::large(1)),
    );
    let args = [&ALL[..], &["oci:images:app", "--json"]].concat();
    let mut report = reports(&build(&desk, &args).with_code(0)).remove(0);
    assert!(report["seconds"].take().as_f64().is_some());
    assert!(report["bytes"]["uploaded"].take().as_u64() > Some(0));
    let found = tags(&desk, "images");
    let layer = &mut report["platforms"][0]["layers"][0];
    assert_eq!(layer["ztoc"]["files"].take(), 4);
    assert!(layer["ztoc"]["size"].take().as_u64() > Some(0));
    assert!(layer["ztoc"]["spans"].take().as_u64() > Some(0));
    for place in ["digest", "size"] {
        assert!(!layer[place].take().is_null());
    }
    assert!(layer["ztoc"]["digest"].take().is_string());
    for place in ["manifest", "index"] {
        assert!(report["platforms"][0][place].take().is_string());
    }
    assert_eq!(
        report,
        serde_json::json!({
            "image": "oci:images:app", "digest": found[0].1, "outcome": "indexed", "reason": null, "kind": null,
            "retryable": null, "error": null, "format": "v2",
            "output": {"reference": "oci:images:app-soci", "digest": found[1].1},
            "platforms": [{"platform": "linux/arm64", "manifest": null, "index": null, "layers": [{
                "digest": null, "size": null, "outcome": "indexed", "reason": null,
                "ztoc": {"digest": null, "size": null, "files": null, "spans": null},
            }]}],
            "bytes": {"downloaded": 0, "uploaded": null}, "seconds": null,
        })
    );
}

#[test]
fn of_several_images_the_worst_outcome_counts() {
    let desk = desk_with_app();
    shelve(
        &desk,
        "small",
        "app",
        &Manifest::oci(AMD64).layer(Layer::small(1)),
    );
    let outcomes = |images: &[&str], code| {
        let args = [&["--json", "--min-layer-size", "4096"], images].concat();
        let ended = build(&desk, &args).with_code(code);
        reports(&ended)
            .iter()
            .map(|report| report["outcome"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        outcomes(&["oci:small:app", "oci:images:app"], 3),
        ["skipped", "indexed"]
    );
    assert_eq!(
        outcomes(&["oci:images:no", "oci:small:app", "oci:images:app"], 1),
        ["failed", "skipped", "already-indexed"]
    );
}

#[test]
fn only_the_platforms_asked_for() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let amd64 = app().shelve(&mut shelf).platform(AMD64);
    let arm64 = Manifest::oci(ARM64)
        .layer(Layer::large(3))
        .shelve(&mut shelf)
        .platform(ARM64);
    let root = Index::oci().child(amd64).child(arm64).shelve(&mut shelf);
    place(&desk, "images", "app", shelf, root);
    let run = |platform: &str| {
        let args = ["oci:images:app", "--json", "--platform", platform];
        build(&desk, &[&ALL[..], &args].concat())
    };
    let report = reports(&run("linux/arm64").with_code(0)).remove(0);
    let platforms = report["platforms"].as_array().expect("a list");
    assert_eq!(platforms.len(), 1);
    assert_eq!(platforms[0]["platform"], "linux/arm64/v8");

    let ended = run("linux/s390x").with_code(1);
    assert_eq!(
        ended.stderr,
        "error: cannot index oci:images:app: the image has no platform linux/s390x; it has linux/amd64, linux/arm64\n"
    );
}

#[test]
fn the_output_tag_follows_its_template() {
    let desk = desk_with_app();
    let args = [&ALL[..], &["oci:images:app", "--output-tag", "lazy-{tag}"]].concat();
    build(&desk, &args).with_code(0);
    assert_eq!(tags(&desk, "images")[1].0, "lazy-app");
}

#[test]
fn the_only_entry_of_a_layout_needs_no_name() {
    let desk = desk_with_app();
    build(&desk, &[&ALL[..], &["oci:images"]].concat()).with_code(0);
    assert_eq!(tags(&desk, "images")[1].0, "app-soci");

    let ended = build(&desk, &["oci:images"]).with_code(2);
    assert_eq!(
        ended.stderr,
        "error: oci:images has 2 entries, so one must be named: append :TAG\n"
    );
}

#[test]
fn an_archive_gets_the_result_as_a_folder_does() {
    let desk = desk_with_app();
    let tar = std::process::Command::new("tar")
        .args(["-C", "images", "-cf", "images.tar", "."])
        .current_dir(desk.path(""))
        .status();
    assert!(tar.expect("tar runs").success());
    let of = |image| {
        let ended = build(&desk, &[&ALL[..], &[image, "--json"]].concat()).with_code(0);
        reports(&ended)[0]["output"]["digest"].clone()
    };
    assert_eq!(of("oci-archive:images.tar"), of("oci:images"));
    build(&desk, &[&ALL[..], &["oci-archive:images.tar:app"]].concat()).with_code(0);
    assert_eq!(desk.names(), ["images", "images.tar"]);
}

#[test]
fn a_damaged_layer_fails_and_nothing_is_listed() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let layer = Layer::large(1);
    let digest = soci_testkit::image::digest(layer.bytes());
    let root = app().shelve(&mut shelf);
    let mut bytes = layer.bytes().to_vec();
    bytes[5_000] ^= 1;
    shelf.damage(&digest, bytes);
    place(&desk, "images", "app", shelf, root);
    let ended = build(&desk, &[&ALL[..], &["oci:images:app", "--json"]].concat()).with_code(1);
    let report = reports(&ended).remove(0);
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["kind"], "digest-mismatch");
    assert_eq!(report["retryable"], false);
    let error = report["error"].as_str().expect("text");
    assert!(error.contains(&digest), "{error}");
    assert!(
        ended
            .stderr
            .ends_with(&format!("error: cannot index oci:images:app: {error}\n"))
    );
    assert_eq!(tags(&desk, "images").len(), 1);
}

#[test]
fn what_is_not_there_is_told_in_one_line() {
    let desk = desk_with_app();
    desk.write("text", b"no archive");
    for (image, line) in [
        (
            "oci:images:no",
            "cannot index oci:images:no: oci:images has no tag no",
        ),
        (
            "oci:nowhere:app",
            "cannot index oci:nowhere:app: cannot open nowhere: No such file or directory (os error 2)",
        ),
        (
            "oci:images/blobs:app",
            "cannot index oci:images/blobs:app: images/blobs: not an OCI layout: oci-layout is missing or malformed",
        ),
        (
            "oci-archive:text:app",
            "cannot index oci-archive:text:app: text: not a tar archive, or a damaged one",
        ),
    ] {
        build(&desk, &[image]).failed_with(line);
    }
}

/// A registry that has nothing. Its address.
fn empty_registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    address
}

#[test]
fn an_image_that_a_registry_does_not_have() {
    let desk = Desk::new();
    let image = format!("docker://{}/team/app:1", empty_registry());
    let ended = build(&desk, &["--plain-http", "--json", &image]).with_code(1);
    let report = reports(&ended).remove(0);
    assert_eq!(report["image"], *image);
    assert_eq!(report["kind"], "not-found");
    assert_eq!(report["retryable"], false);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn authorities_that_are_none_are_refused() {
    let desk = Desk::new();
    let ended = build(
        &desk,
        &["--json", "--ca", "nowhere.pem", "127.0.0.1:9/app:1"],
    )
    .with_code(1);
    assert_eq!(reports(&ended)[0]["kind"], "configuration");
    assert!(ended.stderr.contains("nowhere.pem"), "{}", ended.stderr);
}

#[test]
fn wrong_usage_is_told_before_any_work() {
    let desk = desk_with_app();
    let before = tags(&desk, "images");
    for args in [
        &["build"][..],
        &["build", "oci:images:app", "ftp://host/app"],
        &["build", "oci:images:app", "UPPER/app"],
        &["build", "oci:images:app", "oci:"],
        &["build", "oci:images:app", "--output-tag", "{tag}/x"],
        &["build", "oci:images:app", "--platform", "linux"],
        &["build", "oci:images:app", "--span-size", "0"],
        &["build", "oci:images:app", "--min-layer-size", "-1"],
        &["build", "oci:images:app", "--concurrency", "0"],
        &[
            "build",
            "oci:images:app",
            "oci:images:b",
            "--output-tag",
            "x",
        ],
    ] {
        let ended = Ended::of(&mut desk.command(args)).with_code(2);
        assert!(
            !ended.stderr.is_empty() && ended.stdout.is_empty(),
            "{args:?}"
        );
    }
    assert_eq!(tags(&desk, "images"), before);
}
