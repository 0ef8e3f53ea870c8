//! Layouts, the job that indexes in them, and the verification of what it made.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use soci_index::{
    Fault, Finding, IndexOptions, Job, Level, Report, Silent, Verification, VerifyOptions, verify,
};
use soci_registry::{LayoutStore, Store, Tag, Target};
use soci_testkit::image::{self, AMD64, ARM64, Image, Index, Layer, Shelf, media};
use soci_testkit::tar::{Archive, Header};
use soci_testkit::{content, gzip};
use soci_ztoc::{MultiMember, SpanSize};

/// Every level, the cheapest first.
pub(crate) const LEVELS: [Level; 3] = [Level::Structure, Level::Sample, Level::Full];

/// The tag of what indexing makes of `1`.
pub(crate) const OUTPUT: &str = "1-soci";

/// Entries of [`rich`], by what is of note.
pub(crate) mod entry {
    pub(crate) const ATTRIBUTED: usize = 1;
    pub(crate) const OWNED: usize = 2;
    pub(crate) const SYMLINK: usize = 3;
    pub(crate) const LAST: usize = 6;
}

/// A layer with an entry of most kinds, in spans that all copy from their windows.
pub(crate) fn rich() -> Layer {
    let archive = Archive::new()
        .dir("opt/")
        .pax(&[("SCHILY.xattr.user.note", b"abc")])
        .file("opt/attributed", b"some text")
        .entry(Header::ustar("opt/owned").uid(1_000).size(700), &[7; 700])
        .symlink("opt/link", "owned")
        .hardlink("opt/hard", "opt/owned")
        .file("opt/repeats", &content::random(9, 20_000).repeat(60))
        .file("opt/last", &content::mixed(10, 20_000))
        .finish();
    let layer = gzip::compress_flushing(&archive, 6, 9_000, gzip::Flush::Sync);
    Layer::new(media::GZIP, layer)
}

/// Two platforms: both with [`rich`] and a small layer; the first with two plain tars of one size, the second with an ordinary layer.
pub(crate) fn two_platforms() -> Image {
    let own = [
        vec![Layer::plain(1), Layer::plain(2)],
        vec![Layer::large(3)],
    ];
    let mut shelf = Shelf::new();
    let mut index = Index::oci();
    for (platform, own) in [AMD64, ARM64].into_iter().zip(own) {
        let manifest = image::Manifest::oci(platform).layer(rich());
        let manifest = own.into_iter().fold(manifest, image::Manifest::layer);
        let manifest = manifest.layer(Layer::small(4));
        index = index.child(manifest.shelve(&mut shelf).platform(platform));
    }
    let root = index.shelve(&mut shelf);
    shelf.image(root, "1")
}

/// Options under which the layers of the test kit are large and have several spans.
pub(crate) fn options() -> IndexOptions {
    let small = image::ImageOptions::default();
    IndexOptions {
        span_size: SpanSize::from_bytes(small.span_size).expect("a span size"),
        min_layer_bytes: small.min_layer_size,
        multi_member: MultiMember::Allow,
        concurrency: NonZeroUsize::MIN,
        ..IndexOptions::default()
    }
}

pub(crate) fn store(folder: &Path) -> Arc<dyn Store> {
    Arc::new(LayoutStore::open(folder).expect("a layout"))
}

pub(crate) fn tagged(tag: &str) -> Target {
    Target::Tag(Tag::in_layout(tag).expect("a tag"))
}

/// Indexes a tag of a layout.
pub(crate) async fn index(folder: &Path, tag: &str, options: IndexOptions) -> Report {
    let job = Job {
        store: store(folder),
        target: tagged(tag),
        image: tag.to_owned(),
        repository: "images".to_owned(),
        options,
        progress: Arc::new(Silent),
    };
    job.run().await
}

/// Verifies a tag of a layout.
pub(crate) async fn look(folder: &Path, tag: &str, level: Level) -> Verification {
    let options = VerifyOptions {
        level,
        ..VerifyOptions::default()
    };
    let (store, target) = (store(folder), tagged(tag));
    let verified = verify(&store, &target, tag.to_owned(), &options);
    verified.await.expect("it can be read")
}

/// Everything that was found.
pub(crate) fn findings(verification: &Verification) -> Vec<&Finding> {
    let platforms = verification.platforms.iter();
    let of_platforms = platforms.flat_map(|platform| &platform.findings);
    verification.findings.iter().chain(of_platforms).collect()
}

/// Everything that was found, as lines.
pub(crate) fn words(verification: &Verification) -> String {
    let lines: Vec<_> = findings(verification)
        .iter()
        .map(|finding| format!("{}: {finding}", finding.fault.as_str()))
        .collect();
    lines.join("\n")
}

/// Whether a fault is among what was found.
pub(crate) fn has(verification: &Verification, fault: impl Fn(&Fault) -> bool) -> bool {
    findings(verification)
        .iter()
        .any(|finding| fault(&finding.fault))
}
