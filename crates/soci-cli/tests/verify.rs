//! `soci-index verify`: verdicts, reasons in words, exit codes.

mod support;

use std::fs;

use serde_json::Value;
use soci_testkit::image::{AMD64, Edit, Layer, Manifest};
use soci_testkit::ztoc::ZtocBytes;
use support::{Desk, Ended, shelve};

/// An image under `app`, and what `build` makes of it.
fn desk(layers: [Layer; 3]) -> Desk {
    let desk = Desk::new();
    let manifest = layers
        .into_iter()
        .fold(Manifest::oci(AMD64), Manifest::layer);
    shelve(&desk, "images", "app", &manifest);
    let sizes = ["--min-layer-size", "4096", "--span-size", "32768"];
    let built = Ended::of(&mut desk.command(&[&["build", "oci:images:app"], &sizes[..]].concat()));
    assert!(matches!(built.code, Some(0 | 3)), "{}", built.stderr);
    desk
}

fn indexed() -> Desk {
    desk([Layer::large(1), Layer::plain(2), Layer::small(3)])
}

fn verify(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut desk.command(&[&["verify"], args].concat()))
}

/// Changes the layout, and writes it anew beside the old one as `damaged`.
fn damaged(desk: &Desk, act: impl FnOnce(&mut Edit, &Value)) {
    let mut edit = Edit::open(&desk.path("images")).expect("a layout");
    let root = edit.document(&edit.tagged("app-soci"));
    let soci_index = root["manifests"][1]["digest"].as_str().expect("a digest");
    let soci_index = edit.document(soci_index);
    act(&mut edit, &soci_index);
    edit.write(&desk.path("damaged")).expect("it is writable");
}

fn ztoc(soci_index: &Value) -> String {
    let digest = &soci_index["layers"][0]["digest"];
    digest.as_str().expect("a digest").to_owned()
}

#[test]
fn an_image_that_build_made_is_proven_at_every_level() {
    let desk = indexed();
    for (flag, headline, amount) in [
        (
            "--structure",
            "proven, without a look into layers",
            "spans: ",
        ),
        ("--json", "", ""),
        (
            "--full",
            "proven in full",
            "spans right: 3 of 3, entries right: 4 of 4",
        ),
    ] {
        let ended = verify(&desk, &["oci:images:app-soci", flag]).with_code(0);
        let lines: Vec<_> = ended.text().lines().collect();
        if flag == "--json" {
            let found: Value = serde_json::from_str(ended.text()).expect("JSON");
            assert_eq!(
                (&found["verdict"], &found["level"]),
                (&"proven".into(), &"sample".into())
            );
            let platform = &found["platforms"][0];
            assert_eq!(platform["verdict"], "proven");
            assert_eq!(platform["findings"], Value::Array(Vec::new()));
            let ztocs = &platform["indexes"][0]["ztocs"];
            assert_eq!(ztocs.as_array().map(Vec::len), Some(2));
            assert_eq!(ztocs[0]["checked_spans"], ztocs[0]["spans"]);
            continue;
        }
        let image = format!("oci:images:app-soci: {headline}, sha256:");
        assert!(lines[0].starts_with(&image), "{}", lines[0]);
        assert_eq!(lines[1], format!("linux/amd64: {headline}"));
        assert!(
            lines[2].ends_with(" (v2), layers with a zTOC: 2 of 3"),
            "{}",
            lines[2]
        );
        assert!(lines[3].contains(amount), "{}", lines[3]);
        assert_eq!(lines.len(), 5);
    }
}

#[test]
fn a_wrong_window_is_told_in_words() {
    let desk = indexed();
    damaged(&desk, |edit, soci_index| {
        let mut bytes = ZtocBytes::new(edit.blob(&ztoc(soci_index)).to_vec());
        bytes.checkpoint(1)[ZtocBytes::WINDOW + 32_000] ^= 1;
        edit.replace(&ztoc(soci_index), bytes.into_bytes());
    });
    verify(&desk, &["oci:damaged:app-soci", "--structure"]).with_code(0);
    for level in [&[][..], &["--full"]] {
        let args = [&["oci:damaged:app-soci"], level].concat();
        let ended = verify(&desk, &args).with_code(1);
        let wrong = "span 1 begins at a checkpoint that is wrong: its window is not what the layer has before it";
        let line = ended.text().lines().last().expect("lines");
        assert!(line.starts_with("  wrong: layer sha256:"), "{line}");
        assert!(
            line.contains(" zTOC sha256:") && line.ends_with(wrong),
            "{line}"
        );
        assert!(ended.text().contains("linux/amd64: not proven\n"));
        let remedy = "what to do: index it again: soci-index build --force oci:damaged:app";
        assert_eq!(ended.text().lines().nth(1), Some(remedy));
    }
}

#[test]
fn a_ztoc_that_is_gone_is_told_as_json_too() {
    let desk = indexed();
    damaged(&desk, |edit, soci_index| edit.lose(&ztoc(soci_index)));
    let ended = verify(&desk, &["oci:damaged:app-soci", "--json"]).with_code(1);
    let found: Value = serde_json::from_str(ended.text()).expect("JSON");
    assert_eq!(found["verdict"], "not-proven");
    let finding = &found["platforms"][0]["findings"][0];
    assert_eq!(finding["finding"], "missing");
    let message = finding["message"].as_str().expect("words");
    assert!(message.starts_with("layer sha256:") && message.ends_with(" is missing"));
    let ended = verify(&desk, &["oci:damaged:app-soci"]).with_code(1);
    let is_told = |line: &str| line.starts_with("    sha256:") && line.ends_with("cannot be read");
    assert!(ended.text().lines().any(is_told), "{}", ended.text());
}

#[test]
fn against_a_damaged_image_indexing_is_no_remedy() {
    let desk = indexed();
    damaged(&desk, |edit, _| {
        let layer = soci_testkit::image::digest(Layer::small(3).bytes());
        edit.lose(&layer);
    });
    let ended = verify(&desk, &["oci:damaged:app-soci"]).with_code(1);
    let remedy = "what to do: parts of the image itself are missing or damaged: push it again, then index it again";
    assert_eq!(ended.text().lines().nth(1), Some(remedy));
}

#[test]
fn an_image_without_an_index_is_not_proven() {
    let desk = indexed();
    let ended = verify(&desk, &["oci:images:app"]).with_code(1);
    assert!(ended.text().starts_with("oci:images:app: no SOCI index, "));
    assert!(ended.text().ends_with("linux/amd64: no SOCI index\n"));
    let remedy = "what to do: verify the tag of the result, by default the image's own with -soci behind it; or index the image: \
                  soci-index build oci:images:app";
    assert_eq!(ended.text().lines().nth(1), Some(remedy));
}

#[test]
fn an_unchanged_image_under_the_output_tag_is_told_as_such() {
    let desk = desk([Layer::zstd(1), Layer::small(2), Layer::small(3)]);
    let ended = verify(&desk, &["oci:images:app-soci"]).with_code(1);
    let line = "it is the unchanged image of tag app: there was nothing to index";
    assert_eq!(ended.text().lines().nth(1), Some(line));
}

#[test]
fn wrong_usage_and_what_is_not_there() {
    let desk = indexed();
    verify(&desk, &["oci:images:app-soci", "--structure", "--full"]).with_code(2);
    verify(&desk, &["oci:images:app-soci", "--platform", "amd64"]).with_code(2);
    verify(&desk, &["oci:"]).with_code(2);
    verify(&desk, &["oci:images:no"])
        .failed_with("cannot verify oci:images:no: oci:images has no tag no");
    let platform = ["oci:images:app-soci", "--platform", "linux/s390x"];
    verify(&desk, &platform).failed_with(
        "cannot verify oci:images:app-soci: the image has no platform linux/s390x; it has linux/amd64",
    );
    fs::remove_file(desk.path("images/oci-layout")).expect("it was there");
    verify(&desk, &["oci:images:app-soci"]).with_code(1);
}
