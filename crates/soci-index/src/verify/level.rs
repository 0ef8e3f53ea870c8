//! How much is looked at, and by whom it is watched.

use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::options::IndexOptions;
use crate::progress::{Progress, Silent};

/// How much is looked at. Each level proves what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Documents and zTOCs.
    Structure,
    /// Some spans of each layer too.
    #[default]
    Sample,
    /// Every byte of each layer too.
    Full,
}

impl Level {
    /// As it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Structure => "structure",
            Level::Sample => "sample",
            Level::Full => "full",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How an image is verified.
#[derive(Clone)]
pub struct VerifyOptions {
    /// How much is looked at.
    pub level: Level,
    /// Only these platforms, `os/architecture[/variant]`; all when empty.
    pub platforms: Vec<String>,
    /// Layers at once; each takes the memory of its zTOC. As many as there are cores by default.
    pub concurrency: NonZeroUsize,
    /// Who is told how far a layer is that is read whole.
    pub progress: Arc<dyn Progress>,
}

impl Default for VerifyOptions {
    fn default() -> VerifyOptions {
        VerifyOptions {
            level: Level::default(),
            platforms: Vec::new(),
            concurrency: IndexOptions::default().concurrency,
            progress: Arc::new(Silent),
        }
    }
}
