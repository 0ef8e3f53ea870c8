//! The licences of everybody's code in what is shipped, in their own words: their authors ask for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::crates::Crate;

/// The file.
pub(super) const NAME: &str = "THIRD-PARTY-LICENSES.txt";

/// How files with licences are called, in capitals.
const BEGINNINGS: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// Bytes of one such file.
const MOST_BYTES: u64 = 1 << 20;

/// A line between texts.
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// The list of crates, and each text once, with the crates that bring it.
pub(super) fn document(crates: &[Crate]) -> Result<Vec<u8>> {
    let mut document =
        "Code of others in SOCI Index Builder, each with its licence.\n\n".to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in crates {
        let own = format!("{} {}", one.name, one.version);
        let found = texts_of(&one.folder)?;
        let without = if found.is_empty() {
            " (its package has no text)"
        } else {
            ""
        };
        document.push_str(&format!("{own}: {}{without}\n", one.licence));
        for text in found {
            texts.entry(text).or_default().push(own.clone());
        }
    }
    for (text, owners) in texts {
        document.push_str(&format!("\n{RULE}\n{}\n\n{text}\n", owners.join(", ")));
    }
    Ok(document.into_bytes())
}

fn texts_of(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_short = entry.metadata()?.len() <= MOST_BYTES;
        if entry.path().is_file()
            && is_short
            && BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        Ok(text.trim().to_owned())
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::crates::tests::of_this_workspace;
    use super::*;

    #[test]
    fn each_crate_is_named_and_texts_stand_once() {
        let crates = of_this_workspace();
        let document = document(&crates).expect("it is written");
        let text = String::from_utf8(document).expect("it is text");
        for one in &crates {
            assert!(
                text.contains(&format!("{} {}: {}", one.name, one.version, one.licence)),
                "{}",
                one.name
            );
        }
        assert!(text.contains("Permission is hereby granted, free of charge"));
        let without = text.matches("has no text").count();
        assert!(
            without * 4 < crates.len(),
            "{without} of {} have no text",
            crates.len()
        );
    }
}
