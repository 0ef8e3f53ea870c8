//! From text to a reference, normalised as Docker does it.

use std::path::PathBuf;
use std::str::FromStr;

use super::{
    ARCHIVE, LAYOUT, REGISTRY, Reference, RegistryReference, RepositoryName, Tag, Target, grammar,
};
use crate::digest::{Digest, InvalidDigest};

/// The registry of a name without a host.
const DEFAULT_HOST: &str = "docker.io";

/// Where Docker's registry keeps names without a slash.
const DEFAULT_NAMESPACE: &str = "library";

/// A text that is no reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an image reference: {fault}; found {text:?}")]
pub struct InvalidReference {
    text: String,
    fault: ReferenceFault,
}

impl InvalidReference {
    pub(super) fn new(text: &str, fault: ReferenceFault) -> InvalidReference {
        // What stands before an @ that begins no digest may be somebody's password.
        let name_bytes = match text.rsplit_once('@') {
            Some((name, digest)) if grammar::is_digest(digest) => name.len(),
            _ => text.len(),
        };
        let shown = match text[..name_bytes].rfind('@') {
            Some(at) => format!("…{}", &text[at..]),
            None => text.to_owned(),
        };
        // Longer than any reference is only noise in a message.
        InvalidReference {
            text: shown.chars().take(300).collect(),
            fault,
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn fault(&self) -> ReferenceFault {
        self.fault
    }
}

/// The part of a reference that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceFault {
    /// The transport is none of those known.
    #[error("the transport must be docker://, oci: or oci-archive:")]
    Transport,
    /// The host is no name or address with an optional port.
    #[error("the registry's host is malformed")]
    Host,
    /// The repository's path is malformed.
    #[error("the repository must be lower-case words separated by one of . _ __ - and /")]
    Repository,
    /// The tag is malformed.
    #[error("the tag must be at most 128 of A-Z a-z 0-9 _ . - and not begin with . or -")]
    Tag,
    /// The digest is malformed.
    #[error("the digest must be sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// There is no folder or file.
    #[error("behind oci: or oci-archive: there must be a path")]
    Path,
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Reference, InvalidReference> {
        if let Some(rest) = text.strip_prefix(REGISTRY) {
            return rest.parse().map(Reference::Registry);
        }
        if let Some(rest) = text.strip_prefix(ARCHIVE) {
            return path_and_target(rest).map(|(path, target)| Reference::Archive { path, target });
        }
        if let Some(rest) = text.strip_prefix(LAYOUT) {
            return path_and_target(rest).map(|(path, target)| Reference::Layout { path, target });
        }
        if text.contains("://") {
            return Err(InvalidReference::new(text, ReferenceFault::Transport));
        }
        text.parse().map(Reference::Registry)
    }
}

impl FromStr for RegistryReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<RegistryReference, InvalidReference> {
        let (rest, digest) = split_digest(text)?;
        // A colon before the last slash belongs to a port.
        let name_at = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_at..].find(':') {
            Some(colon) => (&rest[..name_at + colon], Some(&rest[name_at + colon + 1..])),
            None => (rest, None),
        };
        let tag = match (tag, digest) {
            (Some(tag), _) => Some(Tag::new(tag)?),
            (None, Some(_)) => None,
            (None, None) => Some(Tag::latest()),
        };
        Ok(RegistryReference {
            repository: name.parse()?,
            tag,
            digest,
        })
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<RepositoryName, InvalidReference> {
        // Docker's rule: the first part is a host if a repository's path could not begin like that.
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (host, path) = match text.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (DEFAULT_HOST, text),
        };
        let host = host.to_ascii_lowercase();
        // The two names that Docker's registry had before.
        let host = match host.as_str() {
            "index.docker.io" | "registry-1.docker.io" => DEFAULT_HOST,
            other => other,
        };
        let path = match host == DEFAULT_HOST && !path.contains('/') {
            true => format!("{DEFAULT_NAMESPACE}/{path}"),
            false => path.to_owned(),
        };
        if !grammar::is_host(host) {
            return Err(InvalidReference::new(text, ReferenceFault::Host));
        }
        if !grammar::is_path(&path) {
            return Err(InvalidReference::new(text, ReferenceFault::Repository));
        }
        Ok(RepositoryName {
            host: host.to_owned(),
            path,
        })
    }
}

/// skopeo cuts at the first colon, so a folder's name has none.
fn path_and_target(text: &str) -> Result<(PathBuf, Target), InvalidReference> {
    let (path, target) = match text.split_once(':') {
        // `DIR@sha256:…` has its first colon within the digest.
        Some((path, _)) if path.ends_with("@sha256") => {
            let (path, digest) = split_digest(text)?;
            (path, digest.map_or(Target::OnlyEntry, Target::Digest))
        }
        Some((path, tag)) => (path, Target::Tag(Tag::in_layout(tag)?)),
        None => (text, Target::OnlyEntry),
    };
    match path.is_empty() {
        true => Err(InvalidReference::new(text, ReferenceFault::Path)),
        false => Ok((PathBuf::from(path), target)),
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), InvalidReference> {
    let Some((rest, digest)) = text.split_once('@') else {
        return Ok((text, None));
    };
    let digest = digest
        .parse()
        .map_err(|InvalidDigest| InvalidReference::new(text, ReferenceFault::Digest))?;
    Ok((rest, Some(digest)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
