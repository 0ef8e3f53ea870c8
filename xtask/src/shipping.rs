//! How what ships is compiled: the same commit gives the same bytes wherever it is built.
//!
//! rustc writes the paths of sources into a program, for the messages of panics. Folders that differ from machine to machine get names here
//! that do not, and the program is searched for them afterwards. Compilers, linker and the libraries that they bring have to be the same ones:
//! releases are built where these are ([release.yml](../../.github/workflows/release.yml)).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace::{self, Workspace};

/// The profile of what ships.
const PROFILE: &str = "dist";

/// What would change what compilers do without a trace in the commit.
const FOREIGN: [&str; 5] = [
    "CFLAGS",
    "TARGET_CFLAGS",
    "CC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// Between flags in the variable that cargo takes them from.
const SEPARATOR: &str = "\u{1f}";

/// A program to build.
pub(crate) struct Wanted<'a> {
    /// Its package.
    pub(crate) package: &'a str,
    /// Its name.
    pub(crate) program: &'a str,
    /// What it is for, as Rust names it. Named for this machine too: the flags are for the program then, not for build scripts, and another
    /// machine's build for this one is the same.
    pub(crate) target: &'a str,
    /// Whether it brings its C library.
    pub(crate) is_static: bool,
}

/// Where a program that is linked dynamically lies once it is built.
pub(crate) fn path(workspace: &Workspace, target: &str, program: &str) -> PathBuf {
    path_in(&workspace.target, target, program)
}

fn path_in(folder: &Path, target: &str, program: &str) -> PathBuf {
    folder.join(target).join(PROFILE).join(program)
}

/// Builds a program and makes sure that it names no folder of this machine; gives its path.
pub(crate) fn build(workspace: &Workspace, wanted: &Wanted<'_>) -> Result<PathBuf> {
    let folders = folders(workspace)?;
    let mut words = vec!["build", "--locked", "--profile", PROFILE];
    words.extend(["--package", wanted.package, "--bin", wanted.program]);
    words.extend(["--target", wanted.target]);
    // Another flag compiles all anew: what was compiled without it stays.
    let folder = match wanted.is_static {
        false => workspace.target.clone(),
        true => workspace.target.join("static"),
    };
    let path = path_in(&folder, wanted.target, wanted.program);
    let mut flags: Vec<_> = folders.iter().map(Folder::flag).collect();
    if wanted.is_static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    let mut cargo = workspace.cargo(&words);
    FOREIGN.iter().for_each(|name| {
        cargo.env_remove(name);
    });
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR))
        .env("CARGO_TARGET_DIR", &folder);
    workspace::run(cargo)?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let named = named(&bytes, &folders);
    ensure!(
        named.is_empty(),
        "{} names folders of this machine, so that another one would build other bytes: {}",
        path.display(),
        named.join(", ")
    );
    Ok(path)
}

/// A folder of this machine, and what stands for it in programs.
struct Folder {
    path: String,
    name: String,
}

impl Folder {
    fn new(path: &Path, name: &str) -> Result<Self> {
        let path = path
            .to_str()
            .with_context(|| format!("{} is no UTF-8", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
        })
    }

    fn flag(&self) -> String {
        format!("--remap-path-prefix={}={}", self.path, self.name)
    }
}

/// The workspace, what is generated, crates of others, and the standard library's source, which some machines have.
fn folders(workspace: &Workspace) -> Result<Vec<Folder>> {
    let sysroot = workspace.rustc(&["--print", "sysroot"])?;
    let commit = workspace.compiler("commit-hash")?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    // Of several that fit rustc takes the last.
    let mut folders = vec![
        Folder::new(&workspace.root, "soci-index-builder")?,
        Folder::new(&workspace.target, "target")?,
        Folder::new(&library, &format!("/rustc/{commit}"))?,
    ];
    for registry in registries(workspace)? {
        folders.push(Folder::new(&registry, "crates")?);
    }
    Ok(folders)
}

/// The folders that hold crates of others. Where cargo puts them depends on the address that it got them from.
fn registries(workspace: &Workspace) -> Result<BTreeSet<PathBuf>> {
    let metadata = workspace.metadata(&[])?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let of_others = packages.iter().filter(|one| !one["source"].is_null());
    let manifests = of_others.filter_map(|one| one["manifest_path"].as_str().map(Path::new));
    let folders = manifests.filter_map(|manifest| manifest.parent()?.parent());
    Ok(folders.map(Path::to_path_buf).collect())
}

/// The folders that a program names.
fn named<'a>(program: &[u8], folders: &'a [Folder]) -> Vec<&'a str> {
    let names = |folder: &&Folder| {
        let path = format!("{}/", folder.path);
        let mut windows = program.windows(path.len()).enumerate();
        windows.any(|(at, window)| window == path.as_bytes() && begins_at(program, at))
    };
    folders
        .iter()
        .filter(names)
        .map(|folder| folder.path.as_str())
        .collect()
}

/// Whether a path begins there, or goes on: a workspace may well be called `/src`.
fn begins_at(program: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| program[before]);
    !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_others_lie_in_folders_that_have_names() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        let folders = folders(&workspace).expect("cargo and rustc tell");
        let flags: Vec<_> = folders.iter().map(Folder::flag).collect();
        assert!(
            flags.iter().any(|flag| flag.ends_with("=crates")),
            "{flags:?}"
        );
        assert!(
            flags.iter().any(|flag| flag.contains("=/rustc/")),
            "{flags:?}"
        );
    }

    #[test]
    fn a_program_that_names_a_folder_is_found() {
        let folders = [("/home/a/crates", "crates"), ("/src", "b")];
        let folders =
            folders.map(|(path, name)| Folder::new(Path::new(path), name).expect("UTF-8"));
        assert!(named(b"\0crates/serde/src/lib.rs", &folders).is_empty());
        assert_eq!(
            named(b"\0/home/a/crates/serde/src/lib.rs", &folders),
            ["/home/a/crates"]
        );
        assert_eq!(named(b"/src/lib.rs", &folders), ["/src"]);
    }
}
