//! What is in a layer: as an archive, and as what somebody who reads it has to see.
//!
//! The digest of a file is taken of the bytes that go into the archive, by other code than reads them later.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use soci_testkit::tar::{Archive, Header};

/// Bytes that a name in a plain tar header may have.
const NAME_BYTES: usize = 100;

/// Marks a name of a lower layer as deleted.
const WHITEOUT: &[u8] = b".wh.";
/// Marks a directory as not continuing that of a lower layer.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a reader sees of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// `file`, `dir`, `symlink`, `char`, `block`, `fifo`.
    pub kind: String,
    /// Permissions and the three bits above them.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime_seconds: i64,
    /// Nanoseconds behind them.
    pub mtime_nanos: u32,
    /// Device number's upper part.
    pub major: u64,
    /// Device number's lower part.
    pub minor: u64,
    /// Target of a symbolic link, hexadecimal.
    pub link: String,
    /// Extended attributes, values hexadecimal.
    pub xattrs: BTreeMap<String, String>,
    /// SHA-256 of a file's contents, hexadecimal.
    pub sha256: String,
    /// Why it could not be read; empty when it could.
    pub error: String,
}

impl Node {
    /// A node of root's, from November 2023.
    #[must_use]
    pub fn new(kind: &str, mode: u32) -> Node {
        Node {
            kind: kind.to_owned(),
            mode,
            mtime_seconds: 1_700_000_000,
            ..Node::default()
        }
    }
}

/// Nodes by path, without a leading slash.
pub type Nodes = BTreeMap<Vec<u8>, Node>;

/// A layer under construction: its archive and its nodes, in the archive's order.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    archive: Archive,
    nodes: Vec<(Vec<u8>, Node)>,
}

impl Tree {
    /// An empty layer.
    #[must_use]
    pub fn new() -> Tree {
        Tree::default()
    }

    /// Bytes of the archive so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.archive.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A regular file.
    #[must_use]
    pub fn file(self, path: impl AsRef<[u8]>, node: Node, content: &[u8]) -> Tree {
        let node = Node {
            size: content.len() as u64,
            sha256: hex(&Sha256::digest(content)),
            ..node
        };
        self.entry(path.as_ref(), b'0', b"", node, content)
    }

    /// A directory.
    #[must_use]
    pub fn dir(self, path: impl AsRef<[u8]>, node: Node) -> Tree {
        self.entry(path.as_ref(), b'5', b"", node, b"")
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<[u8]>, node: Node, target: impl AsRef<[u8]>) -> Tree {
        let target = target.as_ref();
        let node = Node {
            link: hex(target),
            ..node
        };
        self.entry(path.as_ref(), b'2', target, node, b"")
    }

    /// Another name for a file that is in this layer already.
    #[must_use]
    pub fn hard_link(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Tree {
        let target = target.as_ref();
        let of_target = self.nodes.iter().rev().find(|(path, _)| path == target);
        let (_, node) = of_target.expect("the target comes before the link").clone();
        self.entry(path.as_ref(), b'1', target, node, b"")
    }

    /// A device or a pipe; kind and numbers are in the node.
    #[must_use]
    pub fn special(self, path: impl AsRef<[u8]>, node: Node) -> Tree {
        let flag = match &*node.kind {
            "char" => b'3',
            "block" => b'4',
            _ => b'6',
        };
        self.entry(path.as_ref(), flag, b"", node, b"")
    }

    /// Deletes a name of a lower layer, or, with `.wh..opq` as the name, everything in its directory.
    #[must_use]
    pub fn whiteout(self, directory: &str, name: &str) -> Tree {
        let path = format!("{directory}/.wh.{name}");
        self.file(path, Node::new("file", 0o600), b"")
    }

    /// The archive as it goes into the layer.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        self.archive.clone().finish()
    }

    fn entry(mut self, path: &[u8], flag: u8, link: &[u8], node: Node, content: &[u8]) -> Tree {
        let mut pax: Vec<(String, Vec<u8>)> = Vec::new();
        let name = if flag == b'5' {
            [path, b"/"].concat()
        } else {
            path.to_owned()
        };
        if name.len() > NAME_BYTES {
            pax.push(("path".into(), name.clone()));
        }
        if link.len() > NAME_BYTES {
            pax.push(("linkpath".into(), link.to_owned()));
        }
        if node.mtime_nanos > 0 {
            let time = format!("{}.{:09}", node.mtime_seconds, node.mtime_nanos);
            pax.push(("mtime".into(), time.into_bytes()));
        }
        for (name, value) in &node.xattrs {
            pax.push((format!("SCHILY.xattr.{name}"), unhex(value)));
        }
        if !pax.is_empty() {
            let records: Vec<(&str, &[u8])> = pax.iter().map(|(k, v)| (&**k, &**v)).collect();
            self.archive = self.archive.pax(&records);
        }
        let seconds = u64::try_from(node.mtime_seconds).expect("a time after 1970");
        let header = Header::ustar(&name)
            .kind(flag)
            .mode(node.mode.into())
            .uid(node.uid.into())
            .gid(node.gid.into())
            .mtime(seconds)
            .link(link)
            .device(node.major, node.minor);
        self.archive = self.archive.entry(header, content);
        self.nodes.push((path.to_owned(), node));
        self
    }
}

/// What a container of these layers sees, the lowest one first.
#[must_use]
pub fn union(layers: &[&Tree]) -> Nodes {
    let mut seen = Nodes::new();
    for layer in layers {
        // Deletions are about lower layers, whatever their place in the archive.
        for (path, _) in &layer.nodes {
            let (directory, name) = split(path);
            if name == OPAQUE {
                remove_below(&mut seen, directory);
            } else if let Some(deleted) = name.strip_prefix(WHITEOUT) {
                let path = [directory, b"/", deleted].concat();
                remove_below(&mut seen, &path);
                seen.remove(&path);
            }
        }
        for (path, node) in &layer.nodes {
            if split(path).1.starts_with(WHITEOUT) {
                continue;
            }
            if node.kind != "dir" {
                remove_below(&mut seen, path);
            }
            seen.insert(path.clone(), node.clone());
        }
    }
    seen
}

fn remove_below(seen: &mut Nodes, directory: &[u8]) {
    let prefix = [directory, b"/"].concat();
    seen.retain(|path, _| !path.starts_with(&prefix));
}

/// Directory and last name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hexadecimal.
#[must_use]
pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).expect("a hexadecimal digit") as u8;
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|&[a, b]| digit(a) << 4 | digit(b))
        .collect()
}
