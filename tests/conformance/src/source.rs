//! What a layer should hold, and how that compares with what the daemon shows.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::Node;

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Regular files and hard links by path (in hex), with the SHA-256 of their contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<String, String>);

impl Contents {
    /// Adds a file.
    pub fn add(&mut self, path: &[u8], content: &[u8]) {
        self.0.insert(hex(path), sha256(content));
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most about so many files, spread evenly, the first and the last among them: path in hex and SHA-256.
    pub fn sample(&self, count: usize) -> impl Iterator<Item = (&str, &str)> {
        let (last, step) = (
            self.len().saturating_sub(1),
            self.len().div_ceil(count.max(1)).max(1),
        );
        let chosen = move |i: usize| i.is_multiple_of(step) || i == last;
        self.0
            .iter()
            .enumerate()
            .filter(move |(i, _)| chosen(*i))
            .map(|(_, (path, sum))| (&**path, &**sum))
    }

    /// Where the daemon's view differs: files with errors, missing, surplus or of other content. Empty when all is right.
    pub fn differences(&self, shown: &[Node]) -> Vec<String> {
        let mut found = Vec::new();
        let mut left: BTreeMap<&str, &str> =
            self.0.iter().map(|(path, sum)| (&**path, &**sum)).collect();
        for node in shown.iter().filter(|n| n.kind == "reg") {
            let name = readable(&node.path);
            match (left.remove(&*node.path), &node.error) {
                (_, Some(error)) => found.push(format!("{name}: {error}")),
                (None, None) => found.push(format!("{name}: not in the source")),
                (Some(sum), None) if sum != node.sha256 => {
                    found.push(format!("{name}: other content"))
                }
                (Some(_), None) => {}
            }
        }
        found.extend(
            left.keys()
                .map(|path| format!("{}: not shown", readable(path))),
        );
        found
    }
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for Contents {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8])>>(files: I) -> Self {
        let mut contents = Self::default();
        files
            .into_iter()
            .for_each(|(path, content)| contents.add(path, content));
        contents
    }
}

/// The bytes of a path in hex.
pub fn unhex(path: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    path.as_bytes().chunks(2).filter_map(byte).collect()
}

/// A path in hex as text for messages.
pub fn readable(path: &str) -> String {
    let bytes = unhex(path);
    let mut text: String = String::from_utf8_lossy(&bytes).chars().take(80).collect();
    if text.len() < bytes.len() {
        text.push('…');
    }
    text
}
