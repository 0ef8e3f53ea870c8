//! Builds go-containerregistry's registry: the second opinion of the whole-system tests.
//!
//! It lies in the Go module of the reference builder because it is Go, and two modules would be two lists of versions.

use std::path::PathBuf;

use anyhow::Result;

use crate::oracle;
use crate::workspace::{GoModule, Workspace};

/// Where the built program lies; the tests find it in the variable `SOCI_GO_REGISTRY`.
pub(crate) fn path(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/registry")
}

/// Builds the program, or finds that nothing changed.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let packages = &["./cmd/registry"];
    oracle::build_commands(workspace, GoModule::Conformance, packages, &path(workspace))
}
