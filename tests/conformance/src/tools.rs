//! Programs of the machine: the compressors that make layers in the world, and tar.
//!
//! They are compared as they are; `cargo xtask test` installs them. One that is missing is an error that names its package.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// It is not there.
    #[error(
        "{program} is missing: apt-get install {package}, or run the tests with `cargo xtask test`"
    )]
    Missing {
        /// Its name.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It failed.
    #[error("{program} failed: {words}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// Its words.
        words: String,
    },
    /// A file could not be opened.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A compressor with its arguments; it reads from standard input or a file and writes to standard output.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The program.
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// Arguments before the file's name.
    pub args: &'static [&'static str],
}

impl Tool {
    /// Compresses a file into another.
    pub fn compress(&self, input: &Path, output: &Path) -> Result<(), ToolError> {
        let mut command = Command::new(self.program);
        command.args(self.args).arg(input);
        run(command, self.program, self.package, Some(output))
    }
}

/// Packs a list of paths below the root directory with GNU tar.
pub fn tar(list: &Path, output: &Path, args: &[&str]) -> Result<(), ToolError> {
    let mut command = Command::new("tar");
    command
        .args([
            "--create",
            "--directory=/",
            "--no-recursion",
            "--null",
            "--verbatim-files-from",
        ])
        .args(args);
    command
        .arg(joined("--file=", output))
        .arg(joined("--files-from=", list));
    run(command, "tar", "tar", None)
}

fn joined(flag: &str, path: &Path) -> std::ffi::OsString {
    let mut whole = OsStr::new(flag).to_owned();
    whole.push(path);
    whole
}

fn run(
    mut command: Command,
    program: &'static str,
    package: &'static str,
    output: Option<&Path>,
) -> Result<(), ToolError> {
    if let Some(path) = output {
        let file = std::fs::File::create(path).map_err(|source| ToolError::File {
            path: path.to_owned(),
            source,
        })?;
        command.stdout(file);
    }
    let done = match command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|c| c.wait_with_output())
    {
        Ok(done) => done,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ToolError::Missing { program, package });
        }
        Err(error) => {
            return Err(ToolError::Failed {
                program,
                words: error.to_string(),
            });
        }
    };
    if done.status.success() {
        Ok(())
    } else {
        Err(ToolError::Failed {
            program,
            words: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        })
    }
}
