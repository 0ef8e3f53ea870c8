//! `cargo xtask release`: what a release consists of, made in `dist/release` in three steps, each of which is a job of
//! `.github/workflows/release.yml`.
//!
//! | step | where | makes |
//! |---|---|---|
//! | `build` | a machine of each processor | the function's zip, and the command line in two `.tar.gz` |
//! | `finish` | any, with the files of all processors | the command line as a container image, the template, bill of materials, licences, `SHA256SUMS` |
//! | `publish` | GitHub | the release with all of it, and the image in a registry |
//!
//! Nothing in a file depends on when or where it was packed; what programs depend on, [`shipping`](crate::shipping) tells.

mod crates;
mod image;
mod licences;
mod program;
mod publish;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::console;
use crate::package::{self, Arch};
use crate::sha256;
use crate::workspace::Workspace;
use program::Linkage;

/// The list of checksums, as `sha256sum --check` takes it.
const SUMS: &str = "SHA256SUMS";

/// Options of `cargo xtask release`.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the release's files are, from the root of the workspace.
    #[arg(long, global = true, default_value = "dist/release")]
    folder: PathBuf,
    #[command(subcommand)]
    step: Step,
}

/// A step.
#[derive(Subcommand)]
enum Step {
    /// Build the zip and the command line for this machine's processor.
    Build,
    /// Add what is made of the files of all processors, and checksums.
    Finish(Finish),
    /// Put everything onto GitHub, and the image into a registry.
    Publish(publish::Options),
}

/// Options of `cargo xtask release finish`.
#[derive(Args)]
struct Finish {
    /// The release's tag: v, and the version of the workspace.
    #[arg(long)]
    tag: String,
}

/// Takes a step.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let folder = workspace.root.join(&options.folder);
    match &options.step {
        Step::Build => build(workspace, &folder),
        Step::Finish(options) => finish(workspace, &folder, &options.tag),
        Step::Publish(options) => publish::run(&folder, options),
    }
}

fn build(workspace: &Workspace, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let packed = package::for_this_machine(workspace)?;
    let zip = folder.join(packed.zip.file_name().context("a zip has a name")?);
    fs::copy(&packed.zip, &zip).with_context(|| format!("cannot write {}", zip.display()))?;
    for linkage in Linkage::ALL {
        let program = program::build(workspace, linkage)?;
        let name = linkage.archive_name(Arch::host()?);
        write(folder, &name, &program::archive(&program)?)?;
    }
    Ok(())
}

fn finish(workspace: &Workspace, folder: &Path, tag: &str) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    ensure!(
        tag == format!("v{version}"),
        "the tag is {tag}, the workspace's version {version}: a release of v{version} has the tag v{version}"
    );
    let programs = program::programs(folder)?;
    ensure!(
        !programs.is_empty(),
        "{} holds no soci-index-static-<processor>.tar.gz; run `cargo xtask release build` first",
        folder.display()
    );
    write(folder, image::NAME, &image::archive(&programs, version)?)?;
    let shipped = crates::shipped(workspace)?;
    write(folder, sbom::NAME, &sbom::document(&shipped, version)?)?;
    let licences = licences::document(&shipped.crates)?;
    write(folder, licences::NAME, &licences)?;
    for file in ["template.yaml", "LICENSE"] {
        let bytes =
            fs::read(workspace.root.join(file)).with_context(|| format!("cannot read {file}"))?;
        write(folder, file, &bytes)?;
    }
    write(folder, SUMS, sums(folder)?.as_bytes())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    console::line(&format!("{}: {} bytes", path.display(), bytes.len()));
    Ok(())
}

/// The names of the release's files, in order, the list of checksums left out.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().into_string();
        let name = name.map_err(|name| anyhow::anyhow!("{name:?} is no UTF-8"))?;
        if name != SUMS {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn sums(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for name in names(folder)? {
        let bytes = fs::read(folder.join(&name)).with_context(|| format!("cannot read {name}"))?;
        sums.push_str(&format!("{}  {name}\n", sha256::hex(&bytes)));
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_sha256sum_checks() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, text) in [("b", "2"), ("a", "1"), (SUMS, "old")] {
            fs::write(folder.path().join(name), text).expect("it is written");
        }
        let sums = sums(folder.path()).expect("they are read");
        assert_eq!(sums.lines().count(), 2, "{sums}");
        assert!(
            sums.starts_with(
                "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b  a\n"
            ),
            "{sums}"
        );
    }
}
