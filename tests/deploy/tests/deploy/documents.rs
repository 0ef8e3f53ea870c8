//! What pages show of AWS and Terraform, held to these programs: AWS's own command line takes each command up to the point where it would
//! talk to AWS, and the policies in pages are taken by moto.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use soci_deploy::facts;
use soci_deploy::moto::Moto;
use soci_deploy::parameter;
use soci_deploy::program::{Said, from_xtask, run};
use soci_documents::{Kind, Page, of_kind};

/// What AWS's command line says once it has nothing left to find wrong.
const REACHED: &str = "Could not connect to the endpoint URL";

/// Words of pages that stand for an address: nothing may be asked of the real one.
const ADDRESSES: [&str; 1] = ["QUEUE_URL"];

/// AWS's command line as nobody has set it up, with the files beside it that pages speak of.
struct Aws {
    folder: tempfile::TempDir,
    endpoint: String,
}

impl Aws {
    fn at(endpoint: String) -> Aws {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("it is written");
        };
        write("soci-index-builder-x86_64.zip", "not looked into");
        write("policy.json", &policies()[0]);
        write("request.json", r#"{"images": ["team/app:1"]}"#);
        let template = facts::root().join("template.yaml");
        std::fs::copy(template, folder.path().join("template.yaml")).expect("it is copied");
        Aws { folder, endpoint }
    }

    fn run(&self, words: &[&str]) -> Said {
        let mut aws = Command::new(from_xtask("SOCI_AWS_PROGRAMS").join("aws"));
        aws.args(words).current_dir(self.folder.path());
        aws.env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        aws.env("HOME", self.folder.path()).env("AWS_PAGER", "");
        aws.env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_MAX_ATTEMPTS", "1");
        aws.env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "key");
        aws.env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        run(&mut aws, "")
    }
}

/// Nobody listens at port 1, which is reserved.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn every_command_of_aws_is_taken() {
    let aws = Aws::at(NOBODY.to_owned());
    let queue = format!("{}/123456789012/queue", aws.endpoint);
    for command in of_kind(Kind::Aws) {
        if command.is_inline {
            // Within a sentence a command may be named without what it works on: it has to be there.
            let named: Vec<_> = command.words[1..].iter().map(String::as_str).collect();
            let said = aws.run(&[&named[..2.min(named.len())], &["help"]].concat());
            let is_known = said.output.len() > 1_000 && !said.errors.contains("nvalid choice");
            assert!(
                is_known,
                "{}\n{}{}",
                command.shown(),
                said.output,
                said.errors
            );
            continue;
        }
        let words = command.words[1..].iter().map(|word| match word.as_str() {
            word if ADDRESSES.contains(&word) => queue.as_str(),
            word => word,
        });
        let said = aws.run(&words.collect::<Vec<_>>());
        let all = format!("{}{}", said.output, said.errors);
        assert!(all.contains(REACHED), "{}\n{all}", command.shown());
    }
}

#[test]
fn a_wrong_command_is_not_taken() {
    let aws = Aws::at(NOBODY.to_owned());
    for words in [
        &["ecr", "put-lifecycle-polici", "--repository-name", "a"][..],
        &[
            "ecr",
            "describe-images",
            "--repository",
            "a",
            "--image-id",
            "x=y",
        ],
        &[
            "lambda",
            "update-function-configuration",
            "--function-name",
            "f",
            "--vpc-config",
            "SubnetId=a",
        ],
        &["ecs", "describe-tasks", "--cluster", "c"],
    ] {
        let said = aws.run(words);
        assert!(!said.errors.contains(REACHED), "{words:?}");
    }
}

#[test]
fn parameters_of_the_template_are_its_own() {
    let known: BTreeSet<_> = parameter::all()
        .into_iter()
        .map(|one| one.cloudformation)
        .collect();
    let mut checked = 0;
    for command in of_kind(Kind::Aws) {
        let behind = command
            .words
            .iter()
            .skip_while(|word| *word != "--parameter-overrides");
        for word in behind.skip(1).take_while(|word| !word.starts_with("--")) {
            let name = word.split('=').next().unwrap_or_default();
            assert!(
                known.contains(name),
                "{}: no parameter {name}",
                command.shown()
            );
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked} parameters were found");
}

/// Commands of Terraform name a folder that is there and what can be done with it; the examples themselves are planned in other tests.
#[test]
fn every_command_of_terraform_names_a_folder() {
    for command in of_kind(Kind::Terraform) {
        if command.is_inline {
            continue;
        }
        let folder = command.words[1].strip_prefix("-chdir=");
        let folder = folder.unwrap_or_else(|| panic!("{}: where?", command.shown()));
        let has_module = facts::root().join(folder).join("main.tf").is_file();
        let is_known = matches!(
            command.words[2].as_str(),
            "init" | "plan" | "apply" | "destroy"
        );
        assert!(has_module && is_known, "{}", command.shown());
    }
}

/// The policies of docs/lifecycle.md.
fn policies() -> Vec<String> {
    let blocks = Page::read(Path::new("docs/lifecycle.md")).blocks();
    let json = blocks
        .into_iter()
        .filter(|one| one.language.as_deref() == Some("json"));
    json.map(|one| one.text).collect()
}

#[test]
fn lifecycle_policies_are_taken_by_ecr_as_moto_imitates_it() {
    let moto = Moto::start();
    let aws = Aws::at(moto.address());
    let _ = aws
        .run(&[
            "ecr",
            "create-repository",
            "--repository-name",
            "soci-documents",
        ])
        .success();
    let put = |policy: &str| {
        let name = ["--repository-name", "soci-documents"];
        let put = [
            "ecr",
            "put-lifecycle-policy",
            "--lifecycle-policy-text",
            policy,
        ];
        aws.run(&[&put[..], &name].concat())
    };
    let policies = policies();
    assert_eq!(policies.len(), 2);
    for policy in &policies {
        let _ = put(policy).success();
    }
    let broken = policies[0].replace("rulePriority", "priority");
    assert!(!put(&broken).status.success(), "moto takes anything");
}
