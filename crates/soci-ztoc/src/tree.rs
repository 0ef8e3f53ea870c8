//! The file tree that consumers grow from a zTOC, and the layers for which it comes out wrong.
//!
//! soci-snapshotter v0.15.0 builds a layer's tree from the zTOC's entries alone, one by one, and does not build it quite as an
//! unpacker would. Where the two trees differ, containers would miss files or see others than the image has, or the
//! zTOC would be refused as a whole; such layers are better left out. Each rule here is a row of `docs/decisions/odd-layers.md`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::consumer::Unserved;
use crate::error::{NotIndexable, Reason};
use crate::limits::{self, Limits};
use crate::model::{FileKind, FileMetadata};
use crate::tar::extended_attributes;

/// Bytes of the longest key of bbolt, the store in which soci-snapshotter keeps names.
pub(crate) const STORE_KEY_BYTES: usize = 32_768;

/// A file or directory in the tree.
type NodeId = usize;

const ROOT: NodeId = 0;

struct Node<'a> {
    is_directory: bool,
    /// It has more names than one.
    is_linked: bool,
    /// The entry that made it; none for a parent that no entry mentions.
    entry: Option<&'a FileMetadata>,
}

/// The tree as soci-snapshotter grows it: names are cleaned, missing parents are made, a later entry of the same name replaces an
/// earlier one – but a directory takes over whatever node has its name.
struct Tree<'a> {
    children: HashMap<(NodeId, &'a [u8]), NodeId>,
    nodes: Vec<Node<'a>>,
}

/// Checks that consumers see the tree that the archive means.
pub(crate) fn check(files: &[FileMetadata], limits: &Limits) -> Result<(), Unserved> {
    let mut tree = Tree {
        children: HashMap::new(),
        nodes: Vec::new(),
    };
    tree.new_node(true, None);
    for file in files {
        tree.add(file).map_err(|what| {
            let detail = format!("{:?} {what}", file.display_name());
            let offset = file.uncompressed_offset;
            Unserved::NotIndexable(NotIndexable::new(
                Reason::UnreadableMetadata,
                offset,
                detail,
            ))
        })?;
        // A single long path makes a node of each of its components.
        let limit = limits.memory_bytes as u64;
        limits::check("bytes of the file tree", tree.memory_bytes(), limit)
            .map_err(Unserved::Limit)?;
    }
    Ok(())
}

impl<'a> Tree<'a> {
    fn add(&mut self, file: &'a FileMetadata) -> Result<(), String> {
        let path = clean(&file.name);
        if path.iter().any(|name| name.len() > STORE_KEY_BYTES) {
            return Err(format!("has a name of more than {STORE_KEY_BYTES} bytes"));
        }
        let node = match file.kind {
            FileKind::HardLink => self.link_target(file)?,
            FileKind::Directory => match self.find(&path) {
                Some(existing) => self.take_over(existing, file)?,
                None => self.new_node(true, Some(file)),
            },
            _ => self.new_node(false, Some(file)),
        };
        let Some((name, parents)) = path.split_last() else {
            return Ok(());
        };
        let parent = self.find_or_make(parents)?;
        self.children.insert((parent, name), node);
        Ok(())
    }

    fn link_target(&mut self, file: &FileMetadata) -> Result<NodeId, String> {
        let target = String::from_utf8_lossy(&file.link_name);
        match self.find(&clean(&file.link_name)) {
            None => Err(format!(
                "is a hard link to {target:?}, which is not in the layer before it"
            )),
            Some(node) if self.nodes[node].is_directory => Err(format!(
                "is a hard link to {target:?}, which is a directory"
            )),
            Some(node) => {
                self.nodes[node].is_linked = true;
                Ok(node)
            }
        }
    }

    /// A directory's entry overwrites the node of its name, but only with what is not zero.
    fn take_over(&mut self, id: NodeId, file: &'a FileMetadata) -> Result<NodeId, String> {
        let node = &mut self.nodes[id];
        if node.is_linked {
            return Err("is a directory in place of a file that has another name too".to_owned());
        }
        if node.entry.is_some_and(|before| leaves_traces(before, file)) {
            return Err(
                "takes the place of an entry whose owner or attributes consumers would keep"
                    .to_owned(),
            );
        }
        *node = Node {
            is_directory: true,
            is_linked: false,
            entry: Some(file),
        };
        Ok(id)
    }

    fn find(&self, path: &[&[u8]]) -> Option<NodeId> {
        path.iter().try_fold(ROOT, |node, name| {
            self.children.get(&(node, *name)).copied()
        })
    }

    fn find_or_make(&mut self, path: &[&'a [u8]]) -> Result<NodeId, String> {
        let mut parent = ROOT;
        for name in path {
            let next = self.nodes.len();
            parent = match self.children.entry((parent, name)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    self.nodes.push(Node {
                        is_directory: true,
                        is_linked: false,
                        entry: None,
                    });
                    *place.insert(next)
                }
            };
            if !self.nodes[parent].is_directory {
                return Err(format!(
                    "lies below {:?}, which is no directory",
                    String::from_utf8_lossy(name)
                ));
            }
        }
        Ok(parent)
    }

    /// Nodes, and the entries of a hash table that is at least half full.
    fn memory_bytes(&self) -> u64 {
        let node = size_of::<Node<'_>>() + 2 * size_of::<((NodeId, &[u8]), NodeId)>();
        (self.nodes.len() * node) as u64
    }

    fn new_node(&mut self, is_directory: bool, entry: Option<&'a FileMetadata>) -> NodeId {
        self.nodes.push(Node {
            is_directory,
            is_linked: false,
            entry,
        });
        self.nodes.len() - 1
    }
}

fn leaves_traces(before: &FileMetadata, file: &FileMetadata) -> bool {
    let id_stays = |before: u32, now: u32| before != 0 && now == 0;
    let attributes = extended_attributes(before).count() > 0
        && !extended_attributes(before).eq(extended_attributes(file));
    id_stays(before.uid, file.uid) || id_stays(before.gid, file.gid) || attributes
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
