//! Descriptors, manifests and indexes as open JSON: the usual fields by name, any other by key.

use serde_json::{Map, Value, json};

use super::outcome::PlatformOutcome;
use super::{Layer, Shelf, digest, media};

/// A platform as descriptors and configs say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: &'static str,
    /// `arm64`.
    pub architecture: &'static str,
    /// `v8`, or nothing.
    pub variant: &'static str,
}

/// linux/amd64.
pub const AMD64: Platform = Platform::new("linux", "amd64", "");
/// linux/arm64/v8.
pub const ARM64: Platform = Platform::new("linux", "arm64", "v8");

impl Platform {
    /// Without a variant when that is empty.
    pub const fn new(os: &'static str, architecture: &'static str, variant: &'static str) -> Self {
        Self {
            os,
            architecture,
            variant,
        }
    }

    /// As JSON.
    pub fn json(self) -> Value {
        let mut platform = json!({"os": self.os, "architecture": self.architecture});
        if !self.variant.is_empty() {
            platform["variant"] = self.variant.into();
        }
        platform
    }

    /// `linux/arm64/v8`.
    pub fn words(self) -> String {
        let parts = [self.os, self.architecture, self.variant];
        parts
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// What names a blob in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor(Map<String, Value>);

impl Descriptor {
    /// Media type, digest and size of some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        let mut fields = Map::new();
        fields.insert("mediaType".to_owned(), media_type.into());
        fields.insert("digest".to_owned(), digest(bytes).into());
        fields.insert("size".to_owned(), bytes.len().into());
        Self(fields)
    }

    /// The digest.
    ///
    /// # Panics
    /// When it was taken away.
    pub fn digest(&self) -> &str {
        self.0["digest"].as_str().expect("a digest is a string")
    }

    /// The media type, empty when there is none.
    pub fn media_type(&self) -> &str {
        self.0
            .get("mediaType")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Sets a field.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    /// Removes a field.
    pub fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    /// Sets an annotation.
    pub fn annotate(mut self, key: &str, value: &str) -> Self {
        let annotations = self.0.entry("annotations").or_insert_with(|| json!({}));
        annotations[key] = value.into();
        self
    }

    /// Sets the platform.
    pub fn platform(self, platform: Platform) -> Self {
        self.field("platform", platform.json())
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// An image manifest under construction.
#[derive(Clone, Debug)]
pub struct Manifest {
    platform: Platform,
    media_type: &'static str,
    config_type: String,
    config: Vec<u8>,
    config_fields: Map<String, Value>,
    layers: Vec<Layer>,
    fields: Map<String, Value>,
    pretty: bool,
}

impl Manifest {
    /// An OCI manifest of a platform, with a config that says so.
    pub fn oci(platform: Platform) -> Self {
        let mut config = platform.json();
        config["config"] = json!({"Cmd": ["/opt/program"]});
        config["rootfs"] = json!({"type": "layers", "diff_ids": []});
        Self {
            platform,
            media_type: media::MANIFEST,
            config_type: media::CONFIG.to_owned(),
            config: config.to_string().into_bytes(),
            config_fields: Map::new(),
            layers: Vec::new(),
            fields: Map::new(),
            pretty: false,
        }
    }

    /// A Docker schema 2 manifest of a platform.
    pub fn docker(platform: Platform) -> Self {
        Self {
            media_type: media::DOCKER_MANIFEST,
            ..Self::oci(platform).config_type(media::DOCKER_CONFIG)
        }
    }

    /// Another media type for the config.
    pub fn config_type(mut self, media_type: &str) -> Self {
        self.config_type = media_type.to_owned();
        self
    }

    /// Other bytes for the config.
    pub fn config(mut self, bytes: &[u8]) -> Self {
        self.config = bytes.to_vec();
        self
    }

    /// A field of the config's descriptor.
    pub fn config_field(mut self, key: &str, value: Value) -> Self {
        self.config_fields.insert(key.to_owned(), value);
        self
    }

    /// One more layer.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// A further field, or another value for one.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Indented, as Docker writes manifests.
    pub fn pretty(mut self) -> Self {
        self.pretty = true;
        self
    }

    /// The digest of its config, for tests that take it away.
    pub fn config_digest(&self) -> String {
        digest(&self.config)
    }

    /// The image's manifest on the shelf, with everything it refers to and what is to become of its layers.
    pub fn shelve(&self, shelf: &mut Shelf) -> Descriptor {
        let descriptor = self.shelve_artifact(shelf);
        shelf.expect(PlatformOutcome {
            platform: self.platform.words(),
            manifest: descriptor.digest().to_owned(),
            layers: self
                .layers
                .iter()
                .map(|l| (digest(l.bytes()), l.outcome))
                .collect(),
        });
        descriptor
    }

    /// The same for what is no image: nothing is to become of its layers.
    pub fn shelve_artifact(&self, shelf: &mut Shelf) -> Descriptor {
        let config = shelf.put(&self.config_type, self.config.clone());
        let config = self
            .config_fields
            .iter()
            .fold(config, |d, (key, value)| d.field(key, value.clone()));
        let layers: Vec<Value> = self.layers.iter().map(|l| l.shelve(shelf).json()).collect();
        let mut document = json!({
            "schemaVersion": 2, "mediaType": self.media_type, "config": config.json(), "layers": layers,
        });
        for (key, value) in &self.fields {
            document[key] = value.clone();
        }
        let words = if self.pretty {
            format!("{document:#}")
        } else {
            document.to_string()
        };
        shelf.put_manifest(self.media_type, words.into_bytes())
    }
}

/// An image index under construction.
#[derive(Clone, Debug)]
pub struct Index {
    media_type: &'static str,
    children: Vec<Descriptor>,
    fields: Map<String, Value>,
}

impl Index {
    /// An OCI image index.
    pub fn oci() -> Self {
        Self {
            media_type: media::INDEX,
            children: Vec::new(),
            fields: Map::new(),
        }
    }

    /// A Docker manifest list.
    pub fn docker() -> Self {
        Self {
            media_type: media::DOCKER_LIST,
            ..Self::oci()
        }
    }

    /// One more entry.
    pub fn child(mut self, descriptor: Descriptor) -> Self {
        self.children.push(descriptor);
        self
    }

    /// A further field, or another value for one.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// The index on the shelf.
    pub fn shelve(&self, shelf: &mut Shelf) -> Descriptor {
        let children: Vec<Value> = self.children.iter().map(Descriptor::json).collect();
        let mut document =
            json!({"schemaVersion": 2, "mediaType": self.media_type, "manifests": children});
        for (key, value) in &self.fields {
            document[key] = value.clone();
        }
        shelf.put_manifest(self.media_type, document.to_string().into_bytes())
    }
}
