//! What documents are about: two small layers, a config, and what a clean run makes of them; and documents written with words in place of
//! digests, which the fuzzer could not make right.
//!
//! An input is a list of documents, one on each line. In them stand for a digest: `@gzip` and `@tar` (layers), `@config`, `@ztoc` (of the gzip layer),
//! `@ytoc` (of the tar layer), and `@1` to `@9` (the document on that line, counted from 0, if it stands further down); and `#gzip` and so
//! on for a number of bytes.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use flate2::Compression;
use flate2::write::GzEncoder;
use soci_index::{IndexOptions, Inspection, Job, Report, Silent, inspect};
use soci_registry::{Digest, LayoutStore, Tag, Target};
use soci_ztoc::{BuildOptions, Builder, Built, SpanSize};
use tempfile::TempDir;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use super::shelf::Shelf;

/// Files in memory, where Linux keeps them: stores bring every file to the disk, and a disk is slow.
const MEMORY: &str = "/dev/shm";

/// Documents of an input.
const DOCUMENTS: usize = 8;

const CONFIG: &[u8] = br#"{"architecture":"arm64","os":"linux","variant":"v8","rootfs":{"type":"layers","diff_ids":[]}}"#;

/// A folder with the blobs, and a runtime: made anew for each input, so that none depends on another.
pub(super) struct Desk {
    folder: TempDir,
    runtime: Runtime,
}

impl Desk {
    pub(super) fn new() -> Desk {
        let folder = match Path::new(MEMORY).is_dir() {
            true => tempfile::Builder::new()
                .prefix("soci-fuzz-")
                .tempdir_in(MEMORY),
            false => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder can be made");
        let put = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("a file can be written");
        };
        put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        put("index.json", br#"{"manifests":[]}"#);
        fs::create_dir_all(folder.path().join("blobs/sha256")).expect("a folder can be made");
        for blob in blobs() {
            put(&format!("blobs/sha256/{}", blob.digest.hex()), &blob.bytes);
        }
        Desk {
            folder,
            runtime: RuntimeBuilder::new_current_thread()
                .build()
                .expect("a runtime can be made"),
        }
    }

    /// A shelf with these documents on it; the first, if it is a document at all, has the tag.
    pub(super) fn shelf(&self, input: &[u8], tag: &Tag) -> Option<Arc<Shelf>> {
        let shelf = self.empty_shelf();
        self.lay_down(&shelf, input, tag)?;
        Some(shelf)
    }

    /// A shelf with nothing but layers.
    pub(super) fn empty_shelf(&self) -> Arc<Shelf> {
        let layers = LayoutStore::open(self.folder.path()).expect("it was made so");
        Arc::new(Shelf::new(layers))
    }

    /// Puts documents on a shelf, the last one first, and the tag on the first.
    pub(super) fn lay_down(&self, shelf: &Shelf, input: &[u8], tag: &Tag) -> Option<Digest> {
        let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(DOCUMENTS).collect();
        let mut words: Vec<_> = blobs().iter().map(Blob::spelled).collect();
        let mut first = None;
        for (line, text) in lines.iter().enumerate().rev() {
            // Text that is none is for the parsers: words are looked for in text alone.
            let bytes = match std::str::from_utf8(text) {
                Ok(text) => replaced(text, &words).into_bytes(),
                Err(_) => text.to_vec(),
            };
            let digest = shelf.put(bytes.clone())?;
            words.push((
                line.to_string(),
                digest.to_string(),
                bytes.len().to_string(),
            ));
            first = Some(digest);
        }
        shelf.set_tag(tag, first?);
        first
    }

    pub(super) fn run(&self, shelf: &Arc<Shelf>, tag: &Tag) -> Report {
        let options = IndexOptions {
            min_layer_bytes: 100,
            span_size: span_size(),
            concurrency: NonZeroUsize::MIN,
            ..IndexOptions::default()
        };
        let job = Job {
            store: shelf.clone(),
            target: Target::Tag(tag.clone()),
            image: format!("q.io/app:{tag}"),
            repository: "q.io/app".to_owned(),
            options,
            progress: Arc::new(Silent),
        };
        self.runtime.block_on(job.run())
    }

    pub(super) fn inspect(&self, shelf: &Arc<Shelf>, tag: &Tag) -> Inspection {
        let target = Target::Tag(tag.clone());
        let inspection = inspect(&**shelf, &target, "q.io/app".to_owned());
        let inspection = self.runtime.block_on(inspection);
        inspection.expect("what a run left can be inspected")
    }

    /// Whether a blob lies beside the documents.
    pub(super) fn has_blob(&self, digest: &str) -> bool {
        let hex = digest.trim_start_matches("sha256:");
        self.folder.path().join("blobs/sha256").join(hex).is_file()
    }
}

/// A blob and the word that stands for it.
struct Blob {
    word: &'static str,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Blob {
    /// The word, the digest and the size, as they are written.
    fn spelled(&self) -> (String, String, String) {
        let (digest, bytes) = (self.digest.to_string(), self.bytes.len().to_string());
        (self.word.to_owned(), digest, bytes)
    }
}

/// The same ones for every input, so they are made once.
fn blobs() -> &'static [Blob] {
    static BLOBS: OnceLock<Vec<Blob>> = OnceLock::new();
    BLOBS.get_or_init(|| {
        let tar = archive();
        let gzip = gzip(&tar);
        let (ztoc, ytoc) = (ztoc(&gzip), ztoc(&tar));
        let words = ["gzip", "tar", "config", "ztoc", "ytoc"];
        let all = [gzip, tar, CONFIG.to_vec(), ztoc, ytoc];
        let blob = |(word, bytes): (_, Vec<u8>)| Blob {
            word,
            digest: Digest::of(&bytes),
            bytes,
        };
        words.into_iter().zip(all).map(blob).collect()
    })
}

fn replaced(text: &str, words: &[(String, String, String)]) -> String {
    let mut text = text.to_owned();
    for (word, digest, bytes) in words {
        text = text.replace(&format!("@{word}"), digest);
        text = text.replace(&format!("#{word}"), bytes);
    }
    text
}

fn span_size() -> SpanSize {
    SpanSize::from_bytes(1_000).expect("not zero")
}

fn archive() -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let content: Vec<u8> = (0..3_000_u32).map(|n| ((n * n) >> 5) as u8).collect();
    header.set_path("etc/file").expect("a short name");
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append(&header, &content[..]).expect("memory takes it");
    tar.into_inner().expect("memory takes it")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(bytes).expect("memory takes it");
    gzip.finish().expect("memory takes it")
}

/// The zTOC that a run makes.
fn ztoc(layer: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(BuildOptions {
        span_size: span_size(),
        ..BuildOptions::default()
    });
    builder.push(layer).expect("the layer is sound");
    let Ok(Built::Indexed { ztoc, .. }) = builder.finish() else {
        panic!("the layer can be indexed")
    };
    let encoded = ztoc.encode().expect("a small zTOC can be encoded");
    encoded.chunks().flatten().copied().collect()
}
