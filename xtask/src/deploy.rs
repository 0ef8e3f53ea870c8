//! `cargo xtask deploy cloudformation`: package, upload, deploy, print what came of it.
//!
//! AWS is called by its own command line, which whoever deploys has set up already: docs/decisions/deploy-command.md. What can be wrong is
//! looked for before anything is built: the command line, the names of parameters. Values are CloudFormation's to check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::console;
use crate::package::{self, Arch};
use crate::workspace::{self, Workspace};

/// Parameters that this command sets itself.
const OWN: [&str; 2] = ["QSS3BucketName", "QSS3KeyPrefix"];

/// Hexadecimal digits of the zip's digest in its place in the bucket: enough that no two zips meet.
const DIGEST_CHARS: usize = 16;

/// How it is deployed.
#[derive(Subcommand)]
pub(crate) enum Road {
    /// As a CloudFormation stack; made, or updated when it is there. Removed by `aws cloudformation delete-stack`.
    Cloudformation(Options),
}

/// Options of `cargo xtask deploy cloudformation`.
#[derive(Args)]
pub(crate) struct Options {
    /// Bucket in the stack's Region for the function's zip.
    #[arg(long)]
    bucket: String,
    /// Name of the stack.
    #[arg(long, default_value = "soci-index-builder")]
    stack: String,
    /// Region; otherwise that of the environment or the profile.
    #[arg(long)]
    region: Option<String>,
    /// A zip that is there already, such as a release's, in place of one that is built.
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,
    /// Parameters of the template, such as 'SociRepositoryImageTagFilters=team/*:*'.
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

/// Deploys.
pub(crate) fn run(workspace: &Workspace, road: &Road) -> Result<()> {
    let Road::Cloudformation(options) = road;
    let known = known_parameters(workspace)?;
    let arch = checked(&options.parameters, &known)?;
    workspace::stdout_of(aws(options, &["--version"]))
        .context("AWS's command line is needed to deploy: https://aws.amazon.com/cli/")?;
    let zip = match &options.zip {
        Some(zip) => zip.clone(),
        None => package::one(workspace, arch)?.zip,
    };
    let bytes = fs::read(&zip).with_context(|| format!("cannot read {}", zip.display()))?;
    let prefix = prefix(&bytes);
    console::heading(&format!("uploading {}", zip.display()));
    workspace::run(upload(options, &zip, &prefix, arch))?;
    console::heading(&format!("deploying the stack {}", options.stack));
    workspace::run(deploy(
        options,
        &workspace.root.join("template.yaml"),
        &prefix,
    ))?;
    let outputs = [
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        &options.stack,
    ];
    let mut outputs = aws(options, &outputs);
    outputs.args([
        "--query",
        "Stacks[0].Outputs[].[OutputKey,OutputValue]",
        "--output",
        "text",
    ]);
    workspace::run(outputs)?;
    console::line(&format!(
        "removed again by: aws cloudformation delete-stack --stack-name {}",
        options.stack
    ));
    Ok(())
}

/// Whether a command names parameters that there are.
#[cfg(test)]
pub(crate) fn check(workspace: &Workspace, road: &Road) -> Result<()> {
    let Road::Cloudformation(options) = road;
    checked(&options.parameters, &known_parameters(workspace)?).map(drop)
}

/// The template's parameters, as `infra/parameters.json` lists them.
fn known_parameters(workspace: &Workspace) -> Result<Vec<String>> {
    let path = workspace.root.join("infra/parameters.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let all: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let function = all["function"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.values());
    let lists = ["settings", "deployment"]
        .into_iter()
        .filter_map(|name| all[name].as_array());
    let names = function
        .chain(lists.flatten())
        .filter_map(|one| one["roads"]["cloudformation"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Each parameter has a name that the template knows and this command does not set. Gives back the processor.
fn checked(parameters: &[String], known: &[String]) -> Result<Arch> {
    let mut arch = Arch::X86_64;
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            bail!("{parameter:?} is no NAME=VALUE");
        };
        ensure!(
            !OWN.contains(&name),
            "{name} is set by --bucket and by where the zip goes"
        );
        ensure!(
            known.iter().any(|one| one == name),
            "the template has no parameter {name}; it has {}",
            known.join(", ")
        );
        if name == "Architecture" {
            arch = match value {
                "x86_64" => Arch::X86_64,
                "arm64" => Arch::Arm64,
                other => bail!("Architecture is {other:?}; allowed: x86_64 or arm64"),
            };
        }
    }
    Ok(arch)
}

/// Where the zip goes: another zip goes to another place, which is how CloudFormation notices that it is another.
fn prefix(zip: &[u8]) -> String {
    let digest = Sha256::digest(zip);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("soci-index-builder/{}/", &hex[..DIGEST_CHARS])
}

fn aws(options: &Options, words: &[&str]) -> Command {
    let mut command = Command::new("aws");
    command.args(words);
    if let Some(region) = &options.region {
        command.args(["--region", region]);
    }
    command
}

fn upload(options: &Options, zip: &Path, prefix: &str, arch: Arch) -> Command {
    let mut command = aws(options, &["s3", "cp", "--no-progress"]);
    command.arg(zip).arg(format!(
        "s3://{}/{prefix}soci-index-builder-{}.zip",
        options.bucket,
        arch.name()
    ));
    command
}

fn deploy(options: &Options, template: &Path, prefix: &str) -> Command {
    let mut command = aws(
        options,
        &["cloudformation", "deploy", "--no-fail-on-empty-changeset"],
    );
    command.args(["--stack-name", &options.stack]);
    command.args(["--capabilities", "CAPABILITY_IAM"]);
    command.arg("--template-file").arg(template);
    command.arg("--parameter-overrides");
    command.arg(format!("QSS3BucketName={}", options.bucket));
    command.arg(format!("QSS3KeyPrefix={prefix}"));
    command.args(&options.parameters);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        known_parameters(&Workspace::find().expect("this workspace")).expect("the list")
    }

    fn refused(parameter: &str) -> String {
        let error = checked(&[parameter.to_owned()], &known()).expect_err(parameter);
        error.to_string()
    }

    #[test]
    fn parameters_are_checked_by_name_before_anything_is_built() {
        assert!(refused("SociFilters=a:*").contains("SociRepositoryImageTagFilters"));
        assert!(refused("OutputTag").contains("NAME=VALUE"));
        assert!(refused("QSS3BucketName=b").contains("--bucket"));
        assert!(refused("Architecture=amd64").contains("x86_64 or arm64"));
        let good = [
            "SociRepositoryImageTagFilters=a:*,b:v=1",
            "Architecture=arm64",
        ];
        let arch = checked(&good.map(str::to_owned), &known()).expect("they are right");
        assert_eq!(arch, Arch::Arm64);
    }

    #[test]
    fn another_zip_goes_to_another_place() {
        assert_ne!(prefix(b"one"), prefix(b"two"));
        assert_eq!(prefix(b"one"), "soci-index-builder/7692c3ad3540bb80/");
    }

    #[test]
    fn values_reach_cloudformation_as_they_are() {
        let options = Options {
            bucket: "assets".to_owned(),
            stack: "soci".to_owned(),
            region: Some("eu-central-1".to_owned()),
            zip: None,
            parameters: vec!["SociRepositoryImageTagFilters=team/*:*, b:v 1".to_owned()],
        };
        let command = deploy(&options, Path::new("template.yaml"), "soci/1/");
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        let behind = words
            .iter()
            .position(|word| word == "--parameter-overrides");
        assert_eq!(
            words[behind.expect("it is there") + 1..],
            [
                "QSS3BucketName=assets",
                "QSS3KeyPrefix=soci/1/",
                "SociRepositoryImageTagFilters=team/*:*, b:v 1"
            ]
        );
        assert!(words.contains(&"eu-central-1".into()) && words.contains(&"CAPABILITY_IAM".into()));
        let upload = upload(&options, Path::new("x.zip"), "soci/1/", Arch::Arm64);
        let to = upload
            .get_args()
            .last()
            .expect("where to")
            .to_string_lossy()
            .into_owned();
        assert_eq!(to, "s3://assets/soci/1/soci-index-builder-arm64.zip");
    }
}
