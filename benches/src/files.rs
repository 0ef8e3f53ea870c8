//! Packs real files of this machine, as an image build would pack them.
//!
//! Made-up data compresses unlike programs and libraries do, so layers are made from a sorted walk of a folder through GNU
//! tar and gzip, one member each. The same machine gives the same files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// Bytes handed from tar to gzip at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A file, folder or symbolic link that goes into a layer.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    /// Size of a file; folders and links count nothing.
    pub(crate) bytes: u64,
}

/// What a walk found.
#[derive(Debug)]
pub(crate) struct Found {
    /// In the order of their names, folders before what they hold.
    pub(crate) entries: Vec<Entry>,
    /// Whether there is nothing beyond these.
    pub(crate) all: bool,
}

/// The first entries below `root` whose files hold `wanted_bytes`.
pub(crate) fn first_files(root: &Path, wanted_bytes: u64) -> Result<Found> {
    first_files_where(root, wanted_bytes, &|_, _| true)
}

/// As [`first_files`], without the files that are not to be kept, by path and size.
pub(crate) fn first_files_where(
    root: &Path,
    wanted_bytes: u64,
    keep: &dyn Fn(&Path, u64) -> bool,
) -> Result<Found> {
    let mut walk = Walk {
        left_bytes: wanted_bytes,
        keep,
        entries: Vec::new(),
    };
    walk.folder(root)?;
    Ok(Found {
        entries: walk.entries,
        all: walk.left_bytes > 0,
    })
}

/// Entries until enough bytes are found.
struct Walk<'a> {
    left_bytes: u64,
    keep: &'a dyn Fn(&Path, u64) -> bool,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        let listed =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut paths = listed
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if self.left_bytes == 0 {
                break;
            }
            let kind = fs::symlink_metadata(&path)?;
            let packs =
                kind.is_file() && (self.keep)(&path, kind.len()) && File::open(&path).is_ok();
            let bytes = if packs { kind.len() } else { 0 };
            self.left_bytes = self.left_bytes.saturating_sub(bytes);
            if kind.is_dir() || kind.is_symlink() || packs {
                let path = path.clone();
                self.entries.push(Entry { path, bytes });
            }
            if kind.is_dir() {
                self.folder(&path)?;
            }
        }
        Ok(())
    }
}

/// Packs entries into a layer with `gzip -6` and gives back the SHA-256 of its tar: the layer's diff ID.
pub(crate) fn pack(entries: &[Entry], output: &Path) -> Result<[u8; 32]> {
    pack_at(entries, 6, output)
}

/// As [`pack`], at a level of gzip's from 1 to 9.
pub(crate) fn pack_at(entries: &[Entry], level: u8, output: &Path) -> Result<[u8; 32]> {
    let list = output.with_extension("names");
    write_names(entries, &list)?;
    let mut tar = tar(&list).spawn().context("cannot start tar")?;
    let mut archive = tar.stdout.take().context("tar has no output")?;
    let mut gzip = Command::new("gzip")
        .args([&format!("-{level}"), "-n"])
        .stdin(Stdio::piped())
        .stdout(File::create(output)?)
        .spawn()
        .context("cannot start gzip")?;
    let mut input = gzip.stdin.take().context("gzip has no input")?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = archive.read(&mut piece)?;
        if length == 0 {
            break;
        }
        hash.update(&piece[..length]);
        input
            .write_all(&piece[..length])
            .context("gzip ended early")?;
    }
    drop(input);
    let (tar, gzip) = (tar.wait()?, gzip.wait()?);
    ensure!(
        tar.success() && gzip.success(),
        "packing failed: tar {tar}, gzip {gzip}"
    );
    Ok(hash.finalize().into())
}

fn write_names(entries: &[Entry], list: &Path) -> Result<()> {
    let mut names = BufWriter::new(File::create(list)?);
    for entry in entries {
        let name = OsString::from(&entry.path);
        let name = name.as_bytes();
        // Relative to the root, as the entries of a layer are.
        names.write_all(name.strip_prefix(b"/").unwrap_or(name))?;
        names.write_all(b"\0")?;
    }
    Ok(names.flush()?)
}

fn tar(list: &Path) -> Command {
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--file=-",
        "--format=gnu",
        "--no-recursion",
        "--null",
        "--verbatim-files-from",
    ])
    .args(["--numeric-owner", "--directory=/"])
    .arg("--files-from")
    .arg(list)
    .env("LC_ALL", "C")
    .stdin(Stdio::null())
    .stdout(Stdio::piped());
    tar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_is_sorted_and_stops_when_it_has_enough() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let found = first_files(&source, 1).expect("the sources can be listed");
        assert_eq!(found.entries.len(), 1);
        assert_eq!(found.entries[0].path, source.join("disk.rs"));
        assert!(!found.all);

        let found = first_files(&source, u64::MAX).expect("the sources can be listed");
        assert!(found.entries.is_sorted_by_key(|entry| &entry.path) && found.entries.len() > 1);
        assert!(found.all);
    }
}
