//! Why an image could not be indexed, and whether trying again may help.

use soci_registry::{Digest, Kind};
use soci_ztoc::BuildError;

use crate::document::InvalidDocument;
use crate::output_tag::InvalidOutputTag;

/// Why an image could not be indexed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Reading from or writing to where the image lives.
    #[error(transparent)]
    Store(#[from] soci_registry::Error),
    /// A manifest or index is not what it should be.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// An index lists too many manifests of images.
    #[error(
        "image index {digest} lists {found} manifests, at most {limit} are read; index one that lists fewer"
    )]
    TooManyManifests {
        /// The index.
        digest: Digest,
        /// Manifests it lists.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// An index and its manifests are too large together.
    #[error(
        "image index {digest} and its manifests have {found_bytes} bytes or more, at most {limit_bytes} are read; index one that lists fewer"
    )]
    DocumentsTooLarge {
        /// The index.
        digest: Digest,
        /// Bytes read when that was found.
        found_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The result's image index would be too large, which can be told before any layer is read.
    #[error(
        "the result's image index would have {found_bytes} bytes, since it repeats the annotations of its manifests; registries take {limit_bytes}; index fewer platforms or shorten the annotations"
    )]
    ResultTooLarge {
        /// Bytes it would have.
        found_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A manifest lists too many layers.
    #[error(
        "manifest {digest} lists {found} layers, at most {limit} are taken; no container runtime stacks so many"
    )]
    TooManyLayers {
        /// The manifest.
        digest: Digest,
        /// Layers it lists.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// It cannot be done in the time there is.
    #[error(
        "{what} has {found_bytes} bytes compressed, at most {limit_bytes} can be read in the time there is; give more time or more memory, or index it with `soci-index build`, which has no such end"
    )]
    NoTimeFor {
        /// The image, or a layer of it.
        what: String,
        /// Compressed bytes of what is to be read.
        found_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A platform was asked for that the image does not have.
    #[error("the image has no platform {wanted}; it has {has}")]
    NoSuchPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is.
        has: String,
    },
    /// A layer is damaged or too large.
    #[error("layer {digest}: {error}")]
    Layer {
        /// The layer.
        digest: Digest,
        /// What is wrong with it.
        error: BuildError,
    },
    /// A zTOC that was made again is still not there with its own bytes.
    #[error(
        "zTOC {digest} is there with other bytes and stays so, since a blob that is there is not written again: {error}; delete it there, then build again"
    )]
    DamagedZtoc {
        /// The zTOC.
        digest: Digest,
        /// What reading it met.
        error: Box<soci_registry::Error>,
    },
    /// A zTOC is beyond a limit.
    #[error("zTOC: {0}")]
    Ztoc(BuildError),
    /// The output tag cannot be used.
    #[error(transparent)]
    OutputTag(#[from] InvalidOutputTag),
    /// The source tag moved again and again while the image was being indexed.
    #[error("tag {tag} moved {times} times while it was being indexed; last it held {digest}")]
    TagMoved {
        /// The source tag.
        tag: String,
        /// How often.
        times: u32,
        /// What it held last.
        digest: Digest,
    },
    /// A worker ended without a result.
    #[error("a worker ended without a result; this is a bug, please report it")]
    Worker,
}

impl IndexError {
    /// The failure's kind in the closed list of the product.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            IndexError::Store(soci_registry::Error::TooLarge { .. }) => "too-large",
            IndexError::Store(error) => error.kind().as_str(),
            IndexError::Document(_) => Kind::InvalidImage.as_str(),
            IndexError::TooManyManifests { .. }
            | IndexError::TooManyLayers { .. }
            | IndexError::DocumentsTooLarge { .. }
            | IndexError::ResultTooLarge { .. }
            | IndexError::NoTimeFor { .. } => "too-large",
            IndexError::NoSuchPlatform { .. } | IndexError::OutputTag(_) => {
                Kind::Configuration.as_str()
            }
            IndexError::Layer { error, .. } | IndexError::Ztoc(error) => error.kind(),
            IndexError::DamagedZtoc { .. } => Kind::DigestMismatch.as_str(),
            IndexError::TagMoved { .. } => "tag-moved",
            IndexError::Worker => Kind::Internal.as_str(),
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            IndexError::Store(error) => error.is_transient(),
            IndexError::TagMoved { .. } => true,
            IndexError::Layer { error, .. } => error.is_transient(),
            _ => false,
        }
    }
}
