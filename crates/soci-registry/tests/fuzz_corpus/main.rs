//! The fuzz targets' inputs on a stable compiler: every committed one, and mutations of each.
//!
//! `cargo test -p soci-registry --test fuzz_corpus -- --ignored write_seeds` writes the seeds anew; inputs with other names (`found-…`, `regression-…`)
//! come from the fuzzer and are left alone.

#[path = "../../../../fuzz/src/laws/registry/mod.rs"]
pub mod laws;
mod seeds;

use soci_testkit::corpus;

/// Mutated inputs per target that is text alone.
const MUTATIONS: usize = 5_000;

/// Mutated inputs per target that writes files.
const MUTATIONS_WITH_FILES: usize = 500;

#[test]
fn references() {
    corpus::run("references", laws::references, MUTATIONS);
}

#[test]
fn challenges() {
    corpus::run("challenges", laws::challenges, MUTATIONS);
}

#[test]
fn layout_index() {
    corpus::run("layout_index", laws::layout_index, MUTATIONS_WITH_FILES);
}

#[test]
fn archive_entries() {
    corpus::run(
        "archive_entries",
        laws::archive_entries,
        MUTATIONS_WITH_FILES,
    );
}

#[test]
fn docker_config() {
    corpus::run("docker_config", laws::docker_config, MUTATIONS_WITH_FILES);
}

/// Mutations of `references`: the names of Docker's own registry were told from others before capitals were made small, so what was displayed
/// meant another repository than what was written.
#[test]
fn regression_mutation_docker_in_capitals() {
    let text = String::from_utf8(corpus::input("references", "regression-docker-in-capitals"));
    let reference: soci_registry::Reference = text.expect("text").parse().expect("valid");
    assert_eq!(reference.to_string(), "docker.io/library/alpine:latest");
}

/// libFuzzer: in a message a NUL is written `\0`, and with the zeros behind it looked like what stood before the `@`. The law was wrong, not
/// the message.
#[test]
fn regression_libfuzzer_escape_before_the_digest() {
    let input = corpus::input("references", "regression-escape-before-the-digest");
    let text = String::from_utf8(input).expect("text");
    let error = text
        .parse::<soci_registry::Reference>()
        .expect_err("no digest");
    assert!(
        error
            .to_string()
            .ends_with(r#""…@sha256J\000000003074457345/""#),
        "{error}"
    );
}

/// libFuzzer: a registry whose host is called like a transport was displayed as what means a folder.
#[test]
fn regression_libfuzzer_host_like_a_transport() {
    let input = corpus::input("references", "regression-host-like-a-transport");
    let text = String::from_utf8(input).expect("text");
    let reference: soci_registry::Reference = text.parse().expect("valid");
    assert_eq!(reference.to_string(), "docker://oci:25/252:latest");
}

#[test]
#[ignore = "writes the seeds anew"]
fn write_seeds() {
    for (target, name, input) in seeds::all() {
        corpus::write_seed(target, name, &input);
    }
}
