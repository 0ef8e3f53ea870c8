//! What became of an image: one value, the only authority on outcomes, for people, scripts and metrics alike.

use serde::Serialize;

use crate::error::IndexError;
use crate::options::IndexFormat;

/// The outcome for one image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The image, as it was asked for.
    pub image: String,
    /// What its tag held, as far as that was found out.
    pub digest: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Nothing was done: what is told is what would become of it, as far as documents tell. Left out of JSON where it is not so.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// Why it was skipped.
    pub reason: Option<Reason>,
    /// What kind of failure it was.
    pub kind: Option<&'static str>,
    /// Whether the same call may succeed later.
    pub retryable: Option<bool>,
    /// The failure in words.
    pub error: Option<String>,
    /// The index's format.
    pub format: &'static str,
    /// Where the result lies. Nothing in the format v1, whose SOCI indexes are found by the image itself.
    pub output: Option<Output>,
    /// What was done for each platform.
    pub platforms: Vec<PlatformReport>,
    /// What else the image index lists that may hold images, and that is taken over as it is. Left out of JSON where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<LeftAlone>,
    /// Bytes moved.
    pub bytes: Bytes,
    /// How long it took.
    pub seconds: f64,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something was built and published.
    Indexed,
    /// The output already held the index of what the source holds.
    AlreadyIndexed,
    /// Nothing to do, by decision.
    Skipped,
    /// It did not succeed.
    Failed,
}

/// Why an image is skipped; the closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No filter names it.
    NotMatched,
    /// The event tells of something else than a push.
    IgnoredAction,
    /// It was made by indexing another image.
    OwnOutput,
    /// An artifact that is no container image.
    NotAnImage,
    /// It has no tag.
    Untagged,
    /// No layer can be indexed, or needs to be.
    NoEligibleLayers,
    /// It is smaller than the smallest size asked for.
    ImageTooSmall,
    /// All its layers are compressed with something that has no zTOC.
    UnsupportedCompression,
    /// It is in another format for lazy loading.
    AlreadyLazy,
}

/// Where the result lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Repository and tag, or digest.
    pub reference: String,
    /// Digest of the image index, or of the unchanged source. In a dry run it is not known of what would have to be built.
    pub digest: Option<String>,
}

/// One platform of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformReport {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Digest of its manifest in the result; where there is none, or none yet, in the source.
    pub manifest: String,
    /// Digest of its SOCI index, if it has one.
    pub index: Option<String>,
    /// Its layers, in order.
    pub layers: Vec<LayerReport>,
}

/// Something in an image index that is not looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftAlone {
    /// Its digest.
    pub manifest: String,
    /// The platform under which it is listed.
    pub platform: Option<String>,
    /// What it is: `nested-index`, an image index within the image index.
    pub reason: &'static str,
}

/// One layer of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerReport {
    /// The layer.
    pub digest: String,
    /// Its compressed size in bytes.
    pub size: u64,
    /// What became of it.
    pub outcome: LayerOutcome,
    /// Why it was skipped.
    pub reason: Option<&'static str>,
    /// Its zTOC.
    pub ztoc: Option<ZtocReport>,
}

/// What became of a layer. In a dry run, what is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerOutcome {
    /// Its zTOC was built.
    Indexed,
    /// Its zTOC was there.
    Reused,
    /// It has none, for the reason given.
    Skipped,
}

/// A zTOC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZtocReport {
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Entries of the archive.
    pub files: Option<usize>,
    /// Spans of the layer.
    pub spans: Option<usize>,
}

/// Bytes moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Bytes of layers fetched from where the image lives; documents are not counted.
    pub downloaded: u64,
    /// Bytes of zTOCs and manifests written there.
    pub uploaded: u64,
}

impl Report {
    /// The report of an image that could not even be looked for.
    #[must_use]
    pub fn failed(image: String, error: &IndexError) -> Report {
        Report {
            kind: Some(error.kind()),
            retryable: Some(error.is_transient()),
            error: Some(error.to_string()),
            ..Report::empty(image, Outcome::Failed)
        }
    }

    /// A report that says nothing but the outcome.
    #[must_use]
    pub fn empty(image: String, outcome: Outcome) -> Report {
        Report {
            image,
            digest: None,
            outcome,
            dry_run: false,
            reason: None,
            kind: None,
            retryable: None,
            error: None,
            format: IndexFormat::default().as_str(),
            output: None,
            platforms: Vec::new(),
            left_alone: Vec::new(),
            bytes: Bytes::default(),
            seconds: 0.0,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Outcome {
    /// The outcome as it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Indexed => "indexed",
            Outcome::AlreadyIndexed => "already-indexed",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failed",
        }
    }
}

impl Reason {
    /// The reason as it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NotMatched => "not-matched",
            Reason::IgnoredAction => "ignored-action",
            Reason::OwnOutput => "own-output",
            Reason::NotAnImage => "not-an-image",
            Reason::Untagged => "untagged",
            Reason::NoEligibleLayers => "no-eligible-layers",
            Reason::ImageTooSmall => "image-too-small",
            Reason::UnsupportedCompression => "unsupported-compression",
            Reason::AlreadyLazy => "already-lazy",
        }
    }
}
