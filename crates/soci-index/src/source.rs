//! What a tag holds, read as far as indexing needs it: documents, never layers.

use serde::Deserialize;
use soci_registry::{Digest, Kind, Manifest, Store, Target};

use crate::convert::IMAGE_MANIFEST_DIGEST;
use crate::document::{Descriptor, ImageIndex, ImageManifest, InvalidDocument, Platform};
use crate::error::IndexError;
use crate::media_type as types;

/// Manifests of an index that are read. Far more than anybody builds; each costs requests and, indexed, two manifests more. SOCI indexes,
/// attestations and layers of build caches do not count, so a result is readable where its source is.
const MANIFESTS: usize = 128;

/// Bytes of an image index and of its manifests that are read, together. All are held while the image is worked on, once more as they are
/// written, and perhaps a third time as the output tag held them before.
const DOCUMENTS_BYTES: u64 = 32 << 20;

/// Layers of an image. File systems stack no more than 500.
const LAYERS: usize = 1024;

/// Bytes of an image's config; those of real images have a few KiB.
pub(crate) const CONFIG_BYTES: u64 = 8 << 20;

/// A tag's content.
pub(crate) struct Source {
    /// The bytes that the tag holds.
    pub(crate) manifest: Manifest,
    /// Everything listed, in order. For a single manifest, that one.
    pub(crate) index: ImageIndex,
    /// What each entry of the index is.
    pub(crate) roles: Vec<Role>,
}

/// What an entry of an index is.
pub(crate) enum Role {
    /// An image for a platform.
    Image(Box<PlatformImage>),
    /// A SOCI index.
    SociIndex,
    /// Anything else: an attestation, an index within the index, an artifact.
    Other,
}

/// An image for one platform.
pub(crate) struct PlatformImage {
    pub(crate) platform: Platform,
    pub(crate) manifest: ImageManifest,
    /// Bytes of the manifest as it is stored.
    pub(crate) manifest_bytes: u64,
}

impl Source {
    /// Reads what a target holds now.
    pub(crate) async fn read(store: &dyn Store, target: &Target) -> Result<Source, IndexError> {
        Source::of(store, store.manifest(target).await?).await
    }

    /// Reads what a manifest lists.
    pub(crate) async fn of(store: &dyn Store, manifest: Manifest) -> Result<Source, IndexError> {
        Source::of_past(store, manifest, |_, error| Err(error)).await
    }

    /// Reads what a target holds now, entries that cannot be read left out if `on_failure` lets them pass.
    pub(crate) async fn read_past(
        store: &dyn Store,
        target: &Target,
        on_failure: impl FnMut(&Descriptor, IndexError) -> Result<(), IndexError>,
    ) -> Result<Source, IndexError> {
        Source::of_past(store, store.manifest(target).await?, on_failure).await
    }

    async fn of_past(
        store: &dyn Store,
        manifest: Manifest,
        mut on_failure: impl FnMut(&Descriptor, IndexError) -> Result<(), IndexError>,
    ) -> Result<Source, IndexError> {
        if types::is_index(manifest.media_type()) {
            return Source::read_index(store, manifest, on_failure).await;
        }
        let descriptor = Descriptor::new(
            manifest.media_type(),
            manifest.digest(),
            manifest.bytes().len() as u64,
        );
        let mut index = ImageIndex::new(soci_registry::OCI_INDEX, vec![descriptor]);
        let role = if types::is_manifest(manifest.media_type()) {
            match read_role(store, &manifest, None).await {
                Ok(role) => role,
                Err(error) => {
                    on_failure(&index.manifests[0], error)?;
                    Role::Other
                }
            }
        } else {
            Role::Other
        };
        if let Role::Image(image) = &role {
            index.manifests[0].platform = Some(image.platform.clone());
        }
        Ok(Source {
            manifest,
            index,
            roles: vec![role],
        })
    }

    async fn read_index(
        store: &dyn Store,
        manifest: Manifest,
        mut on_failure: impl FnMut(&Descriptor, IndexError) -> Result<(), IndexError>,
    ) -> Result<Source, IndexError> {
        let digest = manifest.digest();
        let index = ImageIndex::parse(|| format!("image index {digest}"), manifest.bytes())?;
        let to_read = |entry: &&Descriptor| role_by_entry(entry).is_none();
        let found = index.manifests.iter().filter(to_read).count();
        if found > MANIFESTS {
            return Err(IndexError::TooManyManifests {
                digest,
                found,
                limit: MANIFESTS,
            });
        }
        let mut documents = Documents {
            index: digest,
            bytes: manifest.bytes().len() as u64,
        };
        let mut roles = Vec::with_capacity(found);
        for entry in &index.manifests {
            roles.push(match entry_role(store, entry, &mut documents).await {
                Ok(role) => role,
                Err(error) => {
                    on_failure(entry, error)?;
                    // Whatever it is, it is listed as one.
                    let is_soci_index = entry.annotations.contains_key(IMAGE_MANIFEST_DIGEST);
                    if is_soci_index {
                        Role::SociIndex
                    } else {
                        Role::Other
                    }
                }
            });
        }
        Ok(Source {
            manifest,
            index,
            roles,
        })
    }

    /// The images among the entries, with their places.
    pub(crate) fn images(&self) -> impl Iterator<Item = (usize, &PlatformImage)> {
        self.roles
            .iter()
            .enumerate()
            .filter_map(|(place, role)| match role {
                Role::Image(image) => Some((place, &**image)),
                Role::SociIndex | Role::Other => None,
            })
    }

    /// Indexes within the index. They are taken over as they are: no tool writes them, and no container runtime looks into one.
    pub(crate) fn nested(&self) -> impl Iterator<Item = &Descriptor> {
        let entries = self.index.manifests.iter();
        entries.filter(|entry| types::is_index(&entry.media_type))
    }

    /// The entries that are SOCI indexes.
    pub(crate) fn soci_indexes(&self) -> impl Iterator<Item = &Descriptor> {
        let entries = self.index.manifests.iter().zip(&self.roles);
        entries
            .filter(|(_, role)| matches!(role, Role::SociIndex))
            .map(|(entry, _)| entry)
    }

    /// Whether it was made by indexing.
    pub(crate) fn has_soci_index(&self) -> bool {
        self.roles
            .iter()
            .any(|role| matches!(role, Role::SociIndex))
    }

    pub(crate) fn digest(&self) -> Digest {
        self.manifest.digest()
    }
}

/// What an entry is, where it tells that itself; else its manifest does.
fn role_by_entry(entry: &Descriptor) -> Option<Role> {
    let artifact = entry.artifact_type.as_deref();
    if artifact.is_some_and(types::is_soci_index) {
        return Some(Role::SociIndex);
    }
    let is_no_image = entry.platform.as_ref().is_some_and(Platform::is_unknown);
    (is_no_image || !types::is_manifest(&entry.media_type)).then_some(Role::Other)
}

/// What was read of an image index and its manifests.
struct Documents {
    index: Digest,
    bytes: u64,
}

impl Documents {
    fn add(&mut self, manifest: &Manifest) -> Result<(), IndexError> {
        self.bytes += manifest.bytes().len() as u64;
        if self.bytes > DOCUMENTS_BYTES {
            return Err(IndexError::DocumentsTooLarge {
                digest: self.index,
                found_bytes: self.bytes,
                limit_bytes: DOCUMENTS_BYTES,
            });
        }
        Ok(())
    }
}

async fn entry_role(
    store: &dyn Store,
    entry: &Descriptor,
    documents: &mut Documents,
) -> Result<Role, IndexError> {
    if let Some(role) = role_by_entry(entry) {
        return Ok(role);
    }
    let manifest = store.manifest(&Target::Digest(entry.digest)).await?;
    documents.add(&manifest)?;
    read_role(store, &manifest, entry.platform.clone()).await
}

async fn read_role(
    store: &dyn Store,
    manifest: &Manifest,
    platform: Option<Platform>,
) -> Result<Role, IndexError> {
    let digest = manifest.digest();
    let manifest_bytes = manifest.bytes().len() as u64;
    let manifest = ImageManifest::parse(|| format!("manifest {digest}"), manifest.bytes())?;
    if types::is_soci_index(&manifest.config.media_type) {
        return Ok(Role::SociIndex);
    }
    if !types::is_image_config(&manifest.config.media_type) {
        return Ok(Role::Other);
    }
    let found = manifest.layers.len();
    if found > LAYERS {
        return Err(IndexError::TooManyLayers {
            digest,
            found,
            limit: LAYERS,
        });
    }
    let platform = match platform {
        Some(platform) => platform,
        None => match config_platform(store, &manifest.config).await? {
            Some(platform) => platform,
            None if is_artifact(&manifest) => return Ok(Role::Other),
            None => return Err(no_platform(&manifest.config).into()),
        },
    };
    Ok(Role::Image(Box::new(PlatformImage {
        platform,
        manifest,
        manifest_bytes,
    })))
}

/// Whether none of what it lists says that it is a layer. Signatures of cosign have the config type of images, and a config without a
/// platform.
fn is_artifact(manifest: &ImageManifest) -> bool {
    let mut layers = manifest.layers.iter();
    layers.all(|layer| types::is_no_layer(&layer.media_type)) && !manifest.layers.is_empty()
}

fn no_platform(config: &Descriptor) -> InvalidDocument {
    InvalidDocument {
        what: format!("image config {}", config.digest),
        why: "it names no operating system or no architecture".to_owned(),
    }
}

/// The platform that an image's config names, if it names one.
async fn config_platform(
    store: &dyn Store,
    config: &Descriptor,
) -> Result<Option<Platform>, IndexError> {
    let blob = config.to_registry();
    let read = || async { store.blob(&blob).await?.read_whole(CONFIG_BYTES).await };
    let bytes = match read().await {
        // Bytes can change on the way; a second look tells whether they are wrong where they lie.
        Err(error) if error.kind() == Kind::DigestMismatch => read().await?,
        bytes => bytes?,
    };
    let found: ConfigPlatform =
        serde_json::from_slice(&bytes).map_err(|error| InvalidDocument {
            what: format!("image config {}", config.digest),
            why: error.to_string(),
        })?;
    let is_named = !found.os.is_empty() && !found.architecture.is_empty();
    Ok(is_named.then(|| Platform::from(found).normalized()))
}

/// The part of an image's config that is its platform. Its other fields are none of a platform's.
#[derive(Deserialize)]
struct ConfigPlatform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default, rename = "os.version")]
    os_version: Option<String>,
    #[serde(default, rename = "os.features")]
    os_features: Vec<String>,
    #[serde(default)]
    variant: Option<String>,
}

impl From<ConfigPlatform> for Platform {
    fn from(config: ConfigPlatform) -> Platform {
        let ConfigPlatform {
            architecture,
            os,
            os_version,
            os_features,
            variant,
        } = config;
        Platform {
            architecture,
            os,
            os_version,
            os_features,
            variant,
            unknown: Default::default(),
        }
    }
}
