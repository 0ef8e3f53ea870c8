//! Whether a checkout in another folder, compiled from nothing, gives the same zip, byte for byte: what a release says of itself can be checked by
//! whoever has its commit.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::for_this_machine;
use crate::console;
use crate::sha256;
use crate::workspace::Workspace;

/// Folders that are no sources.
const PASSED_OVER: [&str; 4] = [".git", ".terraform", "dist", "target"];

/// Packs twice, and compares. A zip that was compared before is not built once more.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("elsewhere");
    let elsewhere = copied(workspace, &folder)?;
    let zip = packed(workspace)?;
    let digest = sha256::hex(&zip);
    let stamp = folder.join("same.txt");
    if fs::read_to_string(&stamp).is_ok_and(|same| same == digest) {
        console::line(&format!("compared before: {digest}"));
        return Ok(());
    }
    let other = packed(&elsewhere)?;
    ensure!(
        other == zip,
        "two packagings of the same sources differ: {digest} here, {} in {}",
        sha256::hex(&other),
        elsewhere.root.display()
    );
    console::line(&format!("the same from another folder: {digest}"));
    fs::write(&stamp, digest).with_context(|| format!("cannot write {}", stamp.display()))
}

fn packed(workspace: &Workspace) -> Result<Vec<u8>> {
    let zip = for_this_machine(workspace)?.zip;
    fs::read(&zip).with_context(|| format!("cannot read {}", zip.display()))
}

/// The sources in another folder, with nothing compiled.
fn copied(workspace: &Workspace, folder: &Path) -> Result<Workspace> {
    let another = folder.join("another");
    match fs::remove_dir_all(&another) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", another.display()));
        }
        _ => {}
    }
    let elsewhere = Workspace {
        root: another.join("checkout"),
        target: another.join("target"),
        xtask: workspace.xtask.clone(),
    };
    copy(&workspace.root, &elsewhere.root, &workspace.target)
        .with_context(|| format!("cannot copy into {}", elsewhere.root.display()))?;
    Ok(elsewhere)
}

/// Copies the sources; `target` is where what is compiled goes, wherever it was put.
fn copy(from: &Path, to: &Path, target: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_source = path != target && !PASSED_OVER.iter().any(|passed| name == *passed);
        let kind = entry.file_type()?;
        if kind.is_dir() && is_source {
            copy(&path, &to.join(name), target)?;
        } else if kind.is_file() {
            match fs::copy(&path, to.join(name)) {
                // An editor's, for a moment.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => drop(copied?),
            }
        }
    }
    Ok(())
}
