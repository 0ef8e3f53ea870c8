//! What becomes of images, its exit code, and how it is told.

use soci_testkit::image::{AMD64, ARM64, Index, Layer, Manifest, Shelf};

use crate::images::{ALL, app, blobs, build, desk_with_app, place, reports, shelve, tags};
use crate::support::Desk;

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
fn a_second_run_tells_of_what_is_there() {
    let desk = Desk::new();
    let image = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .layer(Layer::members(2))
        .layer(Layer::small(3))
        .layer(Layer::zstd(4));
    shelve(&desk, "images", "app", &image);
    let args = ["--min-layer-size", "4096", "oci:images:app"];
    let run = || reports(&build(&desk, &[&args[..], &["--json"]].concat()).with_code(0)).remove(0);
    let (first, mut second) = (run(), run());
    assert_eq!(second["outcome"], "already-indexed");
    assert_eq!(second["output"], first["output"]);
    let mut expected = first["platforms"].clone();
    // The zTOC was there, and is not read again to count what is in it.
    let layer = &mut expected[0]["layers"][0];
    layer["outcome"] = "reused".into();
    for count in ["files", "spans"] {
        assert!(layer["ztoc"][count].take().as_u64() > Some(0));
    }
    assert_eq!(second["platforms"].take(), expected);
    let text = build(&desk, &args).with_code(0);
    let text = text.text();
    assert!(
        text.contains("\n  linux/amd64: layers indexed: 1 of 4\n"),
        "{text}"
    );
    assert!(text.contains("  indexed before: zTOC of "), "{text}");
    assert!(text.contains("  skipped: multi-member-gzip\n"), "{text}");
}

#[test]
fn an_index_in_the_index_is_left_as_it_is_and_told_of() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let inner = app().shelve(&mut shelf).platform(AMD64);
    let inner = Index::oci().child(inner).shelve(&mut shelf).platform(ARM64);
    let digest = inner.digest().to_owned();
    let beside = app().shelve(&mut shelf).platform(AMD64);
    let both = Index::oci().child(inner.clone()).child(beside);
    let only = Index::oci().child(inner).shelve(&mut shelf);
    let both = both.shelve(&mut shelf);
    place(&desk, "images", "app", shelf.clone(), both);
    place(&desk, "nested", "app", shelf, only);
    let line = format!(
        "  {digest} (linux/arm64/v8): left as it is, an image index inside the image index\n"
    );
    for (folder, code, platforms) in [("images", 0, 1), ("nested", 3, 0)] {
        let image = format!("oci:{folder}:app");
        for dry_run in [&["--dry-run"][..], &[]] {
            let args = [&ALL[..], &[&*image, "--force"], dry_run].concat();
            let text = build(&desk, &args).with_code(code);
            assert_eq!(text.text().matches(&line).count(), 1, "{}", text.text());
            let json = build(&desk, &[&args[..], &["--json"]].concat()).with_code(code);
            let report = reports(&json).remove(0);
            let found = report["platforms"].as_array().expect("a list");
            assert_eq!(found.len(), platforms);
            assert_eq!(
                report["left_alone"],
                serde_json::json!([{"manifest": digest, "platform": "linux/arm64/v8", "reason": "nested-index"}])
            );
        }
    }
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

/// It has another format for lazy loading. The output tag can be deployed all the same.
#[test]
fn an_image_that_is_lazy_already_is_passed_through() {
    let desk = Desk::new();
    let toc = serde_json::json!({"containerd.io/snapshot/stargz/toc.digest": "sha256:00"});
    let image = Manifest::oci(AMD64).layer(Layer::large(1).field("annotations", toc));
    shelve(&desk, "images", "app", &image);
    let args = ["--json", "oci:images:app"];
    let report = reports(&build(&desk, &[&ALL[..], &args].concat()).with_code(3)).remove(0);
    assert_eq!(report["reason"], "already-lazy");
    let tags = tags(&desk, "images");
    assert_eq!(tags[1].0, "app-soci");
    assert_eq!(tags[1].1, tags[0].1, "the unchanged source");
    assert_eq!(report["output"]["digest"], tags[0].1);
}
