//! Media types, and what they say about a layer before it is read.

use soci_registry::{DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};

use crate::report::Reason;

/// Config of an OCI image.
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Config of a Docker image, schema 2.
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Artifact type of a SOCI index, version 2.
pub(crate) const SOCI_INDEX_V2: &str = "application/vnd.amazon.soci.index.v2+json";
/// Artifact type of a SOCI index, version 1.
pub(crate) const SOCI_INDEX_V1: &str = "application/vnd.amazon.soci.index.v1+json";
/// A list of spans of a layer that are to be fetched ahead (experimental in soci-snapshotter).
pub(crate) const PREFETCH: &str = "application/vnd.amazon.soci.prefetch.v1+json";
/// A zTOC.
pub(crate) const ZTOC: &str = "application/octet-stream";

/// How the types of layers begin: OCI's, Docker's.
const LAYERS: [&str; 2] = [
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
];

/// Annotations by which layers of other lazy formats are known: eStargz, overlaybd, nydus.
pub(crate) const LAZY_ANNOTATIONS: [&str; 4] = [
    "containerd.io/snapshot/stargz/toc.digest",
    "containerd.io/snapshot/overlaybd/blob-digest",
    "containerd.io/snapshot/nydus-blob",
    "containerd.io/snapshot/nydus-bootstrap",
];

/// Why something pushed is not to be indexed, as far as its media types tell: that of the manifest, and that of its config or its artifact
/// type. What is not told, or empty, speaks for nothing; the documents themselves have the last word.
#[must_use]
pub fn not_an_image(manifest: Option<&str>, artifact: Option<&str>) -> Option<Reason> {
    let (manifest, artifact) = (manifest.unwrap_or_default(), artifact.unwrap_or_default());
    if is_soci_index(artifact) {
        Some(Reason::OwnOutput)
    } else if is_index(manifest) {
        None
    } else if !manifest.is_empty() && !is_manifest(manifest) {
        Some(Reason::NotAnImage)
    } else {
        (!artifact.is_empty() && !is_image_config(artifact)).then_some(Reason::NotAnImage)
    }
}

pub(crate) fn is_index(media_type: &str) -> bool {
    [OCI_INDEX, DOCKER_INDEX].contains(&media_type)
}

pub(crate) fn is_manifest(media_type: &str) -> bool {
    [OCI_MANIFEST, DOCKER_MANIFEST].contains(&media_type)
}

pub(crate) fn is_image_config(media_type: &str) -> bool {
    [OCI_CONFIG, DOCKER_CONFIG].contains(&media_type)
}

pub(crate) fn is_soci_index(media_type: &str) -> bool {
    [SOCI_INDEX_V1, SOCI_INDEX_V2].contains(&media_type)
}

/// Layers that a registry need not hold.
pub(crate) fn is_foreign(media_type: &str) -> bool {
    media_type.contains(".foreign.") || media_type.contains(".nondistributable.")
}

/// What is no layer of an image, by its type. Where there is none, nothing is said.
pub(crate) fn is_no_layer(media_type: &str) -> bool {
    !media_type.is_empty() && !LAYERS.iter().any(|kind| media_type.starts_with(kind))
}

/// Layers of which their type says that no zTOC can be made of them. Their content has the last word; but where it agrees, it need not be
/// looked at again to know that nothing is missing.
pub(crate) fn names_other_compression(media_type: &str) -> bool {
    media_type.ends_with("+zstd")
        || media_type.ends_with(".zstd")
        || media_type.contains("+encrypted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_tell_artifacts_from_images() {
        let (own, none) = (Some(Reason::OwnOutput), Some(Reason::NotAnImage));
        for (manifest, artifact, expected) in [
            (None, None, None),
            (Some(""), Some(""), None),
            (Some(OCI_MANIFEST), None, None),
            (Some(OCI_MANIFEST), Some(OCI_CONFIG), None),
            (Some(DOCKER_MANIFEST), Some(DOCKER_CONFIG), None),
            (Some(OCI_INDEX), None, None),
            (Some(OCI_INDEX), Some("application/vnd.example"), None),
            (Some(OCI_MANIFEST), Some(SOCI_INDEX_V2), own),
            (None, Some(SOCI_INDEX_V1), own),
            (
                Some(OCI_MANIFEST),
                Some("application/vnd.cncf.helm.config.v1+json"),
                none,
            ),
            (
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                None,
                none,
            ),
        ] {
            assert_eq!(
                not_an_image(manifest, artifact),
                expected,
                "{manifest:?} {artifact:?}"
            );
        }
    }
}
