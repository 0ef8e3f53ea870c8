//! Image indexes: a list of manifests, one for each platform and perhaps others.

use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::descriptor::Descriptor;
use super::fields::{Fields, InvalidDocument, StringMap, Unknown, parse, unless_empty};

/// An image index or Docker manifest list with all its fields (OCI image-spec 1.1, "Image Index").
#[derive(Debug, Clone)]
pub(crate) struct ImageIndex {
    pub(crate) schema_version: u32,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: StringMap,
    pub(crate) unknown: Unknown,
}

impl ImageIndex {
    /// One that lists these manifests and nothing else.
    pub(crate) fn new(media_type: &str, manifests: Vec<Descriptor>) -> ImageIndex {
        ImageIndex {
            schema_version: 2,
            media_type: media_type.to_owned(),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: StringMap::new(),
            unknown: Unknown::default(),
        }
    }

    /// Parses one.
    pub(crate) fn parse(
        what: impl FnOnce() -> String,
        bytes: &[u8],
    ) -> Result<ImageIndex, InvalidDocument> {
        parse(what, bytes)
    }
}

impl<'de> Deserialize<'de> for ImageIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ImageIndex, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        Ok(ImageIndex {
            schema_version: fields.required("schemaVersion")?,
            media_type: fields.optional("mediaType")?.unwrap_or_default(),
            artifact_type: fields.optional("artifactType")?,
            manifests: fields.nullable("manifests")?,
            subject: fields.optional("subject")?,
            annotations: fields.annotations()?,
            unknown: fields.rest(),
        })
    }
}

impl Serialize for ImageIndex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schemaVersion", &self.schema_version)?;
        unless_empty(
            &mut map,
            "mediaType",
            &self.media_type,
            self.media_type.is_empty(),
        )?;
        unless_empty(
            &mut map,
            "artifactType",
            &self.artifact_type,
            self.artifact_type.is_none(),
        )?;
        map.serialize_entry("manifests", &self.manifests)?;
        unless_empty(&mut map, "subject", &self.subject, self.subject.is_none())?;
        unless_empty(
            &mut map,
            "annotations",
            &self.annotations,
            self.annotations.is_empty(),
        )?;
        self.unknown.serialize_into(&mut map)?;
        map.end()
    }
}
