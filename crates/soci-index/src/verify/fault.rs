//! What can be wrong with an indexed image: the closed list, and the words for it.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use soci_registry::{Digest, Mismatch};
use soci_ztoc::{DecodeError, StructureError, UnservedError, VerifyError};

use crate::error::IndexError;

/// Something that is wrong, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// With what.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// A part of an indexed image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// An image manifest.
    Manifest(Digest),
    /// An image's config.
    Config(Digest),
    /// A layer.
    Layer(Digest),
    /// A SOCI index.
    SociIndex(Digest),
    /// The config of a SOCI index.
    SociConfig(Digest),
    /// A zTOC.
    Ztoc {
        /// Its layer.
        layer: Digest,
        /// The zTOC.
        ztoc: Digest,
    },
    /// Something in a SOCI index of which it is not known what it belongs to.
    Blob(Digest),
}

/// What is wrong. Digests that come from annotations may be any text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// Its bytes are not those of its digest.
    #[error("has bytes of digest {found}")]
    Digest {
        /// Of the bytes that are there.
        found: Digest,
    },
    /// It has another size than its descriptor says.
    #[error("has {found} bytes, its descriptor says {expected}")]
    Size {
        /// As its descriptor says, in bytes.
        expected: u64,
        /// What it has, or what the store says that it has.
        found: u64,
    },
    /// It is larger than anything of its kind.
    #[error("is larger than {limit_bytes} bytes, too large to be what it should be")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// Its descriptor carries content of its own, which is not what the digest names.
    #[error("its descriptor carries other content in \"data\": {found}")]
    Carried {
        /// Its digest, or what keeps it from having one.
        found: String,
    },
    /// It cannot be parsed.
    #[error("{why}")]
    Document {
        /// Which document it is, and what the parser met.
        why: String,
    },
    /// A media type is not the one it has to be.
    #[error("{of} is {found:?}, not {expected:?}")]
    MediaType {
        /// Whose.
        of: &'static str,
        /// What it has to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The image's manifest names a SOCI index that is not in the list.
    #[error("its manifest names SOCI index {index}, which is not listed beside it")]
    IndexNotListed {
        /// As named.
        index: String,
    },
    /// A SOCI index belongs to an image that names none, or another one.
    #[error("SOCI index {index} is listed for it, but its manifest does not name it")]
    IndexNotNamed {
        /// The SOCI index.
        index: Digest,
    },
    /// The SOCI index that an image names belongs to another one.
    #[error("its manifest names SOCI index {index}, which is listed for {listed_for}")]
    IndexOfOther {
        /// The SOCI index.
        index: Digest,
        /// The image manifest for which it is listed, if any.
        listed_for: String,
    },
    /// A SOCI index belongs to no image of the list.
    #[error("it is listed for {manifest}, which is no image listed beside it")]
    ManifestNotListed {
        /// The manifest that it is listed for, if any.
        manifest: String,
    },
    /// An image's descriptor says something else than its manifest.
    #[error("its descriptor names SOCI index {found}, its manifest {expected}")]
    DescriptorNamesOther {
        /// As the manifest names it.
        expected: String,
        /// As the descriptor names it.
        found: String,
    },
    /// A SOCI index, version 1, belongs to another manifest.
    #[error("its subject is {found}, not {expected}")]
    Subject {
        /// Digest, size and media type of the image manifest.
        expected: String,
        /// Of the subject, if there is one.
        found: String,
    },
    /// More SOCI indexes than anybody makes for one image.
    #[error("it has {found} SOCI indexes, of which the first {limit} are looked at")]
    TooManyIndexes {
        /// How many there are.
        found: usize,
        /// How many are looked at.
        limit: usize,
    },
    /// A SOCI index is for another platform than its image.
    #[error("it is listed for platform {found:?}, its image for {expected:?}")]
    Platform {
        /// The image's.
        expected: String,
        /// As it is listed.
        found: String,
    },
    /// A platform without a name is never chosen.
    #[error("it is listed for a platform without operating system or architecture")]
    PlatformEmpty,
    /// A SOCI index without zTOCs.
    #[error("it has no zTOCs")]
    NoZtocs,
    /// A zTOC's descriptor does not say to which layer it belongs.
    #[error("its descriptor names {found:?} as its layer, which is no digest")]
    LayerDigest {
        /// As it is written; empty if it is not.
        found: String,
    },
    /// A zTOC belongs to a layer that the image does not have.
    #[error("the image has no such layer")]
    NotALayer,
    /// A layer has more zTOCs than the image has places for it.
    #[error("the layer has another zTOC already")]
    DuplicateZtoc,
    /// zTOCs do not stand in the order of the layers.
    #[error("it stands behind the zTOC of a later layer")]
    Order,
    /// A zTOC's descriptor says another media type of the layer than the image does.
    #[error("its descriptor says that the layer is {found:?}, the image says {expected:?}")]
    LayerMediaType {
        /// As the image says.
        expected: String,
        /// As the zTOC's descriptor says.
        found: String,
    },
    /// A zTOC's descriptor says another span size than the zTOC.
    #[error("its descriptor says spans of {found:?} bytes, the zTOC {expected}")]
    SpanSize {
        /// As the zTOC says.
        expected: u64,
        /// As its descriptor says.
        found: String,
    },
    /// Extended attributes are switched off for a layer that has some.
    #[error("its descriptor switches extended attributes off, which the layer needs")]
    ExtendedAttributes,
    /// A zTOC cannot be decoded.
    #[error(transparent)]
    Undecodable(DecodeError),
    /// A zTOC contradicts itself.
    #[error("it contradicts itself: {0}")]
    Structure(StructureError),
    /// A zTOC is for a layer of another size.
    #[error("it is for a layer of {found} bytes, this one has {expected}")]
    LayerSize {
        /// As the image's manifest says.
        expected: u64,
        /// As the zTOC says.
        found: u64,
    },
    /// A zTOC that consumers get wrong.
    #[error(transparent)]
    Unserved(UnservedError),
    /// A zTOC that is not right for its layer.
    #[error("{error}{}", within(.file))]
    Content {
        /// What is wrong.
        error: VerifyError,
        /// The first file that is affected, where that is one.
        file: Option<String>,
    },
}

fn within(file: &Option<String>) -> String {
    file.as_ref()
        .map_or_else(String::new, |file| format!(" (in {file:?})"))
}

impl Finding {
    pub(crate) fn new(place: Place, fault: Fault) -> Finding {
        Finding { place, fault }
    }

    /// What a failure to read something says about it; the failure itself where it says nothing, because another time it may not fail.
    pub(crate) fn of(place: Place, error: soci_registry::Error) -> Result<Finding, IndexError> {
        let fault = match error {
            soci_registry::Error::Mismatch(mismatch) => match *mismatch {
                Mismatch::Digest { found, .. } => Fault::Digest { found },
                Mismatch::Size {
                    expected, found, ..
                } => Fault::Size { expected, found },
                other => return Err(soci_registry::Error::from(other).into()),
            },
            soci_registry::Error::TooLarge { limit_bytes, .. } => Fault::TooLarge { limit_bytes },
            error if error.is_not_found() => Fault::Missing,
            error => return Err(error.into()),
        };
        Ok(Finding { place, fault })
    }

    /// The same of a document.
    pub(crate) fn of_document(place: Place, error: IndexError) -> Result<Finding, IndexError> {
        match error {
            IndexError::Store(error) => Finding::of(place, error),
            IndexError::Document(error) => {
                let why = error.to_string();
                Ok(Finding::new(place, Fault::Document { why }))
            }
            error => Err(error),
        }
    }
}

impl Fault {
    /// The fault's name in the closed list of findings.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::Digest { .. } => "digest",
            Fault::Size { .. } => "size",
            Fault::TooLarge { .. } => "too-large",
            Fault::Carried { .. } => "carried-content",
            Fault::Document { .. } => "document",
            Fault::MediaType { .. } => "media-type",
            Fault::IndexNotListed { .. } => "index-not-listed",
            Fault::IndexNotNamed { .. } => "index-not-named",
            Fault::IndexOfOther { .. } => "index-of-other-image",
            Fault::ManifestNotListed { .. } => "manifest-not-listed",
            Fault::DescriptorNamesOther { .. } => "descriptor-names-other-index",
            Fault::Subject { .. } => "subject",
            Fault::TooManyIndexes { .. } => "too-many-indexes",
            Fault::Platform { .. } => "platform",
            Fault::PlatformEmpty => "platform-empty",
            Fault::NoZtocs => "no-ztocs",
            Fault::LayerDigest { .. } => "layer-digest",
            Fault::NotALayer => "not-a-layer",
            Fault::DuplicateZtoc => "duplicate-ztoc",
            Fault::Order => "order",
            Fault::LayerMediaType { .. } => "layer-media-type",
            Fault::SpanSize { .. } => "span-size",
            Fault::ExtendedAttributes => "extended-attributes",
            Fault::Undecodable(_) => "undecodable",
            Fault::Structure(_) => "structure",
            Fault::LayerSize { .. } => "layer-size",
            Fault::Unserved(_) => "unserved",
            Fault::Content { error, .. } => content(error),
        }
    }
}

fn content(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::Layer(_) => "layer-damaged",
        VerifyError::NotIndexable(_) => "layer-not-indexable",
        VerifyError::LayerSize { .. } => "layer-size",
        VerifyError::ArchiveSize { .. } => "archive-size",
        VerifyError::SpanDigest { .. } => "span-digest",
        VerifyError::Checkpoint { .. } => "checkpoint",
        VerifyError::SpanDecode { .. } => "span-decode",
        VerifyError::SpanContent { .. } => "span-content",
        VerifyError::SpanEnd { .. } => "span-end",
        VerifyError::Header { .. } => "file-header",
        VerifyError::FileCount { .. } => "file-count",
        VerifyError::File { .. } => "file",
        _ => "content",
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Manifest(digest) => write!(f, "manifest {digest}"),
            Place::Config(digest) => write!(f, "image config {digest}"),
            Place::Layer(digest) => write!(f, "layer {digest}"),
            Place::SociIndex(digest) => write!(f, "SOCI index {digest}"),
            Place::SociConfig(digest) => write!(f, "config {digest} of a SOCI index"),
            Place::Ztoc { layer, ztoc } => write!(f, "layer {layer} zTOC {ztoc}"),
            Place::Blob(digest) => write!(f, "blob {digest}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { place, fault } = self;
        match fault {
            Fault::Missing | Fault::Digest { .. } | Fault::Size { .. } | Fault::TooLarge { .. } => {
                write!(f, "{place} {fault}")
            }
            _ => write!(f, "{place}: {fault}"),
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (layer, ztoc) = match self.place {
            Place::Layer(layer) => (Some(layer), None),
            Place::Ztoc { layer, ztoc } => (Some(layer), Some(ztoc)),
            _ => (None, None),
        };
        let text = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        let mut object = serializer.serialize_struct("Finding", 4)?;
        object.serialize_field("finding", self.fault.as_str())?;
        object.serialize_field("layer", &text(layer))?;
        object.serialize_field("ztoc", &text(ztoc))?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}
