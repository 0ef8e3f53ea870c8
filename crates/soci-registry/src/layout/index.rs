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
                [] => Err(LayoutFault::NoEntry),
                [only] => descriptor(only).map(Some).ok_or(LayoutFault::Index),
                entries => Err(LayoutFault::NotOnlyEntry {
                    count: entries.len(),
                }),
            },
            Target::Tag(tag) => self
                .named(tag)?
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

    /// Lists a manifest. Returns whether that changed anything. A name that stands for two images is not taken from both.
    pub(super) fn list(
        &mut self,
        manifest: &Descriptor,
        listing: Listing<'_>,
    ) -> Result<bool, LayoutFault> {
        let is_same =
            |entry: &Value| descriptor(entry).is_some_and(|found| found.digest == manifest.digest);
        Ok(match listing {
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
                if self.named(tag)?.is_some_and(is_same) {
                    return Ok(false);
                }
                self.entries_mut()
                    .retain(|entry| name(entry) != Some(tag.as_str()));
                self.entries_mut().push(new_entry(manifest, Some(tag)));
                true
            }
        })
    }

    /// The entry with this name. Tools list an image twice, and some cut names: `docker save` leaves only the tag of `a:1` and `b:1`.
    fn named(&self, tag: &Tag) -> Result<Option<&Value>, LayoutFault> {
        let has_name = |entry: &&Value| name(entry) == Some(tag.as_str());
        let mut entries = self.entries().iter().filter(has_name);
        let Some(first) = entries.next() else {
            return Ok(None);
        };
        match entries.find(|other| other.get("digest") != first.get("digest")) {
            None => Ok(Some(first)),
            Some(other) => Err(LayoutFault::Ambiguous {
                name: tag.clone(),
                first: digest_of(first),
                second: digest_of(other),
            }),
        }
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

/// For people; what is no digest is not repeated.
fn digest_of(entry: &Value) -> String {
    let found = descriptor(entry).map(|found| found.digest.to_string());
    found.unwrap_or_else(|| "one that cannot be read".to_owned())
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
        assert_eq!(
            index.list(&manifest("one"), Listing::Tag(&tag("a"))),
            Ok(true)
        );
        assert_eq!(
            index.list(&manifest("one"), Listing::Tag(&tag("b"))),
            Ok(true)
        );
        assert_eq!(
            index.list(&manifest("two"), Listing::Tag(&tag("a"))),
            Ok(true)
        );
        assert_eq!(
            index.list(&manifest("two"), Listing::Tag(&tag("a"))),
            Ok(false)
        );
        assert_eq!(held(&index, "a"), Some(Digest::of(b"two")));
        assert_eq!(held(&index, "b"), Some(Digest::of(b"one")));
        assert_eq!(held(&index, "c"), None);
    }

    fn listed_as_a(manifests: [&Descriptor; 2]) -> Index {
        let entries = manifests.map(|manifest| new_entry(manifest, Some(&tag("a"))));
        let twice = json!({ "manifests": entries }).to_string();
        Index::parse(twice.as_bytes()).expect("an index")
    }

    #[test]
    fn an_image_listed_twice_is_one() {
        let (one, two) = (manifest("one"), manifest("two"));
        let mut index = listed_as_a([&one, &one]);
        assert_eq!(index.list(&one, Listing::Tag(&tag("a"))), Ok(false));
        assert_eq!(held(&index, "a"), Some(one.digest));
        assert_eq!(index.list(&two, Listing::Tag(&tag("a"))), Ok(true));
        assert_eq!(held(&index, "a"), Some(two.digest));
        assert_eq!(index.tags(), [tag("a")]);
    }

    #[test]
    fn a_name_of_two_images_is_none() {
        let (one, two) = (manifest("one"), manifest("two"));
        let mut index = listed_as_a([&one, &two]);
        let before = index.to_bytes();
        let fault = index.find(&Target::Tag(tag("a"))).expect_err("ambiguous");
        let text = fault.to_string();
        for digest in [one.digest, two.digest] {
            assert!(text.contains(&digest.to_string()), "{text}");
            let found = index.find(&Target::Digest(digest)).expect("readable");
            assert_eq!(found.map(|entry| entry.digest), Some(digest));
        }
        for image in [&one, &manifest("three")] {
            let listed = index.list(image, Listing::Tag(&tag("a")));
            assert!(matches!(listed, Err(LayoutFault::Ambiguous { .. })));
        }
        assert_eq!(index.to_bytes(), before);
        assert_eq!(index.list(&one, Listing::Tag(&tag("b"))), Ok(true));
    }

    #[test]
    fn an_untagged_entry_is_listed_once() {
        let mut index = Index::empty();
        assert_eq!(index.list(&manifest("one"), Listing::Untagged), Ok(true));
        assert_eq!(index.list(&manifest("one"), Listing::Untagged), Ok(false));
        assert_eq!(index.list(&manifest("two"), Listing::Digest), Ok(false));
        let only = index
            .find(&Target::OnlyEntry)
            .expect("one entry")
            .expect("an entry");
        assert_eq!(only.digest, Digest::of(b"one"));
        index
            .list(&manifest("one"), Listing::Tag(&tag("a")))
            .expect("listed");
        assert_eq!(
            index.find(&Target::OnlyEntry),
            Err(LayoutFault::NotOnlyEntry { count: 2 })
        );
    }

    #[test]
    fn what_others_wrote_survives() {
        let theirs = r#"{"manifests":[{"digest":"sha512:x","size":1,"odd":[1]}],"annotations":{"k":"v"},"x":{"y":1}}"#;
        let mut index = Index::parse(theirs.as_bytes()).expect("an index");
        index
            .list(&manifest("one"), Listing::Tag(&tag("q.io/a:1")))
            .expect("listed");
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
