//! Whether everything of an image is in what was made of it: told from the JSON alone, by the rule and not by the code that wrote it.

use serde_json::Value;
use soci_registry::{OCI_MANIFEST, Tag};

use super::desk::Desk;
use super::shelf::Documents;

const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
const IMAGE_MANIFEST_DIGEST: &str = "com.amazon.soci.image-manifest-digest";
const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";
const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";
const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";

/// Holds what a tag's image became against what it was.
pub(super) fn check(desk: &Desk, documents: &Documents, tag: &Tag, output: &Tag) {
    let source = documents.tagged(tag).expect("a run found it");
    let made = documents.tagged(output).expect("a run made it");
    let made: Value = serde_json::from_slice(made.bytes()).expect("we write JSON");
    // A number beyond every range is JSON that we keep and this check cannot read.
    let Ok(source_json) = serde_json::from_slice::<Value>(source.bytes()) else {
        return;
    };
    let made_entries = entries(&made);
    let kept = match source_json.get("manifests") {
        Some(_) if soci_entries(entries(&source_json)).next().is_none() => {
            survives(&source_json, &made, &["mediaType", "manifests"]);
            entries(&source_json).to_vec()
        }
        _ => {
            let digest = source.digest().to_string();
            vec![serde_json::json!({"digest": digest})]
        }
    };
    for (before, after) in kept.iter().zip(made_entries) {
        check_entry(documents, before, after);
    }
    let (images, new) = made_entries.split_at(kept.len());
    assert!(!new.is_empty(), "there is no SOCI index");
    for entry in new {
        check_soci_entry(desk, documents, images, entry);
    }
}

/// The entry of the source, or the same entry for a rewritten manifest.
fn check_entry(documents: &Documents, before: &Value, after: &Value) {
    if before["digest"] == after["digest"] {
        survives(
            before,
            after,
            &["mediaType", "size", "annotations", "data", "urls"],
        );
        annotations_survive(before, after, &[INDEX_DIGEST, ATTESTED_DIGEST]);
        return;
    }
    let changed = ["mediaType", "digest", "size", "annotations", "data", "urls"];
    survives(before, after, &changed);
    let (old, new) = (document(documents, before), document(documents, after));
    let new = new.expect("what is listed is there");
    check_descriptor(documents, after);
    let Some(old) = old else { return };
    survives(&old, &new, &["mediaType", "config", "annotations"]);
    survives(&old["config"], &new["config"], &["mediaType"]);
    annotations_survive(&old, &new, &[INDEX_DIGEST]);
    annotations_survive(&new, after, &[]);
    for (key, _) in fields(&before["annotations"]) {
        assert!(key == INDEX_DIGEST || after["annotations"].get(key).is_some());
    }
}

/// A SOCI index and the image it belongs to name each other, and its zTOCs are there.
fn check_soci_entry(desk: &Desk, documents: &Documents, images: &[Value], entry: &Value) {
    check_descriptor(documents, entry);
    assert_eq!(entry["artifactType"], SOCI_INDEX);
    let image = &entry["annotations"][IMAGE_MANIFEST_DIGEST];
    let image = images.iter().find(|listed| listed["digest"] == *image);
    let image = image.expect("it belongs to an image that is listed");
    let image = document(documents, image).expect("it was parsed");
    assert_eq!(image["annotations"][INDEX_DIGEST], entry["digest"]);
    let index = document(documents, entry).expect("it is there");
    for ztoc in index["layers"].as_array().expect("a list of zTOCs") {
        assert!(desk.has_blob(text(&ztoc["digest"])));
        let layer = &ztoc["annotations"][LAYER_DIGEST];
        let layers = image["layers"].as_array().expect("an image has layers");
        assert!(layers.iter().any(|found| found["digest"] == *layer));
    }
}

/// Media type, digest and size are those of the document.
fn check_descriptor(documents: &Documents, entry: &Value) {
    let found = documents.get(text(&entry["digest"])).expect("it is there");
    assert_eq!(entry["mediaType"], OCI_MANIFEST);
    assert_eq!(entry["size"], found.bytes().len());
}

/// Every field is there with its value, but for these. What says nothing (null, an empty text, list or object) may be gone, as Go leaves it
/// out.
fn survives(before: &Value, after: &Value, except: &[&str]) {
    for (key, value) in fields(before) {
        if !except.contains(&key.as_str()) {
            let found = after.get(key).unwrap_or(&Value::Null);
            assert!(is_kept(value, found), "{key:?} was {value}, is {found}");
        }
    }
}

fn annotations_survive(before: &Value, after: &Value, except: &[&str]) {
    survives(&before["annotations"], &after["annotations"], except);
}

fn is_kept(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Array(before), Value::Array(after)) => {
            let mut pairs = before.iter().zip(after);
            before.len() == after.len() && pairs.all(|(before, after)| is_kept(before, after))
        }
        (Value::Object(before), Value::Object(_)) => before.iter().all(|(key, value)| {
            let found = after.get(key).unwrap_or(&Value::Null);
            is_kept(value, found)
        }),
        _ => before == after || says_nothing(before) && says_nothing(after),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn entries(index: &Value) -> &[Value] {
    index["manifests"].as_array().map_or(&[], Vec::as_slice)
}

fn soci_entries(entries: &[Value]) -> impl Iterator<Item = &Value> {
    let is_soci_index = |entry: &&Value| entry["artifactType"] == SOCI_INDEX;
    entries.iter().filter(is_soci_index)
}

fn document(documents: &Documents, entry: &Value) -> Option<Value> {
    let found = documents.get(text(&entry["digest"]))?;
    serde_json::from_slice(found.bytes()).ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
