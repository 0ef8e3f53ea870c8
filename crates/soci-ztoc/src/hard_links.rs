//! Hard links that consumers can follow.
//!
//! soci-snapshotter builds a layer's file tree from the zTOC alone, entry by entry. A hard link
//! whose target is not there yet makes it refuse the whole zTOC; one that names a directory gives a
//! tree without end. Either way the layer is better left out.

use std::collections::HashMap;

use crate::error::{NotIndexable, Reason};
use crate::model::{FileKind, FileMetadata};

/// A file or directory in the tree.
type NodeId = usize;

const ROOT: NodeId = 0;

/// The tree as soci-snapshotter v0.15.0 grows it: names are cleaned, missing parents are made, a
/// later entry of the same name replaces an earlier one.
struct Tree<'a> {
    children: HashMap<(NodeId, &'a [u8]), NodeId>,
    is_directory: Vec<bool>,
}

/// Checks that every hard link's target stands before it and is no directory.
pub(crate) fn check(files: &[FileMetadata]) -> Result<(), NotIndexable> {
    if !files.iter().any(|file| file.kind == FileKind::HardLink) {
        return Ok(());
    }
    let mut tree = Tree {
        children: HashMap::new(),
        is_directory: vec![true],
    };
    for file in files {
        tree.add(file).map_err(|what| {
            let detail = format!(
                "hard link {:?} leads to {:?}, which {what}",
                file.display_name(),
                String::from_utf8_lossy(&file.link_name)
            );
            NotIndexable::new(Reason::UnreadableMetadata, file.uncompressed_offset, detail)
        })?;
    }
    Ok(())
}

impl<'a> Tree<'a> {
    fn add(&mut self, file: &'a FileMetadata) -> Result<(), &'static str> {
        let path = clean(&file.name);
        let existing = self.find(&path);
        let node = match (file.kind, existing) {
            (FileKind::HardLink, _) => match self.find(&clean(&file.link_name)) {
                None => return Err("is not in the layer before it"),
                Some(target) if self.is_directory[target] => return Err("is a directory"),
                Some(target) => target,
            },
            (FileKind::Directory, Some(node)) => {
                self.is_directory[node] = true;
                node
            }
            (kind, _) => self.new_node(kind == FileKind::Directory),
        };
        if let Some((name, parents)) = path.split_last() {
            let parent = self.find_or_make(parents);
            self.children.insert((parent, name), node);
        }
        Ok(())
    }

    fn find(&self, path: &[&[u8]]) -> Option<NodeId> {
        path.iter().try_fold(ROOT, |node, name| {
            self.children.get(&(node, *name)).copied()
        })
    }

    fn find_or_make(&mut self, path: &[&'a [u8]]) -> NodeId {
        path.iter()
            .fold(ROOT, |node, name| match self.children.get(&(node, *name)) {
                Some(child) => *child,
                None => {
                    let child = self.new_node(true);
                    self.children.insert((node, name), child);
                    child
                }
            })
    }

    fn new_node(&mut self, is_directory: bool) -> NodeId {
        self.is_directory.push(is_directory);
        self.is_directory.len() - 1
    }
}

/// The components of a path from the layer's root, without `.` and with `..` resolved: the form in
/// which consumers find files.
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
