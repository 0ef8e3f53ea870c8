//! What a job asks of a registry, by kind.

use std::collections::BTreeSet;

use crate::proxy::Asked;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A token from the registry's token endpoint.
    Token,
    /// What a tag holds, by HEAD.
    LookForTag,
    /// A manifest by its tag.
    ReadTag,
    /// Whether a manifest is there.
    LookForManifest,
    /// A manifest by its digest.
    ReadManifest,
    /// An image's config, at the registry.
    ReadConfig,
    /// An image's config, where the registry redirects to.
    ConfigAtHost,
    /// A layer, at the registry.
    ReadLayer,
    /// A layer, where the registry redirects to.
    LayerAtHost,
    /// Whether a blob is there.
    LookForBlob,
    /// Where to upload a blob.
    StartUpload,
    /// A blob's bytes.
    PushBlob,
    /// A manifest under its digest.
    PushManifest,
    /// A manifest under a tag.
    PushTag,
    /// The list of tags.
    ListTags,
    /// What refers to a manifest.
    ListReferrers,
}

impl Ask {
    /// The path at which the proxy gives tokens.
    pub(super) const TOKEN_PATH: &'static str = "/token";

    /// What a request is, and what it is about: tag, digest, or nothing. `layers` tells layers from configs.
    pub(super) fn of(asked: &Asked, layers: &BTreeSet<String>, at_host: bool) -> (Ask, String) {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let by_digest = name.starts_with("sha256:");
        let ask = match asked.method.as_str() {
            _ if path == Ask::TOKEN_PATH => Ask::Token,
            "POST" => return (Ask::StartUpload, String::new()),
            "PUT" if path.contains("/blobs/") => {
                let digest = query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("digest="));
                return (
                    Ask::PushBlob,
                    digest.unwrap_or_default().replace("%3A", ":"),
                );
            }
            "PUT" if by_digest => Ask::PushManifest,
            "PUT" => Ask::PushTag,
            "HEAD" if path.contains("/blobs/") => Ask::LookForBlob,
            "HEAD" if by_digest => Ask::LookForManifest,
            "HEAD" => Ask::LookForTag,
            _ if path.contains("/blobs/") => match (layers.contains(&name), at_host) {
                (true, true) => Ask::LayerAtHost,
                (true, false) => Ask::ReadLayer,
                (false, true) => Ask::ConfigAtHost,
                (false, false) => Ask::ReadConfig,
            },
            _ if path.ends_with("/tags/list") => Ask::ListTags,
            _ if path.contains("/referrers/") => Ask::ListReferrers,
            _ if by_digest => Ask::ReadManifest,
            _ => Ask::ReadTag,
        };
        (ask, name)
    }

    /// Whether its answer has bytes that have a digest.
    #[must_use]
    pub fn reads_content(self) -> bool {
        use Ask::{ConfigAtHost, LayerAtHost, ReadConfig, ReadLayer, ReadManifest, ReadTag};
        matches!(
            self,
            ReadTag | ReadManifest | ReadConfig | ConfigAtHost | ReadLayer | LayerAtHost
        )
    }

    /// Whether it asks for a layer's bytes.
    #[must_use]
    pub fn is_layer(self) -> bool {
        matches!(self, Ask::ReadLayer | Ask::LayerAtHost)
    }

    /// Whether it is a HEAD.
    #[must_use]
    pub fn only_looks(self) -> bool {
        matches!(
            self,
            Ask::LookForTag | Ask::LookForManifest | Ask::LookForBlob
        )
    }

    /// Whether it changes the repository.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            Ask::StartUpload | Ask::PushBlob | Ask::PushManifest | Ask::PushTag
        )
    }

    /// Whether it goes to the host of blobs.
    #[must_use]
    pub fn is_at_host(self) -> bool {
        matches!(self, Ask::ConfigAtHost | Ask::LayerAtHost)
    }
}
