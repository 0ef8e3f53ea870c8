//! The only place that writes to standard output and standard error, and the only one that writes
//! result files.
#![allow(clippy::print_stdout, clippy::print_stderr)] // reason: this is where printing belongs

use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use anyhow::Context;
use serde::Serialize;

/// Prints an error with its causes as one line.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Prints something worth knowing that is not the result.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints a result as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    bytes(&[serde_json::to_string(value)?.as_bytes(), b"\n"].concat())
}

/// Prints a result as JSON for people to read.
pub(crate) fn pretty_json(value: &impl Serialize) -> anyhow::Result<()> {
    bytes(&[serde_json::to_string_pretty(value)?.as_bytes(), b"\n"].concat())
}

/// Prints a result as it is.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Whether standard output was closed by its reader, as `head` does: nothing to complain about.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    })
}

/// Writes a file that appears whole or not at all: under another name first, then renamed.
pub(crate) fn file<'a>(path: &Path, pieces: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<()> {
    write_file(path, pieces).with_context(|| format!("cannot write {}", path.display()))
}

fn write_file<'a>(path: &Path, mut pieces: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<()> {
    let target = resolve(path)?;
    if target.exists() && !target.is_file() {
        // A device or a pipe cannot be replaced by renaming.
        let mut file = fs::OpenOptions::new().write(true).open(&target)?;
        return Ok(pieces.try_for_each(|piece| file.write_all(piece))?);
    }
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Readable as any new file is; the process's umask takes away what it has to.
    let permissions = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(".soci-index-")
        .permissions(permissions)
        .tempfile_in(folder)?;
    pieces.try_for_each(|piece| file.write_all(piece))?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Follows symbolic links, so that the file they lead to is replaced and not the link.
fn resolve(path: &Path) -> anyhow::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let targets = iter::successors(Some(path.to_owned()), |path| {
        let target = fs::read_link(path).ok()?;
        Some(path.parent().unwrap_or(Path::new("")).join(target))
    });
    targets.take(MOST_LINKS).last().context("no file name")
}
