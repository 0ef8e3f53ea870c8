//! A layout's `index.json`, as anybody may have written it.

use std::fs;

use serde_json::{Map, Value};
use soci_registry::{Kind, LayoutStore, Listing, Pushed, Store, Tag, Target};

use super::place::{self, Place};

/// The name that a law lists a manifest under.
const ADDED: &str = "added";

/// Any bytes as `index.json`: refused and left as they are, also where the new name stands for two images, or listing one more manifest
/// changes nothing else, and once more nothing at all.
pub fn layout_index(input: &[u8]) {
    let place = Place::new();
    place.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = place.write("index.json", input);
    let known = place::manifest("known");
    let name = format!("blobs/sha256/{}", known.digest().hex());
    place.write(&name, known.bytes());
    let store = LayoutStore::open(place.folder()).expect("its marker is right");
    let tag = Tag::new(ADDED).expect("a tag");
    let read = || fs::read(&index).expect("it is there");
    place.run(async {
        let before = place::held(&store, &tag).await;
        let _ = store.manifest(&Target::OnlyEntry).await;
        let added = place::manifest(ADDED);
        if let Err(error) = store.push_manifest(&added, Listing::Tag(&tag)).await {
            match error.kind() {
                Kind::Configuration => assert!(names_two(input), "{error}"),
                kind => assert_eq!((kind, before), (Kind::InvalidImage, None)),
            }
            assert_eq!(read(), input, "what cannot be read is left alone");
            return;
        }
        assert!(!names_two(input), "one of two images was replaced");
        let written = read();
        check_documents(input, &written);
        let found = store.resolve(&Target::Tag(tag.clone())).await;
        let found = found.expect("it was listed just now");
        assert_eq!(found.digest, added.digest());
        assert_eq!(place::held(&store, &tag).await, before);
        let again = store.push_manifest(&added, Listing::Tag(&tag)).await;
        assert_eq!(again.expect("it was possible before"), Pushed::AlreadyThere);
        assert_eq!(read(), written);
    });
}

/// All but the entries under the new name is as it was, and in the same order.
fn check_documents(before: &[u8], after: &[u8]) {
    let (mut before, mut after) = (parse(before), parse(after));
    let (old, new) = (entries(&mut before), entries(&mut after));
    assert_eq!(before, after);
    assert_eq!(old, new);
}

fn parse(index: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(index).expect("it was readable")
}

/// Takes out the entries under other names.
fn entries(index: &mut Map<String, Value>) -> Vec<Value> {
    match index.remove("manifests") {
        Some(Value::Array(mut entries)) => {
            entries.retain(|entry| !is_added(entry));
            entries
        }
        other => panic!("{other:?} was taken for a list"),
    }
}

/// Whether two entries under the new name differ in what they list.
fn names_two(index: &[u8]) -> bool {
    let mut index = parse(index);
    let Some(Value::Array(entries)) = index.remove("manifests") else {
        return false;
    };
    let mut named = entries.iter().filter(|entry| is_added(entry));
    let first = named.next().map(|entry| entry.get("digest"));
    named.any(|entry| Some(entry.get("digest")) != first)
}

fn is_added(entry: &Value) -> bool {
    entry["annotations"]["org.opencontainers.image.ref.name"] == ADDED
}
