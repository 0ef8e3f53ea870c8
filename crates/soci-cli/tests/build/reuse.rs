//! zTOCs that are there are used again: the layers of which they are made are gone meanwhile, so that whoever reads one fails.

use std::fs;

use serde_json::{Value, json};
use soci_testkit::image::{Layer, Manifest, digest};
use soci_testkit::ztoc::{FileField, ZtocBytes};

use crate::images::{ALL, app, build, reports, shelve, tags};
use crate::support::Desk;

/// The image of [`app`] under a new top layer.
fn next() -> Manifest {
    app().layer(Layer::large(3))
}

fn path(desk: &Desk, digest: &str) -> std::path::PathBuf {
    desk.path("images/blobs").join(digest.replace(':', "/"))
}

/// Takes a layer's bytes away.
fn remove(desk: &Desk, layer: &Layer) {
    fs::remove_file(path(desk, &digest(layer.bytes()))).expect("it was there");
}

/// Moves a tag of the layout to another image; everything else stays.
fn shift(desk: &Desk, tag: &str, manifest: &Manifest) {
    let entries = |desk: &Desk| -> Vec<Value> {
        let index = desk.read("images/index.json");
        let mut index: Value = serde_json::from_slice(&index).expect("JSON");
        serde_json::from_value(index["manifests"].take()).expect("a list")
    };
    let name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].clone();
    let mut kept = entries(desk);
    shelve(desk, "images", tag, manifest);
    kept.retain(|entry| name(entry) != tag);
    kept.extend(entries(desk));
    let index = json!({"schemaVersion": 2, "manifests": kept});
    desk.write("images/index.json", index.to_string().as_bytes());
}

/// An image that was indexed with these options, and is another one now, of whose layers only the new one is there.
fn moved(options: &[&str]) -> Desk {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    build(&desk, &[&ALL[..], &["oci:images:app"], options].concat()).with_code(0);
    shift(&desk, "app", &next());
    for layer in [Layer::large(1), Layer::large(2)] {
        remove(&desk, &layer);
    }
    desk
}

fn run(desk: &Desk, more: &[&str], code: i32) -> (Value, String) {
    let args = [&ALL[..], &["--json", "oci:images:app"], more].concat();
    let ended = build(desk, &args).with_code(code);
    (reports(&ended).remove(0), ended.stderr)
}

/// The report of the same image in a layout without anything to reuse.
fn afresh(manifest: &Manifest, more: &[&str]) -> Value {
    let desk = Desk::new();
    shelve(&desk, "images", "app", manifest);
    run(&desk, more, 0).0
}

fn outcomes(report: &Value) -> Vec<String> {
    let layers = report["platforms"][0]["layers"].as_array().expect("layers");
    let text = |layer: &Value| layer["outcome"].as_str().expect("text").to_owned();
    layers.iter().map(text).collect()
}

#[test]
fn a_new_top_layer_is_all_that_is_read() {
    let desk = moved(&[]);
    let (foreseen, _) = run(&desk, &["--dry-run"], 0);
    assert_eq!(outcomes(&foreseen), ["reused", "reused", "indexed"]);
    let (report, _) = run(&desk, &[], 0);
    assert_eq!(report["outcome"], "indexed");
    assert_eq!(outcomes(&report), ["reused", "reused", "indexed"]);
    let mut expected = afresh(&next(), &[]);
    assert_eq!(report["output"], expected["output"], "the same digest");
    let layers = expected["platforms"][0]["layers"]
        .as_array_mut()
        .expect("layers");
    for layer in &mut layers[..2] {
        layer["outcome"] = "reused".into();
    }
    // Files and spans are counted as the zTOC was read.
    assert_eq!(report["platforms"], expected["platforms"]);
    for layer in foreseen["platforms"][0]["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .take(2)
    {
        assert_eq!(layer["ztoc"]["files"], Value::Null, "it is not read");
    }
}

#[test]
fn what_would_be_made_otherwise_is_not_reused() {
    for (before, now) in [
        (&["--span-size", "32768"][..], &[][..]),
        (&["--build-tool-identifier", "another"], &[]),
        (&[], &["--force"]),
    ] {
        let desk = moved(before);
        let (report, _) = run(&desk, now, 1);
        assert_eq!(report["kind"], "not-found", "it reads the layers: {report}");
    }
}

#[test]
fn another_tools_ztocs_are_reused_if_asked_for() {
    let desk = moved(&["--build-tool-identifier", "another"]);
    let (report, _) = run(&desk, &["--reuse-foreign"], 0);
    assert_eq!(outcomes(&report), ["reused", "reused", "indexed"]);
    let of_other = afresh(&app(), &["--build-tool-identifier", "another"]);
    let ztoc = |report: &Value| report["platforms"][0]["layers"][0]["ztoc"].clone();
    assert_eq!(ztoc(&report), ztoc(&of_other));
}

#[test]
fn an_image_named_is_reused_from_any_place_and_format() {
    let expected = afresh(&next(), &[]);
    for format in ["v1", "v2"] {
        let desk = Desk::new();
        shelve(&desk, "images", "old", &app());
        let args = ["--format", format, "oci:images:old"];
        build(&desk, &[&ALL[..], &args].concat()).with_code(0);
        shelve(&desk, "other", "app", &next());
        for layer in [Layer::large(1), Layer::large(2)] {
            let name = digest(layer.bytes()).replace(':', "/");
            fs::remove_file(desk.path("other/blobs").join(name)).expect("it was there");
        }
        let from = ["oci:images:old-soci", "oci:images:old"][usize::from(format == "v1")];
        let args = ["--json", "--reuse-from", from, "oci:other:app"];
        let ended = build(&desk, &[&ALL[..], &args].concat()).with_code(0);
        let report = reports(&ended).remove(0);
        assert_eq!(outcomes(&report), ["reused", "reused", "indexed"]);
        assert_eq!(report["output"]["digest"], expected["output"]["digest"]);
        for layer in report["platforms"][0]["layers"].as_array().expect("layers") {
            let ztoc = layer["ztoc"]["digest"]
                .as_str()
                .expect("text")
                .replace(':', "/");
            assert!(
                desk.path("other/blobs").join(ztoc).is_file(),
                "it is copied"
            );
        }
    }
}

#[test]
fn what_was_left_out_because_of_its_content_is_not_read_again() {
    let old = || app().layer(Layer::members(5));
    let desk = Desk::new();
    shelve(&desk, "images", "app", &old());
    run(&desk, &[], 0);
    let next = old().layer(Layer::large(3));
    shift(&desk, "app", &next);
    for layer in [Layer::large(1), Layer::large(2), Layer::members(5)] {
        remove(&desk, &layer);
    }
    // Only while it would still be left out.
    let (report, _) = run(&desk, &["--multi-member", "allow"], 1);
    assert_eq!(report["kind"], "not-found");
    let (report, _) = run(&desk, &[], 0);
    assert_eq!(
        outcomes(&report),
        ["reused", "reused", "skipped", "indexed"]
    );
    assert_eq!(
        report["platforms"][0]["layers"][2]["reason"],
        "multi-member-gzip"
    );
    assert_eq!(report["output"], afresh(&next, &[])["output"]);
}

/// Puts a SOCI index v1 for the first layer alone into the layout, whose zTOC is this blob.
fn refer(desk: &Desk, ztoc: &[u8], named: &str) {
    let image = tags(desk, "images").pop().expect("an image").1;
    let size = fs::metadata(path(desk, &image)).expect("the image").len();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let artifact_type = "application/vnd.amazon.soci.index.v1+json";
    let layer = digest(Layer::large(1).bytes());
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type,
        "config": {"mediaType": artifact_type, "digest": digest(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/octet-stream", "digest": named, "size": ztoc.len(),
            "annotations": {"com.amazon.soci.image-layer-digest": layer, "com.amazon.soci.span-size": "4194304"}}],
        "subject": {"mediaType": media_type, "digest": image, "size": size},
        "annotations": {"com.amazon.soci.build-tool-identifier": "soci-index-builder ztoc/1"},
    })
    .to_string();
    fs::write(path(desk, named), ztoc).expect("written");
    fs::write(path(desk, &digest(index.as_bytes())), &index).expect("written");
    let list: Value = serde_json::from_slice(&desk.read("images/index.json")).expect("JSON");
    let entry =
        json!({"mediaType": media_type, "digest": digest(index.as_bytes()), "size": index.len()});
    let list = json!({"schemaVersion": 2, "manifests": [entry, list["manifests"][0]]});
    desk.write("images/index.json", list.to_string().as_bytes());
}

#[test]
fn a_ztoc_that_is_not_right_is_made_anew_and_told_of() {
    let right = Desk::new();
    shelve(&right, "images", "app", &app());
    let (report, _) = run(&right, &["--format", "v1"], 0);
    let blob = |place: usize| {
        let ztoc = &report["platforms"][0]["layers"][place]["ztoc"]["digest"];
        fs::read(path(&right, ztoc.as_str().expect("text"))).expect("a zTOC")
    };
    let (own, other) = (blob(0), blob(1));
    let mut damaged = own.clone();
    damaged.truncate(own.len() / 2);
    let mut flipped = own.clone();
    flipped[own.len() / 2] ^= 1;
    let changed = |change: fn(&mut ZtocBytes)| {
        let mut ztoc = ZtocBytes::new(own.clone());
        change(&mut ztoc);
        ztoc.into_bytes()
    };
    let contradicting = changed(|ztoc| ztoc.set_uncompressed_bytes(600));
    let unserved = changed(|ztoc| ztoc.empty_file_text(0, FileField::Modified));
    let of_other_tool = by_another_tool();
    for (ztoc, named, why) in [
        (own.clone(), digest(&own), None),
        (other.clone(), digest(&other), Some("it is of a layer of ")),
        (damaged.clone(), digest(&damaged), Some("")),
        (b"{}".to_vec(), digest(b"{}"), Some("")),
        (own.clone(), digest(b"absent"), Some("has digest ")),
        (flipped, digest(&own), Some("has digest ")),
        (
            contradicting.clone(),
            digest(&contradicting),
            Some("ends at offset "),
        ),
        // As soci-snapshotter's builder makes them of the year 10000.
        (
            unserved.clone(),
            digest(&unserved),
            Some("has no modification time"),
        ),
        // Whatever its SOCI index says of it.
        (
            of_other_tool.clone(),
            digest(&of_other_tool),
            Some("\"another\" made it"),
        ),
    ] {
        let desk = Desk::new();
        shelve(&desk, "images", "app", &app());
        refer(&desk, &ztoc, &named);
        let (found, words) = run(&desk, &["--format", "v1"], 0);
        let is_reused = outcomes(&found)[0] == "reused";
        assert_eq!(is_reused, why.is_none(), "{words}");
        assert_eq!(
            found["platforms"][0]["index"],
            report["platforms"][0]["index"]
        );
        let line = format!("note: zTOC {named} of layer ");
        assert_eq!(words.contains(&line), why.is_some(), "{words}");
        assert!(words.contains(why.unwrap_or("")), "{words}");
        let lies = fs::read(path(&desk, &digest(&own))).expect("the zTOC");
        assert_eq!(lies, own, "what was damaged is written anew");
    }
}

/// The zTOC of the first layer under another tool's name.
fn by_another_tool() -> Vec<u8> {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    let (report, _) = run(&desk, &["--build-tool-identifier", "another"], 0);
    let ztoc = &report["platforms"][0]["layers"][0]["ztoc"]["digest"];
    fs::read(path(&desk, ztoc.as_str().expect("text"))).expect("a zTOC")
}

/// What was damaged where it lies is put right by whoever doubts it.
#[test]
fn a_damaged_ztoc_is_written_anew_by_force() {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    let (report, _) = run(&desk, &[], 0);
    let ztoc = &report["platforms"][0]["layers"][0]["ztoc"]["digest"];
    let place = path(&desk, ztoc.as_str().expect("text"));
    let right = fs::read(&place).expect("a zTOC");
    let mut wrong = right.clone();
    wrong[right.len() / 2] ^= 1;
    fs::write(&place, wrong).expect("written");
    let (forced, _) = run(&desk, &["--force"], 0);
    assert_eq!(forced["output"], report["output"]);
    assert_eq!(fs::read(&place).expect("a zTOC"), right);
}

#[test]
fn what_cannot_be_reused_from_is_told() {
    let desk = Desk::new();
    shelve(&desk, "images", "app", &app());
    let args = ["--reuse-from", "oci:images:app"];
    let (report, words) = run(&desk, &args, 0);
    assert_eq!(report["outcome"], "indexed");
    assert!(words.contains("warning: nothing to reuse: oci:images:app has no SOCI index\n"));
    let (report, _) = run(&desk, &["--reuse-from", "oci:images:app", "--dry-run"], 0);
    assert_eq!(report["outcome"], "already-indexed");
    shift(&desk, "app", &next());
    let (report, _) = run(&desk, &["--reuse-from", "oci:images:none"], 1);
    assert_eq!(report["kind"], "not-found");
    build(&desk, &["--reuse-from", "oci:images", "oci:images:app"]).with_code(2);
    build(&desk, &["--force", "--reuse-foreign", "oci:images:app"]).with_code(2);
}
