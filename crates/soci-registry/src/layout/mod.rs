//! OCI layouts (image-spec 1.1, "Image Layout"), as a folder and as a tar archive of one, as [`Store`]s.
//!
//! `index` is `index.json` as a document of which nothing is lost; `files` reads blobs and makes files appear whole or not at
//! all; `folder` and `archive` are the two stores, with `scan` and `staging` for the archive that is there and the one
//! that takes its place. Names of files are made of digests alone, so nothing in a document can
//! lead out of the layout.

mod archive;
mod files;
mod folder;
mod index;
mod scan;
mod staging;

pub use archive::ArchiveStore;
pub use folder::LayoutStore;

use crate::descriptor::{self, Descriptor, Manifest};
use crate::digest::Digest;
use crate::error::{Error, Mismatch, Promise};
use crate::kind::Kind;
use crate::reference::{Tag, Target};
use bytes::Bytes;

/// What is wrong with a folder or file that should be an OCI layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutFault {
    /// There is no `oci-layout` file, or it holds something else.
    #[error("not an OCI layout: oci-layout is missing or malformed")]
    Marker,
    /// Another version than the one there is.
    #[error("OCI layout of version {found:?}, only 1.x is known")]
    Version {
        /// As `oci-layout` says.
        found: String,
    },
    /// `index.json` is not an image index.
    #[error("index.json is missing or no image index")]
    Index,
    /// A file where a folder belongs.
    #[error(
        "a file, where a folder with an OCI layout is expected; an archive is named with oci-archive:"
    )]
    NotAFolder,
    /// A folder where an archive belongs.
    #[error(
        "a folder, where a tar archive of an OCI layout is expected; a folder is named with oci:"
    )]
    Folder,
    /// No regular file where one belongs.
    #[error("{what}, where a file is expected")]
    NotRegular {
        /// What it is.
        what: &'static str,
    },
    /// One name for two images.
    #[error(
        "{name} stands for two images, {first} and {second}; name one by its digest: append @sha256:… instead"
    )]
    Ambiguous {
        /// The name, or tag.
        name: Tag,
        /// What the first entry with it lists.
        first: String,
        /// What another one lists.
        second: String,
    },
    /// There is no entry at all.
    #[error("has no image in it, its index.json lists none")]
    NoEntry,
    /// No entry was named, and there is more than one.
    #[error("has {count} entries, so one must be named: append :TAG")]
    NotOnlyEntry {
        /// How many.
        count: usize,
    },
    /// A blob's place holds something else than a file.
    #[error("blob {0} is not a file")]
    NotAFile(Digest),
    /// The archive is compressed.
    #[error("the archive is compressed, only plain tar can be used")]
    Compressed,
    /// The archive is no tar, or damaged.
    #[error("not a tar archive of an OCI layout, or a damaged one")]
    Tar,
    /// The archive has more entries than are looked at.
    #[error("the archive has more than {limit} entries")]
    Entries {
        /// How many are.
        limit: usize,
    },
    /// Somebody else wrote the archive since it was opened.
    #[error("the archive was changed by somebody else meanwhile")]
    Changed,
}

impl LayoutFault {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            LayoutFault::Changed => Kind::Transient,
            LayoutFault::NoEntry
            | LayoutFault::NotOnlyEntry { .. }
            | LayoutFault::Ambiguous { .. }
            | LayoutFault::NotAFolder
            | LayoutFault::Folder => Kind::Configuration,
            _ => Kind::InvalidImage,
        }
    }
}

/// The name of the file whose presence makes a folder a layout.
const MARKER_FILE: &str = "oci-layout";

/// What is in it.
const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The name of the list of entries.
const INDEX_FILE: &str = "index.json";

/// The folder of the blobs.
const BLOBS: &str = "blobs/sha256";

fn check_marker(bytes: &[u8]) -> Result<(), LayoutFault> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let marker: Marker = serde_json::from_slice(bytes).map_err(|_| LayoutFault::Marker)?;
    match marker.image_layout_version.starts_with("1.") {
        true => Ok(()),
        false => Err(LayoutFault::Version {
            found: marker.image_layout_version.chars().take(40).collect(),
        }),
    }
}

/// A manifest made of a blob's bytes, checked against what was asked for.
fn manifest_of(entry: &Descriptor, bytes: Bytes) -> Result<Manifest, Error> {
    let named = Some(entry.media_type.clone()).filter(|name| !name.is_empty());
    let media_type = named
        .or_else(|| descriptor::media_type_of(&bytes))
        .unwrap_or_default();
    let manifest = Manifest::new(media_type, bytes);
    match manifest.digest() == entry.digest {
        true => Ok(manifest),
        false => {
            let what = Promise::Manifest(Target::Digest(entry.digest));
            Err(Mismatch::Digest {
                what,
                expected: entry.digest,
                found: manifest.digest(),
            }
            .into())
        }
    }
}

/// Whether an entry can be a referrer of this type, as far as the entry tells.
fn may_be(entry: &Descriptor, artifact_type: Option<&str>) -> bool {
    let named = entry.artifact_type.as_deref();
    named.is_none() || artifact_type.is_none() || named == artifact_type
}

/// Referrers as layouts keep them: manifests with this subject in the list of entries, which is what we write, and those that some
/// tools list under a tag made of the subject's digest.
fn referrers_in(
    listed: Vec<Manifest>,
    tagged: Option<Manifest>,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Vec<Descriptor> {
    let tagged = tagged.and_then(|index| descriptor::manifests_in(index.bytes()));
    let mut found: Vec<Descriptor> = Vec::new();
    let listed = listed
        .iter()
        .filter_map(|manifest| descriptor::as_referrer(manifest, subject));
    for entry in listed.chain(tagged.unwrap_or_default()) {
        let is_wanted = artifact_type.is_none() || entry.artifact_type.as_deref() == artifact_type;
        if is_wanted && found.iter().all(|other| other.digest != entry.digest) {
            found.push(entry);
        }
    }
    found
}
