//! The layers: the default one, and six of files that differ in what inflating them takes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::files::{self, Entry};
use crate::layer;
use crate::report::progress;

/// The layer that the comparison of one layer takes as well.
pub(super) const DEFAULT: &str = "default";

/// Uncompressed bytes of the other layers, at most.
const LAYER_BYTES: u64 = 150_000_000;

/// Uncompressed bytes that they have at least, so that a run takes a good part of a second.
const LEAST_BYTES: u64 = 40_000_000;

/// A small file has at most so many bytes.
const SMALL_BYTES: u64 = 4_096;

const TEXT: &[&str] = &[
    "c", "cc", "cpp", "css", "go", "h", "hpp", "html", "js", "json", "md", "pl", "pm", "py", "rs",
    "rst", "sh", "txt", "xml",
];

const COMPRESSED: &[&str] = &[
    "br", "bz2", "deb", "gif", "gz", "jar", "jpg", "png", "tgz", "webp", "whl", "woff2", "xz",
    "zip", "zst",
];

/// Whether a file of a size belongs to a kind.
type Belongs = fn(&Path, u64) -> bool;

/// Name, level of gzip, and what goes in.
const KINDS: [(&str, u8, Belongs); 6] = [
    ("text", 6, |path, _| has_extension(path, TEXT)),
    ("binaries", 6, |path, _| is_elf(path)),
    ("already compressed", 6, |path, _| {
        has_extension(path, COMPRESSED)
    }),
    ("many small files", 6, |_, bytes| bytes <= SMALL_BYTES),
    ("level 1", 1, |_, _| true),
    ("level 9", 9, |_, _| true),
];

/// Kind and file of each layer; those that are not there yet are made from the files of /usr.
pub(super) fn layers(work: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut layers = vec![(DEFAULT, layer::default_layer(work, &progress)?)];
    for (kind, level, belongs) in KINDS {
        let name = format!("inflate-{}.tar.gz", kind.replace(' ', "-"));
        let file = work.join(name);
        if !file.is_file() {
            make(kind, level, belongs, &file)?;
        }
        layers.push((kind, file));
    }
    Ok(layers)
}

fn make(kind: &str, level: u8, belongs: Belongs, file: &Path) -> Result<()> {
    progress(&format!(
        "packing files of /usr with gzip -{level}, once: {kind}"
    ));
    let found = files::first_files_where(Path::new("/usr"), LAYER_BYTES, &belongs)?;
    let bytes: u64 = found.entries.iter().map(|entry| entry.bytes).sum();
    ensure!(
        bytes >= LEAST_BYTES,
        "/usr has only {bytes} bytes for the layer of kind {kind}, {LEAST_BYTES} are wanted"
    );
    let files: Vec<Entry> = found
        .entries
        .into_iter()
        .filter(|entry| entry.bytes > 0)
        .collect();
    let part = file.with_extension("part");
    files::pack_at(&files, level, &part)?;
    fs::rename(&part, file).with_context(|| format!("cannot make {}", file.display()))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

/// Programs and libraries begin with ELF's magic number.
fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_tell_files_apart() {
        let this = std::env::current_exe().expect("the test is a program");
        assert!(is_elf(&this));
        assert!(!is_elf(Path::new(file!())));
        assert!(has_extension(Path::new("a/b.rs"), TEXT));
        assert!(!has_extension(Path::new("a/rs"), TEXT));
    }
}
