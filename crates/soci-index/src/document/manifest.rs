//! Image manifests: a config and layers.

use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::descriptor::Descriptor;
use super::fields::{Fields, InvalidDocument, StringMap, Unknown, parse, unless_empty};

/// An image manifest with all its fields (OCI image-spec 1.1, "Image Manifest").
#[derive(Debug, Clone)]
pub(crate) struct ImageManifest {
    pub(crate) schema_version: u32,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: StringMap,
    pub(crate) unknown: Unknown,
}

impl ImageManifest {
    /// Parses one.
    pub(crate) fn parse(
        what: impl FnOnce() -> String,
        bytes: &[u8],
    ) -> Result<ImageManifest, InvalidDocument> {
        parse(what, bytes)
    }
}

impl<'de> Deserialize<'de> for ImageManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ImageManifest, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        Ok(ImageManifest {
            schema_version: fields.required("schemaVersion")?,
            media_type: fields.optional("mediaType")?.unwrap_or_default(),
            artifact_type: fields.optional("artifactType")?,
            config: fields.required("config")?,
            layers: fields.nullable("layers")?,
            subject: fields.optional("subject")?,
            annotations: fields.annotations()?,
            unknown: fields.rest(),
        })
    }
}

impl Serialize for ImageManifest {
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
        map.serialize_entry("config", &self.config)?;
        map.serialize_entry("layers", &self.layers)?;
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
