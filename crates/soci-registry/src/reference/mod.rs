//! Names of images as people write them, with skopeo's transports, and their parts checked against the grammars.
//!
//! A name that got this far contains only characters that need no escaping in a URL and cannot leave a folder.

mod grammar;
mod parse;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use parse::{InvalidReference, ReferenceFault};

use crate::digest::Digest;

/// Characters of a tag in a registry; OCI distribution-spec 1.1, "Pulling manifests". Amazon ECR would take 300.
pub const TAG_CHARS: usize = 128;

/// The transports, as they stand in front of a name.
const REGISTRY: &str = "docker://";
const LAYOUT: &str = "oci:";
const ARCHIVE: &str = "oci-archive:";

/// Where an image lives and how it is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// In a registry: `docker://`, or no transport at all.
    Registry(RegistryReference),
    /// In an OCI layout folder: `oci:DIR[:tag]`.
    Layout {
        /// The folder.
        path: PathBuf,
        /// What in it.
        target: Target,
    },
    /// In a tar archive of an OCI layout: `oci-archive:FILE[:tag]`.
    Archive {
        /// The file.
        path: PathBuf,
        /// What in it.
        target: Target,
    },
}

/// An image in a registry. Displays without transport, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReference {
    /// Where.
    pub repository: RepositoryName,
    /// The tag; `latest` where neither tag nor digest was written.
    pub tag: Option<Tag>,
    /// The digest, which wins over the tag when both are written.
    pub digest: Option<Digest>,
}

impl RegistryReference {
    /// What to ask the registry for.
    #[must_use]
    pub fn target(&self) -> Target {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Target::Digest(*digest),
            (None, Some(tag)) => Target::Tag(tag.clone()),
            (None, None) => Target::Tag(Tag::latest()),
        }
    }
}

/// A repository of a registry: host with port, and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    host: String,
    path: String,
}

impl RepositoryName {
    /// Host as it stands in the reference, with its port if it has one: `docker.io`, `127.0.0.1:5000`, `[::1]:5000`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository within its registry: `library/alpine`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A tag, or the name of an entry of an OCI layout, which may have more characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// A tag that every registry takes.
    ///
    /// # Errors
    /// Unless it has the form `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn new(text: &str) -> Result<Tag, InvalidReference> {
        match grammar::is_tag(text) {
            true => Ok(Tag(text.to_owned())),
            false => Err(InvalidReference::new(text, ReferenceFault::Tag)),
        }
    }

    /// The name of an entry of a layout; OCI image-spec 1.1, annotation `org.opencontainers.image.ref.name`.
    ///
    /// # Errors
    /// When it is neither of that form nor a tag, or longer than 255 characters.
    pub fn in_layout(text: &str) -> Result<Tag, InvalidReference> {
        match grammar::is_tag(text) || grammar::is_ref_name(text) {
            true => Ok(Tag(text.to_owned())),
            false => Err(InvalidReference::new(text, ReferenceFault::Tag)),
        }
    }

    fn latest() -> Tag {
        Tag("latest".to_owned())
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a registry takes it too.
    #[must_use]
    pub fn fits_registries(&self) -> bool {
        grammar::is_tag(&self.0)
    }
}

impl FromStr for Tag {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Tag, InvalidReference> {
        Tag::new(text)
    }
}

/// What is asked of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// What the tag holds now.
    Tag(Tag),
    /// What has this digest.
    Digest(Digest),
    /// The one entry of a layout that has only one.
    OnlyEntry,
}

/// Something that a place can hold or lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A manifest.
    Manifest(Target),
    /// A blob.
    Blob(Digest),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Manifest(Target::Digest(digest)) => write!(f, "manifest {digest}"),
            Item::Manifest(target) => target.fmt(f),
            Item::Blob(digest) => write!(f, "blob {digest}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tag(tag) => write!(f, "tag {tag}"),
            Target::Digest(digest) => digest.fmt(f),
            Target::OnlyEntry => f.write_str("entry without a name"),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest
            .iter()
            .try_for_each(|digest| write!(f, "@{digest}"))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, target) = match self {
            Reference::Registry(reference) => {
                let host = &reference.repository.host;
                // Without it, the registry `oci:5000` would be taken for a folder.
                if [LAYOUT, ARCHIVE]
                    .iter()
                    .any(|other| host.starts_with(other))
                {
                    f.write_str(REGISTRY)?;
                }
                return reference.fmt(f);
            }
            Reference::Layout { path, target } => (LAYOUT, path, target),
            Reference::Archive { path, target } => (ARCHIVE, path, target),
        };
        write!(f, "{transport}{}", path.display())?;
        match target {
            Target::Tag(tag) => write!(f, ":{tag}"),
            Target::Digest(digest) => write!(f, "@{digest}"),
            Target::OnlyEntry => Ok(()),
        }
    }
}
