//! `index.json`: the list of what a layout holds, kept as a document so that what other tools wrote into it survives.

use serde_json::{Map, Value, json};

use super::LayoutFault;
use crate::descriptor::{Descriptor, OCI_INDEX};
use crate::reference::{Tag, Target};
use crate::store::Listing;

/// The annotation that holds an entry's name; image-spec 1.1, annotations.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The list of entries.
#[derive(Debug, Clone)]
pub(super) struct Index {
    document: Map<String, Value>,
}

impl Index {
    pub(super) fn empty() -> Index {
        let document = [
            ("schemaVersion", json!(2)),
            ("mediaType", json!(OCI_INDEX)),
            ("manifests", json!([])),
        ];
        Index {
            document: document
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect(),
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Index, LayoutFault> {
        let document: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|_| LayoutFault::Index)?;
        match document.get("manifests") {
            Some(Value::Array(_)) => Ok(Index { document }),
            _ => Err(LayoutFault::Index),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        Value::from(self.document.clone()).to_string().into_bytes()
    }

    /// The entry that a target means, if there is one. By digest one need not be listed to be found.
    pub(super) fn find(&self, target: &Target) -> Result<Option<Descriptor>, LayoutFault> {
        match target {
            Target::OnlyEntry => match self.entries() {
                [only] => descriptor(only).map(Some).ok_or(LayoutFault::Index),
                entries => Err(LayoutFault::NotOnlyEntry {
                    count: entries.len(),
                }),
            },
            Target::Tag(tag) => self
                .named(tag)
                .map(|entry| descriptor(entry).ok_or(LayoutFault::Index))
                .transpose(),
            Target::Digest(digest) => {
                let mut entries = self.entries().iter().filter_map(descriptor);
                Ok(entries.find(|entry| entry.digest == *digest))
            }
        }
    }

    /// All entries that can be read.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = Descriptor> {
        self.entries().iter().filter_map(descriptor)
    }

    pub(super) fn tags(&self) -> Vec<Tag> {
        let names = self.entries().iter().filter_map(name);
        names.filter_map(|name| Tag::in_layout(name).ok()).collect()
    }

    /// Lists a manifest. Returns whether that changed anything.
    pub(super) fn list(&mut self, manifest: &Descriptor, listing: Listing<'_>) -> bool {
        let is_same =
            |entry: &Value| descriptor(entry).is_some_and(|found| found.digest == manifest.digest);
        match listing {
            Listing::Digest => false,
            Listing::Untagged | Listing::Referrer { .. } => {
                let known = self
                    .entries()
                    .iter()
                    .any(|entry| is_same(entry) && name(entry).is_none());
                if !known {
                    let mut new = new_entry(manifest, None);
                    if let Listing::Referrer { entry, .. } = listing
                        && let Some(artifact_type) = &entry.artifact_type
                    {
                        new["artifactType"] = json!(artifact_type);
                    }
                    self.entries_mut().push(new);
                }
                !known
            }
            Listing::Tag(tag) => {
                if self.named(tag).is_some_and(is_same) {
                    return false;
                }
                self.entries_mut()
                    .retain(|entry| name(entry) != Some(tag.as_str()));
                self.entries_mut().push(new_entry(manifest, Some(tag)));
                true
            }
        }
    }

    /// The entry with this name: the first, where a tool has listed it twice.
    fn named(&self, tag: &Tag) -> Option<&Value> {
        self.entries()
            .iter()
            .find(|entry| name(entry) == Some(tag.as_str()))
    }

    fn entries(&self) -> &[Value] {
        self.document
            .get("manifests")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn entries_mut(&mut self) -> &mut Vec<Value> {
        let entries = self
            .document
            .get_mut("manifests")
            .and_then(Value::as_array_mut);
        entries.expect("an index was parsed or made with a list of manifests")
    }
}

fn descriptor(entry: &Value) -> Option<Descriptor> {
    serde::Deserialize::deserialize(entry).ok()
}

fn name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

fn new_entry(manifest: &Descriptor, tag: Option<&Tag>) -> Value {
    let mut entry = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size_bytes,
    });
    if let Some(tag) = tag {
        entry["annotations"] = json!({ REF_NAME: tag.as_str() });
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn manifest(text: &str) -> Descriptor {
        Descriptor::new("a/b", Digest::of(text.as_bytes()), text.len() as u64)
    }

    fn tag(text: &str) -> Tag {
        Tag::in_layout(text).expect(text)
    }

    fn held(index: &Index, name: &str) -> Option<Digest> {
        index
            .find(&Target::Tag(tag(name)))
            .expect("readable")
            .map(|entry| entry.digest)
    }

    #[test]
    fn a_tag_moves_and_others_stay() {
        let mut index = Index::empty();
        assert!(index.list(&manifest("one"), Listing::Tag(&tag("a"))));
        assert!(index.list(&manifest("one"), Listing::Tag(&tag("b"))));
        assert!(index.list(&manifest("two"), Listing::Tag(&tag("a"))));
        assert!(!index.list(&manifest("two"), Listing::Tag(&tag("a"))));
        assert_eq!(held(&index, "a"), Some(Digest::of(b"two")));
        assert_eq!(held(&index, "b"), Some(Digest::of(b"one")));
        assert_eq!(held(&index, "c"), None);
    }

    #[test]
    fn of_a_name_listed_twice_the_first_entry_counts() {
        let (one, two) = (manifest("one"), manifest("two"));
        let entries = [&one, &two].map(|manifest| new_entry(manifest, Some(&tag("a"))));
        let twice = json!({ "manifests": entries }).to_string();
        let mut index = Index::parse(twice.as_bytes()).expect("an index");
        assert!(!index.list(&one, Listing::Tag(&tag("a"))));
        assert_eq!(held(&index, "a"), Some(one.digest));
        assert!(index.list(&two, Listing::Tag(&tag("a"))));
        assert_eq!(held(&index, "a"), Some(two.digest));
        assert_eq!(index.tags(), [tag("a")]);
    }

    #[test]
    fn an_untagged_entry_is_listed_once() {
        let mut index = Index::empty();
        assert!(index.list(&manifest("one"), Listing::Untagged));
        assert!(!index.list(&manifest("one"), Listing::Untagged));
        assert!(!index.list(&manifest("two"), Listing::Digest));
        let only = index
            .find(&Target::OnlyEntry)
            .expect("one entry")
            .expect("an entry");
        assert_eq!(only.digest, Digest::of(b"one"));
        index.list(&manifest("one"), Listing::Tag(&tag("a")));
        assert_eq!(
            index.find(&Target::OnlyEntry),
            Err(LayoutFault::NotOnlyEntry { count: 2 })
        );
    }

    #[test]
    fn what_others_wrote_survives() {
        let theirs = r#"{"manifests":[{"digest":"sha512:x","size":1,"odd":[1]}],"annotations":{"k":"v"},"x":{"y":1}}"#;
        let mut index = Index::parse(theirs.as_bytes()).expect("an index");
        index.list(&manifest("one"), Listing::Tag(&tag("q.io/a:1")));
        let written: Value = serde_json::from_slice(&index.to_bytes()).expect("JSON");
        assert_eq!(written["x"]["y"], 1);
        assert_eq!(written["annotations"]["k"], "v");
        assert_eq!(written["manifests"][0]["odd"][0], 1);
        assert_eq!(written["manifests"][1]["annotations"][REF_NAME], "q.io/a:1");
    }

    #[test]
    fn other_documents_are_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"manifests":{}}"#,
            r#"{"manifests":null}"#,
        ] {
            assert_eq!(
                Index::parse(text.as_bytes()).map(drop),
                Err(LayoutFault::Index),
                "{text}"
            );
        }
    }
}
