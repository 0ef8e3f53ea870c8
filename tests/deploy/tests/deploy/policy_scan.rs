//! checkov's opinion of both roads. What it finds is fixed, or stands in `policy-scan.json` with the reason why not; what stands there and
//! is no longer found has to go.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use soci_deploy::facts::{self, list, text, texts};
use soci_deploy::program::{from_xtask, run};

/// Findings, by check: the resources that fail it.
fn findings(framework: &str, path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let copied = tempfile::tempdir().expect("a temporary folder");
    let mut scan = Command::new(from_xtask("SOCI_POLICY_SCAN"));
    scan.args([
        "--framework",
        framework,
        "--output",
        "json",
        "--skip-download",
    ]);
    scan.args(["--soft-fail", "--download-external-modules", "false"]);
    let path = facts::root().join(path);
    match path.is_dir() {
        true => scan.arg("--directory").arg(&path),
        false => scan.arg("--file").arg(&path),
    };
    scan.current_dir(copied.path());
    scan.env("CHECKOV_RENDER_MAX_LEN", "0")
        .env_remove("BC_API_KEY");
    let report = run(&mut scan, "").success();
    let report: Value = serde_json::from_str(&report).expect("a report in JSON");
    assert_eq!(report["summary"]["parsing_errors"], 0);
    let passed = report["summary"]["passed"].as_u64();
    assert!(
        passed > Some(20),
        "it looked at next to nothing: {}",
        report["summary"]
    );
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in list(&report["results"], "failed_checks") {
        let resource = text(finding, "resource").to_owned();
        found
            .entry(text(finding, "check_id").to_owned())
            .or_default()
            .insert(resource);
    }
    assert_eq!(
        list(&report["results"], "skipped_checks").len(),
        0,
        "reasons stand in one place"
    );
    found
}

fn known(road: &str) -> BTreeMap<String, BTreeSet<String>> {
    let known = facts::json("tests/deploy/policy-scan.json");
    let own = list(&known, "findings")
        .iter()
        .filter(|one| one["road"] == road);
    own.map(|one| {
        assert!(text(one, "reason").len() > 30, "{one}");
        let resources = texts(one, "resources").into_iter().collect();
        (text(one, "check").to_owned(), resources)
    })
    .collect()
}

#[test]
fn the_template_has_no_finding_without_a_reason() {
    assert_eq!(
        findings("cloudformation", "template.yaml"),
        known("template")
    );
}

#[test]
fn the_module_and_its_examples_have_no_finding_without_a_reason() {
    assert_eq!(findings("terraform", "terraform"), known("module"));
}
