//! From the two stages to a zTOC, and the plain driver that runs them one after the other.

use crate::consumer;
use crate::error::{BuildError, NotIndexable};
use crate::hash::{HashedLayer, LayerHasher, LayerIdentity};
use crate::model::{VERSION, Ztoc};
use crate::options::BuildOptions;
use crate::self_check;
use crate::walk::{LayerWalker, WalkedLayer};

/// What comes out of a sound layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// Its zTOC.
    Indexed {
        /// The zTOC.
        ztoc: Ztoc,
        /// Digest and size of the layer it belongs to.
        layer: LayerIdentity,
    },
    /// The reason why there is none.
    NotIndexable {
        /// Why.
        why: NotIndexable,
        /// Digest and size of the layer.
        layer: LayerIdentity,
    },
}

impl Built {
    /// Puts the results of the two stages together, and checks the outcome before anybody sees it.
    ///
    /// # Errors
    /// Damage: digest or size are not those expected. Or a failed self-check, or a zTOC that does
    /// not hold together, which would be our fault.
    pub fn join(
        walked: Result<WalkedLayer, NotIndexable>,
        hashed: HashedLayer,
        options: &BuildOptions,
    ) -> Result<Built, BuildError> {
        let HashedLayer {
            layer,
            spans,
            last_span,
        } = hashed;
        layer.check(&options.expected)?;
        let walked = match walked {
            Ok(walked) => walked,
            Err(why) => return Ok(Built::NotIndexable { why, layer }),
        };
        self_check::compare_last(
            walked.spans.len(),
            last_span?.as_ref(),
            walked.last_span.as_ref(),
        )?;
        let ztoc = Ztoc {
            version: VERSION.to_owned(),
            build_tool_identifier: options.build_tool_identifier.clone(),
            compressed_bytes: layer.size_bytes,
            uncompressed_bytes: walked.uncompressed_bytes,
            files: walked.files,
            spans: walked.spans,
            span_digests: spans,
        };
        ztoc.check_structure().map_err(BuildError::Structure)?;
        Ok(match consumer::check(&ztoc) {
            Ok(()) => Built::Indexed { ztoc, layer },
            Err(why) => Built::NotIndexable { why, layer },
        })
    }
}

/// The plain driver: both stages in the caller's thread.
pub struct Builder {
    options: BuildOptions,
    walker: LayerWalker,
    hasher: LayerHasher,
}

impl Builder {
    /// Before the first byte of a layer.
    #[must_use]
    pub fn new(options: BuildOptions) -> Builder {
        Builder {
            walker: LayerWalker::new(options.clone()),
            hasher: LayerHasher::new(),
            options,
        }
    }

    /// Adds a piece of the layer, as it lies in the registry; pieces may have any size.
    ///
    /// # Errors
    /// [`BuildError`], after which the builder is of no further use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        let passed = self.walker.push(bytes)?;
        self.hasher.push(bytes, passed);
        Ok(())
    }

    /// The layer ends here.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn finish(self) -> Result<Built, BuildError> {
        Built::join(self.walker.finish()?, self.hasher.finish(), &self.options)
    }
}
