//! Chooses files: the same ones of the same tree every time, and no more than was planned.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::plan::{LayerPlan, Plan};
use crate::error::DemoError;
use crate::stop::Stop;

/// Entries of one layer.
const ENTRIES: usize = 40_000;

/// Bytes of one file. Larger ones are left out, so that layers have many.
const FILE_BYTES: u64 = 64 << 20;

/// Bytes of a name; no file system has longer ones.
const NAME_BYTES: usize = 4096;

/// Entries that are looked at for one layer, those that are not taken included.
const LOOKED_AT: usize = 400_000;

/// The mode's bits for everybody else: to read, and to enter a folder.
const OTHERS_READ: u32 = 0o4;
const OTHERS_ENTER: u32 = 0o5;

/// What is to be packed into one layer.
pub(super) struct Chosen {
    pub(super) entries: Vec<Entry>,
}

/// One file, folder or symbolic link.
pub(super) struct Entry {
    pub(super) source: PathBuf,
    /// Its name in the layer.
    pub(super) name: PathBuf,
    pub(super) kind: EntryKind,
    pub(super) mode: u32,
    pub(super) modified: u64,
}

pub(super) enum EntryKind {
    Folder,
    File { size: u64 },
    Symlink { target: PathBuf },
}

impl Chosen {
    pub(super) fn file_bytes(&self) -> u64 {
        let sizes = self.entries.iter().map(|entry| match entry.kind {
            EntryKind::File { size } => size,
            EntryKind::Folder | EntryKind::Symlink { .. } => 0,
        });
        sizes.sum()
    }

    fn has_files(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| matches!(entry.kind, EntryKind::File { .. }))
    }
}

/// The files of each layer, none for one of which this machine has no files. A file that an earlier layer has is not taken once more.
pub(super) fn choose(plan: &Plan, stop: &Stop) -> Result<Vec<Option<Chosen>>, DemoError> {
    let mut taken = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for layer in &plan.layers {
        let mut walk = Walk::new(layer, &mut taken);
        for root in &layer.roots {
            walk.go(&root.folder, Path::new(&root.into), stop)?;
        }
        all.push(Some(walk.chosen).filter(Chosen::has_files));
    }
    if all.iter().all(Option::is_none) {
        let roots = plan.layers.iter().flat_map(|layer| &layer.roots);
        let roots: Vec<_> = roots
            .map(|root| root.folder.display().to_string())
            .collect();
        let roots = roots.join(", ");
        return Err(DemoError::NoFiles { roots });
    }
    Ok(all)
}

struct Walk<'a> {
    left_bytes: u64,
    looked_at: usize,
    taken: &'a mut std::collections::BTreeSet<PathBuf>,
    chosen: Chosen,
}

impl<'a> Walk<'a> {
    fn new(plan: &LayerPlan, taken: &'a mut std::collections::BTreeSet<PathBuf>) -> Walk<'a> {
        Walk {
            left_bytes: plan.most_bytes,
            looked_at: 0,
            taken,
            chosen: Chosen {
                entries: Vec::new(),
            },
        }
    }

    /// Goes through a folder in the order of names, what cannot be read left out.
    fn go(&mut self, root: &Path, into: &Path, stop: &Stop) -> Result<(), DemoError> {
        let mut waiting = vec![(root.to_owned(), into.to_owned())];
        while let Some((source, name)) = waiting.pop() {
            stop.check()?;
            self.looked_at += 1;
            if self.is_full() {
                break;
            }
            let Ok(metadata) = fs::symlink_metadata(&source) else {
                continue;
            };
            if metadata.is_dir() && metadata.mode() & OTHERS_ENTER == OTHERS_ENTER {
                let mut inside = entries_of(&source);
                // The first of them is to be the next.
                inside.sort_by(|one, other| other.cmp(one));
                waiting.extend(
                    inside
                        .iter()
                        .map(|entry| (source.join(entry), name.join(entry))),
                );
            }
            self.take(source, name, &metadata);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.left_bytes == 0 || self.chosen.entries.len() >= ENTRIES || self.looked_at > LOOKED_AT
    }

    fn take(&mut self, source: PathBuf, name: PathBuf, metadata: &Metadata) {
        let Some(kind) = self.kind_of(&source, metadata) else {
            return;
        };
        if name.as_os_str().len() > NAME_BYTES || !self.taken.insert(name.clone()) {
            return;
        }
        if let EntryKind::File { size } = kind {
            self.left_bytes -= size;
        }
        self.chosen.entries.push(Entry {
            source,
            name,
            kind,
            mode: metadata.mode() & 0o7777,
            modified: metadata.mtime().try_into().unwrap_or_default(),
        });
    }

    /// None for what is not taken: devices, sockets, what is too large or not everybody's to read.
    fn kind_of(&self, source: &Path, metadata: &Metadata) -> Option<EntryKind> {
        let size = metadata.len();
        if metadata.is_dir() {
            Some(EntryKind::Folder)
        } else if metadata.is_symlink() {
            let target = fs::read_link(source).ok()?;
            Some(EntryKind::Symlink { target })
        } else {
            let is_everybodys = metadata.is_file() && metadata.mode() & OTHERS_READ != 0;
            let fits = size <= FILE_BYTES.min(self.left_bytes);
            (is_everybodys && fits).then_some(EntryKind::File { size })
        }
    }
}

fn entries_of(folder: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let is_tame = |name: &std::ffi::OsString| !OsStr::as_bytes(name).contains(&0);
    names.filter(is_tame).take(LOOKED_AT).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::image::{PlatformPlan, Root};

    fn plan(folder: &Path, most_bytes: u64) -> Plan {
        let root = |folder: &Path| Root {
            folder: folder.to_owned(),
            into: "usr".to_owned(),
        };
        let layer = || LayerPlan {
            roots: vec![root(&folder.join("missing")), root(folder)],
            most_bytes,
        };
        Plan {
            layers: vec![layer()],
            platforms: vec![PlatformPlan {
                architecture: "amd64",
                layers: vec![0],
            }],
        }
    }

    fn only(chosen: Vec<Option<Chosen>>) -> Chosen {
        let mut layers = chosen.into_iter().flatten();
        layers.next().expect("a layer with files")
    }

    fn names(chosen: &Chosen) -> Vec<String> {
        let entries = chosen.entries.iter();
        entries
            .map(|entry| entry.name.display().to_string())
            .collect()
    }

    #[test]
    fn files_are_taken_in_order_until_there_is_enough() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("b")).expect("made");
        for (name, size) in [
            ("a", 10),
            ("b/x", 20),
            ("b/y", 100),
            ("c", 30),
            ("secret", 1),
        ] {
            fs::write(path(name), vec![7; size]).expect("written");
        }
        fs::set_permissions(path("secret"), fs::Permissions::from_mode(0o600)).expect("set");
        symlink("a", path("link")).expect("made");
        let chosen = only(choose(&plan(folder.path(), 1 << 20), &Stop::default()).expect("files"));
        assert_eq!(
            names(&chosen),
            [
                "usr", "usr/a", "usr/b", "usr/b/x", "usr/b/y", "usr/c", "usr/link"
            ]
        );
        assert_eq!(chosen.file_bytes(), 160);
        let chosen = only(choose(&plan(folder.path(), 61), &Stop::default()).expect("files"));
        assert_eq!(
            names(&chosen),
            ["usr", "usr/a", "usr/b", "usr/b/x", "usr/c", "usr/link"]
        );
    }

    #[test]
    fn a_layer_of_which_there_are_no_files_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), b"content").expect("written");
        let mut plan = plan(folder.path(), 1 << 20);
        // Its files are those that the first one has.
        plan.layers.push(plan.layers[0].clone());
        let chosen = choose(&plan, &Stop::default()).expect("files");
        assert!(matches!(chosen.as_slice(), [Some(_), None]));
    }

    #[test]
    fn a_machine_without_files_says_where_they_were_looked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = choose(&plan(folder.path(), 1 << 20), &Stop::default()).err();
        let error = error.expect("there is nothing").to_string();
        assert!(
            error.contains(&folder.path().display().to_string()),
            "{error}"
        );
        assert!(error.contains("--image"), "{error}");
    }
}
