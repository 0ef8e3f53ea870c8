//! The file tree that consumers grow from a zTOC, and the layers for which it comes out wrong.
//!
//! soci-snapshotter v0.15.0 builds a layer's tree from the zTOC's entries alone, one by one, and does not build it quite as an
//! unpacker would. Where the two trees differ, containers would miss files or see others than the image has, or the zTOC would be
//! refused as a whole; such layers are better left out. Each rule here is a row of `docs/decisions/odd-layers.md`.
//!
//! Of the tree only the entries are kept, each under a hash of its cleaned path, in a fixed amount of memory per entry: a single
//! path of a megabyte has half a million parents.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use crate::error::{NotIndexable, Reason};
use crate::model::{FileKind, FileMetadata};
use crate::tar::extended_attributes;

/// Bytes of the longest key of bbolt, the store in which soci-snapshotter keeps names.
pub(crate) const STORE_KEY_BYTES: usize = 32_768;

/// Memory that the check takes per entry, in bytes: a slot of a hash table that may be half empty.
pub(crate) const BYTES_PER_ENTRY: usize = 2 * size_of::<(PathHash, Node)>();

/// 128 bits of a cleaned path: two paths with the same are not to be expected.
type PathHash = [u64; 2];

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
    nodes: HashMap<PathHash, Node>,
}

/// Checks that consumers see the tree that the archive means.
pub(crate) fn check(files: &[FileMetadata]) -> Result<(), NotIndexable> {
    let nodes = HashMap::with_capacity(files.len());
    let mut tree = Tree { files, nodes };
    for (number, file) in files.iter().enumerate() {
        tree.add(number as EntryNumber, file).map_err(|what| {
            let detail = format!("{:?} {what}", file.display_name());
            NotIndexable::new(Reason::UnreadableMetadata, file.uncompressed_offset, detail)
        })?;
    }
    Ok(())
}

impl Tree<'_> {
    fn add(&mut self, number: EntryNumber, file: &FileMetadata) -> Result<(), String> {
        let path = clean(&file.name);
        if path.iter().any(|name| name.len() > STORE_KEY_BYTES) {
            return Err(format!("has a name of more than {STORE_KEY_BYTES} bytes"));
        }
        let prefixes = prefixes(&path);
        let Some((own, parents)) = prefixes.split_last() else {
            return Ok(());
        };
        for (parent, name) in parents.iter().zip(&path) {
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
        let node = match (file.kind, self.nodes.get(own)) {
            (FileKind::HardLink, _) => Node {
                since: number,
                ..self.link(file)?
            },
            (FileKind::Directory, Some(before)) => self.take_over(before, fresh)?,
            _ => fresh,
        };
        self.nodes.insert(*own, node);
        Ok(())
    }

    /// The target of a hard link, which has one more name from now on.
    fn link(&mut self, file: &FileMetadata) -> Result<Node, String> {
        let target = String::from_utf8_lossy(&file.link_name);
        let missing =
            || format!("is a hard link to {target:?}, which is not in the layer before it");
        let prefixes = prefixes(&clean(&file.link_name));
        let (own, parents) = prefixes.split_last().ok_or_else(missing)?;
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

/// The hash of each path from the first component down to the whole, in one pass.
fn prefixes(path: &[&[u8]]) -> Vec<PathHash> {
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    path.iter()
        .map(|name| {
            hashers.each_mut().map(|hasher| {
                hasher.write(name);
                hasher.write_u8(b'/');
                hasher.finish()
            })
        })
        .collect()
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
