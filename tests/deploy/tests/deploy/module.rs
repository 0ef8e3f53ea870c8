//! The Terraform module and its examples: formatted, valid, tested by Terraform itself, and what is wrong is told before anything is made.

use serde_json::json;
use soci_deploy::facts;
use soci_deploy::moto::Moto;
use soci_deploy::terraform::{Copied, diagnostics};

/// The examples, each with what it cannot know by itself.
const EXAMPLES: [(&str, &[&str]); 4] = [
    ("basic", &[]),
    (
        "cloudformation-stack",
        &[
            "template_url=https://assets.s3.eu-central-1.amazonaws.com/template.yaml",
            "bucket=assets",
        ],
    ),
    (
        "complete",
        &["permissions_boundary_arn=arn:aws:iam::123456789012:policy/boundary"],
    ),
    (
        "ecs-service",
        &[
            "cluster_arn=arn:aws:ecs:eu-central-1:123456789012:cluster/apps",
            "vpc_id=vpc-12345678",
            "subnet_ids=[\"subnet-12345678\"]",
            "security_group_ids=[\"sg-12345678\"]",
            "listener_arn=arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/apps/50dc6c495c0c9188/f2f7dc8efc522ab2",
            "tag=v1",
        ],
    ),
];

#[test]
fn every_file_is_formatted() {
    let said = Copied::new().run("", &["fmt", "-check", "-diff", "-recursive", "-no-color"]);
    assert!(said.status.success(), "{}{}", said.output, said.errors);
}

#[test]
fn terraforms_own_tests_pass() {
    let copied = Copied::new();
    copied.init("");
    let said = copied.run("", &["validate", "-no-color"]);
    assert!(said.status.success(), "{}", said.errors);
    let said = copied.run("", &["test", "-no-color"]);
    assert!(said.status.success(), "{}{}", said.output, said.errors);
    assert!(
        said.output.contains(" passed, 0 failed."),
        "{}",
        said.output
    );
}

#[test]
fn every_example_can_be_planned() {
    let folder = facts::root().join("terraform/examples");
    let found = std::fs::read_dir(folder)
        .expect("there are examples")
        .flatten();
    let mut found: Vec<_> = found
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(
        found,
        EXAMPLES.map(|(name, _)| name),
        "each example has its row in EXAMPLES"
    );
    let moto = Moto::start();
    for (example, inputs) in EXAMPLES {
        let copied = Copied::with_aws(&moto);
        let folder = format!("examples/{example}");
        copied.init(&folder);
        let said = copied.run(&folder, &["validate", "-no-color"]);
        assert!(said.status.success(), "{example}: {}", said.errors);
        let zip = format!("zip_path={}", copied.zip().display());
        let takes_zip =
            std::fs::read_to_string(facts::root().join(format!("terraform/{folder}/variables.tf")));
        let takes_zip = takes_zip
            .expect("it has variables")
            .contains("\"zip_path\"");
        let own = takes_zip.then_some(zip.as_str());
        let mut words = vec!["plan", "-no-color", "-lock=false"];
        for input in inputs.iter().copied().chain(own) {
            words.extend(["-var", input]);
        }
        let said = copied.run(&folder, &words);
        assert!(
            said.status.success(),
            "{example}: {}{}",
            said.output,
            said.errors
        );
        assert!(
            said.output.contains(" to add, 0 to change, 0 to destroy."),
            "{}",
            said.output
        );
    }
}

#[test]
fn a_missing_zip_is_told_when_the_plan_is_made() {
    let copied = Copied::new();
    let missing = json!({"zip_path": "dist/no-such.zip"});
    copied.write_root(&[("soci".to_owned(), missing)], &json!({}));
    copied.init("root");
    let said = copied.run("root", &["plan", "-json", "-lock=false"]);
    let found = diagnostics(&said);
    let told = found
        .iter()
        .map(|one| one["detail"].as_str().unwrap_or_default());
    let told: Vec<_> = told
        .filter(|text| {
            text.contains("There is no file at zip_path") && text.contains("cargo xtask package")
        })
        .collect();
    assert_eq!(told.len(), 1, "{found:?}");
}

/// Whoever copies the folder has everything.
#[test]
fn the_module_reads_nothing_outside_its_folder() {
    let folder = facts::root().join("terraform");
    for entry in std::fs::read_dir(folder).expect("it is read").flatten() {
        if entry.path().extension().is_some_and(|end| end == "tf") {
            let text = std::fs::read_to_string(entry.path()).expect("it is read");
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'));
            for line in code {
                assert!(!line.contains("../"), "{line}");
                assert!(
                    !line.contains("file(") && !line.contains("templatefile("),
                    "{line}"
                );
            }
        }
    }
}
