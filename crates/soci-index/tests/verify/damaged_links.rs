//! Damage to links: between images and SOCI indexes, and from zTOCs to layers. All of it shows without a look into layers.

use serde_json::json;
use soci_index::{Fault, Level, Place};

use crate::damage::{self, Damage};
use crate::damaged_documents::document;

const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
const MANIFEST_DIGEST: &str = "com.amazon.soci.image-manifest-digest";
const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";
const NOBODY: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn links_between_images_and_soci_indexes() {
    damage::each(&[
        document!(
            "image names none",
            |p| p.change_image(0, |m| drop(annotations(m).remove(INDEX_DIGEST))),
            Place::Manifest(_),
            Fault::IndexNotNamed { .. }
        ),
        document!(
            "image names one that nobody has",
            |p| p.change_image(0, |m| m["annotations"][INDEX_DIGEST] = json!(NOBODY)),
            Place::Manifest(_),
            Fault::IndexNotListed { .. }
        ),
        document!(
            "image names the other platform's",
            |p| {
                let other = p.soci_index(1);
                p.change_image(0, |m| m["annotations"][INDEX_DIGEST] = json!(other))
            },
            Place::Manifest(_),
            Fault::IndexOfOther { .. }
        ),
        document!(
            "SOCI index is not listed",
            |p| p.change_root(|l| drop(l.as_array_mut().expect("a list").remove(2))),
            Place::Manifest(_),
            Fault::IndexNotListed { .. }
        ),
        document!(
            "SOCI index is listed for the other image",
            |p| {
                let other = p.image(1);
                p.change_root(|l| l[2]["annotations"][MANIFEST_DIGEST] = json!(other))
            },
            Place::Manifest(_),
            Fault::IndexOfOther { .. }
        ),
        document!(
            "the same, seen from the other image",
            |p| {
                let other = p.image(1);
                p.change_root(|l| l[2]["annotations"][MANIFEST_DIGEST] = json!(other))
            },
            Place::Manifest(_),
            Fault::IndexNotNamed { .. }
        ),
        document!(
            "SOCI index is listed for nothing",
            |p| p.change_root(|l| drop(annotations(&mut l[2]).remove(MANIFEST_DIGEST))),
            Place::SociIndex(_),
            Fault::ManifestNotListed { .. }
        ),
        document!(
            "SOCI index is listed for what nobody has",
            |p| p.change_root(|l| l[2]["annotations"][MANIFEST_DIGEST] = json!(NOBODY)),
            Place::SociIndex(_),
            Fault::ManifestNotListed { .. }
        ),
        document!(
            "image is listed with another SOCI index",
            |p| p.change_root(|l| l[0]["annotations"][INDEX_DIGEST] = json!(NOBODY)),
            Place::Manifest(_),
            Fault::DescriptorNamesOther { .. }
        ),
        document!(
            "SOCI index of another platform",
            |p| {
                p.change_root(|l| {
                    l[2]["platform"] = json!({"os": "linux", "architecture": "s390x"})
                })
            },
            Place::SociIndex(_),
            Fault::Platform { .. }
        ),
        document!(
            "SOCI index of no platform",
            |p| p
                .change_root(|l| drop(l[2].as_object_mut().expect("an object").remove("platform"))),
            Place::SociIndex(_),
            Fault::Platform { .. }
        ),
        document!(
            "image of a platform without a name",
            |p| p.change_root(|l| l[0]["platform"] = json!({"os": "", "architecture": ""})),
            Place::Manifest(_),
            Fault::PlatformEmpty
        ),
    ])
    .await;
}

#[tokio::test]
async fn ztocs_and_the_layers_they_are_for() {
    damage::each(&[
        document!(
            "no zTOCs",
            |p| p.change_soci_index(0, |i| i["layers"] = json!([])),
            Place::SociIndex(_),
            Fault::NoZtocs
        ),
        document!(
            "zTOC names no layer",
            |p| p.change_soci_index(0, |i| drop(
                annotations(&mut i["layers"][0]).remove(LAYER_DIGEST)
            )),
            Place::Blob(_),
            Fault::LayerDigest { .. }
        ),
        document!(
            "zTOC names no digest",
            |p| p.change_soci_index(0, |i| i["layers"][0]["annotations"][LAYER_DIGEST] =
                json!("sha256:12")),
            Place::Blob(_),
            Fault::LayerDigest { .. }
        ),
        document!(
            "zTOC of a layer that nobody has",
            |p| p.change_soci_index(0, |i| i["layers"][0]["annotations"][LAYER_DIGEST] =
                json!(NOBODY)),
            Place::Ztoc { .. },
            Fault::NotALayer
        ),
        document!(
            "zTOC twice",
            |p| p.change_soci_index(0, |i| {
                let first = i["layers"][0].clone();
                i["layers"].as_array_mut().expect("a list").insert(0, first)
            }),
            Place::Ztoc { .. },
            Fault::DuplicateZtoc
        ),
        document!(
            "zTOCs out of order",
            |p| p.change_soci_index(0, |i| i["layers"]
                .as_array_mut()
                .expect("a list")
                .swap(0, 1)),
            Place::Ztoc { .. },
            Fault::Order
        ),
        document!(
            "zTOC of a layer of another size",
            |p| p.change_soci_index(0, |i| swap_layers(i, 0, 1)),
            Place::Ztoc { .. },
            Fault::LayerSize { .. }
        ),
        document!(
            "layer's type",
            |p| p.change_soci_index(
                0,
                |i| i["layers"][0]["annotations"]["com.amazon.soci.image-layer-mediaType"] =
                    json!("application/json")
            ),
            Place::Ztoc { .. },
            Fault::LayerMediaType { .. }
        ),
        document!(
            "span size in the descriptor",
            |p| p.change_soci_index(
                0,
                |i| i["layers"][0]["annotations"]["com.amazon.soci.span-size"] = json!("4194304")
            ),
            Place::Ztoc { .. },
            Fault::SpanSize { .. }
        ),
        document!(
            "extended attributes switched off",
            |p| p.change_soci_index(
                0,
                |i| i["layers"][0]["annotations"]["com.amazon.soci.disable-xattrs"] = json!("true")
            ),
            Place::Ztoc { .. },
            Fault::ExtendedAttributes
        ),
    ])
    .await;
}

/// Lets two zTOCs say each other's layer.
pub(crate) fn swap_layers(index: &mut serde_json::Value, one: usize, other: usize) {
    let layer = |index: &serde_json::Value, at: usize| {
        index["layers"][at]["annotations"][LAYER_DIGEST].clone()
    };
    let (first, second) = (layer(index, one), layer(index, other));
    index["layers"][one]["annotations"][LAYER_DIGEST] = second;
    index["layers"][other]["annotations"][LAYER_DIGEST] = first;
}

fn annotations(value: &mut serde_json::Value) -> &mut serde_json::Map<String, serde_json::Value> {
    value["annotations"].as_object_mut().expect("annotations")
}
