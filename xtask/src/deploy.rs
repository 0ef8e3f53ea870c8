//! `cargo xtask deploy cloudformation`: package, upload, deploy, print what came of it.
//!
//! AWS is called by its own command line, which whoever deploys has set up already: docs/decisions/deploy-command.md. What can be wrong is
//! looked for before anything is built: parameters, the command line, the bucket.

mod parameters;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum as _};

use crate::console;
use crate::package::{self, Arch};
use crate::sha256;
use crate::workspace::{self, Workspace};
use parameters::Parameters;

/// Parameters that this command sets itself: where the zip is.
const BUCKET: &str = "QSS3BucketName";
const KEY_PREFIX: &str = "QSS3KeyPrefix";

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
    let arch = checked(options, &Parameters::of(workspace)?)?;
    check_surroundings(options)?;
    let zip = match &options.zip {
        Some(zip) => zip.clone(),
        None => package::one(workspace, arch)?.zip,
    };
    let bytes = fs::read(&zip).with_context(|| format!("cannot read {}", zip.display()))?;
    if options.zip.is_some() {
        package::check_zip(&zip, &bytes, arch)?;
    }
    let prefix = prefix(&bytes);
    console::heading(&format!("uploading {}", zip.display()));
    workspace::run(upload(options, &zip, &prefix, arch))?;
    console::heading(&format!("deploying the stack {}", options.stack));
    let deployed = workspace::run(deploy(
        options,
        &workspace.root.join("template.yaml"),
        &prefix,
    ));
    deployed.context("see what AWS says above, and docs/troubleshooting.md")?;
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

/// Whether a command has parameters that the template takes.
#[cfg(test)]
pub(crate) fn check(workspace: &Workspace, road: &Road) -> Result<()> {
    let Road::Cloudformation(options) = road;
    checked(options, &Parameters::of(workspace)?).map(drop)
}

/// Each parameter is one that this command does not set, with a value that the template allows. Gives back the processor.
fn checked(options: &Options, known: &Parameters) -> Result<Arch> {
    known.check(BUCKET, &options.bucket)?;
    let mut arch = Arch::X86_64;
    for parameter in &options.parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            bail!("{parameter:?} is no NAME=VALUE");
        };
        ensure!(
            ![BUCKET, KEY_PREFIX].contains(&name),
            "{name} is set by --bucket and by where the zip goes"
        );
        known.check(name, value)?;
        if name == "Architecture" {
            arch = Arch::from_str(value, false).map_err(anyhow::Error::msg)?;
        }
    }
    Ok(arch)
}

/// That AWS's command line is there and knows who asks, and the bucket, before minutes are spent on a build. Who may only write into the bucket
/// is not told (403) whether there is one; the upload tells.
fn check_surroundings(options: &Options) -> Result<()> {
    workspace::stdout_of(aws(options, &["--version"]))
        .context("AWS's command line is needed to deploy: https://aws.amazon.com/cli/")?;
    let mut head = aws(
        options,
        &["s3api", "head-bucket", "--bucket", &options.bucket],
    );
    let said = head
        .output()
        .context("AWS's command line cannot be started")?;
    let told = String::from_utf8_lossy(&said.stderr);
    let (bucket, told) = (&options.bucket, told.trim());
    ensure!(
        !told.contains("(404)"),
        "there is no bucket {bucket}: {told}"
    );
    ensure!(
        said.status.success() || told.contains("(403)"),
        "the bucket {bucket} cannot be looked at: {told}"
    );
    Ok(())
}

/// Where the zip goes: another zip goes to another place, which is how CloudFormation notices that it is another.
fn prefix(zip: &[u8]) -> String {
    format!("soci-index-builder/{}/", &sha256::hex(zip)[..DIGEST_CHARS])
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
    command.arg(format!("{BUCKET}={}", options.bucket));
    command.arg(format!("{KEY_PREFIX}={prefix}"));
    command.args(&options.parameters);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parameters: &[&str]) -> Options {
        Options {
            bucket: "assets".to_owned(),
            stack: "soci".to_owned(),
            region: Some("eu-central-1".to_owned()),
            zip: None,
            parameters: parameters.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    fn known() -> Parameters {
        Parameters::of(&Workspace::find().expect("this workspace")).expect("a template")
    }

    #[test]
    fn what_is_wrong_is_told_before_anything_is_built() {
        let refused = |parameter: &str| {
            let error = checked(&with(&[parameter]), &known()).expect_err(parameter);
            error.to_string()
        };
        assert!(refused("SociFilters=a:*").contains("SociRepositoryImageTagFilters"));
        assert!(refused("OutputTag").contains("NAME=VALUE"));
        assert!(refused("QSS3BucketName=b").contains("--bucket"));
        assert!(refused("Architecture=amd64").contains("must be one of x86_64, arm64"));
        let mut elsewhere = with(&[]);
        elsewhere.bucket = "s3://assets".to_owned();
        let told = checked(&elsewhere, &known()).expect_err("an address");
        assert!(told.to_string().contains("the name of a bucket"), "{told}");
        let good = with(&[
            "SociRepositoryImageTagFilters=a:*,b:v1",
            "Architecture=arm64",
        ]);
        assert_eq!(checked(&good, &known()).expect("right"), Arch::Arm64);
    }

    #[test]
    fn another_zip_goes_to_another_place() {
        assert_ne!(prefix(b"one"), prefix(b"two"));
        assert_eq!(prefix(b"one"), "soci-index-builder/7692c3ad3540bb80/");
    }

    #[test]
    fn values_reach_cloudformation_as_they_are() {
        let options = with(&["SociRepositoryImageTagFilters=team/*:*, b:v 1"]);
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
