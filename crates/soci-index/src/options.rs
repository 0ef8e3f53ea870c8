//! What a caller decides about indexing an image.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use soci_registry::{Store, Target};
use soci_ztoc::{DEFAULT_BUILD_TOOL_IDENTIFIER, MultiMember, SpanSize};

use crate::media_type as types;
use crate::output_tag::OutputTag;

/// Compressed bytes below which a layer gets no zTOC unless asked otherwise: 10 MiB, as in soci-snapshotter. Fetching such a layer whole
/// costs less than fetching parts of it.
pub const DEFAULT_MIN_LAYER_BYTES: u64 = 10 << 20;

/// Memory that zTOCs being built at once may take together: 1 GiB. One that needs more alone is refused.
pub const DEFAULT_MEMORY_BUDGET_BYTES: u64 = 1 << 30;

/// In which form the result lies beside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexFormat {
    /// The image is packaged anew with its SOCI indexes in one image index, under a tag of its own.
    #[default]
    V2,
    /// Each SOCI index refers to the image's manifest by its `subject`; the image and its tags are not touched. New AWS accounts cannot use it.
    V1,
}

impl IndexFormat {
    /// As it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            IndexFormat::V2 => "v2",
            IndexFormat::V1 => "v1",
        }
    }

    /// The media type of a SOCI index's config, which is the type of the whole.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            IndexFormat::V2 => types::SOCI_INDEX_V2,
            IndexFormat::V1 => types::SOCI_INDEX_V1,
        }
    }
}

/// How an image is indexed. [`IndexOptions::default`] gives what the product does by default.
#[derive(Debug, Clone)]
pub struct IndexOptions {
    /// Platforms to be indexed, as `os/architecture[/variant]`; none means all.
    pub platforms: Vec<String>,
    /// Whether an image without one of them is refused. Otherwise those that it has are indexed, if any.
    pub needs_all_platforms: bool,
    /// Uncompressed bytes between checkpoints.
    pub span_size: SpanSize,
    /// Layers with fewer compressed bytes get no zTOC.
    pub min_layer_bytes: u64,
    /// Platforms whose layers have fewer compressed bytes together are not indexed.
    pub min_image_bytes: u64,
    /// Written into zTOCs and indexes.
    pub build_tool_identifier: String,
    /// What becomes of layers with several gzip members.
    pub multi_member: MultiMember,
    /// In which form the result lies beside the image.
    pub format: IndexFormat,
    /// Under which tag the result goes; v1 has none.
    pub output_tag: OutputTag,
    /// Whether the output tag, if there is one, is set on the unchanged source when there is nothing to index.
    pub pass_through: bool,
    /// Build even what is indexed already, or was made by indexing, and reuse nothing.
    pub force: bool,
    /// An image whose zTOCs are reused too, beside those of what the output tag holds.
    pub reuse_from: Option<ReuseFrom>,
    /// Reuse zTOCs of other build tools too.
    pub reuse_foreign: bool,
    /// Only tell what would be done: no layer is read, nothing is written.
    pub dry_run: bool,
    /// Layers built at once.
    pub concurrency: NonZeroUsize,
    /// Memory that zTOCs being built at once may take together, in whole MiB and at least one. A layer whose zTOC needs more alone is too large.
    pub memory_budget_bytes: u64,
    /// What is worth beginning in the time there is; `None` where there is no end to it.
    pub ceiling: Option<Ceiling>,
}

/// An image that was indexed. Where it does not lie in the repository of the image that is indexed now, zTOCs are copied.
#[derive(Clone)]
pub struct ReuseFrom {
    /// Where it lies.
    pub store: Arc<dyn Store>,
    /// Which one it is.
    pub target: Target,
    /// The reference as it was given, for messages.
    pub name: String,
}

impl fmt::Debug for ReuseFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReuseFrom({})", self.name)
    }
}

/// The most that can be read in the time there is, in compressed bytes of layers that are to be built. More is refused before any of it is
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// Of all layers together.
    pub image_bytes: u64,
    /// Of the largest one, which is read in sequence.
    pub layer_bytes: u64,
}

impl Default for IndexOptions {
    fn default() -> IndexOptions {
        IndexOptions {
            platforms: Vec::new(),
            needs_all_platforms: true,
            span_size: SpanSize::default(),
            min_layer_bytes: DEFAULT_MIN_LAYER_BYTES,
            min_image_bytes: 0,
            build_tool_identifier: DEFAULT_BUILD_TOOL_IDENTIFIER.to_owned(),
            multi_member: MultiMember::default(),
            format: IndexFormat::default(),
            output_tag: OutputTag::default(),
            pass_through: true,
            force: false,
            reuse_from: None,
            reuse_foreign: false,
            dry_run: false,
            concurrency: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            memory_budget_bytes: DEFAULT_MEMORY_BUDGET_BYTES,
            ceiling: None,
        }
    }
}
