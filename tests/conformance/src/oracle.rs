//! The oracle process: one JSON request per line in, one JSON answer per line out.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Names the oracle's binary; `cargo xtask test` builds it and sets this.
pub const ORACLE_VARIABLE: &str = "SOCI_ORACLE";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OracleError {
    /// The reference gave an error: for many tests that is the answer.
    #[error("the reference refused: {0}")]
    Refused(String),
    /// Nobody said where the oracle is.
    #[error(
        "{ORACLE_VARIABLE} is not set: run the tests with `cargo xtask test`, which builds the oracle"
    )]
    NotBuilt,
    /// The oracle could not be started or went away.
    #[error("oracle {path}: {source}")]
    Process {
        /// Its binary.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The oracle answered something else than was asked.
    #[error("oracle: unexpected answer")]
    Answer(#[from] serde_json::Error),
}

impl OracleError {
    /// The reference's own words, if it was the reference that refused.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(words) => Some(words),
            _ => None,
        }
    }
}

/// A zTOC that the reference made.
#[derive(Clone, Debug, Deserialize)]
pub struct Made {
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
}

/// A path as the reference's daemon shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Node {
    /// Path from the root, in hex.
    pub path: String,
    /// `reg`, `dir`, `symlink`, `char`, `block`, `fifo`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes, for regular files.
    pub size: i64,
    /// SHA-256 of the content, for regular files that could be read.
    pub sha256: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// RFC 3339.
    pub mod_time: String,
    /// Target of a symbolic link, in hex.
    pub link: String,
    /// Extended attributes, both sides in hex.
    pub xattrs: BTreeMap<String, String>,
    /// Why the content could not be read.
    #[serde(default)]
    pub error: Option<String>,
}

/// What ends deflate blocks beside the compressor's own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Nothing.
    None,
    /// A sync flush every so many bytes.
    Sync(u32),
    /// A full flush every so many bytes.
    Full(u32),
}

/// One of the compressors inside the oracle.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// `go` or `zlib`.
    pub producer: &'static str,
    /// 0 to 9.
    pub level: u8,
    /// zlib's strategy: `default`, `fixed`, `huffman`, `rle`.
    pub strategy: &'static str,
    /// Flushes.
    pub flush: Flush,
}

/// What a conversion of an image is told.
#[derive(Clone, Copy, Debug)]
pub struct Conversion<'a> {
    /// Uncompressed bytes between checkpoints.
    pub span_size: u64,
    /// Smaller layers are left out.
    pub min_layer_size: u64,
    /// Build tool identifier.
    pub tool: &'a str,
    /// Only these platforms; all when empty.
    pub platforms: &'a [&'a str],
}

/// A running oracle; it ends when this is dropped.
#[derive(Debug)]
pub struct Oracle {
    path: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts the binary that `SOCI_ORACLE` names.
    pub fn start() -> Result<Self, OracleError> {
        let path = PathBuf::from(std::env::var_os(ORACLE_VARIABLE).ok_or(OracleError::NotBuilt)?);
        let failed = |source| OracleError::Process {
            path: path.clone(),
            source,
        };
        let mut child = Command::new(&path)
            .arg("serve")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::Error::other("no pipes")));
        };
        Ok(Self {
            path,
            child,
            stdin: Some(stdin),
            stdout: BufReader::new(stdout),
        })
    }

    /// Builds a zTOC with the reference.
    pub fn build(
        &mut self,
        layer: &Path,
        out: &Path,
        span: u64,
        tool: &str,
        algorithm: &str,
    ) -> Result<Made, OracleError> {
        self.ask(json!({"op": "build", "layer": layer, "out": out, "span": span, "tool": tool, "algorithm": algorithm}))
    }

    /// Everything that the reference's daemon shows of a layer through a zTOC, each regular file read to its end.
    pub fn read(&mut self, layer: &Path, ztoc: &Path) -> Result<Vec<Node>, OracleError> {
        Ok(self
            .ask::<Option<Vec<Node>>>(json!({"op": "read", "layer": layer, "ztoc": ztoc}))?
            .unwrap_or_default())
    }

    /// Size and SHA-256 of one file, read with the reference's zTOC library alone.
    pub fn extract(
        &mut self,
        layer: &Path,
        ztoc: &Path,
        name: &[u8],
    ) -> Result<Value, OracleError> {
        self.ask(json!({"op": "extract", "layer": layer, "ztoc": ztoc, "path": crate::source::hex(name)}))
    }

    /// What the reference understands of a zTOC.
    pub fn info(&mut self, ztoc: &Path) -> Result<Value, OracleError> {
        self.ask(json!({"op": "info", "ztoc": ztoc}))
    }

    /// Compresses a file with one of the oracle's own compressors.
    pub fn compress(
        &mut self,
        input: &Path,
        out: &Path,
        recipe: Recipe,
    ) -> Result<(), OracleError> {
        let (flush, every) = match recipe.flush {
            Flush::None => ("", 0),
            Flush::Sync(every) => ("sync", every),
            Flush::Full(every) => ("full", every),
        };
        let question = json!({
            "op": "compress", "layer": input, "out": out, "producer": recipe.producer, "level": recipe.level,
            "strategy": recipe.strategy, "flush": flush, "every": every,
        });
        self.ask::<Value>(question).map(|_| ())
    }

    /// Converts a layout into another with the reference's converter; the digest of the resulting image index.
    pub fn convert(
        &mut self,
        input: &Path,
        out: &Path,
        wish: &Conversion<'_>,
    ) -> Result<String, OracleError> {
        let made = self.image(input, out, wish, false)?;
        Ok(made.concat())
    }

    /// Makes SOCI indexes v1 as `soci create` does; their digests, one for each platform.
    pub fn create(
        &mut self,
        input: &Path,
        out: &Path,
        wish: &Conversion<'_>,
    ) -> Result<Vec<String>, OracleError> {
        self.image(input, out, wish, true)
    }

    fn image(
        &mut self,
        input: &Path,
        out: &Path,
        wish: &Conversion<'_>,
        v1: bool,
    ) -> Result<Vec<String>, OracleError> {
        #[derive(Deserialize)]
        struct Converted {
            digests: Vec<String>,
        }
        let question = json!({
            "op": "convert", "in": input, "out": out, "span": wish.span_size, "min_layer_size": wish.min_layer_size,
            "tool": wish.tool, "platforms": wish.platforms, "v1": v1,
        });
        self.ask::<Converted>(question).map(|made| made.digests)
    }

    fn ask<T: DeserializeOwned>(&mut self, question: Value) -> Result<T, OracleError> {
        let line = self
            .exchange(&question)
            .map_err(|source| OracleError::Process {
                path: self.path.clone(),
                source,
            })?;
        let mut answer: Value = serde_json::from_str(&line)?;
        match answer.get("error").and_then(Value::as_str) {
            Some(words) => Err(OracleError::Refused(words.to_owned())),
            None => Ok(serde_json::from_value(answer["ok"].take())?),
        }
    }

    fn exchange(&mut self, question: &Value) -> io::Result<String> {
        let stdin = self
            .stdin
            .as_mut()
            .ok_or_else(|| io::Error::other("already ended"))?;
        writeln!(stdin, "{question}")?;
        stdin.flush()?;
        let mut line = String::new();
        match self.stdout.read_line(&mut line)? {
            0 => Err(io::Error::other(
                "ended without an answer; its last words are on standard error",
            )),
            _ => Ok(line),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // The end of its input is its end.
        self.stdin = None;
        let _ = self.child.wait();
    }
}
