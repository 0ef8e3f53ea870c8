//! Builds what loads images lazily: containerd, its shim, soci-snapshotter's daemon, and what drives them.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::oracle;
use crate::workspace::{GoModule, Workspace};

/// containerd and its own shim, what starts everything, and what runs in containers.
const COMMANDS: &[&str] = &[
    "./cmd/containerd",
    "./cmd/lister",
    "./cmd/rig",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
];

/// The folder of the built programs; the tests find it in the variable `SOCI_LAZY_PROGRAMS`.
pub(crate) fn path(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/lazy")
}

/// Builds the programs, or finds that nothing changed.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let folder = path(workspace);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    oracle::build_commands(workspace, GoModule::Lazy, COMMANDS, &folder)?;
    let (daemon, packages) = (folder.join("snapshotter"), &["./cmd/snapshotter"]);
    oracle::build_commands(workspace, GoModule::Conformance, packages, &daemon)
}
