//! What points where: attestations at images, images and SOCI indexes at each other, SOCI indexes at layers.

use std::collections::BTreeSet;

use soci_testkit::ImageCase;
use soci_testkit::image::{Defect, LayerOutcome, PlatformOutcome};

use super::{Layout, Leaf, SOCI_INDEX, text};

/// An attestation names the successor of what it named before.
pub(super) fn attestations(pairs: &[(Leaf, &Leaf)], found: &mut BTreeSet<Defect>) {
    let named = |leaf: &Leaf| {
        let annotations = &leaf.descriptor["annotations"];
        text(&annotations["vnd.docker.reference.digest"]).to_owned()
    };
    for (before, after) in pairs.iter().filter(|(before, _)| !named(before).is_empty()) {
        let target = pairs.iter().find(|(b, _)| b.digest() == named(before));
        if target.is_none_or(|(_, successor)| successor.digest() != named(after)) {
            found.insert(Defect::AttestationDangling);
        }
    }
}

/// Each image names a SOCI index of the list, each SOCI index of the list an image that names it.
pub(super) fn soci(leaves: &[Leaf], found: &mut BTreeSet<Defect>) {
    let index_of = |leaf: &Leaf| {
        text(&leaf.document["annotations"]["com.amazon.soci.index-digest"]).to_owned()
    };
    let is_index = |digest: &str| {
        let listed = leaves.iter().find(|l| l.is_soci() && l.digest() == digest);
        listed.is_some_and(|l| l.document["config"]["mediaType"] == SOCI_INDEX)
    };
    let image_is_right = |leaf: &Leaf| {
        let said = text(&leaf.descriptor["annotations"]["com.amazon.soci.index-digest"]);
        index_of(leaf).is_empty() || (is_index(&index_of(leaf)) && said == index_of(leaf))
    };
    let soci_is_right = |leaf: &Leaf| {
        let image = text(&leaf.descriptor["annotations"]["com.amazon.soci.image-manifest-digest"]);
        let named = leaves.iter().find(|l| l.digest() == image);
        named.is_some_and(|l| index_of(l) == leaf.digest())
    };
    let right = |leaf: &Leaf| {
        if leaf.is_soci() {
            soci_is_right(leaf)
        } else {
            image_is_right(leaf)
        }
    };
    if !leaves.iter().all(right) {
        found.insert(Defect::LinkBroken);
    }
}

/// Exactly the layers that the table wants have a zTOC (what was not asked for only if it had one before), and their bytes are what they are called.
pub(super) fn layers(
    case: &ImageCase,
    converted: &Layout,
    leaves: &[Leaf],
    found: &mut BTreeSet<Defect>,
) {
    let mut all = leaves.iter().flat_map(Leaf::layers);
    if all.any(|digest| converted.damaged(digest)) {
        found.insert(Defect::DamageUnseen);
    }
    let mut taken = vec![false; leaves.len()];
    for platform in case
        .platforms
        .iter()
        .filter(|p| case.converted_before.is_some() || case.asks_for(p))
    {
        let wanted: Vec<&str> = platform
            .layers
            .iter()
            .map(|(digest, _)| &**digest)
            .collect();
        let same = |i: &usize| {
            !taken[*i] && !leaves[*i].is_soci() && leaves[*i].layers().eq(wanted.iter().copied())
        };
        // A manifest that is gone is a defect of its own.
        let Some(i) = (0..leaves.len()).find(same) else {
            continue;
        };
        taken[i] = true;
        compare(platform, &indexed(&leaves[i], leaves), found);
    }
}

/// Digests of the layers in an image's SOCI index.
fn indexed<'a>(image: &Leaf, leaves: &'a [Leaf]) -> Vec<&'a str> {
    let wanted = &image.document["annotations"]["com.amazon.soci.index-digest"];
    let index = leaves
        .iter()
        .find(|l| l.is_soci() && l.digest() == text(wanted));
    let ztocs = index.and_then(|l| l.document["layers"].as_array());
    let layer = |ztoc: &'a serde_json::Value| {
        text(&ztoc["annotations"]["com.amazon.soci.image-layer-digest"])
    };
    ztocs.into_iter().flatten().map(layer).collect()
}

fn compare(platform: &PlatformOutcome, indexed: &[&str], found: &mut BTreeSet<Defect>) {
    let wanted = platform
        .layers
        .iter()
        .filter(|(_, outcome)| *outcome == LayerOutcome::Indexed);
    let wanted: Vec<&str> = wanted.map(|(digest, _)| &**digest).collect();
    if wanted.iter().any(|w| !indexed.contains(w)) {
        found.insert(Defect::LayerMissed);
    }
    if indexed.iter().any(|i| !wanted.contains(i)) {
        found.insert(Defect::LayerSurplus);
    }
    // Each mention of a layer has its entry.
    if wanted.len() > indexed.len() {
        found.insert(Defect::LayerMissed);
    }
}
