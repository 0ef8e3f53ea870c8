//! Builds the reference builder: the program that answers "what would soci-snapshotter have written?".
//!
//! It is a Go program of `tests/conformance` on soci-snapshotter's own library. Go's build cache makes a second call
//! take a second, so callers build it whenever they need it instead of asking whether it is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::{self, GoModule, Workspace};

/// Where the built program lies; the conformance tests find it in the variable `SOCI_ORACLE`.
pub(crate) fn path(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/oracle")
}

/// Builds the program, or finds that nothing changed.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let packages = &["./cmd/oracle"];
    build_commands(workspace, GoModule::Conformance, packages, &path(workspace))
}

/// Builds commands of a Go module: one into a file, several into a folder that is there.
pub(crate) fn build_commands(
    workspace: &Workspace,
    module: GoModule,
    packages: &[&str],
    path: &Path,
) -> Result<()> {
    let folder = path
        .parent()
        .context("the tools folder lies in the target folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let output = path
        .to_str()
        .context("the target folder's name is not UTF-8")?;
    let args = [&["build", "-o", output], packages].concat();
    workspace::run(workspace.in_go_module(module, "go", &args))
}
