//! Where things are, and how programs are started.
//!
//! Everything runs from the workspace's root with no standard input, so that nothing depends on where the caller
//! stands and nothing waits for a terminal.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How the variables begin that cargo sets for the package whose program it runs.
const OF_A_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The folders of this workspace.
pub(crate) struct Workspace {
    /// Folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever it was put.
    pub(crate) target: PathBuf,
    /// This program. Tests start it too; asked for later, its path may be one that cargo has replaced meanwhile.
    pub(crate) xtask: PathBuf,
}

/// Where there is Go. containerd's daemon and soci-snapshotter want versions of one module that the other cannot be built with, so they
/// are two.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GoModule {
    /// Everything on soci-snapshotter: the reference builder, the daemon; and a second registry.
    Conformance,
    /// containerd and what runs containers with it.
    Lazy,
}

impl GoModule {
    pub(crate) const ALL: [GoModule; 2] = [GoModule::Conformance, GoModule::Lazy];

    fn folder(self) -> &'static str {
        match self {
            GoModule::Conformance => "tests/conformance",
            GoModule::Lazy => "tests/lazy/go",
        }
    }
}

impl Workspace {
    /// Asks cargo for the folders of the workspace that this program was built in.
    pub(crate) fn find() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here
            .parent()
            .context("xtask lies in a folder of the workspace")?
            .to_path_buf();
        let metadata = members(&root)?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target folder")?;
        Ok(Self {
            target: PathBuf::from(target),
            root,
            xtask: env::current_exe().context("this program has no path")?,
        })
    }

    /// A cargo command in the root, as from a terminal. What cargo told this program or a test of its own package goes no further: build
    /// scripts that look at it, such as ring's, would be run anew each time that it is another package's, and all that depends on them.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = program(&cargo(), &self.root);
        command.args(args);
        for (name, _) in env::vars_os() {
            let is_of_a_package = name
                .to_str()
                .is_some_and(|name| OF_A_PACKAGE.iter().any(|begin| name.starts_with(begin)));
            if is_of_a_package {
                command.env_remove(name);
            }
        }
        command
    }

    /// `cargo metadata` of it with all crates of others, in the versions of the lock file.
    pub(crate) fn metadata(&self, words: &[&str]) -> Result<Value> {
        metadata(&self.root, &[&["--locked"], words].concat())
    }

    /// What the compiler that builds here prints.
    pub(crate) fn rustc(&self, words: &[&str]) -> Result<String> {
        let mut rustc = program(&OsString::from("rustc"), &self.root);
        rustc.args(words);
        stdout_of(rustc)
    }

    /// What it says of itself under a name.
    pub(crate) fn compiler(&self, field: &str) -> Result<String> {
        let version = self.rustc(&["-vV"])?;
        let begin = format!("{field}: ");
        let mut lines = version.lines();
        let value = lines.find_map(|line| line.strip_prefix(begin.as_str()));
        Ok(value
            .with_context(|| format!("rustc -vV names no {field}"))?
            .to_owned())
    }

    /// A program in a Go module.
    pub(crate) fn in_go_module(&self, module: GoModule, name: &str, args: &[&str]) -> Command {
        let mut command = program(&OsString::from(name), &self.root.join(module.folder()));
        command.args(args);
        if let GoModule::Lazy = module {
            // One of the programs runs in containers, where there are no libraries.
            command.env("CGO_ENABLED", "0");
        }
        command
    }
}

/// `cargo metadata` of the workspace at `root`, without dependencies: no network, no lock file change.
pub(crate) fn members(root: &Path) -> Result<Value> {
    metadata(root, &["--no-deps"])
}

fn metadata(root: &Path, words: &[&str]) -> Result<Value> {
    let mut command = program(&cargo(), root);
    command
        .args(["metadata", "--format-version", "1"])
        .args(words);
    serde_json::from_str(&stdout_of(command)?).context("cargo metadata is not JSON")
}

/// Runs a command whose output goes straight to the caller's terminal or log.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let shown = shown(&command);
    let status = command
        .status()
        .with_context(|| format!("cannot start {shown}"))?;
    ensure!(status.success(), "{shown}: {status}");
    Ok(())
}

/// Runs a command and gives back what it printed.
pub(crate) fn stdout_of(mut command: Command) -> Result<String> {
    let shown = shown(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}", output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{shown} printed something that is not UTF-8"))
}

/// A command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

fn program(name: &OsString, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_root_by_its_manifest() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
    }

    /// cargo sets them for this test.
    #[test]
    fn cargo_is_not_told_of_this_package() {
        assert!(env::var_os("CARGO_PKG_NAME").is_some());
        let workspace = Workspace::find().expect("cargo knows this workspace");
        let cargo = workspace.cargo(&["build"]);
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            let mut set = cargo.get_envs();
            assert!(
                set.any(|(own, value)| own == name && value.is_none()),
                "{name}"
            );
        }
    }

    #[test]
    fn shows_a_command_without_its_folder() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "--workspace"]);
        assert_eq!(shown(&command), "cargo test --workspace");
    }

    #[test]
    fn reports_a_failed_command_by_name_and_status() {
        let error = run(Command::new("false")).expect_err("false fails");
        assert_eq!(error.to_string(), "false: exit status: 1");
    }
}
