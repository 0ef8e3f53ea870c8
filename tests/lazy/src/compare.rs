//! Expected against seen: every difference, none forgiven.

use std::fmt;

use crate::tree::{Node, Nodes};

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: Vec<u8>,
    /// `missing`, `surplus`, `error`, `content`, or the attribute's name.
    pub what: &'static str,
    /// What was seen in place of what, for people.
    pub words: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        let path: String = path.escape_debug().take(200).collect();
        write!(f, "{path}: {} {}", self.what, self.words)
    }
}

/// Every name, kind, attribute and content that differs.
#[must_use]
pub fn differences(expected: &Nodes, seen: &Nodes) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, expected) in expected {
        match seen.get(path) {
            None => found.push(difference(path, "missing", String::new())),
            Some(seen) => node_differences(path, expected, seen, &mut found),
        }
    }
    for path in seen.keys().filter(|path| !expected.contains_key(*path)) {
        found.push(difference(path, "surplus", String::new()));
    }
    found
}

fn difference(path: &[u8], what: &'static str, words: String) -> Difference {
    let path = path.to_owned();
    Difference { path, what, words }
}

fn node_differences(path: &[u8], expected: &Node, seen: &Node, found: &mut Vec<Difference>) {
    if !seen.error.is_empty() {
        found.push(difference(path, "error", seen.error.clone()));
        return;
    }
    let mut check = |what, expected: String, seen: String| {
        if expected != seen {
            found.push(difference(path, what, format!("{seen}, not {expected}")));
        }
    };
    let pair = |a: &dyn fmt::Display, b: &dyn fmt::Display| format!("{a}/{b}");
    check("kind", expected.kind.clone(), seen.kind.clone());
    check(
        "mode",
        format!("{:o}", expected.mode),
        format!("{:o}", seen.mode),
    );
    check(
        "owner",
        pair(&expected.uid, &expected.gid),
        pair(&seen.uid, &seen.gid),
    );
    check(
        "time",
        pair(&expected.mtime_seconds, &expected.mtime_nanos),
        pair(&seen.mtime_seconds, &seen.mtime_nanos),
    );
    check(
        "device",
        pair(&expected.major, &expected.minor),
        pair(&seen.major, &seen.minor),
    );
    check("target", expected.link.clone(), seen.link.clone());
    check(
        "attributes",
        format!("{:?}", expected.xattrs),
        format!("{:?}", seen.xattrs),
    );
    if expected.kind == "file" {
        check("size", expected.size.to_string(), seen.size.to_string());
        check("content", expected.sha256.clone(), seen.sha256.clone());
    }
}

/// The regular files alone, by size and content, where no more is known; and whatever could not be read.
#[must_use]
pub fn regular_files_differ(expected: &Nodes, seen: &Nodes) -> Vec<Difference> {
    let is_known = |d: &Difference| match d.what {
        "missing" | "error" | "kind" | "size" | "content" => true,
        "surplus" => ["file", ""].contains(&&*seen[&d.path].kind),
        _ => false,
    };
    let mut found = differences(expected, seen);
    found.retain(is_known);
    found
}

/// Up to twenty of them, one a line.
#[must_use]
pub fn shown(differences: &[Difference]) -> String {
    let mut lines: Vec<String> = differences
        .iter()
        .take(20)
        .map(Difference::to_string)
        .collect();
    if differences.len() > lines.len() {
        lines.push(format!("and {} more", differences.len() - lines.len()));
    }
    lines.join("\n")
}
