//! The odd images, one file per kind of oddity.
//!
//! The rule behind our column: where soci-snapshotter v0.15.0's converter is right, ours writes the same bytes; where it fails
//! or damages the image, ours does neither; and what cannot be indexed is named. `docs/decisions/image-shapes.md` prints the
//! table; the conformance tests hold it to the reference.

mod broken;
mod converted;
mod fields;
mod layers;
mod limits;
mod platforms;
mod single;
mod strangers;

use super::{Descriptor, ImageCase, Layer, Manifest, Platform, Shelf};

/// Every odd image.
pub fn image_cases() -> Vec<ImageCase> {
    [
        single::cases(),
        platforms::cases(),
        fields::cases(),
        strangers::cases(),
        layers::cases(),
        converted::cases(),
        broken::cases(),
        limits::cases(),
    ]
    .concat()
}

/// An OCI manifest with two layers of its own, as an entry of an index.
fn child(shelf: &mut Shelf, platform: Platform, seed: u64) -> Descriptor {
    ordinary(platform, seed).shelve(shelf).platform(platform)
}

/// An OCI manifest with two layers.
fn ordinary(platform: Platform, seed: u64) -> Manifest {
    Manifest::oci(platform)
        .layer(Layer::large(seed))
        .layer(Layer::large(seed + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::image_cases;
    use crate::image::{Defect, OursForImage, ReferenceForImage};

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let cases = image_cases();
        let ids: BTreeSet<_> = cases.iter().map(|c| c.id).collect();
        assert_eq!(ids.len(), cases.len());
        assert!(ids.len() >= 25, "the table is meant to be long");
    }

    /// We equal the reference exactly where it is right. Leaving out layers of several members is a matter of policy, and
    /// limits refuse what is not wrong in itself.
    #[test]
    fn ours_is_the_same_wherever_the_reference_is_right() {
        let right = ReferenceForImage::Converts(BTreeSet::new());
        for case in image_cases() {
            match case.ours {
                OursForImage::SameDigest => assert_eq!(case.reference, right, "{}", case.id),
                OursForImage::Failed("too-large") => {}
                _ => assert_ne!(case.reference, right, "{}", case.id),
            }
        }
    }

    #[test]
    fn surplus_layers_are_of_several_members() {
        for case in image_cases() {
            if let ReferenceForImage::Converts(defects) = &case.reference
                && defects.contains(&Defect::LayerSurplus)
            {
                assert!(case.row().contains("`multi-member-gzip`"), "{}", case.id);
            }
        }
    }
}
