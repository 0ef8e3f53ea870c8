//! What is indexed in an image, told from documents alone: no layer and no zTOC is read.

use serde::Serialize;
use soci_registry::{Store, Target};

use crate::convert::BUILD_TOOL;
use crate::described::Described;
use crate::document::{Descriptor, ImageManifest};
use crate::error::IndexError;
use crate::links::{self, Linked};
use crate::media_type as types;
use crate::options::DEFAULT_MIN_LAYER_BYTES;
use crate::source::{PlatformImage, Source};

/// An image and what is indexed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The image, as it was asked for.
    pub image: String,
    /// What its tag holds.
    pub digest: String,
    /// The media type of that.
    pub media_type: String,
    /// Its platforms.
    pub platforms: Vec<InspectedPlatform>,
}

/// One platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedPlatform {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Digest of its manifest.
    pub manifest: String,
    /// Bytes of its layers together.
    pub size: u64,
    /// Its SOCI index, if a consumer finds one.
    pub index: Option<InspectedIndex>,
    /// Why a consumer finds none although there is a trace of one.
    pub problem: Option<String>,
    /// Its layers, in order.
    pub layers: Vec<InspectedLayer>,
}

/// A SOCI index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedIndex {
    /// Its digest.
    pub digest: String,
    /// `v2`, or `v1` for one that refers to the manifest by its subject.
    pub format: &'static str,
    /// Who made it.
    pub build_tool: Option<String>,
    /// Bytes of its zTOCs together.
    pub size: u64,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedLayer {
    /// Its digest.
    pub digest: String,
    /// Its compressed size in bytes.
    pub size: u64,
    /// Its media type, as the manifest says.
    pub media_type: String,
    /// Whether it has a zTOC.
    pub indexed: bool,
    /// Why it has none: as whoever indexed the image noted, or as can be told without reading the layer.
    pub reason: Option<String>,
    /// Its zTOC.
    pub ztoc: Option<InspectedZtoc>,
}

/// A zTOC, as the SOCI index describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedZtoc {
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Inspection {
    /// Whether any layer of any platform is indexed.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.platforms
            .iter()
            .any(|platform| platform.index.is_some())
    }
}

/// Looks at an image.
///
/// # Errors
/// When it cannot be read. A SOCI index that is missing or malformed is no error but a platform's [`problem`](InspectedPlatform::problem).
pub async fn inspect(
    store: &dyn Store,
    target: &Target,
    image: String,
) -> Result<Inspection, IndexError> {
    let source = Source::read(store, target).await?;
    let mut platforms = Vec::new();
    for (place, found) in source.images() {
        platforms.push(platform(store, &source, place, found).await?);
    }
    Ok(Inspection {
        image,
        digest: source.digest().to_string(),
        media_type: source.manifest.media_type().to_owned(),
        platforms,
    })
}

async fn platform(
    store: &dyn Store,
    source: &Source,
    place: usize,
    image: &PlatformImage,
) -> Result<InspectedPlatform, IndexError> {
    let (index, problem) = match soci_index(store, source, place, image).await? {
        Ok(index) => (index, None),
        Err(problem) => (None, Some(problem)),
    };
    let layers = &image.manifest.layers;
    let described = index.as_ref().map(|(_, index)| Described::of(index));
    let described = described.unwrap_or_default();
    let sizes = |layers: &[Descriptor]| {
        layers
            .iter()
            .fold(0u64, |sum, layer| sum.saturating_add(layer.size_bytes))
    };
    Ok(InspectedPlatform {
        platform: image.platform.name(),
        manifest: source.index.manifests[place].digest.to_string(),
        size: sizes(layers),
        index: index.as_ref().map(|(linked, index)| InspectedIndex {
            digest: linked.entry.digest.to_string(),
            format: linked.format.as_str(),
            build_tool: index.annotations.get(BUILD_TOOL).cloned(),
            size: sizes(&index.layers),
        }),
        problem,
        layers: layers
            .iter()
            .map(|layer| inspected(layer, &described))
            .collect(),
    })
}

/// The first SOCI index that consumers find, or why they find none although there is a trace of one.
async fn soci_index(
    store: &dyn Store,
    source: &Source,
    place: usize,
    image: &PlatformImage,
) -> Result<Result<Option<(Linked, ImageManifest)>, String>, IndexError> {
    let linked = match links::indexes(store, source, place, image).await? {
        Ok(linked) => linked.into_iter().next(),
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let Some(linked) = linked else {
        return Ok(Ok(None));
    };
    let read = links::read_soci_index(store, linked.entry.digest).await?;
    Ok(match read {
        Ok((_, index)) => Ok(Some((linked, index))),
        Err(finding) => Err(finding.to_string()),
    })
}

fn inspected(layer: &Descriptor, described: &Described<'_>) -> InspectedLayer {
    let digest = layer.digest.to_string();
    let ztoc = described.ztoc(&digest);
    let reason = described
        .left_out(&digest)
        .or_else(|| visible_reason(layer));
    InspectedLayer {
        size: layer.size_bytes,
        media_type: layer.media_type.clone(),
        indexed: ztoc.is_some(),
        reason: reason.filter(|_| ztoc.is_none()).map(str::to_owned),
        ztoc: ztoc.map(|ztoc| InspectedZtoc {
            digest: ztoc.digest.to_string(),
            size: ztoc.size_bytes,
        }),
        digest,
    }
}

/// Why a layer would get no zTOC by default, as far as its descriptor tells.
fn visible_reason(layer: &Descriptor) -> Option<&'static str> {
    if layer.size_bytes == 0 {
        Some("empty")
    } else if layer.size_bytes < DEFAULT_MIN_LAYER_BYTES {
        Some("too-small")
    } else if types::names_other_compression(&layer.media_type) {
        Some("unsupported-compression")
    } else if types::is_foreign(&layer.media_type) {
        Some("foreign")
    } else {
        None
    }
}
