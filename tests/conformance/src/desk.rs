//! One comparison in all directions: bytes with bytes, their daemon through our zTOC, our reader through theirs.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::ours::{self, Ours};
use crate::source::Contents;
use crate::{Oracle, OracleError};

/// The build tool identifier of all comparisons; it is part of the bytes.
pub const TOOL: &str = "conformance";

/// How the reference's daemon tells that zlib found a stream damaged.
const DAMAGED: &str = "return code: -3";

/// How often a layer is read in which the daemon finds damage. Its code reads one byte behind a span that begins within a byte
/// (`extract_data_from_buffer` takes that byte from the front of the span, and not from its length). Where only one or two bits of
/// the span's last byte belong to the next block, whatever lies in memory behind it completes that block's header, and now and then
/// makes an invalid one. Damage that is in the layer is there every time.
const READS: usize = 4;

/// A layer and how to treat it.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// `gzip` or `uncompressed`, for the reference, which does not look for itself.
    pub algorithm: &'static str,
    /// Whether our builder may index several gzip members.
    pub allow_members: bool,
    /// Uncompressed bytes between checkpoints.
    pub span: u64,
    /// What a reader has to show.
    pub contents: &'a Contents,
}

/// A comparison in which everything agreed.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Spans of the zTOC.
    pub spans: usize,
    /// Files read through it.
    pub files: usize,
}

/// An oracle with a place for files.
#[derive(Debug)]
pub struct Desk {
    /// The running oracle.
    pub oracle: Oracle,
    dir: TempDir,
}

impl Desk {
    /// Starts an oracle.
    ///
    /// # Panics
    /// With what to do when there is none: a conformance test without its reference is red, not skipped.
    pub fn new() -> Self {
        let oracle = Oracle::start().unwrap_or_else(|error| panic!("{error}"));
        Self {
            oracle,
            dir: tempfile::tempdir().expect("a temporary directory can be made"),
        }
    }

    /// A path in this desk's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into this desk's directory.
    ///
    /// # Panics
    /// When the disk is full.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }

    /// The reference's zTOC of a layer.
    pub fn reference(
        &mut self,
        layer: &Path,
        span: u64,
        algorithm: &str,
    ) -> Result<Vec<u8>, OracleError> {
        let out = self.path("reference.ztoc");
        self.oracle.build(layer, &out, span, TOOL, algorithm)?;
        fs::read(&out).map_err(|source| OracleError::Process { path: out, source })
    }

    /// What the reference's daemon gets wrong when it reads a layer through a zTOC; empty when every file is right.
    pub fn daemon_differences(
        &mut self,
        layer: &Path,
        ztoc: &[u8],
        contents: &Contents,
    ) -> Vec<String> {
        let ztoc = self.write("read.ztoc", ztoc);
        let mut differences = Vec::new();
        for _ in 0..READS {
            differences = match self.oracle.read(layer, &ztoc) {
                Ok(shown) => contents.differences(&shown),
                Err(error) => vec![error.to_string()],
            };
            if !differences.iter().any(|found| found.ends_with(DAMAGED)) {
                break;
            }
        }
        differences
    }

    /// Compares in all directions; the error says everything that differs.
    pub fn compare(&mut self, layer: Layer<'_>) -> Result<Checked, String> {
        let path = self.write("layer", layer.bytes);
        let ours = match ours::build(layer.bytes, layer.span, TOOL, layer.allow_members) {
            Ours::Indexed(bytes) => bytes,
            other => return Err(format!("ours: {other:?}")),
        };
        let theirs = self
            .reference(&path, layer.span, layer.algorithm)
            .map_err(|e| e.to_string())?;
        let mut found = Vec::new();
        if ours != theirs {
            found.push(first_difference(&ours, &theirs));
        }
        found.extend(self.daemon_differences(&path, &ours, layer.contents));
        found.extend(ours::read_differences(layer.bytes, &theirs, layer.contents));
        if found.is_empty() {
            Ok(Checked {
                spans: ours::spans(&theirs)?,
                files: layer.contents.len(),
            })
        } else {
            found.truncate(5);
            Err(found.join("; "))
        }
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

fn first_difference(ours: &[u8], theirs: &[u8]) -> String {
    let at = ours
        .iter()
        .zip(theirs)
        .position(|(a, b)| a != b)
        .unwrap_or(ours.len().min(theirs.len()));
    format!(
        "zTOCs differ from byte {at} on; ours has {} bytes, theirs {}",
        ours.len(),
        theirs.len()
    )
}
