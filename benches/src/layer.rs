//! Makes the default layer: real files of this machine, as an image build would pack them.
//!
//! Made-up data compresses unlike programs and libraries do, so the layer is a sorted walk of `/usr` through GNU tar
//! and `gzip -6`, one member. The same machine gives the same file; it is made once and kept.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Compressed size that the default layer reaches at least.
const LAYER_BYTES: u64 = 600_000_000;

/// Uncompressed bytes of the first try: what usually packs to a little more than [`LAYER_BYTES`].
const FIRST_TRY_BYTES: u64 = 2_200_000_000;

/// A try that came out too small says how much to add; more tries than this mean that something else is wrong.
const TRIES: u32 = 4;

/// The default layer below `work`, made if it is not there yet.
pub(crate) fn default_layer(work: &Path, say: &dyn Fn(&str)) -> Result<PathBuf> {
    let layer = work.join("usr-layer.tar.gz");
    if layer.is_file() {
        return Ok(layer);
    }
    let mut wanted_bytes = FIRST_TRY_BYTES;
    for _ in 0..TRIES {
        say(&format!(
            "packing {} MB of /usr with gzip -6, once",
            wanted_bytes / 1_000_000
        ));
        let all = pack(
            Path::new("/usr"),
            wanted_bytes,
            work,
            &layer.with_extension("part"),
        )?;
        let size = fs::metadata(layer.with_extension("part"))?.len();
        if size >= LAYER_BYTES {
            fs::rename(layer.with_extension("part"), &layer)?;
            return Ok(layer);
        }
        ensure!(
            !all,
            "/usr packs to only {size} bytes: give a layer with --layer"
        );
        // A twentieth more than the ratio says, because the files further on may pack better.
        wanted_bytes = wanted_bytes.saturating_mul(LAYER_BYTES * 21 / 20) / size.max(1);
    }
    bail!("no layer of {LAYER_BYTES} bytes after {TRIES} tries: give one with --layer")
}

/// Packs the first files of `root` that hold `wanted_bytes`; tells whether that was all of them.
fn pack(root: &Path, wanted_bytes: u64, work: &Path, output: &Path) -> Result<bool> {
    let mut walk = Walk {
        left_bytes: wanted_bytes,
        names: Vec::new(),
    };
    walk.folder(root)?;
    let list = work.join("usr-layer.names");
    let mut names = BufWriter::new(File::create(&list)?);
    for name in &walk.names {
        // Relative to the root, as the entries of a layer are.
        names.write_all(
            name.as_bytes()
                .strip_prefix(b"/")
                .unwrap_or(name.as_bytes()),
        )?;
        names.write_all(b"\0")?;
    }
    names.flush()?;
    tar_gzip(&list, output)?;
    Ok(walk.left_bytes > 0)
}

/// Sorted names of files, folders and symbolic links, until enough bytes are found.
struct Walk {
    left_bytes: u64,
    names: Vec<OsString>,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        let entries =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if self.left_bytes == 0 {
                break;
            }
            let kind = fs::symlink_metadata(&path)?;
            let packs = kind.is_file() && File::open(&path).is_ok();
            if kind.is_dir() || kind.is_symlink() || packs {
                self.names.push(path.clone().into_os_string());
            }
            if packs {
                self.left_bytes = self.left_bytes.saturating_sub(kind.len());
            }
            if kind.is_dir() {
                self.folder(&path)?;
            }
        }
        Ok(())
    }
}

fn tar_gzip(list: &Path, output: &Path) -> Result<()> {
    let mut tar = Command::new("tar")
        .args([
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
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start tar")?;
    let archive = tar.stdout.take().context("tar has no output")?;
    let gzip = Command::new("gzip")
        .args(["-6", "-n"])
        .stdin(archive)
        .stdout(File::create(output)?)
        .status();
    let gzip = gzip.context("cannot start gzip")?;
    let tar = tar.wait()?;
    ensure!(
        tar.success() && gzip.success(),
        "packing failed: tar {tar}, gzip {gzip}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_is_sorted_and_stops_when_it_has_enough() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut walk = Walk {
            left_bytes: 1,
            names: Vec::new(),
        };
        walk.folder(&source).expect("the sources can be listed");
        assert_eq!(walk.names, [source.join("layer.rs")]);

        let mut walk = Walk {
            left_bytes: u64::MAX,
            names: Vec::new(),
        };
        walk.folder(&source).expect("the sources can be listed");
        assert!(walk.names.is_sorted() && walk.names.len() > 1);
    }
}
