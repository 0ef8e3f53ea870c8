//! The table of odd images at the desk: its sources, the reference's conversion, and any other builder held to our column.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use soci_testkit::ImageCase;
use soci_testkit::image::{LayerOutcome, OursForImage};

use crate::desk::TOOL;
use crate::{Conversion, Desk, Layout, OracleError, defects};

/// Layers of one image manifest by digest, with the reason of those left out.
pub type ToldLayers = Vec<(String, Option<String>)>;

/// What a builder says that it did with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is a converted image.
    Indexed {
        /// The layout that holds it.
        folder: PathBuf,
        /// Its tag there; nothing stands for the first entry.
        tag: Option<String>,
        /// Of each image manifest; nothing when the builder does not tell.
        layers: Option<Vec<ToldLayers>>,
    },
    /// Nothing was done, for this reason.
    Skipped(String),
    /// Nothing was done, for a failure of this kind.
    Failed(String),
}

impl Desk {
    /// The layout that a case begins with: its image, or what the reference's converter made of it.
    ///
    /// # Panics
    /// When the disk is full, or the reference does not convert what the table says it converted.
    pub fn image_source(&mut self, case: &ImageCase) -> PathBuf {
        let folder = self.path("image");
        match fs::remove_dir_all(&folder) {
            Err(error) if folder.exists() => panic!("{}: {error}", folder.display()),
            _ => {}
        }
        let written = case.image.write_layout(&folder);
        written.expect("a layout can be written");
        let Some(tool) = case.converted_before else {
            return folder;
        };
        let before = self.path("before");
        let wish = Conversion {
            platforms: &[],
            ..wish(case, tool)
        };
        let made = self.oracle.convert(&folder, &before, &wish);
        made.expect("the reference converts it");
        before
    }

    /// The reference's conversion of a case's source: the layout it wrote and the digest of its image index.
    pub fn reference_image(
        &mut self,
        case: &ImageCase,
        source: &Path,
    ) -> Result<(PathBuf, String), OracleError> {
        let out = self.path("converted");
        let digest = self.oracle.convert(source, &out, &wish(case, TOOL))?;
        Ok((out, digest))
    }

    /// The reference's SOCI indexes v1 of a case's source: their digests, one for each platform.
    pub fn reference_v1(
        &mut self,
        case: &ImageCase,
        source: &Path,
    ) -> Result<Vec<String>, OracleError> {
        let out = self.path("created");
        self.oracle.create(source, &out, &wish(case, TOOL))
    }

    /// Holds a builder to our column: it gets the layout and is told `desk::TOOL` and the case's options. The error says all
    /// that is not as the table wants it.
    pub fn hold_to_table(
        &mut self,
        case: &ImageCase,
        build: impl FnOnce(&Path) -> Answer,
    ) -> Result<(), String> {
        let folder = self.image_source(case);
        let before = Layout::read(&folder).map_err(|e| e.to_string())?;
        let reference = self.reference_image(case, &folder).ok();
        match (build(&folder), case.ours) {
            (Answer::Skipped(found), OursForImage::Skipped(wanted)) if found == wanted => Ok(()),
            (Answer::Failed(found), OursForImage::Failed(wanted)) if found == wanted => Ok(()),
            (
                Answer::Indexed {
                    folder,
                    tag,
                    layers,
                },
                OursForImage::SameDigest | OursForImage::Differs,
            ) => {
                let after = Layout::read_tag(&folder, tag.as_deref()).map_err(|e| e.to_string())?;
                let digest = reference.as_ref().map(|(_, digest)| &**digest);
                let mut wrong = digest_differs(case, digest, after.digest());
                wrong.extend(layers_differ(case, layers.as_deref()));
                wrong.extend(
                    defects(case, &before, &after)
                        .iter()
                        .map(|d| format!("{d:?}")),
                );
                wrong
                    .is_empty()
                    .then_some(())
                    .ok_or_else(|| wrong.join("; "))
            }
            (found, wanted) => Err(format!("table says {wanted:?}, found {found:?}")),
        }
    }
}

fn wish<'a>(case: &'a ImageCase, tool: &'a str) -> Conversion<'a> {
    Conversion {
        span_size: case.options.span_size,
        min_layer_size: case.options.min_layer_size,
        tool,
        platforms: &case.options.platforms,
    }
}

fn digest_differs(case: &ImageCase, reference: Option<&str>, ours: &str) -> Vec<String> {
    let same = reference == Some(ours);
    if same == (case.ours == OursForImage::SameDigest) {
        return Vec::new();
    }
    vec![format!("same digest as the reference: {same}")]
}

/// Compares without order of manifests: a builder may report platforms as it likes.
fn layers_differ(case: &ImageCase, layers: Option<&[ToldLayers]>) -> Option<String> {
    let told: BTreeSet<_> = layers?.iter().cloned().collect();
    let reason = |outcome: &LayerOutcome| match outcome {
        LayerOutcome::Indexed => None,
        LayerOutcome::Skipped(reason) => Some((*reason).to_owned()),
    };
    let wanted: BTreeSet<ToldLayers> = case
        .platforms
        .iter()
        .filter(|p| case.asks_for(p))
        .map(|p| {
            p.layers
                .iter()
                .map(|(d, o)| (d.clone(), reason(o)))
                .collect()
        })
        .collect();
    (told != wanted).then(|| format!("layers: table says {wanted:?}, found {told:?}"))
}
