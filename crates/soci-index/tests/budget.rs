//! Memory: zTOCs being built stay within the budget together, however well their layers compress.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soci_index::{IndexOptions, Job, Outcome, Progress, Report, SpanSize};
use soci_registry::{Digest, LayoutStore, Tag, Target};
use soci_testkit::gzip;
use soci_testkit::image::{AMD64, Layer, Manifest, Shelf, media};
use soci_testkit::tar::Archive;

/// Uncompressed bytes of a layer of zeros: a few KiB compressed, and 192 windows of 32 KiB, so 6 MiB, in its zTOC.
const ZEROS: usize = 24 << 20;
const SPAN_BYTES: u64 = 128 << 10;

fn zeros(name: &str) -> Layer {
    let archive = Archive::new().file(name, &vec![0; ZEROS]).finish();
    let layer = gzip::compress_flushing(&archive, 6, SPAN_BYTES as usize, gzip::Flush::Sync);
    Layer::new(media::GZIP, layer)
}

/// Counts how often layers are read.
#[derive(Default)]
struct Reads(AtomicUsize);

impl Progress for Reads {
    fn layer(&self, _: &Digest, _: u64) -> Box<dyn Fn(u64) + Send + Sync> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::new(|_| {})
    }
}

/// The outcome, and how many layers were read, each counted as often as it was.
async fn index(folder: &Path, budget_bytes: u64, concurrency: usize) -> (Report, usize) {
    let reads = Arc::new(Reads::default());
    let mut shelf = Shelf::new();
    let image = Manifest::oci(AMD64).layer(zeros("a")).layer(zeros("b"));
    let root = image.shelve(&mut shelf);
    let written = shelf.image(root, "1").write_layout(folder);
    written.expect("a layout can be written");
    let options = IndexOptions {
        span_size: SpanSize::from_bytes(SPAN_BYTES).expect("a span size"),
        min_layer_bytes: 0,
        memory_budget_bytes: budget_bytes,
        concurrency: NonZeroUsize::new(concurrency).expect("not 0"),
        ..IndexOptions::default()
    };
    let job = Job {
        store: Arc::new(LayoutStore::open(folder).expect("a layout")),
        target: Target::Tag(Tag::in_layout("1").expect("a tag")),
        image: "1".to_owned(),
        repository: "images".to_owned(),
        options,
        progress: Arc::clone(&reads) as _,
    };
    (job.run().await, reads.0.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_layer_whose_ztoc_is_larger_than_the_budget_is_too_large() {
    let folder = tempfile::tempdir().expect("a folder");
    let (report, _) = index(folder.path(), 2 << 20, 2).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.kind, Some("too-large"));
    assert_eq!(report.retryable, Some(false));
    let error = report.error.expect("words");
    assert!(error.contains("exceed the limit of 2097152"), "{error}");
}

/// Both layers begin with the share of 1 MiB that their sizes let expect, need 6, and only one at a time can have them.
#[tokio::test]
async fn layers_that_need_more_than_expected_wait_for_each_other() {
    let (narrow, wide) = (tempfile::tempdir(), tempfile::tempdir());
    let (narrow, reads) = index(narrow.expect("a folder").path(), 8 << 20, 8).await;
    assert_eq!(narrow.outcome, Outcome::Indexed, "{:?}", narrow.error);
    assert_eq!(reads, 4, "each is read again");
    let (wide, reads) = index(wide.expect("a folder").path(), 1 << 30, 1).await;
    assert_eq!(narrow.output, wide.output);
    assert_eq!(reads, 2);
}
