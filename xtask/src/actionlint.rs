//! actionlint, which reads GitHub's workflows as GitHub does. Go builds it, at one version.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{self, Workspace};

/// What is built; Go's checksum database holds it to its bytes.
const MODULE: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/actionlint")
}

/// Builds it, or finds that it is there, and reads every workflow. Scripts in them are short, so shellcheck is not asked for.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    let program = folder.join("actionlint");
    let stamp = folder.join("installed");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == MODULE) {
        let mut go = Command::new("go");
        go.args(["install", MODULE])
            .env("GOBIN", &folder)
            .env("CGO_ENABLED", "0");
        go.current_dir(&workspace.root);
        workspace::run(go)?;
        fs::write(&stamp, MODULE).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    let workflows = workspace.root.join(".github/workflows");
    let entries =
        fs::read_dir(&workflows).with_context(|| format!("cannot read {}", workflows.display()))?;
    let paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    ensure!(!paths.is_empty(), "there are no workflows");
    let mut actionlint = Command::new(program);
    actionlint
        .args(["-no-color", "-shellcheck=", "-pyflakes="])
        .args(&paths);
    workspace::run(actionlint)
}
