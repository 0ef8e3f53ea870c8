//! Everybody's code that is in what is shipped: the crates behind the function and the command line, tests and build tools left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace::{self, Workspace};

/// What is shipped.
const SHIPPED: [&str; 2] = ["soci-cli", "soci-index-builder"];

/// Processors and system of what is shipped: crates for others are not in it.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// One crate of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// Its licence, as an SPDX expression.
    pub(super) licence: String,
    /// Who wrote it, as far as its manifest says.
    pub(super) authors: Vec<String>,
    /// SHA-256 of its package, as the lock file has it.
    pub(super) checksum: String,
    /// Its folder on this machine.
    pub(super) folder: PathBuf,
}

/// All of them, in order.
pub(super) fn shipped(workspace: &Workspace) -> Result<Vec<Crate>> {
    let lock =
        fs::read_to_string(workspace.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let checksums = checksums(&lock);
    let mut all = BTreeSet::new();
    for target in TARGETS {
        let words = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            target,
        ];
        let metadata = workspace::stdout_of(workspace.cargo(&words))?;
        let metadata: Value =
            serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
        all.extend(of_metadata(&metadata, &checksums)?);
    }
    ensure!(!all.is_empty(), "cargo names no crates of others");
    Ok(all.into_iter().collect())
}

fn of_metadata(
    metadata: &Value,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<Vec<Crate>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<_, _> = list(&metadata["packages"])
        .into_iter()
        .map(|one| (text(&one["id"]), one))
        .collect();
    let edges: BTreeMap<_, _> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|one| (text(&one["id"]), one))
        .collect();
    let is_root = |id: &&String| SHIPPED.contains(&text(&packages[*id]["name"]).as_str());
    let mut open: Vec<String> = packages.keys().filter(is_root).cloned().collect();
    ensure!(
        open.len() == SHIPPED.len(),
        "cargo does not know {SHIPPED:?}"
    );
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !reached.insert(id.clone()) {
            continue;
        }
        for edge in list(&edges[&id]["deps"]) {
            // Build scripts and tests are not shipped.
            if list(&edge["dep_kinds"])
                .iter()
                .any(|kind| kind["kind"].is_null())
            {
                open.push(text(&edge["pkg"]));
            }
        }
    }
    let others = reached
        .iter()
        .map(|id| &packages[id])
        .filter(|one| !one["source"].is_null());
    let of = |one: &Value| {
        let (name, version) = (text(&one["name"]), text(&one["version"]));
        let manifest = PathBuf::from(text(&one["manifest_path"]));
        let key = (name.clone(), version.clone());
        Ok(Crate {
            licence: one["license"]
                .as_str()
                .with_context(|| format!("{name} {version} names no licence"))?
                .to_owned(),
            authors: list(&one["authors"]).iter().map(text).collect(),
            checksum: checksums
                .get(&key)
                .cloned()
                .with_context(|| format!("{name} {version} has no checksum"))?,
            folder: manifest
                .parent()
                .context("a manifest lies in a folder")?
                .to_owned(),
            name,
            version,
        })
    };
    others.map(of).collect()
}

/// The checksums of a lock file, by name and version. cargo writes each field on a line of its own.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |part: &str, name: &str| {
        let begin = format!("{name} = \"");
        let line = part
            .lines()
            .find_map(|line| line.strip_prefix(begin.as_str()));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let parts = lock.split("[[package]]").skip(1);
    let found = parts.filter_map(|part| {
        Some((
            (field(part, "name")?, field(part, "version")?),
            field(part, "checksum")?,
        ))
    });
    found.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The crates of this workspace, as they are.
    pub(crate) fn of_this_workspace() -> Vec<Crate> {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        shipped(&workspace).expect("cargo tells")
    }

    #[test]
    fn what_is_shipped_is_there_and_what_is_not_is_not() {
        let all = of_this_workspace();
        let has = |name: &str| all.iter().any(|one| one.name == name);
        for name in ["rustls", "ring", "clap", "lambda_runtime", "aws-sdk-ecr"] {
            assert!(has(name), "{name} is missing");
        }
        for name in [
            "proptest",
            "pulldown-cmark",
            "soci-index",
            "windows-sys",
            "cc",
        ] {
            assert!(!has(name), "{name} is not shipped");
        }
        assert!(all.iter().all(|one| one.checksum.len() == 64));
    }

    #[test]
    fn checksums_are_read_from_a_lock_file() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nchecksum = \"ff\"\n";
        let key = ("b".to_owned(), "2.0.0".to_owned());
        assert_eq!(checksums(lock), [(key, "ff".to_owned())].into());
    }
}
