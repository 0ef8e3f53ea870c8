//! What cannot be indexed, and command lines that make no sense.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};
use soci_testkit::image::{Index, Layer, Shelf};

use crate::images::{ALL, app, build, desk_with_app, place, reports, shelve, tags};
use crate::support::{Desk, Ended};

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
    assert_eq!(report["digest"], tags(&desk, "images")[0].1);
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
            "oci:text:app",
            "cannot index oci:text:app: text: a file, where a folder with an OCI layout is expected; an archive is named with oci-archive:",
        ),
        (
            "oci-archive:images:app",
            "cannot index oci-archive:images:app: images: a folder, where a tar archive of an OCI layout is expected; a folder is named with oci:",
        ),
        (
            "oci-archive:text:app",
            "cannot index oci-archive:text:app: text: not a tar archive of an OCI layout, or a damaged one",
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
    let desk = desk_with_app();
    let before = tags(&desk, "images");
    for image in ["127.0.0.1:9/app:1", "oci:images:app", "oci:images"] {
        let ended = build(&desk, &["--json", "--ca", "nowhere.pem", image]).with_code(1);
        assert_eq!(reports(&ended)[0]["kind"], "configuration");
        assert!(ended.stderr.contains("nowhere.pem"), "{}", ended.stderr);
    }
    for command in ["inspect", "verify"] {
        let args = [command, "--ca", "nowhere.pem", "oci:images:app"];
        let ended = Ended::of(&mut desk.command(&args)).with_code(1);
        assert!(ended.stderr.contains("nowhere.pem"), "{}", ended.stderr);
    }
    assert_eq!(tags(&desk, "images"), before);
}

/// Manifests of so many bytes each, for a platform each.
fn images_of(desk: &Desk, count: usize, manifest_bytes: usize) {
    let mut shelf = Shelf::new();
    let mut index = Index::oci();
    for number in 0..count {
        let note = number.to_string() + &"x".repeat(manifest_bytes);
        let image = app().field("annotations", json!({ "note": note }));
        let platform = json!({"os": "linux", "architecture": format!("arch{number}")});
        index = index.child(image.shelve(&mut shelf).field("platform", platform));
    }
    let root = index.shelve(&mut shelf);
    place(desk, "images", "app", shelf, root);
}

fn too_large(desk: &Desk, words: &str) {
    let ended = build(desk, &[&ALL[..], &["oci:images:app", "--json"]].concat()).with_code(1);
    let report = reports(&ended).remove(0);
    assert_eq!(report["kind"], "too-large");
    let error = report["error"].as_str().expect("text");
    assert!(error.contains(words), "{error}");
    assert_eq!(ended.stderr.lines().count(), 1, "no layer is read");
    assert_eq!(tags(desk, "images").len(), 1);
}

#[test]
fn more_bytes_of_manifests_than_any_image_has_are_refused() {
    let desk = Desk::new();
    images_of(&desk, 9, 4_000_000);
    too_large(&desk, "or more, at most 33554432 are read");
}

#[test]
fn a_result_that_no_registry_takes_is_refused_before_layers_are_read() {
    let desk = Desk::new();
    images_of(&desk, 2, 2_200_000);
    too_large(&desk, "registries take 4194304");
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

#[test]
fn a_password_in_an_argument_is_not_repeated() {
    let desk = desk_with_app();
    for image in [
        "https://me:hunter2@127.0.0.1:9/app:1",
        "docker://me:hunter2@127.0.0.1:9/app:1",
        "me:hunter2@127.0.0.1:9/app:1",
        "https://me:hunter2/x@127.0.0.1:9/app",
        "https://hunter2@127.0.0.1:9/app",
    ] {
        let reuse = format!("--reuse-from={image}");
        let at = format!("{image}@sha256:{}", "0".repeat(64));
        for args in [
            &["build", image][..],
            &["build", "oci:images:app", &reuse],
            &["inspect", &at],
            &["inspect", "oci:images:app", image],
            &["verify", image],
            &["match", "*", image],
            &[image],
        ] {
            let ended = Ended::of(&mut desk.command(args)).with_code(2);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
            assert!(ended.stderr.contains("docker login"), "{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
    }
    let short = Ended::of(&mut desk.command(&["inspect", "app:1@sha256:12"])).with_code(2);
    assert!(short.stderr.contains("app:1@sha256:12"), "{}", short.stderr);
}

#[test]
fn what_helps_against_an_unusable_output_tag_is_told() {
    let desk = desk_with_app();
    shelve(&desk, "named", "quay.io/team/app:1", &app());
    let ended = build(&desk, &["oci:named:quay.io/team/app:1"]).with_code(1);
    let line = "give another with --output-tag\n";
    assert!(ended.stderr.ends_with(line), "{}", ended.stderr);
    let args = ["oci:named:quay.io/team/app:1", "--output-tag", "1-soci"];
    build(&desk, &[&ALL[..], &args].concat()).with_code(0);
}

#[test]
fn one_name_for_two_images_is_told_with_both() {
    let desk = desk_with_app();
    let mut shelf = Shelf::new();
    let other = app().layer(Layer::large(9)).shelve(&mut shelf);
    let other = other.digest().to_owned();
    let path = "images/index.json";
    let mut index: Value = serde_json::from_slice(&desk.read(path)).expect("JSON");
    let mut second = index["manifests"][0].clone();
    second["digest"] = other.clone().into();
    let list = index["manifests"].as_array_mut().expect("a list");
    list.push(second);
    desk.write(path, index.to_string().as_bytes());
    let first = index["manifests"][0]["digest"].as_str().expect("a digest");
    for command in ["build", "inspect", "verify"] {
        let ended = Ended::of(&mut desk.command(&[command, "oci:images:app"])).with_code(1);
        assert!(ended.stderr.contains(first), "{}", ended.stderr);
        assert!(ended.stderr.contains(&other), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn one_output_tag_for_two_ways_to_write_a_layout_is_refused() {
    let desk = desk_with_app();
    let twice = ["oci:images:app", "oci:./images:app", "--output-tag", "x"];
    let ended = build(&desk, &twice).with_code(2);
    assert!(ended.stderr.contains("one output tag"), "{}", ended.stderr);
    assert_eq!(tags(&desk, "images").len(), 1);
}

#[test]
fn a_size_is_a_number_of_bytes() {
    let desk = desk_with_app();
    for size in ["--min-layer-size=-1", "--min-image-size=4MiB"] {
        let ended = build(&desk, &[size, "oci:images:app"]).with_code(2);
        assert!(
            ended.stderr.contains("not a number of bytes"),
            "{}",
            ended.stderr
        );
    }
}
