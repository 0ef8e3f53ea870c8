//! Descriptors and manifests as this crate hands them out: bytes with a name, not yet a document.
//!
//! Whoever rewrites a manifest must keep what it does not understand, so manifests stay the bytes that were read; only what
//! is needed to fetch or to list them is looked at here.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use crate::digest::Digest;
use crate::reference::Tag;

/// Media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of Docker's manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of Docker's image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What is known of a manifest or blob before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// As the document that refers to it says.
    #[serde(default)]
    pub media_type: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// What kind of artifact a manifest is, where its descriptor says so.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// Free notes.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor without artifact type and annotations.
    pub fn new(media_type: impl Into<String>, digest: Digest, size_bytes: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size_bytes,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A manifest or image index, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Bytes,
    media_type: String,
    digest: Digest,
}

impl Manifest {
    /// A manifest made of these bytes; its digest is computed.
    pub fn new(media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Manifest {
        let bytes = bytes.into();
        Manifest {
            digest: Digest::of(&bytes),
            media_type: media_type.into(),
            bytes,
        }
    }

    /// The bytes as they are stored.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// As the registry or the layout says; where they say nothing, as the document does.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// A descriptor of this manifest.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type.clone(),
            self.digest,
            self.bytes.len() as u64,
        )
    }
}

/// The descriptors in a document's `manifests`; those that are not of our kind, such as of another digest, are passed over.
pub(crate) fn manifests_in(document: &[u8]) -> Option<Vec<Descriptor>> {
    #[derive(Deserialize)]
    struct List {
        manifests: Vec<serde_json::Value>,
    }
    let list: List = serde_json::from_slice(document).ok()?;
    Some(
        list.manifests
            .into_iter()
            .filter_map(|entry| serde_json::from_value(entry).ok())
            .collect(),
    )
}

/// The tag under which referrers of a subject are listed where nothing else lists them; distribution-spec 1.1, "Referrers Tag Schema".
pub(crate) fn referrers_tag(subject: &Digest) -> Tag {
    let tag = subject.to_string().replace(':', "-");
    Tag::new(&tag).expect("hexadecimal digits make a tag")
}

/// The descriptor of a manifest as a referrer of this subject, if it is one: with its artifact type and annotations.
pub(crate) fn as_referrer(manifest: &Manifest, subject: &Digest) -> Option<Descriptor> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        subject: Option<Descriptor>,
        artifact_type: Option<String>,
        config: Option<Descriptor>,
        #[serde(default)]
        annotations: BTreeMap<String, String>,
    }
    let document: Document = serde_json::from_slice(manifest.bytes()).ok()?;
    let is_of_subject = document.subject?.digest == *subject;
    let artifact_type = document.artifact_type.filter(|named| !named.is_empty());
    is_of_subject.then(|| Descriptor {
        artifact_type: artifact_type.or(document.config.map(|config| config.media_type)),
        annotations: document.annotations,
        ..manifest.descriptor()
    })
}

/// The media type of a document for which nobody else named one: its own field, or what its fields look like.
pub(crate) fn media_type_of(document: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
        layers: Option<serde::de::IgnoredAny>,
    }
    let shape: Shape = serde_json::from_slice(document).ok()?;
    shape
        .media_type
        .or_else(|| match (shape.manifests, shape.layers) {
            (Some(_), None) => Some(OCI_INDEX.to_owned()),
            (None, Some(_)) => Some(OCI_MANIFEST.to_owned()),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_its_type_or_shows_it() {
        let own = br#"{"mediaType":"a/b","layers":[]}"#;
        assert_eq!(media_type_of(own).as_deref(), Some("a/b"));
        assert_eq!(
            media_type_of(br#"{"manifests":[]}"#).as_deref(),
            Some(OCI_INDEX)
        );
        assert_eq!(
            media_type_of(br#"{"layers":[]}"#).as_deref(),
            Some(OCI_MANIFEST)
        );
        assert_eq!(media_type_of(br#"{"layers":[],"manifests":[]}"#), None);
        assert_eq!(media_type_of(b"no JSON"), None);
    }
}
