//! Everybody's code that is in what is shipped: the crates behind the function and the command line, tests and build tools left out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::package::Arch;
use crate::workspace::Workspace;

/// What is shipped.
const SHIPPED: [&str; 2] = ["soci-cli", "soci-index-builder"];

/// One crate of somebody else.
#[derive(Debug, Clone)]
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
    /// What it uses of others.
    pub(super) uses: BTreeSet<Id>,
}

impl Crate {
    /// Which one it is.
    pub(super) fn id(&self) -> Id {
        (self.name.clone(), self.version.clone())
    }
}

/// Name and version: a registry has one such crate.
pub(super) type Id = (String, String);

/// What is shipped of others.
#[derive(Debug, Default)]
pub(super) struct Shipped {
    /// All crates, in order.
    pub(super) crates: Vec<Crate>,
    /// Those that crates of this workspace use.
    pub(super) direct: BTreeSet<Id>,
}

/// All of it.
pub(super) fn shipped(workspace: &Workspace) -> Result<Shipped> {
    let lock =
        fs::read_to_string(workspace.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let checksums = checksums(&lock);
    let mut crates: BTreeMap<Id, Crate> = BTreeMap::new();
    let mut direct = BTreeSet::new();
    // Crates for other systems are not in what is shipped.
    for target in Arch::ALL.map(Arch::target) {
        let metadata = workspace.metadata(&["--filter-platform", target])?;
        let graph = Graph::of(&metadata);
        for package in graph.reached()? {
            let uses = graph.uses_of_others(package);
            if is_own(package) {
                direct.extend(uses);
                continue;
            }
            let known = match crates.entry(id(package)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(described(package, &checksums)?),
            };
            known.uses.extend(uses);
        }
    }
    ensure!(!crates.is_empty(), "cargo names no crates of others");
    Ok(Shipped {
        crates: crates.into_values().collect(),
        direct,
    })
}

/// Who uses whom, as `cargo metadata` tells it, by cargo's own ids.
struct Graph<'a> {
    packages: BTreeMap<&'a str, &'a Value>,
    nodes: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Value) -> Self {
        let by_id = |list: &'a Value| list_of(list).map(|one| (text(&one["id"]), one)).collect();
        Self {
            packages: by_id(&metadata["packages"]),
            nodes: by_id(&metadata["resolve"]["nodes"]),
        }
    }

    /// What a package uses in itself, macros included: build scripts and tests are not shipped.
    fn uses(&self, id: &str) -> impl Iterator<Item = &'a str> {
        let node = self.nodes.get(id).copied().unwrap_or(&Value::Null);
        let when_it_runs =
            |edge: &&Value| list_of(&edge["dep_kinds"]).any(|kind| kind["kind"].is_null());
        list_of(&node["deps"])
            .filter(when_it_runs)
            .map(|edge| text(&edge["pkg"]))
    }

    fn uses_of_others(&self, package: &Value) -> BTreeSet<Id> {
        let used = self
            .uses(text(&package["id"]))
            .filter_map(|id| self.packages.get(id));
        used.filter(|one| !is_own(one)).map(|one| id(one)).collect()
    }

    /// What is shipped, and all that it uses.
    fn reached(&self) -> Result<Vec<&'a Value>> {
        let is_root = |id: &&str| SHIPPED.contains(&text(&self.packages[id]["name"]));
        let mut open: Vec<_> = self.packages.keys().copied().filter(is_root).collect();
        ensure!(
            open.len() == SHIPPED.len(),
            "cargo does not know {SHIPPED:?}"
        );
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                open.extend(self.uses(id));
            }
        }
        Ok(reached.iter().map(|id| self.packages[id]).collect())
    }
}

fn list_of(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn id(package: &Value) -> Id {
    (
        text(&package["name"]).to_owned(),
        text(&package["version"]).to_owned(),
    )
}

/// Whether it is of this workspace.
fn is_own(package: &Value) -> bool {
    package["source"].is_null()
}

/// A crate, as its manifest and the lock file describe it.
fn described(package: &Value, checksums: &BTreeMap<Id, String>) -> Result<Crate> {
    let id = id(package);
    let checksum = checksums.get(&id).cloned();
    let (name, version) = id;
    let licence = package["license"].as_str();
    let manifest = Path::new(text(&package["manifest_path"]));
    Ok(Crate {
        licence: licence
            .with_context(|| format!("{name} {version} names no licence"))?
            .to_owned(),
        authors: list_of(&package["authors"])
            .map(|one| text(one).to_owned())
            .collect(),
        checksum: checksum.with_context(|| format!("{name} {version} has no checksum"))?,
        folder: manifest
            .parent()
            .context("a manifest lies in a folder")?
            .to_owned(),
        uses: BTreeSet::new(),
        name,
        version,
    })
}

/// The checksums of a lock file, by name and version. cargo writes each field on a line of its own.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
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
    pub(crate) fn of_this_workspace() -> Shipped {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        shipped(&workspace).expect("cargo tells")
    }

    #[test]
    fn what_is_shipped_is_there_and_what_is_not_is_not() {
        let Shipped {
            crates: all,
            direct,
        } = of_this_workspace();
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
        let is_direct = |name: &str| direct.iter().any(|(known, _)| known == name);
        assert!(is_direct("aws-sdk-ecr") && !is_direct("ring"));
        let uses = |user: &str, used: &str| {
            let mut users = all.iter().filter(|one| one.name == user);
            users.any(|one| one.uses.iter().any(|(name, _)| name == used))
        };
        assert!(uses("rustls", "ring") && !uses("rustls", "clap"));
        let known: BTreeSet<_> = all.iter().map(Crate::id).collect();
        let used = all.iter().flat_map(|one| &one.uses).chain(&direct);
        assert!(used.into_iter().all(|id| known.contains(id)));
    }

    #[test]
    fn checksums_are_read_from_a_lock_file() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nchecksum = \"ff\"\n";
        let key = ("b".to_owned(), "2.0.0".to_owned());
        assert_eq!(checksums(lock), [(key, "ff".to_owned())].into());
    }
}
