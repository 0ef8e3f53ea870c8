//! What the tests of the command line share: a folder to work in, runs of the program, and small layers.
#![allow(dead_code)] // reason: each test file uses its own part

use std::path::{Path, PathBuf};
use std::process::Child;
use std::{fs, str};

use assert_cmd::Command;
use soci_testkit::image::{Descriptor, Manifest, Shelf};
use soci_testkit::{content, gzip, tar};
use tempfile::TempDir;

/// A folder of its own for each test.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("a file can be written");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file can be read")
    }

    /// What is in the folder, hidden files included.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names_in(".")
    }

    /// What is in a folder of it.
    pub(crate) fn names_in(&self, folder: &str) -> Vec<String> {
        let folder = fs::read_dir(self.path(folder)).expect("the folder");
        let mut names: Vec<_> = folder
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// The program in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_soci-index"));
        command.current_dir(self.0.path()).args(args);
        command
    }

    /// Runs `soci-index ztoc …` in this folder.
    pub(crate) fn ztoc(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(&[&["ztoc"], args].concat()))
    }

    /// Makes a zTOC that must come out.
    pub(crate) fn index(&self, layer: &str, ztoc: &str, span_bytes: u64) {
        let span_bytes = span_bytes.to_string();
        self.ztoc(&["create", layer, "-o", ztoc, "--span-size", &span_bytes])
            .with_code(0);
    }
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs it. Whatever happens, nobody wants to see a panic.
    pub(crate) fn of(command: &mut Command) -> Ended {
        let output = command.output().expect("the program runs");
        let stderr = String::from_utf8(output.stderr).expect("messages are text");
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ended {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }

    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// Failed with exactly this line, and nothing on standard output.
    #[track_caller]
    pub(crate) fn failed_with(self, line: &str) {
        let ended = self.with_code(1);
        assert_eq!(ended.stderr, format!("error: {line}\n"));
        assert!(ended.stdout.is_empty());
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).expect("the result is text")
    }
}

/// A layer with a bit of everything, and its archive.
pub(crate) fn archive() -> Vec<u8> {
    tar::Archive::new()
        .dir("./etc/")
        .file("./etc/motd", b"hello\n")
        .file("./etc/empty", b"")
        .symlink("./etc/link", "motd")
        .hardlink("./etc/hard", "./etc/motd")
        .file("big", &big())
        .finish()
}

/// Content that does not compress, so that there are several blocks.
pub(crate) fn big() -> Vec<u8> {
    content::random(1, 300_000)
}

/// [`archive`] as a gzip layer.
pub(crate) fn layer() -> Vec<u8> {
    gzip::compress(&archive(), 6)
}

/// Writes an OCI layout into a folder of the desk, in which the image has this tag.
pub(crate) fn shelve(desk: &Desk, folder: &str, tag: &str, manifest: &Manifest) {
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    place(desk, folder, tag, shelf, root);
}

/// The same with what is on a shelf already.
pub(crate) fn place(desk: &Desk, folder: &str, tag: &str, shelf: Shelf, root: Descriptor) {
    let image = shelf.image(root, tag);
    image
        .write_layout(&desk.path(folder))
        .expect("a layout can be written");
}

/// Sends a signal to a program that was started and not waited for.
#[track_caller]
pub(crate) fn send(signal: &str, child: &Child) {
    let sent = std::process::Command::new("kill")
        .args([format!("-{signal}"), child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Exists, as a file or as anything else.
pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
