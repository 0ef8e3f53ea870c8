//! The table's columns: what the reference makes of an image, what we make of it, and how it is told.

use std::collections::BTreeSet;

use super::{Descriptor, Image, Shelf};

/// What is wrong with a converted image, found by comparing it with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// A field of the index, of a manifest or of a descriptor is gone or has another value.
    FieldLost,
    /// An annotation is gone or has another value.
    AnnotationLost,
    /// A config that is no image config is called one.
    ConfigRetyped,
    /// An attestation's descriptor names a manifest that the index does not list, or none.
    AttestationDangling,
    /// A descriptor's platform names no architecture.
    PlatformEmpty,
    /// Image and SOCI index do not point at each other.
    LinkBroken,
    /// A descriptor carries content, or an address of content, that is not what its digest names.
    StaleContent,
    /// A manifest of the source has no successor.
    ManifestLost,
    /// A layer that consumers could read lazily has no zTOC.
    LayerMissed,
    /// A layer has a zTOC although we would leave it out.
    LayerSurplus,
    /// A blob's bytes are not those of its digest.
    DamageUnseen,
}

impl Defect {
    fn words(self) -> &'static str {
        match self {
            Self::FieldLost => "loses fields",
            Self::AnnotationLost => "loses annotations",
            Self::ConfigRetyped => "calls a config an image config",
            Self::AttestationDangling => "attestation points at nothing",
            Self::PlatformEmpty => "names a platform without architecture",
            Self::LinkBroken => "image and SOCI index do not point at each other",
            Self::StaleContent => "a descriptor carries other content",
            Self::ManifestLost => "loses a manifest",
            Self::LayerMissed => "leaves a layer out",
            Self::LayerSurplus => "indexes a layer that is better left out",
            Self::DamageUnseen => "does not see damage",
        }
    }
}

/// What the reference's converter does with an image, measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceForImage {
    /// It converts, with these defects.
    Converts(BTreeSet<Defect>),
    /// It gives an error.
    Fails,
}

/// What our builder does with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OursForImage {
    /// The same image index as the reference, byte for byte.
    SameDigest,
    /// An image index without defects that is not the reference's.
    Differs,
    /// Nothing to do, for this reason of the design's list.
    Skipped(&'static str),
    /// A failure of this kind of the design's list.
    Failed(&'static str),
}

/// What our builder does with a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerOutcome {
    /// A zTOC.
    Indexed,
    /// None, for this layer reason.
    Skipped(&'static str),
}

/// What becomes of the layers of one image manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformOutcome {
    /// The platform in its config, or meant to be there.
    pub platform: String,
    /// The source manifest's digest.
    pub manifest: String,
    /// Layers by digest, in the manifest's order, repetitions included.
    pub layers: Vec<(String, LayerOutcome)>,
}

/// What a conversion is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOptions {
    /// Uncompressed bytes between checkpoints.
    pub span_size: u64,
    /// Smaller layers are left out.
    pub min_layer_size: u64,
    /// Only these platforms; all when empty.
    pub platforms: Vec<&'static str>,
}

impl Default for ImageOptions {
    /// Small, so that layers of a test are large and have several spans.
    fn default() -> Self {
        Self {
            span_size: 32 << 10,
            min_layer_size: 4 << 10,
            platforms: Vec::new(),
        }
    }
}

/// One image of the table.
#[derive(Clone, Debug)]
pub struct ImageCase {
    /// Its name, in kebab case.
    pub id: &'static str,
    /// What is odd about it, in words for the printed table.
    pub input: &'static str,
    /// The image.
    pub image: Image,
    /// What the reference's converter makes of the image before the case begins: its build tool identifier.
    pub converted_before: Option<&'static str>,
    /// What the conversion is told.
    pub options: ImageOptions,
    /// What the reference does.
    pub reference: ReferenceForImage,
    /// What we do.
    pub ours: OursForImage,
    /// What becomes of each image manifest's layers. Of an image that we refuse: what would become of them otherwise, to which
    /// the reference is held.
    pub platforms: Vec<PlatformOutcome>,
    /// Why, in words for the printed table.
    pub why: &'static str,
}

impl Shelf {
    /// An image that the reference gets right and we convert alike, until told otherwise.
    pub(super) fn case(self, id: &'static str, input: &'static str, root: Descriptor) -> ImageCase {
        ImageCase {
            id,
            input,
            platforms: self.platforms().to_vec(),
            image: self.image(root, "1.0"),
            converted_before: None,
            options: ImageOptions::default(),
            reference: ReferenceForImage::Converts(BTreeSet::new()),
            ours: OursForImage::SameDigest,
            why: "the reference has it right",
        }
    }
}

impl ImageCase {
    /// The reference converts it with these defects; we do without.
    pub(super) fn differs(mut self, defects: &[Defect], why: &'static str) -> Self {
        self.reference = ReferenceForImage::Converts(defects.iter().copied().collect());
        self.ours = OursForImage::Differs;
        self.why = why;
        self
    }

    /// The reference gives an error; we convert it.
    pub(super) fn rescued(mut self, why: &'static str) -> Self {
        self.reference = ReferenceForImage::Fails;
        self.ours = OursForImage::Differs;
        self.why = why;
        self
    }

    /// Neither indexes it: the reference with an error, we with a reason.
    pub(super) fn skipped(mut self, reason: &'static str, why: &'static str) -> Self {
        self.reference = ReferenceForImage::Fails;
        self.ours = OursForImage::Skipped(reason);
        self.why = why;
        self
    }

    /// Neither converts it.
    pub(super) fn fails(mut self, kind: &'static str, why: &'static str) -> Self {
        self.reference = ReferenceForImage::Fails;
        self.refused(kind, why)
    }

    /// We refuse what the reference takes, with these defects.
    pub(super) fn taken_by_reference(mut self, defects: &[Defect]) -> Self {
        self.reference = ReferenceForImage::Converts(defects.iter().copied().collect());
        self
    }

    fn refused(mut self, kind: &'static str, why: &'static str) -> Self {
        self.ours = OursForImage::Failed(kind);
        self.why = why;
        self
    }

    /// Says why we do as the reference does.
    pub(super) fn because(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub(super) fn only(mut self, platform: &'static str) -> Self {
        self.options.platforms.push(platform);
        self
    }

    pub(super) fn min_layer_size(mut self, bytes: u64) -> Self {
        self.options.min_layer_size = bytes;
        self
    }

    pub(super) fn converted_before(mut self, tool: &'static str) -> Self {
        self.converted_before = Some(tool);
        self
    }

    /// Whether a platform is among those that the conversion is told to index.
    pub fn asks_for(&self, platform: &PlatformOutcome) -> bool {
        let asked = &self.options.platforms;
        asked.is_empty() || asked.iter().any(|p| platform.platform.starts_with(p))
    }

    /// The case as a row of the printed table.
    pub fn row(&self) -> String {
        let reference = match &self.reference {
            ReferenceForImage::Fails => "error".to_owned(),
            ReferenceForImage::Converts(defects) if defects.is_empty() => "right".to_owned(),
            ReferenceForImage::Converts(defects) => {
                let words: Vec<_> = defects.iter().map(|d| d.words()).collect();
                words.join("; ")
            }
        };
        let ours = match self.ours {
            OursForImage::SameDigest => "indexed, same digest".to_owned(),
            OursForImage::Differs => "indexed, differs".to_owned(),
            OursForImage::Skipped(reason) => format!("skipped, `{reason}`"),
            OursForImage::Failed(kind) => format!("failed, `{kind}`"),
        };
        let layers = self.layer_words();
        format!(
            "| {} | {} | {reference} | {ours} | {layers} | {} |",
            self.id, self.input, self.why
        )
    }

    /// How many layers are indexed, and why others are not.
    fn layer_words(&self) -> String {
        let all = || self.platforms.iter().flat_map(|p| &p.layers);
        let indexed = all().filter(|(_, o)| *o == LayerOutcome::Indexed).count();
        let mut reasons: Vec<&str> = Vec::new();
        for (_, outcome) in all() {
            if let LayerOutcome::Skipped(reason) = outcome
                && !reasons.contains(reason)
            {
                reasons.push(reason);
            }
        }
        if self.platforms.is_empty() || matches!(self.ours, OursForImage::Failed(_)) {
            return "–".to_owned();
        }
        let mut words = format!("{indexed} of {}", all().count());
        for reason in reasons {
            words.push_str(&format!(", `{reason}`"));
        }
        words
    }
}
