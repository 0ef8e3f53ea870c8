//! The only place that writes to standard output and standard error, and the only one that writes
//! result files.

use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, iter};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, anyhow, ensure};
use clap::builder::styling::{AnsiColor, Style};
use indicatif::MultiProgress;
use serde::Serialize;

use crate::visible::visible;

/// The name under which standard output can be asked for.
const STDOUT: &str = "/dev/stdout";

/// All progress bars: they share standard error with everything else that is written there.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Where progress bars are added. Without a terminal they are not drawn.
pub(crate) fn bars() -> &'static MultiProgress {
    &BARS
}

/// Writes to standard error while the progress bars step aside.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// What a line on standard error begins with, if it is more than a note.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    Error,
    Warning,
}

impl Mark {
    /// The word and its colon, in clap's colours where standard error takes colours: on a terminal, unless `NO_COLOR` and its like say
    /// otherwise.
    pub(crate) fn shown(self) -> String {
        let (word, colour) = match self {
            Mark::Error => ("error:", AnsiColor::Red),
            Mark::Warning => ("warning:", AnsiColor::Yellow),
        };
        let style = match AutoStream::choice(&io::stderr()) {
            ColorChoice::Never => Style::new(),
            _ => colour.on_default().bold(),
        };
        format!("{style}{word}{style:#}")
    }
}

/// Prints an error with its causes as one line. Some tell their cause themselves, and it is not told twice.
pub(crate) fn error(error: &anyhow::Error) {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    marked(Mark::Error, &line);
}

/// Prints an error or a warning as one line.
pub(crate) fn marked(mark: Mark, text: &str) {
    line(&format!("{} {}", mark.shown(), visible(text)));
}

/// Prints something worth knowing that is not the result.
pub(crate) fn note(text: &str) {
    line(&visible(text));
}

fn line(text: &str) {
    // Where standard error takes nothing, the exit code still tells.
    let _ = aside(|| io::stderr().write_all(format!("{text}\n").as_bytes()));
}

/// Prints a result for people, in lines. What comes from elsewhere in them cannot command a terminal.
pub(crate) fn text(lines: &str) -> anyhow::Result<()> {
    let shown = lines.lines().flat_map(|line| [visible(line), "\n".into()]);
    bytes(shown.collect::<String>().as_bytes())
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

/// The kind of a failure to read or write a file, in the closed list of the product.
pub(crate) fn kind(error: &anyhow::Error) -> &'static str {
    let io = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(ErrorKind::NotFound) => "not-found",
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => "denied",
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => "quota",
        Some(_) => "transient",
        None => "configuration",
    }
}

/// Whether standard output was closed by its reader, as `head` does: nothing to complain about.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    })
}

/// Whether a path is a name of standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    [STDOUT, "/dev/fd/1", "/proc/self/fd/1"].contains(&&*path.to_string_lossy())
}

/// Refuses a path that no file can have, before any work is done. `option` is what it stands behind.
pub(crate) fn check_path(path: &Path, option: &str) -> anyhow::Result<()> {
    ensure!(
        path != Path::new("-"),
        "cannot write -: standard output is {option} {STDOUT}, and a file of this name {option} ./-"
    );
    ensure!(
        !path.is_dir(),
        "cannot write {}: it is a folder",
        path.display()
    );
    let folder = folder_of(path);
    ensure!(
        folder.is_dir(),
        "cannot write {}: there is no folder {}",
        path.display(),
        folder.display()
    );
    Ok(())
}

/// Refuses a path that leads to the input, under whatever name, before any work is done. `what` the input is.
pub(crate) fn check_other_than(
    input: &fs::Metadata,
    what: &str,
    path: &Path,
) -> anyhow::Result<()> {
    // A terminal or a socket may well be both.
    let is_input = input.is_file()
        && fs::metadata(path)
            .is_ok_and(|output| (output.dev(), output.ino()) == (input.dev(), input.ino()));
    ensure!(!is_input, "cannot write {}: it is {what}", path.display());
    Ok(())
}

/// Writes a file that appears whole or not at all: under another name first, then renamed.
pub(crate) fn file<'a>(
    path: &Path,
    mut pieces: impl Iterator<Item = &'a [u8]>,
) -> anyhow::Result<()> {
    if is_stdout(path) {
        // By its name, a file that it leads to would be replaced, with what others have written.
        return pieces.try_for_each(bytes);
    }
    write_file(path, pieces).with_context(|| format!("cannot write {}", path.display()))
}

fn write_file<'a>(path: &Path, mut pieces: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // A device or a pipe cannot be replaced by renaming. It is opened by the name given: what
        // the links under /proc lead to has none.
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        return Ok(pieces.try_for_each(|piece| file.write_all(piece))?);
    }
    let target = resolve(path)?;
    let folder = folder_of(&target);
    // Readable as any new file is; the process's umask takes away what it has to.
    let permissions = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(".soci-index-")
        .permissions(permissions)
        .tempfile_in(folder)
        // The error itself would name the temporary file.
        .map_err(|error| {
            anyhow!(
                "no file can be made in {}: {}",
                folder.display(),
                error.kind()
            )
        })?;
    pieces.try_for_each(|piece| file.write_all(piece))?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// A path that ends with a slash is a folder's own.
fn folder_of(path: &Path) -> &Path {
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return path;
    }
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
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
