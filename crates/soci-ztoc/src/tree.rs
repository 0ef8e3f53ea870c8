//! The file tree that consumers grow from a zTOC, and the layers for which it comes out wrong.
//!
//! soci-snapshotter v0.15.0 builds a layer's tree from the zTOC's entries alone, one by one, and does not build it quite as an
//! unpacker would. Where the two trees differ, containers would miss files or see others than the image has, or the zTOC would be
//! refused as a whole; such layers are better left out. Each rule here is a row of `docs/decisions/odd-layers.md`.
//!
//! Of the tree only the entries are kept, each under a hash of its cleaned path, in a fixed amount of memory per entry: a single
//! path of a megabyte has half a million parents.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crate::error::{NotIndexable, Reason};
use crate::model::{FileKind, FileMetadata};
use crate::tar::extended_attributes;

/// Bytes of the longest key of bbolt, the store in which soci-snapshotter keeps names.
pub(crate) const STORE_KEY_BYTES: usize = 32_768;

/// With more components than these a path is not kept for comparison with the next one.
const KEPT_COMPONENTS: usize = 64;

/// Memory that the check takes per entry, in bytes: a slot of a hash table that may be half empty.
pub(crate) const BYTES_PER_ENTRY: usize = 2 * size_of::<(PathHash, Node)>();

/// 128 bits of a cleaned path: two paths with the same are not to be expected.
type PathHash = u128;

/// Finds a path's slot by its hash, which is as good as random and need not be hashed again.
#[derive(Default)]
struct SlotHasher(u64);

impl Hasher for SlotHasher {
    /// Not for path hashes.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A path's components and the hash of each path from the first of them down to the whole. Most entries lie beside the one before:
/// what both paths begin with is not hashed again.
struct Place<'a> {
    /// Nobody who makes a layer knows its keys.
    keys: RandomState,
    names: Vec<&'a [u8]>,
    hashes: Vec<PathHash>,
}

impl<'a> Place<'a> {
    /// At the root.
    fn new() -> Place<'a> {
        Place {
            keys: RandomState::new(),
            names: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// To a path, wherever it leads from here.
    fn go(&mut self, path: &'a [u8]) {
        if self.names.len() > KEPT_COMPONENTS {
            self.names = Vec::new();
            self.hashes = Vec::new();
        }
        let names = clean(path);
        let both = self.names.iter().zip(&names);
        let shared = both.take_while(|(before, now)| before == now).count();
        self.hashes.truncate(shared);
        for name in &names[shared..] {
            let parent = self.hashes.last().copied().unwrap_or_default();
            let [high, low] = [0, 1].map(|half| {
                let mut hasher = self.keys.build_hasher();
                hasher.write_u8(half);
                hasher.write_u128(parent);
                hasher.write(name);
                u128::from(hasher.finish())
            });
            self.hashes.push(high << 64 | low);
        }
        self.names = names;
    }
}

/// Number of an entry in archive order; how many there may be is limited far below.
type EntryNumber = u32;

/// What stands under a path.
#[derive(Clone, Copy)]
struct Node {
    /// The entry that describes it.
    entry: EntryNumber,
    /// The entry that put it there.
    since: EntryNumber,
    /// The entry with which it became a directory after it had been something else: what lay below before is lost.
    emptied: EntryNumber,
    is_directory: bool,
    /// It has more names than one.
    is_linked: bool,
}

/// What consumers find under which path: a later entry of a name replaces an earlier one – but a
/// directory takes over whatever has its name.
struct Tree<'a> {
    files: &'a [FileMetadata],
    nodes: HashMap<PathHash, Node, BuildHasherDefault<SlotHasher>>,
    place: Place<'a>,
}

/// Checks that consumers see the tree that the archive means.
pub(crate) fn check(files: &[FileMetadata]) -> Result<(), NotIndexable> {
    let mut tree = Tree {
        files,
        nodes: HashMap::with_capacity_and_hasher(files.len(), BuildHasherDefault::default()),
        place: Place::new(),
    };
    for (number, file) in files.iter().enumerate() {
        tree.add(number as EntryNumber, file).map_err(|what| {
            let detail = format!("{:?} {what}", file.display_name());
            NotIndexable::new(Reason::UnreadableMetadata, file.uncompressed_offset, detail)
        })?;
    }
    Ok(())
}

impl<'a> Tree<'a> {
    fn add(&mut self, number: EntryNumber, file: &'a FileMetadata) -> Result<(), String> {
        self.place.go(&file.name);
        let Place { names, hashes, .. } = &self.place;
        if names.iter().any(|name| name.len() > STORE_KEY_BYTES) {
            return Err(format!("has a name of more than {STORE_KEY_BYTES} bytes"));
        }
        let Some((&own, parents)) = hashes.split_last() else {
            return Ok(());
        };
        for (parent, name) in parents.iter().zip(names) {
            if self
                .nodes
                .get(parent)
                .is_some_and(|node| !node.is_directory)
            {
                return Err(format!(
                    "lies below {:?}, which is no directory",
                    String::from_utf8_lossy(name)
                ));
            }
        }
        let fresh = Node {
            entry: number,
            since: number,
            emptied: 0,
            is_directory: file.kind == FileKind::Directory,
            is_linked: false,
        };
        let node = match (file.kind, self.nodes.get(&own)) {
            (FileKind::HardLink, _) => Node {
                since: number,
                ..self.link(file)?
            },
            (FileKind::Directory, Some(before)) => self.take_over(before, fresh)?,
            _ => fresh,
        };
        self.nodes.insert(own, node);
        Ok(())
    }

    /// The target of a hard link, which has one more name from now on.
    fn link(&mut self, file: &'a FileMetadata) -> Result<Node, String> {
        let target = String::from_utf8_lossy(&file.link_name);
        let missing =
            || format!("is a hard link to {target:?}, which is not in the layer before it");
        self.place.go(&file.link_name);
        let (own, parents) = self.place.hashes.split_last().ok_or_else(missing)?;
        let since = self.nodes.get(own).ok_or_else(missing)?.since;
        let hides = |node: &Node| !node.is_directory || node.emptied > since;
        if parents
            .iter()
            .any(|parent| self.nodes.get(parent).is_some_and(hides))
        {
            return Err(missing());
        }
        let node = self.nodes.get_mut(own).ok_or_else(missing)?;
        if node.is_directory {
            return Err(format!(
                "is a hard link to {target:?}, which is a directory"
            ));
        }
        node.is_linked = true;
        Ok(*node)
    }

    /// A directory's entry overwrites what has its name, but only with what is not zero.
    fn take_over(&self, before: &Node, fresh: Node) -> Result<Node, String> {
        if before.is_linked {
            let what = "is a directory in place of a file that has another name too";
            return Err(what.to_owned());
        }
        let [old, new] = [before.entry, fresh.entry].map(|entry| &self.files[entry as usize]);
        if leaves_traces(old, new) {
            let what = "takes the place of an entry whose owner or attributes consumers would keep";
            return Err(what.to_owned());
        }
        let emptied = if before.is_directory {
            before.emptied
        } else {
            fresh.since
        };
        Ok(Node { emptied, ..fresh })
    }
}

fn leaves_traces(before: &FileMetadata, file: &FileMetadata) -> bool {
    let id_stays = |before: u32, now: u32| before != 0 && now == 0;
    let has_attributes = extended_attributes(before).next().is_some();
    let attributes_stay =
        has_attributes && !extended_attributes(before).eq(extended_attributes(file));
    id_stays(before.uid, file.uid) || id_stays(before.gid, file.gid) || attributes_stay
}

/// The components of a path from the layer's root, without `.` and with `..` resolved: the form in which consumers find files.
pub(crate) fn clean(path: &[u8]) -> Vec<&[u8]> {
    let mut components = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_paths_as_consumers_do() {
        for (path, cleaned) in [
            (&b"usr/bin/env"[..], vec![&b"usr"[..], b"bin", b"env"]),
            (b"./a//b/", vec![b"a", b"b"]),
            (b"/x/../y", vec![b"y"]),
            (b"../../z", vec![b"z"]),
            (b"./", vec![]),
        ] {
            assert_eq!(clean(path), cleaned);
        }
    }
}
