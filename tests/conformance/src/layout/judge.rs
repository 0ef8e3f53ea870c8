//! What got lost: every field of the source has to be in the result, but for those that a conversion is there to change.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use soci_testkit::ImageCase;
use soci_testkit::image::Defect;

use super::{Layout, Leaf, links, text};

/// Written by the conversion, so the source's value does not matter.
const OUR_ANNOTATIONS: [&str; 2] = [
    "com.amazon.soci.index-digest",
    "com.amazon.soci.image-manifest-digest",
];
/// Points at another manifest of the same index, which has another digest afterwards.
const REFERENCE: &str = "vnd.docker.reference.digest";

/// Everything that is wrong with `converted`, which was made from `source`, the image of `case`.
pub fn defects(case: &ImageCase, source: &Layout, converted: &Layout) -> BTreeSet<Defect> {
    let mut found = BTreeSet::new();
    if let (Some(before), Some(after)) = (source.index(), converted.index()) {
        compare(&before, &after, &["mediaType", "manifests"], &mut found);
    }
    let after = converted.leaves();
    let mut taken = vec![false; after.len()];
    let mut pairs = Vec::new();
    for before in source.leaves().into_iter().filter(|l| !l.is_soci()) {
        let same = |i: &usize| !taken[*i] && after[*i].content() == before.content();
        match (0..after.len()).find(same) {
            None => drop(found.insert(Defect::ManifestLost)),
            Some(i) => {
                taken[i] = true;
                pairs.push((before, &after[i]));
            }
        }
    }
    for (before, after) in &pairs {
        compare_leaf(before, after, &mut found);
    }
    links::attestations(&pairs, &mut found);
    links::soci(&after, &mut found);
    links::layers(case, converted, &after, &mut found);
    found
}

fn compare_leaf(before: &Leaf, after: &Leaf, found: &mut BTreeSet<Defect>) {
    let rewritten = before.digest() != after.digest();
    let own = ["mediaType", "digest", "size", "data", "urls"];
    compare(&before.descriptor, &after.descriptor, &own, found);
    let carried = |key: &str| after.descriptor.get(key).is_some();
    if rewritten && (carried("data") || carried("urls")) {
        found.insert(Defect::StaleContent);
    }
    if text(&after.descriptor["platform"]["architecture"]).is_empty()
        && after.descriptor.get("platform").is_some()
    {
        found.insert(Defect::PlatformEmpty);
    }
    compare(
        &before.document,
        &after.document,
        &["mediaType", "config"],
        found,
    );
    let (config, config_after) = (&before.document["config"], &after.document["config"]);
    compare(config, config_after, &["mediaType"], found);
    let known = text(&config["mediaType"]);
    let is_image = known.contains("image.config") || known.contains("container.image");
    if !is_image && config["mediaType"] != config_after["mediaType"] {
        found.insert(Defect::ConfigRetyped);
    }
}

/// Compares two objects field by field; annotations have a defect of their own.
fn compare(before: &Value, after: &Value, leave: &[&str], found: &mut BTreeSet<Defect>) {
    let fields = before.as_object().into_iter().flatten();
    for (key, value) in fields.filter(|(key, _)| !leave.contains(&&***key)) {
        if key == "annotations" {
            if !annotations_live(value.as_object(), after[key].as_object()) {
                found.insert(Defect::AnnotationLost);
            }
        } else if !contains(&after[key], value) {
            found.insert(Defect::FieldLost);
        }
    }
}

fn annotations_live(
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
) -> bool {
    let kept = |(key, value): (&String, &Value)| {
        let found = after.and_then(|a| a.get(key));
        if key == REFERENCE {
            found.is_some()
        } else {
            OUR_ANNOTATIONS.contains(&&**key) || found == Some(value)
        }
    };
    before.into_iter().flatten().all(kept)
}

/// Whether everything in `part` is in `whole`, which may have more fields: Go writes some that are empty.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|w| contains(w, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| contains(w, p))
        }
        _ => whole == part,
    }
}
