//! What is to be done, decided before any layer is read.

use std::collections::BTreeMap;

use soci_registry::{Digest, Store};

use crate::document::{Descriptor, Platform};
use crate::error::IndexError;
use crate::media_type as types;
use crate::options::{Ceiling, IndexOptions};
use crate::report::Reason;
use crate::source::{PlatformImage, Source};

/// What becomes of each platform.
pub(crate) struct Plan {
    pub(crate) platforms: Vec<PlatformPlan>,
}

/// What becomes of one platform's layers.
pub(crate) struct PlatformPlan {
    /// Its place in the source's index.
    pub(crate) place: usize,
    /// Under which platform it was asked for; the SOCI index is listed for that one.
    pub(crate) platform: Platform,
    /// One decision per layer, in order.
    pub(crate) layers: Vec<LayerPlan>,
}

/// What becomes of a layer, as far as that can be told without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerPlan {
    /// It is to have a zTOC, unless its content forbids it.
    Build,
    /// It gets none, for this layer reason.
    Skip(&'static str),
}

impl Plan {
    /// Decides.
    pub(crate) async fn make(
        store: &dyn Store,
        source: &Source,
        options: &IndexOptions,
    ) -> Result<Plan, IndexError> {
        if options.needs_all_platforms {
            check_platforms(source, options)?;
        }
        let mut platforms = Vec::new();
        for (place, image) in source.images() {
            if let Some(platform) = asked_for(image, options) {
                platforms.push(PlatformPlan {
                    place,
                    platform,
                    layers: plan_layers(store, image, options).await?,
                });
            }
        }
        Ok(Plan { platforms })
    }

    /// The layers to be read, each once, the largest first so that none of them is left over at the end.
    pub(crate) fn layers<'a>(&self, source: &'a Source) -> Vec<&'a Descriptor> {
        let mut unique: BTreeMap<Digest, &Descriptor> = BTreeMap::new();
        for (platform, image) in self.images(source) {
            let planned = image.manifest.layers.iter().zip(&platform.layers);
            let to_build = planned.filter(|(_, plan)| **plan == LayerPlan::Build);
            unique.extend(to_build.map(|(layer, _)| (layer.digest, layer)));
        }
        let mut layers: Vec<_> = unique.into_values().collect();
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.size_bytes));
        layers
    }

    /// Refuses what cannot be read in the time there is.
    pub(crate) fn check_time(
        layers: &[&Descriptor],
        ceiling: Option<Ceiling>,
    ) -> Result<(), IndexError> {
        let Some(ceiling) = ceiling else {
            return Ok(());
        };
        let sum = |sum: u64, layer: &&Descriptor| sum.saturating_add(layer.size_bytes);
        let image_bytes = layers.iter().fold(0, sum);
        let refuse = |what, found_bytes, limit_bytes| IndexError::NoTimeFor {
            what,
            found_bytes,
            limit_bytes,
        };
        if image_bytes > ceiling.image_bytes {
            return Err(refuse(
                "what is to be read of the image".to_owned(),
                image_bytes,
                ceiling.image_bytes,
            ));
        }
        match layers
            .iter()
            .find(|layer| layer.size_bytes > ceiling.layer_bytes)
        {
            Some(layer) => Err(refuse(
                format!("layer {}", layer.digest),
                layer.size_bytes,
                ceiling.layer_bytes,
            )),
            None => Ok(()),
        }
    }

    /// The planned platforms with their images.
    pub(crate) fn images<'a, 's>(
        &'a self,
        source: &'s Source,
    ) -> impl Iterator<Item = (&'a PlatformPlan, &'s PlatformImage)> {
        let images: BTreeMap<usize, &PlatformImage> = source.images().collect();
        self.platforms
            .iter()
            .filter_map(move |plan| Some((plan, *images.get(&plan.place)?)))
    }

    /// Why documents alone say that no layer gets a zTOC, if they do.
    pub(crate) fn foreseen_reason(&self, source: &Source) -> Option<Reason> {
        let mut plans = self.images(source).flat_map(|(platform, image)| {
            let layers = image.manifest.layers.iter();
            layers.zip(&platform.layers)
        });
        let none = plans.all(|(layer, plan)| plan.foreseen_reason(layer).is_some());
        let planned = self.nothing_to_do(source);
        planned.or(none.then_some(Reason::UnsupportedCompression))
    }

    /// Why there is nothing to do at all, if so.
    pub(crate) fn nothing_to_do(&self, source: &Source) -> Option<Reason> {
        let plans = || self.platforms.iter().flat_map(|platform| &platform.layers);
        if source.images().next().is_none() {
            Some(Reason::NotAnImage)
        } else if plans().any(|plan| *plan == LayerPlan::Build) {
            None
        } else if plans().next().is_some()
            && plans().all(|plan| *plan == LayerPlan::Skip(IMAGE_TOO_SMALL))
        {
            Some(Reason::ImageTooSmall)
        } else {
            Some(Reason::NoEligibleLayers)
        }
    }
}

const TOO_SMALL: &str = "too-small";
const FOREIGN: &str = "foreign";
const EMPTY: &str = "empty";
/// Within the image only: its layers are reported as too small.
const IMAGE_TOO_SMALL: &str = "image-too-small";

impl LayerPlan {
    /// Why the layer gets no zTOC, as far as documents tell: what its media type names is not yet proven by its content.
    pub(crate) fn foreseen_reason(self, layer: &Descriptor) -> Option<&'static str> {
        let named = types::names_other_compression(&layer.media_type)
            .then(|| soci_ztoc::Reason::UnsupportedCompression.as_str());
        self.reason().or(named)
    }

    /// The reason as it stands in reports.
    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            LayerPlan::Build => None,
            LayerPlan::Skip(IMAGE_TOO_SMALL) => Some(TOO_SMALL),
            LayerPlan::Skip(reason) => Some(reason),
        }
    }
}

/// Whether the image is in another lazy format already.
pub(crate) fn is_already_lazy(source: &Source) -> bool {
    let is_lazy = |layer: &Descriptor| {
        types::LAZY_ANNOTATIONS
            .iter()
            .any(|key| layer.annotations.contains_key(*key))
    };
    source
        .images()
        .any(|(_, image)| image.manifest.layers.iter().any(is_lazy))
}

/// The platform under which an image was asked for; its own where all are.
fn asked_for(image: &PlatformImage, options: &IndexOptions) -> Option<Platform> {
    if options.platforms.is_empty() {
        return Some(image.platform.clone());
    }
    let wishes = options.platforms.iter().map(|wish| Platform::parse(wish));
    let own = image.platform.clone().normalized().name();
    wishes.into_iter().find(|wish| wish.name() == own)
}

fn check_platforms(source: &Source, options: &IndexOptions) -> Result<(), IndexError> {
    let names: Vec<String> = source
        .images()
        .map(|(_, image)| image.platform.clone().normalized().name())
        .collect();
    let is_missing = |wish: &&String| !names.contains(&Platform::parse(wish).name());
    match options.platforms.iter().find(is_missing) {
        Some(wanted) if !names.is_empty() => Err(IndexError::NoSuchPlatform {
            wanted: wanted.clone(),
            has: names.join(", "),
        }),
        _ => Ok(()),
    }
}

async fn plan_layers(
    store: &dyn Store,
    image: &PlatformImage,
    options: &IndexOptions,
) -> Result<Vec<LayerPlan>, IndexError> {
    let layers = &image.manifest.layers;
    let image_bytes = layers
        .iter()
        .fold(0u64, |sum, layer| sum.saturating_add(layer.size_bytes));
    if image_bytes < options.min_image_bytes {
        return Ok(vec![LayerPlan::Skip(IMAGE_TOO_SMALL); layers.len()]);
    }
    let mut plans = Vec::with_capacity(layers.len());
    for layer in layers {
        plans.push(plan_layer(store, layer, options).await?);
    }
    Ok(plans)
}

async fn plan_layer(
    store: &dyn Store,
    layer: &Descriptor,
    options: &IndexOptions,
) -> Result<LayerPlan, IndexError> {
    Ok(if layer.size_bytes == 0 {
        LayerPlan::Skip(EMPTY)
    } else if layer.size_bytes < options.min_layer_bytes {
        LayerPlan::Skip(TOO_SMALL)
    } else if types::is_foreign(&layer.media_type) && !store.has_blob(&layer.digest).await? {
        LayerPlan::Skip(FOREIGN)
    } else {
        LayerPlan::Build
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layer(size_bytes: u64) -> Descriptor {
        let digest = Digest::of(&size_bytes.to_le_bytes());
        let text = format!(
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":{size_bytes}}}"#
        );
        serde_json::from_str(&text).expect("a descriptor")
    }

    fn check(sizes: &[u64], ceiling: Option<Ceiling>) -> Result<(), IndexError> {
        let layers: Vec<_> = sizes.iter().copied().map(layer).collect();
        Plan::check_time(&layers.iter().collect::<Vec<_>>(), ceiling)
    }

    /// Seconds until the last layer is read, at one byte per second and core: each core takes the largest that is left.
    fn needed_seconds(sizes: &[u64], cores: usize) -> u64 {
        let (mut sizes, mut cores) = (sizes.to_vec(), vec![0; cores]);
        sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
        for size in sizes {
            if let Some(first_free) = cores.iter_mut().min() {
                *first_free += size;
            }
        }
        cores.into_iter().max().unwrap_or_default()
    }

    proptest! {
        /// What needs twice the time there is, or more, is refused; what needs half of it, or less, never is.
        #[test]
        fn prop_time_is_refused_in_bounds(
            sizes in proptest::collection::vec(0..5_000_u64, 0..20),
            cores in 1..7_usize,
            left_seconds in 0..20_000_u64,
        ) {
            let image_bytes = left_seconds * cores as u64;
            let ceiling = Ceiling { image_bytes, layer_bytes: left_seconds };
            let needed = needed_seconds(&sizes, cores);
            match check(&sizes, Some(ceiling)) {
                Ok(()) => prop_assert!(needed <= 2 * left_seconds),
                Err(_) => prop_assert!(needed > left_seconds),
            }
            prop_assert!(check(&sizes, None).is_ok());
        }
    }

    #[test]
    fn a_refusal_says_what_is_too_large_and_for_what() {
        let ceiling = Ceiling {
            image_bytes: 100,
            layer_bytes: 60,
        };
        assert!(check(&[60, 40], Some(ceiling)).is_ok());
        let told = |sizes: &[u64]| {
            let refused = check(sizes, Some(ceiling)).expect_err("too much");
            assert_eq!(refused.kind(), "too-large");
            refused.to_string()
        };
        let image = told(&[60, 41]);
        assert!(image.contains("image") && image.contains("101"), "{image}");
        let layer_told = told(&[61]);
        let digest = layer(61).digest.to_string();
        assert!(layer_told.contains(&digest), "{layer_told}");
    }
}
