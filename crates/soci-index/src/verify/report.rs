//! What verifying gives: one verdict for each platform, and why.

use serde::{Serialize, Serializer};

use super::fault::Finding;
use super::level::Level;

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The image, as it was asked for.
    pub image: String,
    /// What its tag holds.
    pub digest: String,
    /// How much was looked at.
    pub level: Level,
    /// All verdicts together.
    pub verdict: Proof,
    /// The tag whose image this is, unchanged: there was nothing to index when it was passed through.
    pub unchanged_from: Option<String>,
    /// What is wrong with the list as a whole.
    pub findings: Vec<Finding>,
    /// Its platforms that were asked for.
    pub platforms: Vec<PlatformVerdict>,
}

/// What became of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformVerdict {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Digest of its manifest.
    pub manifest: String,
    /// The verdict.
    pub verdict: Proof,
    /// Layers that its manifest lists; 0 if it could not be read.
    pub layers: usize,
    /// The SOCI indexes that consumers find for it.
    pub indexes: Vec<VerifiedIndex>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// A SOCI index that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedIndex {
    /// Its digest.
    pub digest: String,
    /// `v2` or `v1`.
    pub format: &'static str,
    /// Its zTOCs that were looked into, in order.
    pub ztocs: Vec<VerifiedZtoc>,
}

/// A zTOC that was looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedZtoc {
    /// Its layer's digest.
    pub layer: String,
    /// Its layer's size in bytes.
    pub layer_size: u64,
    /// Its own digest.
    pub digest: String,
    /// Spans that it has; 0 if it could not be read.
    pub spans: usize,
    /// Spans that were held against the layer.
    pub checked_spans: usize,
    /// Entries that it has; 0 if it could not be read.
    pub files: usize,
    /// Entries whose headers were read in the layer and compared.
    pub checked_files: usize,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Everything looked at is right.
    Proven,
    /// Something is wrong.
    NotProven,
    /// There is no SOCI index.
    NoIndex,
}

impl Proof {
    /// As it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Proven => "proven",
            Proof::NotProven => "not-proven",
            Proof::NoIndex => "no-index",
        }
    }

    /// Of several: one that is wrong spoils all; one that is proven is enough where others have nothing to prove.
    pub(super) fn of_all(verdicts: impl Iterator<Item = Proof> + Clone) -> Proof {
        let has = |wanted| verdicts.clone().any(|verdict| verdict == wanted);
        if has(Proof::NotProven) {
            Proof::NotProven
        } else if has(Proof::Proven) {
            Proof::Proven
        } else {
            Proof::NoIndex
        }
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
