//! Descriptors: how one document refers to another document or to a blob.

use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use soci_registry::Digest;

use super::fields::{Fields, StringMap, Unknown, unless_empty};

/// A descriptor with all its fields (OCI image-spec 1.1, "Content Descriptors").
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) urls: Vec<String>,
    pub(crate) annotations: StringMap,
    /// The content itself, in base64.
    pub(crate) data: Option<String>,
    pub(crate) platform: Option<Platform>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) unknown: Unknown,
}

impl Descriptor {
    pub(crate) fn new(
        media_type: impl Into<String>,
        digest: Digest,
        size_bytes: u64,
    ) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size_bytes,
            urls: Vec::new(),
            annotations: StringMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
            unknown: Unknown::default(),
        }
    }

    /// The part that stores need.
    pub(crate) fn to_registry(&self) -> soci_registry::Descriptor {
        soci_registry::Descriptor::new(self.media_type.clone(), self.digest, self.size_bytes)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Descriptor, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        Ok(Descriptor {
            media_type: fields.optional("mediaType")?.unwrap_or_default(),
            digest: fields.required("digest")?,
            size_bytes: fields.required("size")?,
            urls: fields.optional("urls")?.unwrap_or_default(),
            annotations: fields.annotations()?,
            data: fields.optional("data")?,
            platform: fields.optional("platform")?,
            artifact_type: fields.optional("artifactType")?,
            unknown: fields.rest(),
        })
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("mediaType", &self.media_type)?;
        map.serialize_entry("digest", &self.digest.to_string())?;
        map.serialize_entry("size", &self.size_bytes)?;
        unless_empty(&mut map, "urls", &self.urls, self.urls.is_empty())?;
        unless_empty(
            &mut map,
            "annotations",
            &self.annotations,
            self.annotations.is_empty(),
        )?;
        unless_empty(&mut map, "data", &self.data, self.data.is_none())?;
        unless_empty(
            &mut map,
            "platform",
            &self.platform,
            self.platform.is_none(),
        )?;
        unless_empty(
            &mut map,
            "artifactType",
            &self.artifact_type,
            self.artifact_type.is_none(),
        )?;
        self.unknown.serialize_into(&mut map)?;
        map.end()
    }
}

/// What an image runs on (OCI image-spec 1.1, "Image Index").
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
    pub(crate) os_version: Option<String>,
    pub(crate) os_features: Vec<String>,
    pub(crate) variant: Option<String>,
    pub(crate) unknown: Unknown,
}

impl Platform {
    /// Buildkit marks manifests that are no images, such as attestations, so.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }

    /// `os/architecture[/variant]`, as people write it.
    pub(crate) fn name(&self) -> String {
        let variant = self.variant.iter().filter(|variant| !variant.is_empty());
        [&self.os, &self.architecture]
            .into_iter()
            .chain(variant)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("/")
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Platform, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        Ok(Platform {
            architecture: fields.optional("architecture")?.unwrap_or_default(),
            os: fields.optional("os")?.unwrap_or_default(),
            os_version: fields.optional("os.version")?,
            os_features: fields.optional("os.features")?.unwrap_or_default(),
            variant: fields.optional("variant")?,
            unknown: fields.rest(),
        })
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        map.serialize_entry("architecture", &self.architecture)?;
        map.serialize_entry("os", &self.os)?;
        unless_empty(
            &mut map,
            "os.version",
            &self.os_version,
            is_empty(&self.os_version),
        )?;
        unless_empty(
            &mut map,
            "os.features",
            &self.os_features,
            self.os_features.is_empty(),
        )?;
        unless_empty(&mut map, "variant", &self.variant, is_empty(&self.variant))?;
        self.unknown.serialize_into(&mut map)?;
        map.end()
    }
}
