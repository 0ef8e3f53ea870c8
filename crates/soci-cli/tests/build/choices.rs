//! What users choose: the image and its place, platforms, the output tag.

use soci_testkit::image::{AMD64, ARM64, Index, Layer, Manifest, Platform, Shelf};

use crate::images::{ALL, app, build, desk_with_app, place, reports, shelve, tags};
use crate::support::Desk;

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

/// Who writes the variant of arm64 and who leaves it out means the same machines, as containerd has it.
#[test]
fn the_variant_of_arm64_may_be_written_or_left_out() {
    let desk = Desk::new();
    let bare = Platform::new("linux", "arm64", "");
    for (folder, platform) in [("v8", ARM64), ("bare", bare)] {
        shelve(
            &desk,
            &format!("{folder}-manifest"),
            "app",
            &Manifest::oci(platform),
        );
        let mut shelf = Shelf::new();
        let child = Manifest::oci(platform).layer(Layer::large(1));
        let child = child.shelve(&mut shelf).platform(platform);
        let root = Index::oci().child(child).shelve(&mut shelf);
        place(&desk, &format!("{folder}-index"), "app", shelf, root);
    }
    // A single manifest goes by the usual name; an index by the name that it has there.
    for (folder, name) in [
        ("v8-manifest", "linux/arm64"),
        ("bare-manifest", "linux/arm64"),
        ("v8-index", "linux/arm64/v8"),
        ("bare-index", "linux/arm64"),
    ] {
        for wish in ["linux/arm64", "linux/arm64/v8", "linux/aarch64"] {
            let image = format!("oci:{folder}:app");
            let args = [&image, "--dry-run", "--json", "--platform", wish];
            let ended = build(&desk, &[&ALL[..], &args].concat());
            let report = reports(&ended).remove(0);
            assert_eq!(report["platforms"][0]["platform"], name, "{folder}, {wish}");
        }
        let image = format!("oci:{folder}:app");
        let ended = build(&desk, &[&image, "--platform", "linux/arm64/v9"]).with_code(1);
        assert!(
            ended.stderr.ends_with("; it has linux/arm64\n"),
            "{}",
            ended.stderr
        );
    }
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
