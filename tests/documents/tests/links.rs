//! Links within the repository lead somewhere, and nothing public leads to what only we can see.

use std::path::{Component, Path, PathBuf};

use soci_documents::{Page, pages, root};

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut broken = Vec::new();
    let mut checked = 0;
    for page in pages() {
        for link in page.links() {
            if link.to.contains("://") || link.to.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            if let Err(why) = follow(&page, &link.to) {
                broken.push(format!("{}:{}: {why}", page.path.display(), link.line));
            }
        }
    }
    assert!(checked > 50, "only {checked} links were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn follow(page: &Page, to: &str) -> Result<(), String> {
    let (path, anchor) = match to.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (to, None),
    };
    let path = match path {
        "" => page.path.clone(),
        _ => plain(&page.path.parent().unwrap_or(Path::new("")).join(path))
            .ok_or_else(|| format!("{to} leads out of the repository"))?,
    };
    let full = root().join(&path);
    if !full.exists() {
        return Err(format!(
            "{to} leads to {}, which is not there",
            path.display()
        ));
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let anchors = Page::read(&path).anchors();
    match anchors.iter().any(|one| one == anchor) {
        true => Ok(()),
        false => Err(format!(
            "{to}: no heading gives #{anchor}; there are {anchors:?}"
        )),
    }
}

/// The path without `..`; nothing if it leads out of the root.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !plain.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            part => plain.push(part),
        }
    }
    Some(plain)
}

#[test]
fn every_guide_is_in_the_index() {
    let index = Page::read(Path::new("docs/README.md"));
    let listed: Vec<_> = index.links().into_iter().map(|link| link.to).collect();
    let guides = pages().into_iter().filter(|page| {
        page.path.parent() == Some(Path::new("docs")) && !page.path.ends_with("README.md")
    });
    for guide in guides {
        let name = guide.path.file_name().unwrap_or_default().to_string_lossy();
        assert!(
            listed.iter().any(|one| *one == name),
            "{name} is not in docs/README.md"
        );
    }
}

#[test]
fn blocks_of_json_are_json() {
    for page in pages() {
        for block in page.blocks() {
            if block.language.as_deref() == Some("json") {
                let read: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
                let at = format!("{}:{}", page.path.display(), block.line);
                read.unwrap_or_else(|error| panic!("{at}: {error}"));
            }
        }
    }
}
