//! The licences of everybody's code in what is shipped, in their own words: their authors ask for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

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

/// Folders within folders of a package that are looked into: code that a crate took over has its licence beside it.
const MOST_DEPTH: usize = 4;

/// What no crate brings, and what it is under.
const BESIDE_CRATES: &str = "\
Rust's standard library: MIT OR Apache-2.0, https://github.com/rust-lang/rust
GNU C Library, in the static programs only: LGPL-2.1-or-later, https://www.gnu.org/software/libc/; to link another one, build them again
from the source of this release: `cargo xtask release build`.
Mozilla's certificate authorities, in the image only: CDLA-Permissive-2.0, https://github.com/rustls/webpki-roots
";

/// The list of crates, and each text once, with the crates that bring it.
pub(super) fn document(crates: &[Crate]) -> Result<Vec<u8>> {
    let mut document = format!(
        "Code of others in SOCI Index Builder, each with its licence.\n\n{BESIDE_CRATES}\n"
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in crates {
        let own = format!("{} {}", one.name, one.version);
        let mut found = Vec::new();
        texts_of(&one.folder, MOST_DEPTH, &mut found)?;
        document.push_str(&format!("{own}: {}\n", one.licence));
        let found = match found.is_empty() {
            true => vec![standard_text(one)?],
            false => found,
        };
        for text in found {
            texts.entry(text).or_default().push(own.clone());
        }
    }
    for (text, owners) in texts {
        document.push_str(&format!("\n{RULE}\n{}\n\n{text}\n", owners.join(", ")));
    }
    Ok(document.into_bytes())
}

/// What stands for the text of a package that has none: its licence's own words, with the authors that it names.
fn standard_text(one: &Crate) -> Result<String> {
    let has = |licence: &str| {
        one.licence
            .split([' ', '/', '(', ')'])
            .any(|word| word == licence)
    };
    if has("Apache-2.0") {
        return Ok(include_str!("../../../LICENSE").trim().to_owned());
    }
    ensure!(
        has("MIT"),
        "{} {} has no text of its licence {}, and none is known here",
        one.name,
        one.version,
        one.licence
    );
    let authors = match one.authors.is_empty() {
        true => format!("the authors of {}", one.name),
        false => one.authors.join(", "),
    };
    Ok(format!(
        "Copyright (c) {authors}\n\n{}",
        include_str!("mit.txt").trim()
    ))
}

/// The texts in a folder, and in those within it.
fn texts_of(folder: &Path, depth: usize, texts: &mut Vec<String>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let file = path.symlink_metadata()?;
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_uppercase();
        let is_licence = BEGINNINGS.iter().any(|begin| name.starts_with(begin));
        if file.is_dir() && depth > 0 {
            texts_of(&path, depth - 1, texts)?;
        } else if file.is_file() && file.len() <= MOST_BYTES && is_licence {
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            texts.push(text.trim().to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::crates::tests::of_this_workspace;
    use super::*;

    #[test]
    fn each_crate_is_named_and_texts_stand_once() {
        let crates = of_this_workspace().crates;
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
        // What ring took over has a licence of its own, further down.
        assert!(
            text.contains("Fiat") || text.contains("fiat"),
            "ring's parts"
        );
        let only_apache = crates.iter().find(|one| one.licence == "Apache-2.0");
        let text = standard_text(only_apache.expect("there is one")).expect("it is known");
        assert!(text.contains("Apache License"), "{text}");
    }
}
