//! EventBridge's own engine, event-ruler: Maven fetches it, and what it needs, as `tests/deploy/java/pom.xml` names it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{self, Workspace};

/// Where the libraries lie; the tests find them in the variable `SOCI_EVENT_RULER`.
pub(crate) fn path(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/event-ruler")
}

/// Fetches them, or finds that nothing changed.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let list = workspace.root.join("tests/deploy/java/pom.xml");
    let wanted =
        fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let folder = path(workspace);
    let stamp = folder.join("installed.xml");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if folder.exists() {
        // Two versions of one library beside each other would both be taken.
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "--file"]).arg(&list);
    maven.arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", folder.display()));
    workspace::run(maven)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
