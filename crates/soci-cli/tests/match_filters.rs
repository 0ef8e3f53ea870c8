//! `soci-index match`: verdicts and exit codes.

mod support;

use support::{Desk, Ended};

fn run(filters: &str, images: &[&str]) -> Ended {
    let args = [&["match", filters], images].concat();
    Ended::of(&mut Desk::new().command(&args))
}

#[test]
fn each_image_has_its_verdict() {
    for (filters, image, code, verdict) in [
        ("*:*", "team/app:1", 0, "matches *:*"),
        ("a:*,team/*:1", "team/app:1", 0, "matches team/*:1"),
        ("team/*", "team/sub/app:1", 0, "matches team/*"),
        ("app:*", "app", 0, "matches app:*"),
        ("app:latest", "app", 0, "matches app:latest"),
        ("app:1", "localhost:5000/app:1", 0, "matches app:1"),
        (
            "team/app:1",
            "docker://host.example/team/app:1",
            0,
            "matches team/app:1",
        ),
        (
            "library/app:1",
            "docker.io/app:1",
            0,
            "matches library/app:1",
        ),
        ("!*-dev", "app:1", 0, "matches, no filter excludes it"),
        ("*:*,!*-dev", "app:1-dev", 3, "excluded by !*-dev"),
        ("Team/*", "team/app:1", 3, "matches no filter"),
        ("app", "app:1", 3, "matches no filter"),
        ("app:[!0-9]", "app:1", 3, "matches no filter"),
    ] {
        let ended = run(filters, &[image]).with_code(code);
        assert_eq!(ended.text(), format!("{image}: {verdict}\n"), "{filters}");
        let is_refused = !filters.contains([':', '!']);
        assert_eq!(ended.stderr.is_empty(), !is_refused, "{}", ended.stderr);
    }
}

/// Found by a newcomer: what matches here was refused where it was deployed.
#[test]
fn a_filter_that_the_function_refuses_is_told() {
    let ended = run("*:*,team/*", &["team/app:1"]).with_code(0);
    let told = "the function refuses team/*: it has no ':' between repository and tag";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn of_several_images_the_worst_verdict_counts() {
    let ended = run("a:*", &["a:1", "b:1", "a:2"]).with_code(3);
    assert_eq!(
        ended.text(),
        "a:1: matches a:*\nb:1: matches no filter\na:2: matches a:*\n"
    );
    run("a:*", &["a:1", "a:2"]).with_code(0);
}

#[test]
fn wrong_usage_is_2() {
    let digest = format!("app@sha256:{:064}", 1);
    for (filters, images) in [
        ("*", &[][..]),
        ("", &["app:1"]),
        ("a,", &["app:1"]),
        ("*", &["UPPER:1"]),
        ("*", &["oci:images:1"]),
        ("*", &[&digest]),
    ] {
        let ended = run(filters, images).with_code(2);
        assert!(ended.stdout.is_empty(), "{filters} {images:?}");
    }
}
